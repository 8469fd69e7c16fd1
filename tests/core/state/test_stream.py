"""The stream: rows on demand, stable serials, filters, and a log that is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.events.log import append_event, parse_event
from gastown_core.files.tail import Tailer
from gastown_core.model.address import Address
from gastown_core.state.facts import Roster
from gastown_core.state.rows import EventFilter
from gastown_core.state.stream import EventStream, StreamView

NOW = 1_772_445_000.0
ROSTER = Roster({"shop": "sh"}, {"shop/ana": Address("crew", "shop", "ana")})


def fill(root: Path, count: int, start: int = 0) -> None:
    for n in range(start, start + count):
        kind = ("sling", "done", "mail")[n % 3]
        append_event(str(root), kind, "shop/opal", {"bead": f"sh-{n}", "pad": "x" * 80}, clock=FixedClock(NOW + n))


def opened(root: Path) -> EventStream:
    stream = EventStream(str(root), ROSTER)
    stream.open()
    return stream


def test_an_empty_town_has_an_empty_stream(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    assert (stream.first, stream.end) == (0, 0)
    assert len(StreamView(stream)) == 0


def test_history_comes_in_front_without_moving_a_serial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gastown_core.state.stream.FIRST_BYTES", 2000)
    fill(tmp_path, 300)
    stream = opened(tmp_path)
    newest = stream.row(stream.end - 1)
    known = stream.end - stream.first
    assert known < 300
    while stream.load_older(3000):
        pass
    assert stream.end - stream.first == 300
    assert stream.row(stream.end - 1) == newest
    assert [stream.row(s).bead for s in range(stream.first, stream.end)] == [f"sh-{n}" for n in range(300)]
    assert stream.at_beginning
    with pytest.raises(IndexError):
        stream.row(stream.first - 1)


def test_fresh_events_come_at_the_end_and_audit_stays_out(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    stream = EventStream(str(tmp_path), ROSTER)
    tail = Tailer(stream.path, offset=stream.open())
    append_event(str(tmp_path), "mail", "mayor", {}, visibility="audit")
    fill(tmp_path, 1, start=2)
    added = [stream.add_logged(e) for at, line in tail.read().lines if (e := parse_event(line, at)) is not None]
    assert added == [False, True]
    assert stream.row(stream.end - 1).bead == "sh-2"
    assert opened(tmp_path).end == 3


def test_a_row_longer_than_the_first_guess_is_read_whole(tmp_path: Path) -> None:
    append_event(str(tmp_path), "mail", "mayor", {"to": "x", "subject": "é" * 20_000})
    stream = opened(tmp_path)
    assert stream.row(0).text.endswith("é" * 20_000)
    assert stream.raw(0)["payload"]["to"] == "x"


def test_a_filter_sees_old_and_new_rows_alike(tmp_path: Path) -> None:
    fill(tmp_path, 30)
    stream = EventStream(str(tmp_path), ROSTER)
    tail = Tailer(stream.path, offset=stream.open())
    view = StreamView(stream, EventFilter(type="done"))
    assert len(view) == 10
    fill(tmp_path, 3, start=30)
    for at, line in tail.read().lines:
        event = parse_event(line, at)
        assert event is not None
        stream.add_logged(event)
    assert view.catch_up() == 1
    assert view.row(len(view) - 1).bead == "sh-31"
    assert view.position(view.serial(4)) == 4


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (EventFilter(rig="shop"), 30),
        (EventFilter(rig="nowhere"), 0),
        (EventFilter(role="polecat", category="work"), 20),
        (EventFilter(category="comms"), 10),
        (EventFilter(text="SH-29"), 1),
        (EventFilter(since=NOW + 20), 10),
        (EventFilter(agent="shop/polecats/opal"), 30),
        (EventFilter(bead="sh-7"), 1),
    ],
)
def test_each_field_of_a_filter(tmp_path: Path, wanted: EventFilter, count: int) -> None:
    fill(tmp_path, 30)
    assert len(StreamView(opened(tmp_path), wanted)) == count


def test_a_filter_reaches_further_back_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gastown_core.state.stream.FIRST_BYTES", 1000)
    fill(tmp_path, 200)
    view = StreamView(opened(tmp_path), EventFilter(bead="sh-3"), look_at=20)
    assert len(view) == 0
    for _ in range(40):
        if view.load_older(20):
            break
    assert view.row(0).bead == "sh-3"


def test_a_replaced_log_begins_a_new_generation_that_views_follow(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    stream = opened(tmp_path)
    view = StreamView(stream)
    os.rename(tmp_path / ".events.jsonl", tmp_path / "old")
    fill(tmp_path, 3, start=50)
    stream.open()
    view.catch_up()
    assert [view.row(n).bead for n in range(len(view))] == ["sh-50", "sh-51", "sh-52"]


def test_a_line_that_merely_holds_the_word_audit_stays_a_row_when_the_log_is_opened_again(tmp_path: Path) -> None:
    append_event(str(tmp_path), "mail", "shop/opal", {"subject": "audit", "to": "mayor"}, clock=FixedClock(NOW))
    append_event(str(tmp_path), "mail", "shop/opal", {"to": "x"}, visibility="audit", clock=FixedClock(NOW))
    stream = opened(tmp_path)
    assert [stream.raw(serial)["payload"].get("subject") for serial in range(stream.first, stream.end)] == ["audit"]


def test_a_log_that_cannot_be_opened_anew_leaves_the_rows(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    stream = opened(tmp_path)
    os.rename(tmp_path / ".events.jsonl", tmp_path / "kept")
    (tmp_path / ".events.jsonl").mkdir()
    with pytest.raises(IsADirectoryError):
        stream.open()
    assert stream.end == 5 and stream.row(0).bead == "sh-0"
