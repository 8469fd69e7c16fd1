"""The tally: cumulative sums of what the event log and the spool tell, in ``<town>/.runtime/telemetry/tally.json``.

Sums and the places up to which they count are written in one file at once.  So a killed process counts a line again, or
not, exactly as its sums do: no line is lost or counted twice.  The sums go on over restarts, with the time since which
they count; a collector that misses some of them has all with the next ones.
"""

from __future__ import annotations

import os
import secrets
from bisect import bisect_left

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.events.log import log_path
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.files.spool import spool_path
from gastown_core.model.json_text import encode_json, encode_text
from gastown_core.model.record import Record
from gastown_core.telemetry.metric_table import ALL_METRICS, HISTOGRAM
from gastown_core.telemetry.notes import of_event, of_spooled
from gastown_core.telemetry.place import Place, end_of, place_of, read_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.model.town_event import TownEvent
    from gastown_core.telemetry.notes import Note

VERSION = 1
EVENTS, SPOOL = "events", "spool"
BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0, 30000.0)
"""Upper bounds of the buckets of histograms, in milliseconds."""
MOST_SERIES = 500
"""Of one metric; what has further attributes is counted together (``otel.metric.overflow``)."""
OVERFLOW = (("otel.metric.overflow", "true"),)

Key = tuple[tuple[str, str], ...]
"""The attributes of a series."""


class Measured(Record):
    """A histogram's series: the count in each bucket, the last one without bound, and the values' sum and limits."""

    counts: tuple[int, ...] = (0,) * (len(BUCKETS) + 1)
    total: float = 0.0
    least: float = 0.0
    greatest: float = 0.0

    def plus(self, value: float) -> Measured:
        """Return it with a further value."""
        at = bisect_left(BUCKETS, value)
        counts = (*self.counts[:at], self.counts[at] + 1, *self.counts[at + 1 :])
        least = min(self.least, value) if any(self.counts) else value
        return Measured(counts, self.total + value, least, max(self.greatest, value))


class Tally:
    """The sums of one town; ``since`` is when they began, ``instance`` names this row of sums to collectors."""

    def __init__(self, since: float, instance: str, places: dict[str, Place]) -> None:
        self.since, self.instance, self.places = since, instance, places
        self.sums: dict[str, dict[Key, float]] = {}
        self.measured: dict[str, dict[Key, Measured]] = {}

    def add(self, metric: str, key: Key, value: float = 1.0) -> None:
        """Count a value in a series."""
        row = ALL_METRICS[metric]
        if row.kind == HISTOGRAM:
            series = self.measured.setdefault(metric, {})
            key = _bounded(series, key)
            series[key] = series.get(key, Measured()).plus(value)
        else:
            sums = self.sums.setdefault(metric, {})
            key = _bounded(sums, key)
            sums[key] = sums.get(key, 0.0) + value

    def take(self, note: Note) -> None:
        """Count a note."""
        for metric, key, value in note.counts():
            self.add(metric, key, value)


def _bounded(series: Mapping[Key, object], key: Key) -> Key:
    return key if key in series or len(series) < MOST_SERIES else OVERFLOW


def tally_path(root: str) -> str:
    """Return the path of a town's sums."""
    return os.path.join(root, ".runtime", "telemetry", "tally.json")


def read_tally(root: str) -> Tally | None:
    """Return the sums as they were written last; None if there are none, or the file is junk."""
    try:
        value = read_json(tally_path(root))
        return _parse(value) if value else None
    except (GastownError, TypeError, ValueError, KeyError):
        return None


def count_on(root: str, *, clock: Clock = SYSTEM_CLOCK, see: Callable[[Note], None] | None = None) -> Tally:
    """Count what is new in event log and spool, and write the sums; ``see`` is told of each note.

    Without sums of before it begins with what comes: the log's past is partly pruned, so its sums would mislead.
    Raises OSError, StoreError, ConflictError.
    """
    private_folder(os.path.dirname(tally_path(root)))
    with FileLock(tally_path(root) + ".lock", timeout_s=30.0):
        tally = read_tally(root)
        is_new = tally is None
        if tally is None:
            places = {EVENTS: end_of(log_path(root)), SPOOL: Place()}
            tally = Tally(clock.now(), secrets.token_hex(8), places)
        is_changed = False
        for name, path, notes in _LOGS:
            for event in _news(path(root), tally.places, name):
                for note in notes(event):
                    tally.take(note)
                    if see is not None:
                        see(note)
                is_changed = True
        if is_new or is_changed:
            write_tally(root, tally)
    return tally


_LOGS: tuple[tuple[str, Callable[[str], str], Callable[[TownEvent], Iterator[Note]]], ...] = (
    (EVENTS, log_path, of_event),
    (SPOOL, spool_path, of_spooled),
)


def _news(path: str, places: dict[str, Place], name: str) -> Iterator[TownEvent]:
    """Yield the events behind the place of this log, and move it."""
    while True:
        events, place = read_on(path, places[name], is_spool=name == SPOOL)
        is_end = place == places[name]
        places[name] = place
        yield from events
        if is_end:
            return


def write_tally(root: str, tally: Tally) -> None:
    """Write the sums, all at once. Raises StoreError."""
    value = {
        "version": VERSION,
        "since": tally.since,
        "instance": tally.instance,
        "places": {name: place.as_json() for name, place in tally.places.items()},
        "sums": [[name, key, value] for name, series in tally.sums.items() for key, value in series.items()],
        "measured": [[name, key, *one] for name, series in tally.measured.items() for key, one in series.items()],
    }
    write_atomic(tally_path(root), encode_text(encode_json(value)), mode=0o600)


def _parse(value: Mapping[str, Any]) -> Tally:
    """Return sums from the file; those of metrics that no table has any more are left out. Raises ValueError."""
    if value.get("version") != VERSION:
        raise ValueError("sums of another version")
    places = {name: place_of(value["places"][name]) for name in (EVENTS, SPOOL)}
    tally = Tally(float(value["since"]), str(value["instance"]), {k: v for k, v in places.items() if v is not None})
    if len(tally.places) != len(places):
        raise ValueError("no place")
    for name, key, total in value["sums"]:
        if name in ALL_METRICS:
            tally.sums.setdefault(name, {})[_key(key)] = float(total)
    for name, key, counts, *rest in value["measured"]:
        if name in ALL_METRICS and len(counts) == len(BUCKETS) + 1:
            tally.measured.setdefault(name, {})[_key(key)] = Measured(tuple(map(int, counts)), *map(float, rest))
    return tally


def _key(pairs: list[list[str]]) -> Key:
    return tuple((str(name), str(value)) for name, value in pairs)
