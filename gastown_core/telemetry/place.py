"""How far a log has been read, and reading on from there, also after the log was rewritten.

A place is an offset and the marks of the lines before it.  While the line before the offset is still the last one that
was read, reading goes on at the offset.  Else the marks are looked for: retention drops old lines of the event log and
keeps the order of the others, and a merge may reword lines, so a mark is of a line's time and kind.  The spool is only
ever emptied: where its marks are gone, all of it is new.
"""

from __future__ import annotations

import os

from gastown_core.events.log import parse_event
from gastown_core.files import system
from gastown_core.files.jsonl import lines_backward
from gastown_core.files.plain import open_plain
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.model.town_event import TownEvent

MARKS = 40
AT_ONCE = 8 << 20
"""About so much is read at once."""
LOOK_BACK = 256 << 10
"""A longer line before the offset is looked for as after a rewrite."""


class Place(Record):
    """``marks`` are of the lines that end at ``offset``, the last one last; ``at`` is the greatest time read."""

    offset: int = 0
    marks: tuple[str, ...] = ()
    at: float = 0.0

    def as_json(self) -> list[object]:
        """Return it as a value that JSON can hold."""
        return [self.offset, list(self.marks), self.at]


def place_of(value: object) -> Place | None:
    """Return a place from JSON; None for anything else."""
    match value:
        case [int(offset), list(marks), int() | float() as at] if all(isinstance(one, str) for one in marks):
            return Place(offset, tuple(marks), float(at))
    return None


def end_of(path: str, *, is_spool: bool = False) -> Place:
    """Return the place behind the last complete line."""
    marks: list[str] = []
    end, at = 0, 0.0
    for offset, line in lines_backward(path):
        if not marks:
            end = offset + len(line) + 1
        at = max(at, _time_of(line))
        marks.append(_mark(line, is_spool))
        if len(marks) >= MARKS:
            break
    return Place(end, tuple(reversed(marks)), at)


def read_on(path: str, place: Place, *, is_spool: bool = False, limit: int = AT_ONCE) -> tuple[list[TownEvent], Place]:
    """Return the events behind ``place`` and the place behind them; junk lines are passed over. Raises OSError.

    They come in portions: call again until the place stays the same.
    """
    try:
        fd = open_plain(path)
    except (FileNotFoundError, NotADirectoryError):
        return [], place
    with open(fd, "rb") as handle:
        size = os.fstat(fd).st_size
        if size == place.offset and _stands(handle.fileno(), place, is_spool):
            return [], place
        here = (
            place if _stands(handle.fileno(), place, is_spool) else _found_again(handle.fileno(), size, place, is_spool)
        )
        handle.seek(here.offset)
        lines = handle.readlines(limit)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    events: list[TownEvent] = []
    end, latest = here.offset, here.at
    for line in lines:
        event = parse_event(line, end)
        end += len(line)
        if event is not None:
            events.append(event)
            latest = max(latest, event.ts)
    marks = (*here.marks, *(_mark(line, is_spool) for line in lines[-MARKS:]))[-MARKS:]
    return events, Place(end, marks, latest)


def _mark(line: bytes, is_spool: bool = False) -> str:
    """Return what tells a line from its neighbours: a digest of its time and kind; of all of it in the spool."""
    event = None if is_spool else parse_event(line)
    told = f"{event.ts:.3f} {event.type}".encode() if event is not None else line.rstrip(b"\n")
    return sha256(told).hex()[:12]


def _time_of(line: bytes) -> float:
    event = parse_event(line)
    return event.ts if event is not None else 0.0


def _stands(fd: int, place: Place, is_spool: bool) -> bool:
    """Return whether the last line that was read still ends at the offset."""
    if not place.marks:
        return place.offset == 0
    if os.fstat(fd).st_size < place.offset:
        return False
    start = max(0, place.offset - LOOK_BACK)
    before = system.read_at(fd, place.offset - start, start)
    if not before.endswith(b"\n"):
        return False
    return _mark(before[before.rfind(b"\n", 0, -1) + 1 :], is_spool) == place.marks[-1]


def _found_again(fd: int, size: int, place: Place, is_spool: bool) -> Place:
    """Return the place in a rewritten log: behind the longest run of known marks, else behind what is older."""
    with open(os.dup(fd), "rb") as handle:
        handle.seek(0)
        lines = handle.read(size).splitlines(keepends=True)
    marks = [_mark(line, is_spool) for line in lines if line.endswith(b"\n")]
    behind = _behind_run(marks, place.marks)
    if behind is None and is_spool:
        return Place(0, (), place.at)
    if behind is None:
        behind = next((number for number, line in enumerate(lines) if _time_of(line) > place.at), len(marks))
    return Place(sum(map(len, lines[:behind])), tuple(marks[max(0, behind - MARKS) : behind]), place.at)


def _behind_run(marks: Sequence[str], known: Sequence[str]) -> int | None:
    """Return the index behind the newest known mark that is left; of equal lines, the one with most known ones before it."""
    for depth in range(len(known) - 1, -1, -1):
        spots: Mapping[int, int] = {
            number: _run(marks, number, known, depth) for number, mark in enumerate(marks) if mark == known[depth]
        }
        if spots:
            return max(spots, key=lambda number: (spots[number], number)) + 1
    return None


def _run(marks: Sequence[str], number: int, known: Sequence[str], depth: int) -> int:
    """Return how many known marks stand, in their order, directly before and at ``number``."""
    length = 0
    while number >= length and depth >= length and marks[number - length] == known[depth - length]:
        length += 1
    return length
