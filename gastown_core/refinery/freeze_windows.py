"""Hours in which a rig merges nothing, as its settings name them: ``fri 16:00-mon 08:00`` each week, ``22:00-06:00`` each day.

Times are local.  Pure but for the time zone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

DAYS = "mon tue wed thu fri sat sun".split()
DAY_MIN, WEEK_MIN = 1440, 7 * 1440


class FreezeWindow(Record):
    """A span that comes again: its first minute of the week and its length in minutes; ``text`` as it was written.

    A window of each day is one of every ``DAY_MIN`` minutes, one of a week of every ``WEEK_MIN``.
    """

    text: str
    start: int
    length: int
    every: int

    def ends(self, now: float) -> float:
        """When the window that holds at ``now`` ends, in Unix seconds; 0 outside of it.

        Where clocks are put back, one that began in the hour that comes twice goes on through its second time.
        """
        minute, whole = self._minute(now)
        if minute < self.length:
            return (whole + timedelta(minutes=self.length - minute)).timestamp()
        begins = whole + timedelta(minutes=self.every - minute)
        return (begins + timedelta(minutes=self.length)).timestamp() if begins.timestamp() <= now else 0.0

    def begins(self, now: float) -> float:
        """When the window holds next after ``now``, in Unix seconds, also while it holds."""
        minute, whole = self._minute(now)
        begins = whole + timedelta(minutes=self.every - minute)
        # the time of an hour that comes twice is its first one, which may be over
        return (begins if begins.timestamp() > now else begins + timedelta(minutes=self.every)).timestamp()

    def _minute(self, now: float) -> tuple[int, datetime]:
        """How many minutes ago it began last, at the whole minute in local time that is also returned."""
        own = datetime.fromtimestamp(now)
        minute = (own.weekday() * DAY_MIN + own.hour * 60 + own.minute - self.start) % self.every
        return minute, own.replace(second=0, microsecond=0)


def read_window(text: str) -> FreezeWindow | None:
    """The window in a text, None if it is not one."""
    ends = [_minute(part.strip()) for part in text.lower().split("-")]
    if len(ends) != 2 or ends[0] is None or ends[1] is None or (ends[0][0] is None) != (ends[1][0] is None):
        return None
    (first_day, first), (last_day, last) = ends[0], ends[1]
    if first_day is None or last_day is None:
        length = (last - first) % DAY_MIN
        return FreezeWindow(text, first, length, DAY_MIN) if length else None
    start, end = first_day * DAY_MIN + first, last_day * DAY_MIN + last
    length = (end - start) % WEEK_MIN
    return FreezeWindow(text, start, length, WEEK_MIN) if length else None


def last_end(windows: Iterable[FreezeWindow], now: float) -> tuple[float, str]:
    """When the last of the windows that hold at ``now`` ends, and its text; 0 and "" if none does."""
    return max(((one.ends(now), one.text) for one in windows), default=(0.0, ""), key=lambda found: found[0])


def next_begin(windows: Iterable[FreezeWindow], now: float) -> float | None:
    """When the first of the windows begins to hold after ``now``; None without windows."""
    return min((one.begins(now) for one in windows), default=None)


def _minute(text: str) -> tuple[int | None, int] | None:
    """Day of the week (None: each day) and minute of the day."""
    day, _, clock = text.rpartition(" ")
    hour, colon, minute = clock.partition(":")
    if (day and day.strip() not in DAYS) or not colon or not (hour.isdecimal() and minute.isdecimal()):
        return None
    if len(hour) > 2 or len(minute) != 2 or int(minute) > 59 or int(hour) * 60 + int(minute) > DAY_MIN:
        return None
    return (DAYS.index(day.strip()) if day else None), int(hour) * 60 + int(minute)
