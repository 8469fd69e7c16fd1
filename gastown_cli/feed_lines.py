"""The feed as lines: ``[HH:MM:SS] symbol actor message`` (with the date before today), or one JSON object a line; with or without following."""

from __future__ import annotations

import os
import sys
import time
from collections import deque

from gastown_cli import output, streams
from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import StoreError, words_of
from gastown_core.events.feed import feed_path
from gastown_core.events.log import SHOWN, log_path, newest_events, parse_event
from gastown_core.files.tail import Tailer
from gastown_core.model.event import describe
from gastown_core.state.collect import make_roster
from gastown_core.state.filter import EventFilter, EventRow, matches
from gastown_core.state.roster import Roster
from gastown_core.state.rows import event_row
from gastown_core.town.inventory import survey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gastown_core.events.curator import CuratedView
    from gastown_core.model.event import TownEvent

POLL_S = 0.1
ACTOR_WIDTH = 25
_TONES = {"good": ("green",), "done": ("green", "bold"), "bad": ("red",), "warn": ("yellow",), "info": ()}


def print_feed(
    root: str,
    wanted: EventFilter,
    *,
    limit: int,
    follow: bool,
    as_json: bool,
    curated: bool = False,
    for_s: float = 0.0,
) -> int:
    """Print the newest ``limit`` matching events, oldest first, then go on if ``follow`` (``for_s`` seconds; 0 no end).

    A missing log is an empty one.  Raises StoreError if something else stands in its place.
    """
    path = feed_path(root) if curated else log_path(root)
    roster = make_roster(survey(root))
    try:
        source: Tail | CuratedView = _curated_view(root) if curated else Tail(path)
        rows = _newest(path, source.end, roster, wanted, limit)
        if curated:
            rows += _chosen(source.fresh(), roster, wanted)
            rows = deque(rows, limit or None)
    except OSError as error:
        raise StoreError(f"cannot read {path}", error.strerror or str(error)) from error
    for event, row in rows:
        _write(event, row, as_json)
    if not rows and not follow and not as_json:
        output.note("no events" + ("" if os.path.exists(path) else f" yet: {path} is not there") + " that match")
    return _follow(source, roster, wanted, as_json, for_s) if follow else 0


class Tail:
    """The raw log from its present end on."""

    def __init__(self, path: str) -> None:
        self._tail = Tailer(path, offset=None)
        self.end = self._tail.offset

    def fresh(self) -> list[TownEvent]:
        """What was written since the last time. Raises OSError."""
        return [event for at, line in self._tail.read().lines if (event := parse_event(line, at)) is not None]


def _newest(path: str, end: int, roster: Roster, wanted: EventFilter, limit: int) -> deque[tuple[TownEvent, EventRow]]:
    """The newest ``limit`` matching events (0: all), oldest first."""
    rows: deque[tuple[TownEvent, EventRow]] = deque()
    for event in newest_events(path, end=end or None):
        if wanted.since and 0 < event.ts < wanted.since:
            break
        row = event_row(event, roster)
        if event.visibility in SHOWN and matches(row, wanted):
            rows.appendleft((event, row))
            if limit and len(rows) >= limit:
                break
    return rows


def _chosen(events: Iterable[TownEvent], roster: Roster, wanted: EventFilter) -> Iterator[tuple[TownEvent, EventRow]]:
    """Those that are shown and wanted, with their rows."""
    for event in events:
        if event.visibility not in SHOWN:
            continue
        row = event_row(event, roster)
        if matches(row, wanted):
            yield event, row


def _curated_view(root: str) -> CuratedView:
    from gastown_core.events.curator import CuratedView
    from gastown_core.events.feed import read_rules
    from gastown_core.town.settings import load_settings

    return CuratedView(root, read_rules(load_settings(root).value))


def _follow(source: Tail | CuratedView, roster: Roster, wanted: EventFilter, as_json: bool, for_s: float) -> int:
    streams.end_with_reader()
    end, trouble = time.monotonic() + for_s, ""
    while (not for_s or time.monotonic() < end) and not streams.reader_left():
        try:
            events, wrong = source.fresh(), ""
        except OSError as error:
            events, wrong = [], words_of(error)
        if wrong and wrong != trouble:
            output.note(f"the events cannot be read: {wrong}; waiting until they can")
        trouble = wrong
        for event, row in _chosen(events, roster, wanted):
            _write(event, row, as_json)
        sys.stdout.flush()
        time.sleep(POLL_S)
    return 0


def _write(event: TownEvent, row: EventRow, as_json: bool) -> None:
    if as_json:
        output.say_json_line(
            {
                "ts": format_seconds(event.ts),
                "type": event.type,
                "actor": event.actor,
                "rig": row.rig,
                "message": describe(event),
                "payload": dict(event.payload),
            }
        )
        return
    output.say(line_of(row))


def moment_of(ts: float, now: float) -> str:
    """Local time; with the date where that is not today's."""
    then = time.localtime(ts)
    is_today = then[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S", then)


def line_of(row: EventRow) -> str:
    """One plain line; local time, actor padded to 25 cells."""
    symbol = row.ascii if os.environ.get("GT_NO_EMOJI") else row.symbol
    who = output.clean(row.actor.short)
    pad = " " * max(0, ACTOR_WIDTH - output.cells(who))
    mark = symbol + " " * max(0, 2 - output.cells(symbol))
    when = moment_of(row.ts, SYSTEM_CLOCK.now()) if row.ts else "--:--:--"
    return f"[{when}] {output.style(mark, *_TONES[row.tone])} {who}{pad} {output.clean(row.text)}"
