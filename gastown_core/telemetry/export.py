"""The daemon's duty of telemetry: count what is new, and send it to the collectors that the town has chosen.

A collector that does not answer costs nothing but a try now and then: it is told once that it does not, and once that it
does again.  Nothing is lost by that: sums are cumulative, and logs wait at their place in event log and spool.
"""

from __future__ import annotations

import os
import threading

from gastown_core.clock import backoff
from gastown_core.errors import words_of
from gastown_core.events.spool import close_spool, is_on, open_spool
from gastown_core.telemetry.series import figures_of
from gastown_core.telemetry.tally import count_on
from gastown_core.telemetry.targets import METRICS, OTLP, Choice, choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.clock import Clock
    from gastown_core.telemetry.series import Figures
    from gastown_core.telemetry.targets import Target

LONGEST_PAUSE_S = 600.0
NO_PACKAGES = "the packages of OpenTelemetry are missing; pip install 'gastown-tui[otel]' brings them"


class Line:
    """The way to one collector: when it is next due, and what was said of it."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.due = 0.0
        self.failures = 0
        self.why = ""
        self.sent_at = 0.0

    def answered(self, why: str, now: float, interval_s: float) -> str:
        """Note how a sending went; return what is to be said of it, mostly nothing."""
        before, self.why = self.why, why
        if why:
            self.failures += 1
            self.due = now + backoff(interval_s, self.failures, LONGEST_PAUSE_S)
            fresh = f"no {self.target.signal} to {self.target.place}: {why}; counting goes on, and so do tries"
            return "" if before else fresh
        self.failures, self.sent_at, self.due = 0, now, now + interval_s
        return f"{self.target.signal} reach {self.target.place} again" if before else ""


class Station:
    """Telemetry of one town in this process; one thread at a time."""

    def __init__(self, root: str, env: Mapping[str, str], clock: Clock) -> None:
        self.root, self._env, self._clock = root, env, clock
        self._lines: dict[Target, Line] = {}
        self._senders: dict[Target, object] = {}
        self._said: tuple[str, ...] = ()

    def run(self) -> str:
        """Count, and send what is due; return what is to be said."""
        choice = choose(self.root, self._env)
        said = [one for one in choice.problems if one not in self._said]
        self._said = choice.problems
        if not choice.is_on:
            self._end()
            close_spool(self.root)
            return "; ".join(said)
        if not is_on(self.root):
            open_spool(self.root)
            said.append("counts for " + (", ".join(one.place for one in choice.targets) or "/metrics"))
        tally = count_on(self.root, clock=self._clock)
        for target in choice.targets:
            said.append(self._send(target, choice, figures_of(tally, self._clock.now())))
        return "; ".join(filter(None, said))

    def _send(self, target: Target, choice: Choice, figures: Figures) -> str:
        line = self._lines.setdefault(target, Line(target))
        if self._clock.now() < line.due or target.signal != METRICS:
            return ""
        return line.answered(self._try(target, figures), self._clock.now(), choice.interval_s)

    def _try(self, target: Target, figures: Figures) -> str:
        """Send; return why that failed, empty if it did not."""
        if target.encoding != OTLP:
            from gastown_core.telemetry import plain_wire

            return plain_wire.send_metrics(target.url, figures)
        try:
            from gastown_core.telemetry.otlp import MetricSender
        except ImportError:
            return NO_PACKAGES
        sender = self._senders.get(target)
        if not isinstance(sender, MetricSender):
            sender = self._senders[target] = MetricSender(target.url)
        return sender.send(self.root, figures)

    def _end(self) -> None:
        for sender in self._senders.values():
            close = getattr(sender, "close", None)
            if close is not None:
                close()
        self._senders.clear()
        self._lines.clear()

    def close(self) -> None:
        """Count and send once more, so that a collector has the last sums; one that did not answer is left out."""
        choice = choose(self.root, self._env)
        if choice.is_on:
            figures = figures_of(count_on(self.root, clock=self._clock), self._clock.now())
            for target in choice.targets:
                line = self._lines.get(target)
                if line is not None and not line.why and target.signal == METRICS:
                    self._try(target, figures)
        self._end()


_stations: dict[str, Station] = {}
_making = threading.Lock()


def station_of(root: str, clock: Clock) -> Station:
    """Return this process's station of a town."""
    with _making:
        if root not in _stations:
            _stations[root] = Station(root, os.environ, clock)
        return _stations[root]


def close_all() -> str:
    """End all stations; return why one could not send its last figures, empty if none failed."""
    with _making:
        faults = []
        for station in _stations.values():
            try:
                station.close()
            except Exception as error:  # noqa: BLE001  the process ends, and its end must not fail on telemetry
                faults.append(words_of(error))
        _stations.clear()
        return "; ".join(faults)
