"""The events panel: newest at the top, parsed only where visible.

At the top it follows new events.  Scrolled away, the visible rows stay in place while new ones are added above; paused,
new rows are held back.  The frame counts the new rows that have not been seen.
"""

from __future__ import annotations

import time

from textual.message import Message

from gastown_core.model.address import OTHER
from gastown_core.model.record import Record
from gastown_core.state.rows import NO_FILTER, describe_filter
from gastown_core.state.stream import StreamView
from gastown_tui.rowtext import stamp_of, trouble_text
from gastown_tui.text import cells, clean, cut, fit, glyph
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.state.rows import EventFilter, EventRow
    from gastown_core.state.stream import EventStream
    from gastown_tui.text import Piece, Pieces

GLOW_ROWS = 3
SEARCH_SLICE = 3000
NEAR = 100
"""So many rows around a moment are searched for an event."""


def event_pieces(row: EventRow, now: float, width: int, ascii_only: bool) -> Pieces:
    """Return an event's row: local time, symbol, actor, sentence; if narrow, without seconds and the actor's rig."""
    stamp = stamp_of(row.ts, now, is_long=width >= 64)
    symbol = fit(row.ascii if ascii_only else row.symbol, 2)
    actor = row.actor
    long = width >= 64
    room = 16 if width >= 84 else 14 if long else 9
    # keep the sentences aligned
    room = max(4, room - max(0, len(stamp) - (8 if long else 5)))
    pieces: list[Piece] = [(stamp + "  ", "dim"), (symbol + " ", row.tone)]
    name = clean(actor.label)
    rig = clean(actor.rig)
    if actor.rig and actor.role != OTHER and long:
        rig = cut(rig, max(3, room - cells(name) - 1))
        pieces += [(rig + "/", "dim"), (fit(name, room - cells(rig) - 1) + " ", "bright")]
    else:
        pieces.append((fit(name, room) + " ", "bright" if actor.role != OTHER else "text"))
    pieces.append((clean(row.text), row.tone if row.tone == "bad" else "text"))
    return tuple(pieces)


class EventKey(Record):
    """The key of an event's row; the serial number is valid in its generation only."""

    generation: int
    serial: int


