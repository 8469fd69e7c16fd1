"""The daemon's duty of telemetry: count what is new, and send it to the collectors that the town has chosen.

A collector that does not answer costs nothing but a try now and then: it is told once that it does not, and once that it
does again.  Nothing is lost by that: sums are cumulative, and logs wait at their place in event log and spool.
"""

from __future__ import annotations

import os
import threading
from functools import partial

from gastown_core.clock import backoff
from gastown_core.errors import words_of
from gastown_core.files.spool import close_spool, is_on, open_spool
from gastown_core.telemetry import plain_wire
from gastown_core.telemetry.agent_env import agent_env, write_agent_env
from gastown_core.telemetry.outbox import Outbox, empty_spool
from gastown_core.telemetry.readings import read_usage, used_between
from gastown_core.telemetry.records import record_of
from gastown_core.telemetry.series import figures_of
from gastown_core.telemetry.spans import spans_of
from gastown_core.telemetry.tally import SPOOL, count_on
from gastown_core.telemetry.targets import LOGS, METRICS, OTLP, choose
from gastown_core.town.start_plan import agent_env_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.telemetry.readings import Read
    from gastown_core.telemetry.receiver import Receiver
    from gastown_core.telemetry.records import LogLine
    from gastown_core.telemetry.series import Figures
    from gastown_core.telemetry.spans import Span
    from gastown_core.telemetry.tally import Tally
    from gastown_core.telemetry.targets import Choice, Target

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
        self._senders: dict[Target, Any] = {}
        self._said: tuple[str, ...] = ()
        self._look: Callable[[], Read] = dict
        self._content: frozenset[str] | None = None
        self._receiver: Receiver | None = None
        self._receiver_why = ""
        self._agent_env: dict[str, str] | None = None

    def run(self, look: Callable[[], Read] = dict) -> str:
        """Count, and send what is due; return what is to be said. ``look`` reads how the town stands."""
        self._look = look
        choice = choose(self.root, self._env)
        said = [one for one in choice.problems if one not in self._said]
        self._said = choice.problems
        if not choice.is_on:
            self._end()
            self._tell_agents({})
            close_spool(self.root)
            return "; ".join(said)
        if not is_on(self.root) or choice.content != self._content:
            if not is_on(self.root):
                said.append("counts for " + (", ".join(one.place for one in choice.targets) or "/metrics"))
            open_spool(self.root, choice.content)
            self._content = choice.content
        said.append(self._receive(choice))
        tally = count_on(self.root, clock=self._clock)
        outbox = Outbox(self.root)
        outbox.keep_only([one.signal for one in choice.targets if one.signal != METRICS])
        for target in choice.targets:
            line = self._lines.setdefault(target, Line(target))
            if self._clock.now() >= line.due:
                why = self._try(target, tally, outbox, choice)
                said.append(line.answered(why, self._clock.now(), choice.interval_s))
        self._empty_spool(tally, outbox, choice)
        return "; ".join(filter(None, said))

    def _receive(self, choice: Choice) -> str:
        """Open or close the receiver, and tell agents that start where to export to; return what is to be said."""
        said = ""
        if choice.receives and self._receiver is None:
            try:
                from gastown_core.telemetry.receiver import Receiver

                self._receiver = Receiver(self.root, self._clock, choice.receiver_port)
                said = f"takes what agents export at {self._receiver.url}"
                self._receiver_why = ""
            except (ImportError, OSError) as error:
                why = NO_PACKAGES if isinstance(error, ImportError) else words_of(error)
                said = "" if why == self._receiver_why else f"no receiver: {why}"
                self._receiver_why = why
        elif not choice.receives and self._receiver is not None:
            self._receiver.close()
            self._receiver = None
            said = "takes nothing more from agents"
        listening = self._receiver
        self._tell_agents(agent_env(choice, listening.url if listening else "", listening.key if listening else ""))
        return said

    def _tell_agents(self, env: dict[str, str]) -> None:
        if env != self._agent_env and (env or os.path.exists(agent_env_path(self.root))):
            write_agent_env(self.root, env)
        self._agent_env = env

    def _try(self, target: Target, tally: Tally, outbox: Outbox, choice: Choice) -> str:
        """Send what the target's signal has; return why that failed, empty if it did not."""
        try:
            if target.signal == METRICS:
                read = {**read_usage(self.root), **self._look()}
                return self._send_metrics(target, figures_of(tally, self._clock.now(), read))
            return self._send_notes(target, outbox, choice)
        except ImportError:
            return NO_PACKAGES

    def _send_metrics(self, target: Target, figures: Figures) -> str:
        if target.encoding != OTLP:
            return plain_wire.send_metrics(target.url, figures)
        if target not in self._senders:
            from gastown_core.telemetry.otlp import MetricSender

            self._senders[target] = MetricSender(target.url)
        return str(self._senders[target].send(self.root, figures))

    def _send_notes(self, target: Target, outbox: Outbox, choice: Choice) -> str:
        """Send all notes that are new to a signal, in portions; each is settled before the next."""
        while True:
            before = outbox.places(target.signal)
            notes, places = outbox.portion(target.signal)
            memory = outbox.memory(target.signal)
            if target.signal == LOGS:
                records = (record_of(self.root, note, choice.content, self._env) for note in notes)
                why = self._send_logs(target, [one for one in records if one is not None])
            else:
                why = self._send_spans(target, spans_of(notes, memory, partial(used_between, self.root)))
            if why:
                return why
            outbox.settle(target.signal, places, memory)
            if places == before:
                return ""

    def _send_logs(self, target: Target, lines: list[LogLine]) -> str:
        if not lines:
            return ""
        if target.encoding != OTLP:
            return plain_wire.send_logs(target.url, lines)
        if target not in self._senders:
            from gastown_core.telemetry.otlp_records import LogSender

            self._senders[target] = LogSender(self.root, target.url)
        return str(self._senders[target].send(lines))

    def _send_spans(self, target: Target, spans: list[Span]) -> str:
        if not spans:
            return ""
        if target not in self._senders:
            from gastown_core.telemetry.otlp_records import SpanSender

            self._senders[target] = SpanSender(self.root, target.url)
        return str(self._senders[target].send(spans))

    def _empty_spool(self, tally: Tally, outbox: Outbox, choice: Choice) -> None:
        """Empty the spool once all have read it."""
        readers = [tally.places[SPOOL]]
        readers += [outbox.places(one.signal)[SPOOL] for one in choice.targets if one.signal != METRICS]
        empty_spool(self.root, readers)

    def _end(self) -> None:
        for sender in self._senders.values():
            sender.close()
        self._senders.clear()
        self._lines.clear()
        if self._receiver is not None:
            self._receiver.close()
            self._receiver = None

    def close(self) -> None:
        """Count and send once more, so that collectors have all; one that did not answer is left out."""
        choice = choose(self.root, self._env)
        if choice.is_on:
            tally, outbox = count_on(self.root, clock=self._clock), Outbox(self.root)
            for target in choice.targets:
                line = self._lines.get(target)
                if line is not None and not line.why:
                    self._try(target, tally, outbox, choice)
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
