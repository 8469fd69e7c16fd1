"""The only reader of time, and the two ways time is written down.

Inside the programme a moment is a float of Unix seconds and a span a float of seconds; text appears only at
the edges.  Formats: RFC 3339 in UTC, whole seconds for the event log (as the Go tools write it), microseconds
for beads.
"""

from __future__ import annotations

import re
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import UTC, datetime
    from typing import Protocol
else:
    try:
        # the module around it first makes all its classes in Python too (until 3.12), 1.3 ms of every command
        from _datetime import UTC, datetime
    except ImportError:
        from datetime import UTC, datetime

    Protocol = object


class Clock(Protocol):
    """Where the time comes from; tests hand in a clock that they set."""

    def now(self) -> float:
        """Unix seconds, with a fraction."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Unix seconds, with a fraction."""
        return time.time()  # noqa: TID251  the one place that may


class FixedClock:
    """A clock that stands still until it is moved (for tests and replays)."""

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        """The moment it was last set to."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Move the clock forward by ``seconds``."""
        self.at += seconds


SYSTEM_CLOCK: Clock = SystemClock()


def format_seconds(moment: float) -> str:
    """RFC 3339 in UTC with whole seconds: ``2026-03-02T10:14:07Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def format_micros(moment: float) -> str:
    """RFC 3339 in UTC with microseconds: ``2026-03-02T10:14:07.123456Z``."""
    whole = int(moment)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((moment - whole) * 1e6):06d}Z"


def parse_moment(text: object) -> float | None:
    """Unix seconds of an RFC 3339 or zone-less ISO text (taken as UTC); None if it is neither, or year 1."""
    if not isinstance(text, str) or len(text) < 10:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year < 1970:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def local_moment(text: str, *, ends_day: bool = False) -> float | None:
    """Unix seconds of what a person writes: without a zone it is the person's own time; None if it is no moment.

    A bare date is the beginning of that day, with ``ends_day`` its last second.
    """
    moment = parse_moment(text)
    if moment is None or has_zone(text):
        return moment
    own = datetime.fromisoformat(text)
    if len(text) == 10 and ends_day:
        own = own.replace(hour=23, minute=59, second=59)
    return own.timestamp()


def has_zone(text: str) -> bool:
    """Whether the text of a moment names its zone."""
    return datetime.fromisoformat(text).tzinfo is not None


def today(now: float, days: int = 0) -> str:
    """The date of the person's day, or of one so many days later: ``2026-03-02``."""
    noon = time.localtime(now)[:3]
    return datetime.fromtimestamp(time.mktime((noon[0], noon[1], noon[2] + days, 12, 0, 0, 0, 0, -1))).strftime(
        "%Y-%m-%d"
    )


def format_local(moment: float) -> str:
    """A moment as a person reads it, in the person's own time: ``Thu 26 Nov 2026 14:30``; a day's last second is the day."""
    own = time.localtime(moment)
    day = time.strftime("%a %d %b %Y", own)
    return day if own[3:6] in ((23, 59, 59), (0, 0, 0)) else f"{day} {time.strftime('%H:%M', own)}"


LEAST_NANOSECONDS = 1_000_000
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)"


def parse_duration(text: object) -> float | None:
    """Seconds of ``90s``, ``1h30m``, ``7d``, ``2w``; None if it is no duration.

    A bare number is what a person means by one, seconds; from a million on it is nanoseconds, as Go writes durations
    (a millisecond and more, where a person's seconds would be more than eleven days).
    """
    if isinstance(text, bool):
        return None
    if isinstance(text, int | float):
        return text / 1e9 if text >= LEAST_NANOSECONDS else float(text) if text >= 0 else None
    if not isinstance(text, str) or not text:
        return None
    total, end = 0.0, 0
    for match in re.finditer(_PART, text):
        if match.start() != end:
            return None
        total += float(match[1]) * _UNITS[match[2]]
        end = match.end()
    return total if end == len(text) else None


def backoff(first_s: float, failures: int, longest_s: float) -> float:
    """How long to rest after so many failures in a row: ``first_s``, doubled with each further one up to the longest."""
    # more doublings than these pass any limit, and a float in the end
    return min(first_s * 2.0 ** min(max(failures - 1, 0), 60), longest_s)


def format_age(seconds: float) -> str:
    """A span in at most four cells: ``3s``, ``17m``, ``5h``, ``12d``; less than a second is ``now``."""
    if seconds < 1:
        return "now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def format_ago(seconds: float) -> str:
    """How long ago something was, in words: ``3s ago``; less than a second, or still ahead, is ``just now``."""
    return f"{format_age(seconds)} ago" if seconds >= 1 else "just now"


def format_span(seconds: float) -> str:
    """A span in words, as a sentence takes it: ``45s``, ``17m``, ``2h05m``, ``3d4h``."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{int(max(0.0, seconds))}s"
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 24 * 60:
        return f"{minutes // 60}h{minutes % 60:02d}m"
    return f"{minutes // 1440}d{minutes % 1440 // 60}h"
