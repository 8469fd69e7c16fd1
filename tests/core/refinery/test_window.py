"""When requests are taken: how long a small batch waits for company, and how long the least urgent one waits at all."""

from __future__ import annotations

import random

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.model.merge_request import LEVEL_S, MergeRequest, overtaken_until, score
from gastown_core.refinery import window
from gastown_core.refinery.engine import next_wake
from gastown_core.refinery.merge_queue import next_batch, survey
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.window import Window
from gastown_core.town.liveness import LiveSessions
from tests.support.queued import Queued

HOUR = 3600.0
PATIENT = {"max_batch_size": 2, "batch_wait_time": "5h"}


def at_work(queued: Queued, assignee: str = "shop/polecats/nux") -> str:
    """Work in somebody's hands; its id."""
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        return batch.create({"title": "In hand", "status": "hooked", "assignee": assignee}).id


def live(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[str]:
    """These sessions live; the list grows each time that is asked."""
    asked: list[str] = []

    def look(root: str) -> LiveSessions:
        asked.append(root)
        return LiveSessions(names)

    monkeypatch.setattr(window, "live_sessions", look)
    return asked


def test_a_lone_request_does_not_wait_while_nobody_could_bring_another(queued: Queued) -> None:
    queued.settings(batch=PATIENT)
    one = queued.hand_in({"a": "1"})
    assert next_wake(queued.root, "shop") == 0.0
    assert [result.merged for result in queued.process(patient=True)] == [(one.id,)]


def test_it_waits_while_a_living_polecat_of_the_rig_has_work_in_hand(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued.settings(batch=PATIENT)
    one = queued.hand_in({"a": "1"})
    at_work(queued)
    live(monkeypatch, "sh-nux")
    assert next_wake(queued.root, "shop") == pytest.approx(one.created_at + 5 * HOUR)
    live(monkeypatch)
    assert next_wake(queued.root, "shop") == 0.0, "a dead worker hands nothing in"


def test_it_waits_where_nobody_can_tell_who_lives(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    queued.settings(batch=PATIENT)
    queued.hand_in({"a": "1"})
    at_work(queued)
    monkeypatch.setattr(window, "live_sessions", lambda root: None)
    assert next_wake(queued.root, "shop") != 0.0


@pytest.mark.parametrize("assignee", ["overseer", "shop/crew/ana", "mayor/", "other/polecats/nux"])
def test_work_in_other_hands_keeps_nobody_waiting(
    queued: Queued, monkeypatch: pytest.MonkeyPatch, assignee: str
) -> None:
    queued.settings(batch=PATIENT)
    queued.hand_in({"a": "1"})
    at_work(queued, assignee)
    asked = live(monkeypatch, "sh-nux")
    assert next_wake(queued.root, "shop") == 0.0 and not asked


def test_the_wait_ends_when_the_last_worker_lets_go_and_sessions_are_asked_for_once(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued.settings(batch=PATIENT)
    queued.hand_in({"a": "1"})
    work = at_work(queued)
    asked = live(monkeypatch, "sh-nux")
    place = Refinery(queued.root, "shop")
    ready = survey(place.ledger, "sh", "shop", SYSTEM_CLOCK.now()).ready
    waiting = Window(place)
    assert waiting.due_at(ready) and waiting.due_at(ready) and len(asked) == 1
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.close(work, "done")
    assert waiting.due_at(ready) == 0.0


def test_a_full_batch_and_one_that_wants_to_be_alone_are_due_at_once(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued.settings(batch=PATIENT)
    at_work(queued)
    live(monkeypatch, "sh-nux")
    waiting = Window(Refinery(queued.root, "shop"))
    one = MergeRequest("a", "open", 2, SYSTEM_CLOCK.now())
    assert waiting.due_at([]) is None
    assert waiting.due_at([one, one._replace(id="b")]) == 0.0
    assert waiting.due_at([one._replace(alone=True)]) == 0.0
    assert waiting.due_at([one]) == pytest.approx(one.created_at + 5 * HOUR)
    assert waiting.due_at([one._replace(created_at=one.created_at - 5 * HOUR)]) == 0.0


def request(name: str, priority: int = 2, age_h: float = 0.0, **facts: object) -> MergeRequest:
    return MergeRequest(name, "open", priority, -age_h * HOUR, **facts)  # type: ignore[arg-type]


def test_two_hours_in_the_queue_are_worth_one_level_of_priority() -> None:
    assert score(request("old", 3, age_h=2.1), 0.0) > score(request("new", 2), 0.0)
    assert score(request("old", 3, age_h=1.9), 0.0) < score(request("new", 2), 0.0)
    assert score(request("old", 3, age_h=0.6), 0.0, 1800.0) > score(request("new", 2), 0.0, 1800.0)
    assert score(request("conflict", age_h=1.1, retry_count=1), 0.0) > score(request("new"), 0.0)


def test_an_old_convoy_puts_its_requests_first_but_not_for_ever() -> None:
    ancient = request("ancient", 2, convoy_created_at=-24 * 365 * HOUR)
    assert score(ancient, 0.0) > score(request("loose", 2, age_h=3.9), 0.0)
    assert score(ancient, 0.0) < score(request("loose", 2, age_h=4.1), 0.0)


def test_nothing_handed_in_after_its_bound_goes_before_a_request_whatever_it_is() -> None:
    chance = random.Random(7)
    for _ in range(2000):
        old = request("old", chance.randint(0, 5), convoy_created_at=chance.choice([0.0, -50 * HOUR]))
        level_s = chance.choice([LEVEL_S, 600.0])
        bound = overtaken_until(old, 0.0, level_s)
        assert bound <= 7 * level_s
        came = bound + chance.random() * HOUR
        late = MergeRequest("late", "open", chance.randint(0, 4), came, convoy_created_at=-chance.random() * 1e8)
        for now in (came, came + 5 * HOUR, came + 500 * HOUR):
            assert score(old, now, level_s) >= score(late, now, level_s)


def test_under_a_flood_of_urgent_requests_the_least_urgent_lands_within_its_bound() -> None:
    """Ten urgent requests an hour, batches of five each half hour: there is never room to spare."""
    waiting = [request("patient", 4)]
    bound = overtaken_until(waiting[0], 0.0)
    now, number = 0.0, 0
    while any(one.id == "patient" for one in waiting):
        now += HOUR / 2
        for _ in range(5):
            number += 1
            waiting.append(MergeRequest(f"urgent{number}", "open", 0, now - 1.0))
        waiting.sort(key=lambda one: (-score(one, now), one.id))
        for one in next_batch(waiting, {}, 5):
            waiting.remove(one)
    assert LEVEL_S < now <= bound + HOUR


def test_the_span_of_ageing_is_the_rigs_and_orders_its_queue(queued: Queued) -> None:
    first = queued.hand_in({"a": "1"}, priority=3)
    second = queued.hand_in({"b": "1"}, priority=2)
    clock = FixedClock(SYSTEM_CLOCK.now() + HOUR)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(second.id, {"created_at": clock.now()})
    order = [one.id for one in survey(queued.ledger, "sh", "shop", clock.now(), level_s=900.0).ready]
    assert order == [first.id, second.id]
    queued.settings(ageing="15m")
    assert [result.merged for result in queued.process(clock=clock)] == [(first.id, second.id)]
    assert queued.state().level_s == 900.0
