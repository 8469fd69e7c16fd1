"""A batch is at work, or its engine died: every face says what that means, and that nothing lands if something is held."""

from __future__ import annotations

import os
import subprocess
from argparse import Namespace
from typing import Any

import pytest

from gastown_cli.commands.mq_outlook import run_forecast
from gastown_core.files.atomic import write_json
from gastown_core.files.locks import FileLock
from gastown_core.model import queue_words
from gastown_core.model.refinery import DIED, FROZEN, HELD, STATE_FILE, TESTING, BatchEntry, RefineryState, to_json
from gastown_core.refinery import foresight, freeze
from gastown_core.refinery.engine import RefineryEngine
from gastown_core.refinery.explanation import explain_queue
from gastown_core.refinery.place import Refinery, merge_lock
from gastown_core.refinery.policy import of_hours
from gastown_core.refinery.records import recent
from gastown_core.state.collect import collect
from gastown_core.town.closed_rig import ClosedRig
from gastown_core.town.daemon_note import lock_path
from tests.core.refinery.test_crash import kill_at
from tests.core.refinery.test_new_settings import Gate, gate, two_requests
from tests.core.refinery.test_queue_words import words
from tests.support.cli import gt
from tests.support.patience import until
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["gate", "queued", "queued_seed"]


def test_a_freeze_beside_a_batch_at_work_is_told_in_every_face_and_its_end_too(queued: Queued, gate: Gate) -> None:
    first, second = two_requests(queued)
    place = Refinery(queued.root, "shop")
    told: list[object] = []

    def freeze_and_thaw() -> None:
        freeze.freeze(place, "release", actor="overseer")
        until(lambda: collect(queued.root).refineries[0].is_frozen, "the engine did not say that it is frozen")
        view = collect(queued.root).refineries[0]
        told.append((view.works_on_hold, view.is_held, view.is_by_choice, view.state.phase))
        told.append(words(queued))
        shown = gt("refinery", "status", "shop", "--json", cwd=queued.root).json
        told.append((shown["phase"], shown["hold_kind"], shown["hold_reason"] == view.state.hold_reason))
        told.append(gt("refinery", "status", "shop", cwd=queued.root).out.splitlines()[0].split("; ")[1])
        freeze.thaw(place, actor="overseer")
        until(lambda: not collect(queued.root).refineries[0].is_frozen, "the engine did not say that it is thawed")
        told.append(words(queued))

    thread = gate.while_it_runs(freeze_and_thaw)
    queued.process()
    thread.join()
    assert told == [
        (True, False, False, TESTING),
        {first: queue_words.MERGING, second: queue_words.HELD},
        (TESTING, FROZEN, True),
        "frozen by overseer until gt mq thaw: release",
        {first: queue_words.MERGING, second: queue_words.READY},
    ]
    assert queued.merged() == [first, second]


