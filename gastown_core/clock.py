"""The only reader of the clock, and the formats in which times are written.

Inside the program a moment is a float of Unix seconds and a span a float of seconds; text appears only at the edges.
Formats: RFC 3339 in UTC, with whole seconds in the event log (as the Go tools write it), microseconds in beads.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import UTC, datetime
    from typing import Protocol, TypeGuard
else:
    try:
        # until 3.12 the module datetime first defines all its classes in Python too, 1.3 ms of every command
        from _datetime import UTC, datetime
    except ImportError:
        from datetime import UTC, datetime

    Protocol = object


class Clock(Protocol):
    """A source of the time; tests pass a clock that they set."""

    def now(self) -> float:
        """Return Unix seconds, with a fraction."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return Unix seconds, with a fraction."""
        return time.time()  # noqa: TID251  the one place that may


class FixedClock:
    """A clock that moves only when told to (for tests and replays)."""

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        """Return the moment it was last set to."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Move the clock forward by ``seconds``."""
        self.at += seconds


SYSTEM_CLOCK: Clock = SystemClock()


EARLIEST, LATEST = -62135596800.0, 253402300799.0
"""The first second of year 1 and the last of year 9999; a file may hold any number as a moment."""


def format_seconds(moment: float) -> str:
    """RFC 3339 in UTC with whole seconds: ``2026-03-02T10:14:07Z``; a moment beyond the calendar is its first or last second."""
    # a NaN is compared as false, and becomes the last second
    known = moment if EARLIEST <= moment <= LATEST else EARLIEST if moment < EARLIEST else LATEST
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(known))


def format_micros(moment: float) -> str:
    """RFC 3339 in UTC with the nearest microsecond: ``2026-03-02T10:14:07.123456Z``; a parsed one comes out the same."""
    # cut instead of rounded, a moment that was read and written again would be a microsecond earlier each time
    whole, micros = divmod(round(moment * 1e6), 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{micros:06d}Z"


def parse_moment(text: object) -> float | None:
    """Return Unix seconds of an RFC 3339 or zone-less ISO text (taken as UTC); None if it is neither or before 1970."""
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


LATEST_S = 1e12
"""Later than any moment, in Unix seconds."""


def is_moment(value: object) -> TypeGuard[int | float]:
    """Whether a value that was read can be a time; a damaged one may have a number that no float holds."""
    return isinstance(value, (int, float)) and abs(value) < LATEST_S


def local_moment(text: str, *, ends_day: bool = False) -> float | None:
    """Return Unix seconds of a time a person wrote, in local time if it names no zone; None if it is not a time.

    A bare date means the start of that day, with ``ends_day`` its last second.
    """
    moment = parse_moment(text)
    if moment is None or has_zone(text):
        return moment
    own = datetime.fromisoformat(text)
    if len(text) == 10 and ends_day:
        own = own.replace(hour=23, minute=59, second=59)
    return own.timestamp()


def read_moment(text: str, now: float) -> float | None:
    """Return the moment that a person means by a time, a date, or a span back from ``now``; None if it is neither."""
    span = parse_duration(text)
    return max(0.0, now - span) if span is not None else local_moment(text)


def has_zone(text: str) -> bool:
    """Return whether an ISO text names its time zone; raises ValueError if it is not ISO."""
    return datetime.fromisoformat(text).tzinfo is not None


def today(now: float, days: int = 0) -> str:
    """Return the local date at ``now``, or ``days`` later: ``2026-03-02``."""
    noon = time.localtime(now)[:3]
    return datetime.fromtimestamp(time.mktime((noon[0], noon[1], noon[2] + days, 12, 0, 0, 0, 0, -1))).strftime(
        "%Y-%m-%d"
    )


def format_local(moment: float) -> str:
    """Return a moment in local time: ``Thu 26 Nov 2026 14:30``; for a day's first or last second only the date."""
    own = time.localtime(moment)
    day = time.strftime("%a %d %b %Y", own)
    return day if own[3:6] in ((23, 59, 59), (0, 0, 0)) else f"{day} {time.strftime('%H:%M', own)}"


LEAST_NANOSECONDS = 1_000_000
LONGEST_S = 292 * 365 * 86400.0
"""The longest span that Go can hold; a longer one is a mistake."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)"


def parse_duration(text: object) -> float | None:
    """Return the seconds of ``90s``, ``1h30m``, ``7d``, ``2w``; None if it is not a duration, or longer than 292 years.

    A bare number means seconds; from a million on it means nanoseconds, as Go writes durations (a millisecond or more,
    where the same number of seconds would exceed eleven days).
    """
    if isinstance(text, bool):
        return None
    if isinstance(text, int | float):
        return text / 1e9 if text >= LEAST_NANOSECONDS else float(text) if text >= 0 else None
    if not isinstance(text, str) or not text:
        return None
    number = text.rstrip("".join(_UNITS))
    if number.isdecimal() and text[len(number) :] in _UNITS:
        return _bounded(float(number) * _UNITS[text[len(number) :]])
    # most are that plain, and nothing else here needs it
    import re

    total, end = 0.0, 0
    for match in re.finditer(_PART, text):
        if match.start() != end:
            return None
        total += float(match[1]) * _UNITS[match[2]]
        end = match.end()
    return _bounded(total) if end == len(text) else None


def _bounded(seconds: float) -> float | None:
    return seconds if seconds <= LONGEST_S else None


def backoff(first_s: float, failures: int, longest_s: float) -> float:
    """Seconds to wait after ``failures`` in a row: ``first_s``, doubled for each further one, at most ``longest_s``."""
    # more doublings would overflow a float
    return min(first_s * 2.0 ** min(max(failures - 1, 0), 60), longest_s)


def format_age(seconds: float) -> str:
    """Return a span, as ``3s``, ``17m``, ``5h`` or ``12d``; less than a second is ``now``."""
    if seconds < 1:
        return "now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def format_ago(seconds: float) -> str:
    """Return an age as text: ``3s ago``; less than a second, or negative, is ``just now``."""
    return f"{format_age(seconds)} ago" if seconds >= 1 else "just now"


def format_span(seconds: float) -> str:
    """Return a span for use in a sentence: ``45s``, ``17m``, ``2h05m``, ``3d4h``."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{int(max(0.0, seconds))}s"
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 24 * 60:
        return f"{minutes // 60}h{minutes % 60:02d}m"
    return f"{minutes // 1440}d{minutes % 1440 // 60}h"
