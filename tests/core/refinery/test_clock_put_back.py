"""A clock that was ahead and is put back: what the queue noted until then makes nothing wait for that time to come again."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock, format_micros
from gastown_core.model.merge_request import LONGEST_REST_S, why_late, with_facts
from gastown_core.refinery import window
from gastown_core.refinery.engine import next_wake
from gastown_core.refinery.failure import set_aside
from gastown_core.refinery.hold import read_hold
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.pull_requests import OPEN, Proposal, next_look
from gastown_core.town.liveness import LiveSessions
from tests.support.queued import Queued

DAY_S = 86400.0


def ahead() -> FixedClock:
    return FixedClock(SYSTEM_CLOCK.now() + DAY_S)


def test_a_hold_of_tomorrow_is_tried_at_once(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    queued.bare.run("remote", "set-url", "origin", "file:///nowhere.git")
    queued.process(clock=ahead())
    assert queued.state().phase == "held"
    queued.bare.run("remote", "set-url", "origin", "file://" + queued.origin.path)
    wake = next_wake(queued.root, "shop")
    assert wake is not None and wake <= SYSTEM_CLOCK.now()
    assert [result.merged for result in queued.process()] == [(request.id,)]


def test_a_rest_of_tomorrow_is_over(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    set_aside(Refinery(queued.root, "shop", clock=ahead()), [request], "no verdict", batch_id="b-1", what_next="wait")
    put_off = queued.request(request.id)
    assert why_late(put_off, put_off.not_before - LONGEST_REST_S) and not why_late(put_off, SYSTEM_CLOCK.now())
    assert [result.merged for result in queued.process()] == [(request.id,)]


def test_a_request_that_was_tried_for_weeks_rests_as_long_as_ever(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(request.id, {"metadata": with_facts(batch.need(request.id), tries=2000)})
    clock = FixedClock(SYSTEM_CLOCK.now())
    tired = [queued.request(request.id)]
    set_aside(Refinery(queued.root, "shop", clock=clock), tired, "no verdict", batch_id="b-1", what_next="wait")
    assert queued.request(request.id).not_before == pytest.approx(clock.now() + LONGEST_REST_S)


def test_a_pull_request_that_was_looked_at_tomorrow_is_looked_at_now(queued: Queued) -> None:
    place = Refinery(queued.root, "shop", clock=FixedClock(SYSTEM_CLOCK.now()))
    seen = Proposal(1, "u", OPEN, "h", {"r": "c"}, SYSTEM_CLOCK.now() + DAY_S)
    with open(place.file("proposal-main.json"), "w", encoding="utf-8") as handle:
        json.dump({**seen._asdict(), "target": "main"}, handle)
    assert next_look(place, "main") == place.clock.now()


def test_a_request_of_tomorrow_waits_for_no_company(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    queued.settings(batch={"batch_wait_time": "1m"})
    monkeypatch.setattr(window, "live_sessions", lambda _: LiveSessions(("sh-nux",)))
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.create({"title": "In hand", "status": "hooked", "assignee": "shop/polecats/nux"})
    one = queued.hand_in({"a": "1"})
    wake = next_wake(queued.root, "shop")
    assert wake is not None and wake > SYSTEM_CLOCK.now(), "a living worker may bring another"
    assert next_wake(queued.root, "shop", clock=FixedClock(one.created_at - DAY_S)) == 0.0


@pytest.mark.parametrize("junk", [{"rests": "x"}, {"rests": ["1"]}, {"requests": 5}, {"until": format_micros(9e10)}])
def test_a_note_of_a_hold_that_is_damaged_still_holds(queued: Queued, junk: dict[str, object]) -> None:
    [request] = queued.hand_in_many(1)
    queued.bare.run("remote", "set-url", "origin", "file:///nowhere.git")
    queued.process()
    path = os.path.join(queued.rig, ".runtime", "refinery", "hold-main.json")
    with open(path, encoding="utf-8") as handle:
        kept = json.load(handle)
    with open(path, "w", encoding="utf-8") as handle:
        json.dump({**kept, **junk}, handle)
    hold = read_hold(Refinery(queued.root, "shop"), "main")
    assert hold is not None and hold.kind == "infrastructure"
    queued.process()
    assert queued.request(request.id).is_open and queued.state().phase == "held"