def dead_state(town: Queued, request: str, *, kind: str = "", phase: str = TESTING) -> str:
    """Leave the state of an engine that died while it tested a request; its last word."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    entries = (BatchEntry(request, "b"),)
    state = RefineryState(
        "shop", phase, gone.pid, 1.0, "b-1", "main", requests=entries, hold_kind=kind, hold_reason=kind, pid_start=1.0
    )
    path = os.path.join(town.rig, STATE_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write_json(path, to_json(state))
    return f"the engine is gone (process {gone.pid}); what stands here is its last word"


def test_an_engine_that_died_is_told_with_one_sentence_in_every_face(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    lost = dead_state(queued, one.id, kind=FROZEN)
    view = collect(queued.root).refineries[0]
    assert view.trouble == lost and not view.is_frozen, "what it said of a freeze is old"
    assert words(queued) == {one.id: queue_words.READY}
    place = Refinery(queued.root, "shop", policy=of_hours(queued.root, "shop"))
    assert explain_queue(place, RefineryEngine(place).queue())[0].why[0] == ("engine", lost)
    shown = gt("refinery", "status", "shop", "--json", cwd=queued.root).json
    assert (shown["phase"], shown["batch"], shown["engine_pid"], shown["trouble"]) == (TESTING, "b-1", 0, lost)
    for face in (gt("refinery", "status", "shop", cwd=queued.root), gt("mq", "list", "shop", cwd=queued.root)):
        assert f"{DIED}: {lost}; gt refinery process shop goes on" in face.out
    with merge_lock(place, "main"):
        assert DIED not in gt("mq", "list", "shop", cwd=queued.root).out, "another process goes on"
    queued.process()
    assert not collect(queued.root).refineries[0].trouble and DIED not in gt("mq", "list", "shop", cwd=queued.root).out


NOBODY = "no daemon runs, so nothing is merged; gt up starts one, gt refinery process shop merges what waits"


def faces(town: Queued, request: str) -> list[str]:
    """What each command says of the queue."""
    commands = (("mq", "list"), ("refinery", "status"), ("mq", "forecast"), ("mq", "explain"))
    said = [gt(*words, "shop", cwd=town.root) for words in commands]
    said.append(gt("mq", "explain", "shop", request, cwd=town.root))
    return [one.out + one.err for one in said]


def test_that_no_daemon_runs_is_told_in_every_face_while_requests_wait(queued: Queued) -> None:
    assert NOBODY not in gt("mq", "list", "shop", cwd=queued.root).out, "nothing waits"
    one = queued.hand_in({"b": "1"})
    assert all(NOBODY in said for said in faces(queued, one.id))
    place = Refinery(queued.root, "shop")
    with merge_lock(place, "main"):
        assert not any(NOBODY in said for said in faces(queued, one.id)), "a process merges"
    freeze.freeze(place, "release", actor="overseer")
    assert not any(NOBODY in said for said in faces(queued, one.id)), "a daemon would merge nothing"
    freeze.thaw(place, actor="overseer")
    os.makedirs(os.path.dirname(lock_path(queued.root)), exist_ok=True)
    with FileLock(lock_path(queued.root)):
        assert not any(NOBODY in said for said in faces(queued, one.id)), "a daemon runs"
    queued.process()
    assert NOBODY not in gt("mq", "list", "shop", cwd=queued.root).out, "nothing waits"


@pytest.mark.parametrize("phase", [HELD, "idle"])
def test_an_engine_that_ended_after_its_work_did_not_die(queued: Queued, phase: str) -> None:
    one = queued.hand_in({"a": "1"})
    dead_state(queued, one.id, phase=phase)
    assert not collect(queued.root).refineries[0].trouble
    shown = gt("refinery", "status", "shop", "--json", cwd=queued.root).json
    assert (shown["phase"], shown["trouble"], shown["batch"]) == ("idle", "", "")


@pytest.mark.parametrize(
    ("files", "word"), [(("core/a", "core/b"), "since enough wait"), (("core/a", "web/b"), "of other lanes")]
)
def test_a_batch_beside_another_says_whether_its_lanes_are_its_own(
    queued: Queued, gate: Gate, files: tuple[str, str], word: str
) -> None:
    # more waits: on the last places two begin at least
    queued.settings(lanes={"core": ["core/"], "web": ["web/"]}, max_concurrent=5)
    made = [queued.hand_in({name: "1"}, priority=number).id for number, name in enumerate(files)]

    def both_begin() -> None:
        until(lambda: len(queued.state().flights) == 2, "no batch began beside the first")

    thread = gate.while_it_runs(both_begin)
    queued.process()
    thread.join()
    assert set(queued.merged()) == set(made)
    why = {one.mrs[0]: one.why for one in recent(queued.rig) if one.mrs}
    [began] = [one for one in why[made[1]] if one.startswith("begin: ")]
    assert began.endswith(word)


def test_a_forecast_of_guessed_times_says_so_though_a_batch_ends_while_it_is_made(
    queued: Queued, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queued.gate()
    queued.hand_in({"a": "1"})
    monkeypatch.chdir(queued.root)
    seen: list[tuple[float, ...] | None] = []
    real = foresight.foresee

    def slow(*args: Any, **how: Any) -> object:
        seen.append(how["times"])
        found = real(*args, **how)
        monkeypatch.setattr(foresight, "gate_times", lambda *_: (6.0,))
        return found

    monkeypatch.setattr(foresight, "foresee", slow)
    assert run_forecast(Namespace(rig="shop", target="", slots=None, batch=None, json=False)) == 0
    assert "gate times are guessed" in capsys.readouterr().err and seen == [()]


@pytest.mark.parametrize("cut", ["before push", "after push"])
@pytest.mark.parametrize("why", ["off", "parked"])
def test_what_a_killed_engine_had_in_hand_is_told_truly_where_merging_is_off_since(
    queued: Queued, why: str, cut: str
) -> None:
    queued.gate()
    one = queued.hand_in({"a": "1"})

    kill_at(queued, cut)
    assert queued.request(one.id).is_claimed
    if why == "off":
        queued.settings(enabled=False)
    else:
        assert gt("rig", "park", "shop", cwd=queued.root).code == 0
    assert not queued.process(patient=True, stop=ClosedRig(queued.root, "shop"))
    landed = cut == "after push"
    assert words(queued) == ({} if landed else {one.id: queue_words.HELD})
    assert queued.merged() == ([one.id] if landed else [])
