"""A held queue: what cures it, what a person can do about it, and that looking at it changes nothing."""

from __future__ import annotations

import fcntl
import os

import pytest

from gastown_core.errors import SettingsError
from gastown_core.files import locks
from gastown_core.git.repo import Git
from gastown_core.messaging.escalation import open_escalations
from gastown_core.refinery import hold
from gastown_core.refinery.hold import read_hold
from gastown_core.refinery.place import Refinery, merge_lock
from gastown_core.refinery.requests import retry
from gastown_core.refinery.window import Window
from tests.support.queued import Queued


def test_a_gate_that_is_mended_in_the_settings_lets_the_queue_go(queued: Queued) -> None:
    queued.gate("exit 1")
    one = queued.hand_in({"work": "x\n"})
    [held] = queued.process()
    assert held.hold and queued.process() == []
    queued.gate("true")
    [result] = queued.process()
    assert result.merged == (one.id,) and read_hold(Refinery(queued.root, "shop"), "main") is None


def test_a_longer_time_limit_is_a_cure_too(queued: Queued) -> None:
    queued.gate("sleep 0.4", timeout="100ms")
    one = queued.hand_in({"work": "x\n"})
    [held] = queued.process()
    assert held.hold and queued.process() == []
    queued.gate("sleep 0.4", timeout="30s")
    [result] = queued.process()
    assert result.merged == (one.id,)


def test_a_queue_that_may_push_again_pushes(queued: Queued) -> None:
    queued.settings(auto_push=False)
    one = queued.hand_in({"work": "x\n"})
    [held] = queued.process()
    assert held.hold
    queued.settings(auto_push=True)
    [result] = queued.process()
    assert result.merged == (one.id,)


def test_a_retry_tries_a_held_queue_and_its_target_at_once(queued: Queued, tmp_path) -> None:
    queued.gate(f"test -e {tmp_path}/service")
    one = queued.hand_in({"work": "x\n"})
    [held] = queued.process()
    assert held.hold and queued.process() == []
    (tmp_path / "service").touch()
    retry(Refinery(queued.root, "shop"), one.id, actor="overseer")
    [result] = queued.process()
    assert result.merged == (one.id,)


def test_a_hold_for_wrong_settings_is_over_when_they_are_right(queued: Queued) -> None:
    queued.settings(gates={"unit": {"cmnd": "true"}})
    with pytest.raises(SettingsError):
        queued.process()
    assert queued.state().phase == "held"
    queued.gate("true")
    assert queued.process() == [] and queued.state().phase == "idle" and not queued.state().hold_reason


def test_looking_at_the_lock_does_not_make_the_engine_skip_its_turn(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = queued.hand_in({"work": "x\n"})
    path = merge_lock(Refinery(queued.root, "shop"), "main").path
    glance = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(glance, fcntl.LOCK_SH)
    sleep = locks.time.sleep

    def look_away(pause_s: float) -> None:
        fcntl.flock(glance, fcntl.LOCK_UN)
        sleep(pause_s)

    monkeypatch.setattr(locks.time, "sleep", look_away)
    [result] = queued.process()
    os.close(glance)
    assert result.merged == (one.id,)


def test_a_small_batch_that_waits_keeps_no_other_target_waiting(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Window, "is_somebody_at_work", lambda window: True)
    queued.origin.run("update-ref", "refs/heads/side", queued.tip())
    queued.settings(batch={"max_batch_size": 2, "batch_wait_time": "5h"})
    side = queued.hand_in({"side": "1"}, target="side", priority=0)
    full = queued.hand_in_many(2)
    ended: list[str] = []

    def at(point: str) -> None:
        if point.startswith("request closed"):
            ended.append(point)

    [result] = queued.process(patient=True, at=at, stop=lambda: len(ended) == 2)
    assert set(result.merged) == {one.id for one in full}
    assert queued.request(side.id).is_open and not queued.subjects("side")


def test_a_queue_that_is_held_does_not_keep_the_engine_busy(queued: Queued) -> None:
    queued.origin.run("update-ref", "refs/heads/side", queued.tip())
    queued.gate("test ! -e bad")
    bad = queued.commit({"bad": "1"}, "Break it", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", bad)
    queued.hand_in({"a": "1"}, priority=0)
    side = queued.hand_in({"b": "1"}, target="side")
    results = queued.process(patient=False)
    assert [one.merged for one in results if one.merged] == [(side.id,)]
    assert sum(bool(one.hold) for one in results) == 1


def test_a_hold_says_why_git_refused_and_what_helps(queued: Queued) -> None:
    queued.hand_in({"work": "x\n"})
    Git(queued.origin.path).run("config", "core.bare", "false")
    [held] = queued.process()
    assert "refusing to update checked out branch" in held.hold and "updateInstead" in held.hold


def test_a_push_whose_answer_is_lost_counts_as_what_the_remote_has(queued: Queued) -> None:
    one = queued.hand_in({"work": "x\n"})
    hook = os.path.join(queued.origin.path, "hooks", "reference-transaction")
    with open(hook, "w", encoding="utf-8") as handle:
        handle.write('#!/bin/sh\nif [ "$1" = committed ] && grep -q refs/heads/main; then kill -9 $PPID; fi\n')
    os.chmod(hook, 0o755)
    [result] = queued.process()
    assert result.merged == (one.id,) and result.head == queued.tip() and not result.hold
    assert queued.bead(one.source_issue).is_closed


@pytest.mark.parametrize("target", ["x" * 240, "L" * 100_000, "a\nb\x1b[2J", "../../up"], ids=len)
def test_a_target_that_cannot_be_keeps_nothing_else_from_being_merged(queued: Queued, target: str) -> None:
    lost = queued.hand_in({"lost": "x"}, target=target, priority=0)
    good = queued.hand_in({"work": "x"})
    results = queued.process()
    assert [one.merged for one in results if one.merged] == [(good.id,)] and queued.request(lost.id).is_open
    hold = read_hold(Refinery(queued.root, "shop"), target)
    assert hold is not None and "origin has no branch" in hold.reason


@pytest.mark.parametrize("lost", ["append_event", "_escalate"])
def test_a_hold_of_which_a_killed_run_told_nobody_is_told_by_the_next(
    queued: Queued, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    queued.gate("exit 1")
    queued.hand_in({"work": "x\n"})
    with monkeypatch.context() as dying:
        dying.setattr(hold, lost, killed)
        with pytest.raises(KeyboardInterrupt):
            queued.process()
    assert read_hold(Refinery(queued.root, "shop"), "main") is not None and not open_escalations(queued.ledger)
    for _ in range(2):
        assert queued.process() == []
        [alarm] = open_escalations(queued.ledger)
        assert alarm.times == 1 and queued.events("queue_held")


@pytest.mark.parametrize("lost", ["settle", "append_event"])
def test_a_hold_that_a_killed_run_was_lifting_is_lifted_with_its_alarm(
    queued: Queued, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    queued.gate("exit 1")
    one = queued.hand_in({"work": "x\n"})
    assert queued.process()[0].hold
    queued.gate("true")
    with monkeypatch.context() as dying:
        dying.setattr(hold, lost, killed)
        with pytest.raises(KeyboardInterrupt):
            queued.process()
    queued.process()
    assert queued.merged() == [one.id] and read_hold(Refinery(queued.root, "shop"), "main") is None
    assert not open_escalations(queued.ledger) and len(queued.events("queue_released")) == 1


def killed(*_args: object, **_more: object) -> None:
    raise KeyboardInterrupt