class EventPanel(Rows):
    """The events panel; the keys of its rows are EventKeys."""

    class SearchEnded(Message):
        """A background search found a match, or reached the end of history without one."""

        def __init__(self, *, is_found: bool) -> None:
            super().__init__()
            self.is_found = is_found

    def __init__(self) -> None:
        super().__init__(id="events", number="3", title="Events")
        self.view: StreamView | None = None
        self.wanted: EventFilter = NO_FILTER
        self.is_paused = False
        self.held = 0
        self.missed = 0
        self.now = 0.0
        self.glow_until = 0.0
        self._glow_from = 0
        self._scan = 0
        self._shown: dict[tuple[object, ...], Pieces] = {}

    # the stream

    def open(self, stream: EventStream, wanted: EventFilter, now: float) -> None:
        """Show a stream through a filter."""
        self.wanted = wanted
        self.now = now
        self.view = StreamView(stream, wanted)
        self.held = self.missed = self.top = 0
        self.cursor = 0 if len(self.view) else -1
        self.key = self.row_at(0).key if len(self.view) else None
        self._shown.clear()
        self._tell()
        self.redraw()
        self.post_message(self.SelectionMoved(self))

    def came(self, now: float, *, reset: bool = False) -> None:
        """Take the events that arrived since the last call."""
        view = self.view
        if view is None:
            return
        self.now = now
        if reset or view.generation != view.stream.generation:
            self.open(view.stream, self.wanted, now)
            return
        fresh = view.catch_up()
        if fresh and self.is_following:
            self.cursor = 0
            self.key = self.row_at(0).key
            self.post_message(self.SelectionMoved(self))
            self._glow(fresh, now)
        elif fresh and self.is_paused:
            self.held += fresh
            self.missed += fresh
        elif fresh:
            self.top = min(self.top + fresh, max(0, self.count() - self.body_height))
            self.cursor += fresh
            self.missed = min(self.missed + fresh, self.top)
        if fresh:
            self._tell()
            self.redraw()

    def _glow(self, fresh: int, now: float) -> None:
        if fresh <= GLOW_ROWS:
            self.glow_until = now + 1.0
            self._glow_from = self._serial(0) - fresh + 1

    @property
    def is_following(self) -> bool:
        """Whether the panel is at the newest row and not paused."""
        return self.top == 0 and self.cursor <= 0 and not self.is_paused

    def pause(self) -> bool:
        """Pause the stream, or resume it at the top; return whether it is paused now."""
        self.is_paused = not self.is_paused
        if not self.is_paused:
            self.held = 0
            self.go_top()
        self._tell()
        self.redraw()
        return self.is_paused

    def show(self, snapshot: TownSnapshot, now: float) -> None:
        """Take the state of the event source, and the time."""
        self.now = now
        before = (self.trouble, self.note, self.glow_until)
        self.trouble = trouble_text(snapshot.source_error("events"), now)
        if self.glow_until and now >= self.glow_until:
            self.glow_until = 0.0
        self._tell()
        if before != (self.trouble, self.note, self.glow_until):
            self.redraw()

    def _tell(self) -> None:
        view = self.view
        if view is None:
            return
        count = len(view)
        more = "" if view.exhausted else "+"
        words = clean(describe_filter(self.wanted, self.now))
        self.note = f"filter: {words}   {count:,}{more}".replace(",", " ")
        filtered = self.wanted != NO_FILTER
        self.note_tone = "accent" if filtered else "dim"
        self.empty_text = (
            "No matching events. Esc clears the filter."
            if filtered
            else "No events yet. This panel shows .events.jsonl."
        )
        told: Pieces = ((f"{words}: ", "accent"),) if filtered else ()
        if count:
            room = max(20, self.size.width - 14 - (cells(words) + 2 if filtered else 0))
            self.summary = (*told, *event_pieces(self._event(0), self.now, room, self.look.ascii_only))
        else:
            self.summary = (*told, ("nothing yet", "dim"))

    def note_pieces(self) -> Pieces:
        """New rows while paused or scrolled away, then the filter and the number of rows."""
        base = super().note_pieces()
        ascii_only = self.look.ascii_only
        if self.is_paused:
            more = f" +{self.missed} new" if self.missed else ""
            return ((f" {glyph('pause', ascii_only)} paused{more} ", "badge"), ("  ", "text"), *base)
        if self.missed:
            return ((f" {glyph('new', ascii_only)} +{self.missed} new ", "badge"), ("  ", "text"), *base)
        return base

    # rows on demand

    def count(self) -> int:
        """The number of rows that pass the filter, without held ones."""
        return len(self.view) - self.held if self.view is not None else 0

    def _serial(self, index: int) -> int:
        assert self.view is not None
        return self.view.serial(len(self.view) - 1 - self.held - index)

    def _event(self, index: int) -> EventRow:
        assert self.view is not None
        return self.view.row(len(self.view) - 1 - self.held - index)

    def row_at(self, index: int) -> Row:
        """Return the row at an index; 0 is the newest."""
        assert self.view is not None
        key = EventKey(self.view.generation, self._serial(index))
        width = max(20, self.size.width - 4)
        place = (key, width, self.look.ascii_only, time.localtime(self.now)[:3])
        pieces = self._shown.get(place)
        if pieces is None:
            if len(self._shown) > 2000:
                self._shown.clear()
            pieces = self._shown[place] = event_pieces(self._event(index), self.now, width, self.look.ascii_only)
        return Row(key, pieces)

    def find_key(self, key: Hashable) -> int:
        """Return the index of a key, -1 if there is none."""
        view = self.view
        if view is None or not isinstance(key, EventKey) or key.generation != view.generation:
            return -1
        position = view.position(key.serial)
        if 0 <= position < len(view) and view.serial(position) == key.serial:
            return len(view) - 1 - self.held - position
        return -1

    def selected(self) -> tuple[int, EventRow] | None:
        """Return (serial, row) of the selected event."""
        if self.view is None or not 0 <= self.cursor < self.count():
            return None
        return self._serial(self.cursor), self._event(self.cursor)

    def ground_of(self, index: int, row: Row) -> str:
        """Return the background of the cursor or of a new row; an unfocused panel that follows shows no cursor."""
        ground = super().ground_of(index, row)
        if ground == "resting" and self.is_following:
            ground = ""
        if not ground and self.glow_until > self.now and self._serial(index) >= self._glow_from:
            return "glow"
        return ground

    def on_resize(self) -> None:
        """Remake the rows for the new width."""
        self._shown.clear()
        self._tell()
        super().on_resize()

    # moving; history is loaded on demand

    def _go(self, index: int) -> None:
        super()._go(index)
        self._arrived()

    def scroll_rows(self, step: int) -> None:
        """Scroll the view; near the end load older history."""
        super().scroll_rows(step)
        self._arrived()

    def go_to_event(self, at: float, kind: str) -> bool:
        """Go to the event of a type at a moment, loading history as needed; return whether it is there."""
        view = self.view
        if view is None:
            return False
        while not view.exhausted and (not self.count() or self._event(self.count() - 1).ts > at):
            view.load_older()
        low, high = 0, self.count()
        while low < high:
            middle = (low + high) // 2
            if self._event(middle).ts > at:
                low = middle + 1
            else:
                high = middle
        # several processes write the log: events of one moment may be a little out of order
        for index in range(max(0, low - NEAR), min(self.count(), low + NEAR)):
            row = self._event(index)
            if row.ts == at and row.type == kind:
                self._go(index)
                return True
        return False

    def go_top(self) -> None:
        """Go to the newest row and follow."""
        super().go_top()
        self._arrived()
        self.redraw()

    def go_bottom(self) -> None:
        """Go to the oldest row that is loaded."""
        super().go_bottom()
        self._arrived()

    def _arrived(self) -> None:
        view = self.view
        if view is None:
            return
        if self.top + 2 * max(1, self.body_height) > self.count() and not view.exhausted:
            view.load_older()
        if not self.is_paused:
            self.missed = min(self.missed, self.top)
        self._tell()
        self.redraw()

    # search, in slices: history may be long

    def search(self, needle: str, step: int = 0) -> tuple[int, int]:
        """Search as in other panels; matches are not counted: a total of -1 means that there may be more."""
        self.needle = needle.lower()
        self._scan += 1
        if not self.needle or self.view is None:
            self.redraw()
            return (0, 0)
        start = max(0, self.cursor) + (1 if step > 0 else -1 if step < 0 else 0)
        self.redraw()
        return self._look(start, -1 if step < 0 else 1, self._scan)

    def _look(self, start: int, direction: int, scan: int, is_first: bool = True) -> tuple[int, int]:
        view = self.view
        if view is None or scan != self._scan:
            return (0, 0)
        index = start
        for _ in range(SEARCH_SLICE):
            is_more = index >= self.count() and direction > 0 and not view.exhausted
            if is_more and not view.load_older():
                # the filter passes nothing of this chunk; the next slice searches the chunk before it
                break
            if not 0 <= index < self.count():
                self._settle_search(is_found=False, is_first=is_first)
                return (0, 0)
            if self.needle in _searched(self._event(index)):
                self._go(index)
                self._settle_search(is_found=True, is_first=is_first)
                return (1, -1)
            index += direction
        self.call_later(self._look, index, direction, scan, False)
        return (0, -1)

    def _settle_search(self, *, is_found: bool, is_first: bool) -> None:
        """Report the end of a search that took more than one slice; the first slice returns its result."""
        if not is_first:
            self.post_message(self.SearchEnded(is_found=is_found))


def _searched(row: EventRow) -> str:
    return f"{row.actor.rig}/{row.actor.label} {row.text}".lower()
