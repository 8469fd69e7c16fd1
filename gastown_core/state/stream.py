"""The stream of events as rows on demand: offsets into the log, parsed only when a row is looked at.

Rows have *serials*, stable numbers that grow towards the newest; loading older history makes ``first`` smaller
and moves nothing.  Eight bytes a row, whatever the log's size; rows that the ledger gave live beside them.  When
the log is replaced (retention) the rows are read anew under a new ``generation``.
"""

from __future__ import annotations

import os
from array import array
from collections import OrderedDict

from gastown_core.events.log import SHOWN, log_path, parse_event
from gastown_core.files import system
from gastown_core.files.jsonl import lines_backward
from gastown_core.files.plain import open_plain
from gastown_core.model.address import OTHER, Address
from gastown_core.model.event import INFO, SYSTEM
from gastown_core.model.json_text import decode_json
from gastown_core.state.facts import Roster
from gastown_core.state.rows import NO_FILTER, EventFilter, EventRow, event_row, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.model.event import TownEvent

FIRST_BYTES = 64 * 1024
CACHE_ROWS = 1024
LINE_GUESS = 1024
_JUNK = EventRow(
    0.0, "junk", SYSTEM, INFO, "·", ".", Address(OTHER, "", "?"), "", "a line that cannot be read", "", "log"
)


