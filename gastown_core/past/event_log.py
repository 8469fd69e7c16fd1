"""The whole event log for looking back: when each event was, and any event again by its number.

The file stays open: what retention takes away meanwhile can still be read here.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right

from gastown_core.events.log import SHOWN, log_path, parse_event
from gastown_core.files import system
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import bulk_decoder
from gastown_core.model.town_event import TownEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


SKEW_S = 60.0
"""An event may be so much later than the file's last change before its clock is not believed."""


class EventLog:
    """The events of a town in the order of the log; an event's number is its place there."""

    def __init__(self, root: str) -> None:
        self.moments = array("d")
        self.shown = array("b")
        self._offsets = array("q")
        self._lengths = array("l")
        self._decode = bulk_decoder()
        self._fd = -1
        self._path = log_path(root)

    def read(self) -> Iterator[tuple[int, TownEvent]]:
        """Yield each event with its number, oldest first; junk lines are passed over. Raises OSError."""
        try:
            self._fd = open_plain(self._path)
        except FileNotFoundError:
            return
        latest, end = 0.0, os.fstat(self._fd).st_mtime + SKEW_S
        with open(self._fd, "rb", closefd=False) as handle:
            offset = 0
            for line in handle:
                event = parse_event(line, offset, self._decode) if line.endswith(b"\n") else None
                if event is not None:
                    # a line out of order, or from a clock that is ahead, counts as of its neighbour
                    latest = max(latest, event.ts) if event.ts <= end else latest
                    self.moments.append(latest)
                    self.shown.append(event.visibility in SHOWN)
                    self._offsets.append(offset)
                    self._lengths.append(len(line))
                    yield len(self._offsets) - 1, event._replace(ts=latest)
                offset += len(line)

    def event(self, number: int) -> TownEvent:
        """Return an event again. Raises IndexError, OSError."""
        line = system.read_at(self._fd, self._lengths[number], self._offsets[number])
        event = parse_event(line, self._offsets[number], self._decode)
        if event is None:
            raise OSError(f"line {number} of {self._path} has changed")
        return event._replace(ts=self.moments[number])

    def before(self, moment: float) -> int:
        """Return how many events there were up to a moment, its own included."""
        return bisect_right(self.moments, moment)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
