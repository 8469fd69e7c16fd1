"""kill -9 at every point between which something is half done: the next run finishes or drops it, and says so once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from gastown_core.refinery import failure, recovery
from tests.support.patience import until
from tests.support.queued import Queued

PROGRAM = """
import os, signal, sys
from gastown_core.refinery.engine import process
import gastown_core.work.scheduler.dispatch as dispatch
dispatch.dispatch = lambda *args, **more: dispatch.Dispatched(args[2], args[3], True)
seen = []
def at(point):
    seen.append(point)
    if point == sys.argv[2] and seen.count(point) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
process(sys.argv[1], "shop", at=at)
"""
HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def start(queued: Queued, point: str, times: int = 1) -> subprocess.Popen[bytes]:
    """An engine that is killed when it has come to the point so many times."""
    env = {**os.environ, "PYTHONPATH": HERE}
    words = [sys.executable, "-c", PROGRAM, queued.root, point, str(times)]
    return subprocess.Popen(words, env=env, start_new_session=True)


def kill_at(queued: Queued, point: str) -> None:
    assert start(queued, point).wait(120) == -signal.SIGKILL


POINTS = ("after push", "work closed {0}", "branches dropped", "told {0}", "request closed {0}", "told {1}")


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_after_its_push_is_finished_by_the_next(queued: Queued, point: str) -> None:
    queued.gate()
    requests = queued.hand_in_many(2)
    kill_at(queued, point.format(*(one.id for one in requests)))
    assert len(queued.subjects()) == 2
    head = queued.tip()
    assert queued.process() == []
    assert queued.tip() == head
    for one in requests:
        assert queued.bead(one.source_issue).text("close_reason") == f"Merged in {one.id}"
        assert queued.request(one.id).close_reason == "merged"
        assert not queued.origin.commit_of(f"refs/heads/{one.branch}")
        assert not queued.bare.commit_of(f"refs/heads/{one.branch}")
    told = [event["payload"]["mr"] for event in queued.events("merged")]
    assert sorted(told) == sorted(one.id for one in requests)
    assert not queued.leftovers() and queued.state().phase == "idle"


def test_a_run_killed_before_its_push_is_dropped_and_done_again(queued: Queued) -> None:
    queued.gate()
    requests = queued.hand_in_many(2)
    kill_at(queued, "before push")
    assert queued.subjects() == [] and queued.request(requests[0].id).status == "in_progress"
    [result] = queued.process()
    assert sorted(result.merged) == sorted(one.id for one in requests)
    assert result.runs == 0, "the tree was known to be green"
    assert not queued.leftovers()


def test_without_its_intent_a_push_is_still_proved_by_the_commits(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    kill_at(queued, "after push")
    folder = os.path.join(queued.rig, ".runtime", "refinery")
    os.unlink(os.path.join(folder, "intent-main.json"))
    assert queued.process() == []
    assert queued.bead(request.source_issue).is_closed and queued.request(request.id).merge_commit == queued.tip()


def test_a_run_killed_while_a_gate_runs_leaves_nothing_and_is_done_again(queued: Queued, tmp_path) -> None:
    queued.gate(f"touch {tmp_path}/begun; test -e {tmp_path}/go || sleep 300")
    [request] = queued.hand_in_many(1)
    engine = start(queued, "never")
    until(lambda: os.path.exists(tmp_path / "begun") and sleepers(queued) == 1)
    engine.kill()
    engine.wait(60)
    assert sleepers(queued) == 1
    (tmp_path / "go").touch()
    [result] = queued.process()
    assert result.merged == (request.id,)
    assert not queued.leftovers()
    until(lambda: sleepers(queued) == 0)


def test_what_a_killed_run_had_sent_back_is_told_once_by_the_next(queued: Queued, monkeypatch) -> None:
    queued.gate()
    bad = queued.hand_in({"bad": "1"})
    with monkeypatch.context() as dying:
        dying.setattr(failure, "_tell", killed)
        with pytest.raises(KeyboardInterrupt):
            queued.process()
    assert queued.request(bad.id).close_reason == "rejected" and not queued.events("merge_failed")
    monkeypatch.setattr(recovery, "lives", lambda *_: False)
    for _ in range(2):
        queued.process()
        [told] = queued.events("merge_failed")
        assert told["payload"]["mr"] == bad.id and "gate check failed" in told["payload"]["reason"]
        assert told["payload"]["log"] and told["payload"]["batch"].startswith("b-")


def killed(*_args: object) -> None:
    raise KeyboardInterrupt


def test_a_person_who_pushes_over_a_killed_push_loses_nothing(queued: Queued) -> None:
    """The intent's head is below what they pushed: it has landed."""
    [request] = queued.hand_in_many(1)
    kill_at(queued, "after push")
    theirs = queued.commit({"theirs": "1"}, "Theirs", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", theirs)
    queued.process()
    assert queued.bead(request.source_issue).is_closed and queued.tip() == theirs


def sleepers(queued: Queued) -> int:
    count = 0
    for process in psutil.process_iter(["cwd", "cmdline"]):
        inside = str(process.info["cwd"] or "").startswith(queued.rig)
        count += inside and (process.info["cmdline"] or [""])[0] == "sleep"
    return count
