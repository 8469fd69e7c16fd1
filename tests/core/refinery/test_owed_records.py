"""A batch whose engine is killed is recorded once, by the next engine, also if that is killed, too."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from gastown_core.errors import SettingsError
from gastown_core.refinery import records
from gastown_core.refinery.explanation import explain_batch
from gastown_core.refinery.outlook import gate_times, stats
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.records import recent
from tests.core.refinery.test_crash import kill_at, start
from tests.support.patience import until
from tests.support.queued import Queued

POINTS = ("after push", "work closed {0}", "branches dropped", "told {0}", "request closed {0}", "request closed {1}")


def notes(queued: Queued) -> list[Path]:
    return sorted(Path(queued.rig, ".runtime", "refinery").glob("owed-*"))


def dies(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("point", POINTS)
def test_a_batch_that_landed_before_its_engine_was_killed_is_recorded(queued: Queued, point: str) -> None:
    queued.gate()
    requests = queued.hand_in_many(2)
    kill_at(queued, point.format(*(one.id for one in requests)))
    assert not recent(queued.rig) and len(notes(queued)) == 1
    for _ in range(2):
        queued.process()
        [record] = recent(queued.rig)
        assert sorted(record.merged) == sorted(record.mrs) == sorted(one.id for one in requests)
        assert (record.target, record.runs, len(record.times)) == ("main", 1, 1)
        assert record.id and record.why and not notes(queued)


def test_it_is_recorded_once_where_the_next_engine_is_killed_too(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued.gate()
    [request] = queued.hand_in_many(1)
    with monkeypatch.context() as dying:
        # all is done and the intent is gone: nothing but the note tells of the batch
        dying.setattr(records, "keep", dies)
        with pytest.raises(KeyboardInterrupt):
            queued.process()
    assert not recent(queued.rig) and queued.request(request.id).close_reason == "merged"

    def at(point: str) -> None:
        if point.startswith("recorded"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        queued.process(at=at)
    assert len(recent(queued.rig)) == len(notes(queued)) == 1
    queued.process()
    [record] = recent(queued.rig)
    assert record.merged == (request.id,) and not notes(queued)


def test_what_did_not_land_is_not_recorded_as_merged(queued: Queued) -> None:
    queued.gate()
    [request] = queued.hand_in_many(1)
    kill_at(queued, "before push")
    assert len(notes(queued)) == 1
    [result] = queued.process()
    landed, killed = recent(queued.rig)
    assert landed.id == result.id and landed.merged == result.merged == (request.id,)
    assert killed.killed and killed.merged == () and killed.mrs == (request.id,) and not notes(queued)


def killed_in_its_gate(queued: Queued, count: int = 2) -> list[str]:
    """Kill an engine with kill -9 while its gate runs; the requests of its batch."""
    started = Path(queued.root, "gate-runs")
    queued.gate(f"touch {started}; sleep 600")
    ids = [one.id for one in queued.hand_in_many(count)]
    engine = start(queued, "nowhere")
    until(started.exists, "the gate runs")
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait(60)
    return ids


def test_a_batch_killed_in_its_gate_is_recorded_and_told(queued: Queued) -> None:
    ids = killed_in_its_gate(queued)
    queued.gate()
    for _ in range(2):
        queued.process()
        landed, killed = recent(queued.rig)
        assert sorted(landed.merged) == sorted(ids) and not landed.killed
        assert killed.killed and sorted(killed.mrs) == sorted(ids) and not killed.merged and killed.runs == 1
        assert killed.outcome == "engine died after 1 gate run" and killed.target == "main" and killed.why
        [event] = queued.events("batch_killed")
        assert event["payload"]["batch"] == killed.id and event["payload"]["runs"] == 1
        assert not notes(queued)
    place = Refinery(queued.root, "shop")
    told = explain_batch(place, killed.id)
    assert told is not None and "killed or crashed" in dict(told.why)["died"] and killed.id in dict(told.why)["died"]
    sums = stats(recent(queued.rig), [], 1.0)
    assert (sums.batches, sums.merged, sums.runs, sums.killed, sums.killed_runs) == (1, 2, 2, 1, 1)
    # its run was cut off: it says nothing of how long the gates take
    assert not gate_times([killed._replace(gate_set="")])


@pytest.mark.parametrize("off", ({"enabled": False}, {"lanes": {"web": []}}))
def test_it_is_not_forgotten_where_merging_is_off_or_the_settings_are_wrong(
    queued: Queued, off: dict[str, object]
) -> None:
    ids = killed_in_its_gate(queued, 1)
    queued.settings(**off)
    with contextlib.suppress(SettingsError):
        queued.process(patient=True)
    queued.settings(enabled=True, lanes={})
    queued.gate()
    queued.process()
    landed, killed = recent(queued.rig)
    assert killed.killed and killed.mrs == tuple(ids) == landed.merged


def test_a_landing_of_a_killed_batch_says_that_its_engine_died(queued: Queued) -> None:
    queued.gate()
    requests = queued.hand_in_many(2)
    kill_at(queued, "after push")
    queued.process()
    [record] = recent(queued.rig)
    assert record.outcome == "2 of 2 landed, engine died after 1 gate run"
    assert sorted(record.merged) == sorted(one.id for one in requests) and record.gate_set


def test_a_batch_that_ends_leaves_no_note(queued: Queued) -> None:
    queued.gate()
    bad = {1: {"bad": "1"}}
    queued.hand_in_many(4, bad)
    queued.process()
    assert len(queued.merged()) == 3 and not notes(queued)
    assert sorted(one for record in recent(queued.rig) for one in record.merged) == sorted(queued.merged())


@pytest.mark.parametrize(
    "junk", ("", "[]", "{", '{"id": 7}', '{"id": "b-1"}', '{"id": "b-1", "target": "main", "merged": 7}')
)
def test_a_note_that_is_junk_is_dropped(queued: Queued, junk: str) -> None:
    queued.gate()
    folder = Path(queued.rig, ".runtime", "refinery")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "owed-b-1.json").write_text(junk)
    (folder / "owed-folder.json").mkdir()
    [request] = queued.hand_in_many(1)
    queued.process()
    assert queued.merged() == [request.id] and len(recent(queued.rig)) == 1
    assert [one.name for one in notes(queued)] == ["owed-folder.json"] and os.path.isdir(folder / "owed-folder.json")
