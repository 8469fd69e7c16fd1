"""All figures of one moment, as any encoding wants them: sums and histograms of the tally, and gauges that were read."""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.telemetry.metric_table import ALL_METRICS
from gastown_core.telemetry.tally import BUCKETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gastown_core.telemetry.metric_table import Metric
    from gastown_core.telemetry.tally import Key, Measured, Tally


class Figures(Record):
    """What is sent: the sums, since when they count, and the moment."""

    since: float
    now: float
    instance: str
    sums: Mapping[str, Mapping[Key, float]]
    measured: Mapping[str, Mapping[Key, Measured]]

    def rows(self) -> Iterator[tuple[Metric, Mapping[Key, float]]]:
        """Yield each counter and gauge that has a value, in the order of the tables."""
        for name, row in ALL_METRICS.items():
            if self.sums.get(name):
                yield row, self.sums[name]

    def histograms(self) -> Iterator[tuple[Metric, Mapping[Key, Measured]]]:
        """Yield each histogram that has a value."""
        for name, row in ALL_METRICS.items():
            if self.measured.get(name):
                yield row, self.measured[name]


def figures_of(tally: Tally, now: float, read: Mapping[str, Mapping[Key, float]] | None = None) -> Figures:
    """Return the figures of a tally, with those that were read elsewhere."""
    return Figures(tally.since, now, tally.instance, {**tally.sums, **(read or {})}, tally.measured)


def flat(figures: Figures) -> Iterator[tuple[str, Key, float]]:
    """Yield (name, labels, value) in Prometheus' terms: names with underscores, histograms as their three series."""
    for row, series in figures.rows():
        for key, value in series.items():
            yield plain_name(row.name), _labels(key), value
    for row, measured in figures.histograms():
        name = plain_name(row.name)
        for key, one in measured.items():
            yield from _buckets(name, _labels(key), one)


def _buckets(name: str, labels: Key, one: Measured) -> Iterator[tuple[str, Key, float]]:
    so_far = 0
    for bound, count in zip((*map(_number, BUCKETS), "+Inf"), one.counts, strict=True):
        so_far += count
        yield f"{name}_bucket", (*labels, ("le", bound)), float(so_far)
    yield f"{name}_sum", labels, one.total
    yield f"{name}_count", labels, float(so_far)


def _number(value: float) -> str:
    return f"{value:g}"


def plain_name(name: str) -> str:
    """Return a name as Prometheus writes it: ``gastown_session_starts_total``."""
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in name)


def _labels(key: Key) -> Key:
    return tuple((plain_name(name), value) for name, value in key)
