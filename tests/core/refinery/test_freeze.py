"""What a person keeps from being merged: one request out of the queue, or everything for a while."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.daemon.duties import refinery_of
from gastown_core.daemon.duty import Shift
from gastown_core.errors import ConflictError, SettingsError
from gastown_core.model.bead import IN_REVIEW
from gastown_core.model.event import describe
from gastown_core.model.refinery import HELD, IDLE
from gastown_core.model.town_event import TownEvent
from gastown_core.process_table import lives
from gastown_core.refinery.engine import next_wake
from gastown_core.refinery.freeze import BreakOff, freeze, frozen, thaw
from gastown_core.refinery.freeze_windows import read_window
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.requests import dequeue, retry
from tests.support.patience import PATIENCE_S
from tests.support.queued import Queued


def place_of(queued: Queued) -> Refinery:
    return Refinery(queued.root, "shop")


def test_a_request_out_of_the_queue_waits_with_its_work_in_review_until_it_is_put_back(queued: Queued) -> None:
    queued.gate()
    first, second = queued.hand_in_many(2)
    dequeue(place_of(queued), first.branch, "not before the demo", actor="overseer")
    [result] = queued.process()
    assert result.merged == (second.id,)
    assert queued.bead(first.source_issue).status == IN_REVIEW and queued.request(first.id).is_open
    with pytest.raises(ConflictError, match="out of the queue"):
        dequeue(place_of(queued), first.id, "", actor="overseer")
    retry(place_of(queued), first.id, actor="overseer")
    [result] = queued.process()
    assert result.merged == (first.id,)
    [told] = queued.events("mr_dequeued")
    assert told["payload"]["reason"] == "not before the demo" and told["payload"]["mr"] == first.id


def test_a_reason_is_kept_as_one_line_that_a_list_can_show(queued: Queued) -> None:
    one = queued.hand_in({"work": "x"})
    reason = "not\nyet\r\n" + "x" * 100_000
    freeze(place_of(queued), reason, actor="overseer")
    dequeue(place_of(queued), one.id, reason, actor="overseer")
    found = frozen(place_of(queued))
    told = [event["payload"]["reason"] for event in queued.events("mr_dequeued", "queue_frozen")]
    for why in (found.why if found is not None else "", queued.request(one.id).taken_out, *told):
        assert "not yet xxx" in why and why.endswith("x…") and len(why) < 600


def test_a_batch_goes_on_without_what_is_taken_out_while_it_is_tested(queued: Queued) -> None:
    queued.gate()
    first, second = queued.hand_in_many(2)
    took: list[str] = []

    def at(point: str) -> None:
        if point == "judged" and not took:
            took.append(dequeue(place_of(queued), second.id, "", actor="overseer").id)

    [result] = queued.process(at=at)
    assert result.merged == (first.id,) and result.left == (second.id,)
    assert queued.merged() == [first.id]
    assert "taken out of the queue by overseer" in str(queued.events("merge_skipped"))


def test_what_is_being_pushed_cannot_be_taken_out(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    said: list[str] = []

    def at(point: str) -> None:
        if point == "before push":
            with pytest.raises(ConflictError, match="is being pushed"):
                dequeue(place_of(queued), request.id, "", actor="overseer")
            said.append(point)

    queued.process(at=at)
    assert said and queued.merged() == [request.id]


def test_while_it_is_frozen_nothing_is_merged_and_nobody_is_alarmed(queued: Queued) -> None:
    queued.gate()
    request = queued.hand_in({"a": "1"})
    freeze(place_of(queued), "release", actor="overseer")
    assert queued.process() == [] and queued.subjects() == []
    assert queued.state().phase == HELD and "frozen by overseer until gt mq thaw: release" in queued.state().hold_reason
    assert next_wake(queued.root, "shop") is None
    assert not queued.events("queue_held") and not queued.events("escalation_sent")
    thaw(place_of(queued), actor="overseer")
    [result] = queued.process()
    assert result.merged == (request.id,) and queued.state().phase == IDLE
    with pytest.raises(ConflictError, match="not frozen"):
        thaw(place_of(queued), actor="overseer")


@pytest.mark.parametrize("places", [1, 4])
def test_what_is_green_when_a_freeze_begins_does_not_land_and_is_not_tested_again(queued: Queued, places: int) -> None:
    queued.gate()
    queued.settings(max_concurrent=places)
    requests = queued.hand_in_many(2)
    begun: list[str] = []

    def at(point: str) -> None:
        if point == "judged" and not begun:
            begun.append(freeze(place_of(queued), "", actor="overseer").reason)

    [result] = queued.process(at=at)
    assert not result.merged and queued.subjects() == []
    assert {queued.request(one.id).status for one in requests} == {"open"}
    thaw(place_of(queued), actor="overseer")
    [result] = queued.process()
    assert sorted(result.merged) == sorted(one.id for one in requests) and result.runs == 0
    told = [(one["payload"]["mr"], one["payload"].get("again", False)) for one in queued.events("merge_started")]
    assert sorted(told) == sorted((one.id, again) for one in requests for again in (False, True))
    words = describe(TownEvent(0.0, "merge_started", "shop/refinery", {"branch": "b", "again": True}, "feed", -1))
    assert words == "merging b again"


def freeze_once_it_runs(queued: Queued, begun: Path, *, breaks_off: bool) -> threading.Thread:
    """Freeze when the gate has written its process id into ``begun``."""

    def wait_and_freeze() -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not (begun.exists() and begun.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.02)
        freeze(place_of(queued), "", actor="overseer", breaks_off=breaks_off)

    thread = threading.Thread(target=wait_and_freeze)
    thread.start()
    return thread


@pytest.mark.parametrize("places", [1, 4])
def test_a_freeze_that_breaks_off_ends_the_gates_and_nothing_lands_or_is_lost(
    queued: Queued, tmp_path: Path, places: int
) -> None:
    begun, done = tmp_path / "begun", tmp_path / "done"
    queued.gate(f"test -e {done} || {{ echo $$ > {begun}; exec sleep 600; }}")
    queued.settings(max_concurrent=places)
    requests = queued.hand_in_many(2)
    thread = freeze_once_it_runs(queued, begun, breaks_off=True)
    results = queued.process()
    thread.join()
    assert results and all(one.stopped and not one.merged for one in results)
    assert not lives(int(begun.read_text())), "the gate goes on"
    assert queued.subjects() == [] and {queued.request(one.id).status for one in requests} == {"open"}
    assert queued.state().phase == HELD and "by overseer" in queued.state().hold_reason
    assert not queued.events("queue_held") and not queued.events("escalation_sent")
    assert queued.process() == [], "it is frozen"
    done.touch()
    thaw(place_of(queued), actor="overseer")
    results = queued.process()
    assert sorted(one for result in results for one in result.merged) == sorted(one.id for one in requests)


def test_a_plain_freeze_lets_the_gates_end_and_a_thaw_breaks_nothing_off(queued: Queued) -> None:
    looks = BreakOff(queued.rig)
    freeze(place_of(queued), "", actor="overseer")
    assert not looks()
    thaw(place_of(queued), actor="overseer")
    assert not looks()
    freeze(place_of(queued), "", actor="overseer", breaks_off=True)
    assert not BreakOff(queued.rig)(), "what begins after it is none of its business"
    assert looks()
    thaw(place_of(queued), actor="overseer")
    assert looks(), "what was broken off does not go on"
    junk = BreakOff(queued.rig)
    place_of(queued).file("freeze.json")
    with open(place_of(queued).file("freeze.json"), "w", encoding="utf-8") as file:
        file.write("half a fi")
    assert not junk()


def test_what_is_being_pushed_lands_though_a_freeze_breaks_off(queued: Queued) -> None:
    queued.gate()
    [request] = queued.hand_in_many(1)

    def at(point: str) -> None:
        if point == "before push":
            freeze(place_of(queued), "", actor="overseer", breaks_off=True)

    [result] = queued.process(at=at)
    assert result.merged == (request.id,) and queued.merged() == [request.id]
    assert queued.request(request.id).status == "closed" and queued.state().phase == HELD


def test_a_push_that_a_kill_cut_off_is_finished_though_it_is_frozen_now(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)

    class Killed(BaseException):
        pass

    def at(point: str) -> None:
        if point == "after push":
            raise Killed

    with pytest.raises(Killed):
        queued.process(at=at)
    freeze(place_of(queued), "", actor="overseer")
    assert queued.process() == []
    assert queued.request(request.id).close_reason == "merged" and not queued.leftovers()


def test_a_freeze_ends_by_itself_and_the_engine_wakes_then(queued: Queued) -> None:
    queued.gate()
    queued.hand_in({"a": "1"})
    clock = FixedClock(SYSTEM_CLOCK.now())
    place = Refinery(queued.root, "shop", clock=clock)
    until = float(int(clock.now())) + 600
    freeze(place, "", actor="overseer", until=until)
    assert queued.process(clock=clock) == [] and next_wake(queued.root, "shop", clock=clock) == until
    clock.advance(601)
    assert frozen(place) is None
    [result] = queued.process(clock=clock)
    assert result.merged


def test_a_freeze_file_that_cannot_be_read_holds_until_a_person_thaws(queued: Queued) -> None:
    queued.hand_in({"a": "1"})
    place = place_of(queued)
    with open(place.file("freeze.json"), "w") as out:
        out.write("[[[")
    assert queued.process() == []
    thaw(place, actor="overseer")
    assert queued.process()


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "now", "end"),
    [
        ("fri 16:00-mon 08:00", "2026-11-27T15:59", ""),
        ("fri 16:00-mon 08:00", "2026-11-27T16:00", "2026-11-30T08:00"),
        ("Fri 16:00 - Mon 08:00", "2026-11-29T23:59", "2026-11-30T08:00"),
        ("fri 16:00-mon 08:00", "2026-11-30T08:00", ""),
        ("22:00-06:00", "2026-11-27T23:00", "2026-11-28T06:00"),
        ("22:00-06:00", "2026-11-27T05:59", "2026-11-27T06:00"),
        ("22:00-06:00", "2026-11-27T12:00", ""),
        ("sat 00:00-sat 24:00", "2026-11-28T12:00", "2026-11-29T00:00"),
        # the clocks go back in that night
        ("sat 12:00-mon 08:00", "2026-10-24T13:00", "2026-10-26T08:00"),
    ],
)
def test_the_hours_of_the_settings_are_local_and_end_on_time(berlin: None, text: str, now: str, end: str) -> None:
    window = read_window(text)
    assert window is not None
    wanted = datetime.fromisoformat(end).timestamp() if end else 0.0
    assert window.ends(datetime.fromisoformat(now).timestamp()) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "fri", "fri 16:00", "fri 16:00-08:00", "25:00-26:00", "16-18", "16:00-16:00", "xyz 16:00-mon 08:00", "-"],
)
def test_hours_that_are_none_are_refused(queued: Queued, text: str) -> None:
    assert read_window(text) is None
    queued.settings(freeze=[text])
    with pytest.raises(SettingsError, match="merge_queue.freeze"):
        queued.process()


def test_a_thaw_inside_the_hours_of_the_settings_lasts_until_those_end(queued: Queued) -> None:
    request = queued.hand_in({"a": "1"})
    clock = FixedClock(datetime(2026, 11, 25, 12, 0).timestamp())
    queued.settings(freeze=["wed 08:00-wed 18:00"])
    place = Refinery(queued.root, "shop", clock=clock)
    assert queued.process(clock=clock) == []
    thaw(place, actor="overseer")
    assert frozen(place) is None
    [result] = queued.process(clock=clock)
    assert result.merged == (request.id,)
    clock.advance(7 * 86400)
    assert frozen(place) is not None and not os.path.exists(place.file("hold-main.json"))


def test_the_engine_is_due_at_the_end_of_a_freeze_that_it_has_told_of(queued: Queued) -> None:
    duty = refinery_of(queued.root, "shop")
    shift = Shift(queued.root, SYSTEM_CLOCK, lambda: False)
    assert duty.due is not None and duty.due(shift) is None
    queued.hand_in({"a": "1"})
    until = freeze(place_of(queued), "x", actor="overseer", until=float(int(SYSTEM_CLOCK.now())) + 600).until
    queued.process()
    assert duty.due(shift) == pytest.approx(until, abs=1.0)
    thaw(place_of(queued), actor="overseer")
    assert duty.due(shift) is None


@pytest.mark.parametrize(
    ("text", "now", "begin"),
    [
        ("22:00-06:00", "2026-11-25T12:00:30", "2026-11-25T22:00"),
        ("22:00-06:00", "2026-11-25T22:00:00", "2026-11-26T22:00"),
        ("fri 16:00-mon 08:00", "2026-11-28T09:00", "2026-12-04T16:00"),
        ("fri 16:00-mon 08:00", "2026-11-27T15:59:59", "2026-11-27T16:00"),
    ],
)
def test_the_engine_is_due_when_the_hours_of_the_settings_begin(
    queued: Queued, berlin: None, text: str, now: str, begin: str
) -> None:
    queued.settings(freeze=["00:00-00:01", text])
    clock = FixedClock(datetime.fromisoformat(now).timestamp())
    window = read_window(text)
    assert window is not None and window.begins(clock.now()) == datetime.fromisoformat(begin).timestamp()
    due = refinery_of(queued.root, "shop").due
    assert due is not None
    moment = due(Shift(queued.root, clock, lambda: False))
    assert moment is not None and clock.now() < moment <= window.begins(clock.now())
    was_frozen = frozen(Refinery(queued.root, "shop", clock=clock)) is not None
    clock.advance(moment - clock.now())
    queued.process(clock=clock)
    assert was_frozen == (frozen(Refinery(queued.root, "shop", clock=clock)) is None), "it changes just then"
    assert was_frozen or queued.state().hold_kind == "frozen"


def test_a_freeze_that_begins_in_the_hour_that_comes_twice_goes_on_through_its_second_time(
    queued: Queued, berlin: None
) -> None:
    queued.settings(freeze=["02:30-04:00"])
    window = read_window("02:30-04:00")
    first, end = datetime(2026, 10, 25, 2, 30).timestamp(), datetime(2026, 10, 25, 4).timestamp()
    assert window is not None and end - first == 2.5 * 3600
    for later in range(0, int(end - first), 600):
        holds = frozen(Refinery(queued.root, "shop", clock=FixedClock(first + later)))
        assert holds is not None and holds.until == end
        assert window.begins(first + later) == datetime(2026, 10, 26, 2, 30).timestamp()
    assert window.begins(first - 1) == first and not window.ends(first - 1) and not window.ends(end)
