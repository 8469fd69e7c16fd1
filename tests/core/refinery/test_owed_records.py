"""A batch whose engine is killed after its push is recorded once, by the next engine, also if that is killed, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.refinery import records
from gastown_core.refinery.records import recent
from tests.core.refinery.test_crash import kill_at
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
    assert result.merged == (request.id,) and [one.merged for one in recent(queued.rig)] == [(request.id,)]
    assert recent(queued.rig)[0].id == result.id and not notes(queued)


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