class EventStream:
    """Rows of one town's stream, oldest first; see the module's text for serials and generations."""

    def __init__(self, root: str, roster: Roster) -> None:
        self.path = log_path(root)
        self.roster = roster
        self.generation = 0
        self._older: array[int] = array("q")
        self._newer: array[int] = array("q")
        self._extra: list[EventRow] = []
        self._cache: OrderedDict[int, EventRow] = OrderedDict()
        self._fd = -1
        self._start = 0
        self.at_beginning = True

    @property
    def first(self) -> int:
        """Serial of the oldest row known."""
        return -len(self._older)

    @property
    def end(self) -> int:
        """One past the serial of the newest row."""
        return len(self._newer)

    def open(self) -> int:
        """Read the newest block of the log; returns the offset from which a tailer goes on.

        Raises OSError if something stands there that cannot be opened; the rows are then as before.
        """
        try:
            fresh = open_plain(self.path)
        except FileNotFoundError:
            fresh = -1
        self.close()
        self.generation += 1
        self._older, self._newer = array("q"), array("q")
        self._extra.clear()
        self._cache.clear()
        self._fd = fresh
        if fresh < 0:
            self._start = 0
            self.at_beginning = True
            return 0
        size = os.fstat(self._fd).st_size
        tail = self._complete_end(size)
        self._start = tail
        self.at_beginning = tail == 0
        self.load_older(FIRST_BYTES)
        self._newer = array("q", reversed(self._older))
        self._older = array("q")
        return tail

    def _complete_end(self, size: int) -> int:
        """Where the last complete line ends."""
        position = size
        while position > 0:
            start = max(0, position - FIRST_BYTES)
            newline = system.read_at(self._fd, position - start, start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            position = start
        return 0

    def close(self) -> None:
        """Let go of the log."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def load_older(self, byte_count: int = 1 << 20) -> int:
        """Index about ``byte_count`` more bytes of history; returns how many rows came in front."""
        before = len(self._older)
        floor = max(0, self._start - byte_count)
        if self._start <= 0 or self._fd < 0:
            self.at_beginning = True
            return 0
        reached = self._start
        for offset, line in lines_backward(self.path, end=self._start):
            reached = offset
            if b'"audit"' not in line or _is_shown(line, offset):
                self._older.append(offset)
            if offset <= floor:
                break
        else:
            reached = 0
        self._start = reached
        self.at_beginning = reached <= 0
        return len(self._older) - before

    def add_logged(self, event: TownEvent) -> bool:
        """A fresh event at the end; audit events have no row."""
        if event.visibility not in SHOWN:
            return False
        self._newer.append(event.offset)
        self._remember(self.end - 1, event_row(event, self.roster))
        if self._fd < 0:
            self._fd = open_plain(self.path)
        return True

    def add_extra(self, row: EventRow) -> None:
        """A row that is not in the log (a change seen in the ledger)."""
        self._extra.append(row)
        self._newer.append(-len(self._extra))

    def row(self, serial: int) -> EventRow:
        """The row of a serial between ``first`` and ``end``. Raises IndexError outside."""
        cached = self._cache.get(serial)
        if cached is not None:
            return cached
        place = self._place(serial)
        if place < 0:
            return self._extra[-place - 1]
        event = parse_event(self._line(place), place)
        row = event_row(event, self.roster) if event is not None else _JUNK
        self._remember(serial, row)
        return row

    def raw(self, serial: int) -> dict[str, Any]:
        """The whole record behind a row, for the detail view."""
        place = self._place(serial)
        if place < 0:
            row = self._extra[-place - 1]
            return {"ts": row.ts, "type": row.type, "bead": row.bead, "text": row.text, "source": "ledger"}
        try:
            value = decode_json(self._line(place))
        except ValueError:
            return {"junk": self._line(place).decode("utf-8", "replace")}
        return value if isinstance(value, dict) else {"value": value}

    def _place(self, serial: int) -> int:
        if serial >= 0:
            return self._newer[serial]
        if serial < -len(self._older):
            raise IndexError(serial)
        return self._older[-serial - 1]

    def _line(self, offset: int) -> bytes:
        size = LINE_GUESS
        while True:
            data = system.read_at(self._fd, size, offset)
            newline = data.find(b"\n")
            if newline >= 0:
                return data[:newline]
            if len(data) < size:
                return data
            size *= 8

    def _remember(self, serial: int, row: EventRow) -> None:
        self._cache[serial] = row
        if len(self._cache) > CACHE_ROWS:
            self._cache.popitem(last=False)


def _is_shown(line: bytes, offset: int) -> bool:
    """Whether a line that holds the word is no audit event for that: it is read to know."""
    event = parse_event(line, offset)
    return event is None or event.visibility in SHOWN


class StreamView:
    """The rows of a stream that pass a filter, by position 0 (oldest) to ``len - 1`` (newest).

    Without a filter it holds no list of its own.  With one it looks at history piece by piece: ``load_older``
    goes on where it stopped.
    """

    def __init__(self, stream: EventStream, wanted: EventFilter = NO_FILTER, *, look_at: int = 4000) -> None:
        self.stream = stream
        self.filter = wanted
        self._plain = wanted == NO_FILTER
        self._look_at = look_at
        self._begin()

    def _begin(self) -> None:
        self._older: array[int] = array("q")
        self._newer: array[int] = array("q")
        self._low = self._high = self.stream.end
        self.generation = self.stream.generation
        if not self._plain:
            self.load_older(self._look_at)

    def __len__(self) -> int:
        if self._plain:
            return self._high - self.stream.first
        return len(self._older) + len(self._newer)

    def serial(self, position: int) -> int:
        """The stream's serial of a position."""
        if self._plain:
            return self.stream.first + position
        count = len(self._older)
        return self._older[count - 1 - position] if position < count else self._newer[position - count]

    def position(self, serial: int) -> int:
        """The position of a serial, or of the next newer one that is in view."""
        if self._plain:
            return serial - self.stream.first
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.serial(middle) < serial:
                low = middle + 1
            else:
                high = middle
        return low

    def row(self, position: int) -> EventRow:
        """The row at a position."""
        return self.stream.row(self.serial(position))

    def catch_up(self) -> int:
        """Take in rows that came at the end; returns how many of them are in view."""
        if self.generation != self.stream.generation:
            self._begin()
            return len(self)
        fresh, self._high = range(self._high, self.stream.end), self.stream.end
        if self._plain:
            return len(fresh)
        hits = [serial for serial in fresh if matches(self.stream.row(serial), self.filter)]
        self._newer.extend(hits)
        return len(hits)

    def load_older(self, look_at: int = 4000) -> int:
        """Look at about ``look_at`` older rows; returns how many came into view in front."""
        if self._plain:
            return self.stream.load_older()
        before = len(self._older)
        floor = self._low - look_at
        while self._low > floor:
            if self._low <= self.stream.first and not self.stream.load_older():
                break
            self._low -= 1
            row = self.stream.row(self._low)
            if matches(row, self.filter):
                self._older.append(self._low)
            elif self.filter.since and row.ts and row.ts < self.filter.since - 3600:
                self._low = self.stream.first
                break
        return len(self._older) - before

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing older to look at."""
        return self.stream.at_beginning and (self._plain or self._low <= self.stream.first)
