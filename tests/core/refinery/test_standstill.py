"""The brake for a batch in which nothing moves, whatever the cause."""

from __future__ import annotations

from typing import Any

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.messaging.escalation import open_escalations
from gastown_core.refinery import claims, failure, standstill
from gastown_core.refinery.engine import next_wake
from gastown_core.refinery.merge_batch import BatchRun
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.records import recent
from gastown_core.refinery.requests import retry
from tests.support.queued import Queued


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The files of requests with which a batch comes to nothing, as if by a fault of the engine."""
    broken: set[str] = set()
    land = BatchRun._land

    def stands(self: BatchRun) -> Any:
        if broken.isdisjoint(self.requests):
            return (yield from land(self))
        return ()

    monkeypatch.setattr(BatchRun, "_land", stands)
    return broken


def blocked(queued: Queued) -> dict[str, str]:
    from gastown_core.refinery.engine import RefineryEngine

    return {one.id: why for one, why in RefineryEngine(Refinery(queued.root, "shop")).queue().blocked}


def test_a_batch_that_begins_again_and_again_to_no_end_is_put_off_for_longer_each_time_and_told_once(
    queued: Queued, faulty: set[str]
) -> None:
    queued.gate()
    clock = FixedClock(SYSTEM_CLOCK.now())
    made = [queued.hand_in({f"file{one}": "1"}).id for one in range(2)]
    faulty.update(made)
    for _ in range(8):
        queued.process(clock=clock)
    assert len(recent(queued.rig)) == 3, "and not eight"
    why = blocked(queued)
    assert set(why) == {*made} and all(
        "began 3 times without a test, a landing or a change" in one for one in why.values()
    )
    [alarm] = open_escalations(queued.ledger)
    assert "begins again and again" in alarm.title
    wake = next_wake(queued.root, "shop", clock=clock)
    assert wake is not None and 50 < wake - clock.now() < 70
    clock.advance(61)
    for _ in range(4):
        queued.process(clock=clock)
    assert len(recent(queued.rig)) == 4, "one more try, then it waits for longer"
    wake = next_wake(queued.root, "shop", clock=clock)
    assert wake is not None and 100 < wake - clock.now() < 130
    [again] = open_escalations(queued.ledger)
    assert again.id == alarm.id and again.times == alarm.times


def test_others_go_on_and_a_retry_tries_at_once(queued: Queued, faulty: set[str]) -> None:
    queued.gate()
    stuck = queued.hand_in({"stuck": "1"}).id
    faulty.add(stuck)
    for _ in range(3):
        queued.process()
    other = queued.hand_in({"other": "1"})
    queued.process()
    assert queued.merged() == [other.id] and stuck in blocked(queued)
    faulty.clear()
    retry(Refinery(queued.root, "shop"), stuck, actor="overseer")
    assert not queued.request(stuck).put_off
    [result] = queued.process()
    assert result.merged == (stuck,)


def test_what_was_tested_or_sent_back_meanwhile_does_not_count(queued: Queued, faulty: set[str]) -> None:
    queued.gate()
    one = queued.hand_in({"one": "1"}).id
    faulty.add(one)
    for _ in range(2):
        queued.process()
    two = queued.hand_in({"two": "1"}).id
    queued.process()
    assert not blocked(queued), f"it began with {two} the third time"
    queued.process()
    assert not blocked(queued)


@pytest.mark.parametrize("where", ((standstill, "_tell"), (failure, "set_aside"), (claims, "give_back_later")))
def test_a_brake_that_was_killed_is_put_on_by_the_next_batch_and_told_once(
    queued: Queued, faulty: set[str], monkeypatch: pytest.MonkeyPatch, where: tuple[Any, str]
) -> None:
    queued.gate()
    made = sorted(queued.hand_in({f"file{one}": "1"}).id for one in range(2))
    faulty.update(made)
    for _ in range(2):
        queued.process()
    with monkeypatch.context() as dying:
        dying.setattr(*where, killed)
        with pytest.raises(KeyboardInterrupt):
            queued.process()
    assert not blocked(queued)
    for _ in range(3):
        queued.process()
    assert sorted(blocked(queued)) == made and len(recent(queued.rig)) == 4
    [alarm] = open_escalations(queued.ledger)
    assert "begins again and again" in alarm.title
    assert len(queued.events("escalation_sent")) == 1


def test_what_is_put_off_together_is_put_off_in_one_write(
    queued: Queued, faulty: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill after some of them would let the others begin as another batch, which is told of once more."""
    queued.gate()
    faulty.update(queued.hand_in({f"file{one}": "1"}).id for one in range(3))
    for _ in range(2):
        queued.process()
    with monkeypatch.context() as dying:
        dying.setattr(failure, "append_event", killed)
        with pytest.raises(KeyboardInterrupt):
            queued.process()
    assert set(blocked(queued)) == faulty


def killed(*_args: object, **_more: object) -> None:
    raise KeyboardInterrupt
