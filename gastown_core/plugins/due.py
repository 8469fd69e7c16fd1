"""Which plugins are due: the gates against the last run, the clock, the event log and, for ``condition``, a command."""

from __future__ import annotations

from contextlib import suppress

from gastown_core.clock import format_span
from gastown_core.errors import GastownError, words_of
from gastown_core.events.log import log_path, parse_event
from gastown_core.files.jsonl import lines_backward
from gastown_core.files.tail import Tailer
from gastown_core.model.record import Record
from gastown_core.plugins.plugin import CONDITION, COOLDOWN, CRON, EVENT, MANUAL, STARTUP, find_plugins, next_time
from gastown_core.plugins.run import check_says, check_words, run_plugin
from gastown_core.plugins.runs import last_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.plugins.plugin import Plugin
    from gastown_core.plugins.runs import Run


class DueVerdict(Record):
    """Whether a gate is open, and why or why not, in words; ``event`` is the line of the event that opened it."""

    is_open: bool
    words: str
    event: bytes = b""


def judge(plugin: Plugin, last: Run | None, *, now: float, since: float, event: bytes = b"") -> DueVerdict:
    """Return whether the gate is open; pure. ``since`` is when the daemon began to watch; ``event`` a fresh matching line.

    For ``condition`` it says whether the command is to be asked at all.
    """
    gate = plugin.gate
    began = last.at if last is not None else 0.0
    if gate.type == MANUAL:
        return DueVerdict(False, f"it runs by hand only: gt plugin run {plugin.full_name}")
    if gate.type in (COOLDOWN, CONDITION):
        # a condition that stays true must not run its plugin with every look
        due = began + gate.duration_s
        if last is not None and now < due:
            return DueVerdict(False, f"it ran {format_span(now - began)} ago; next in {format_span(due - now)}")
        return DueVerdict(True, "its cooldown is over" if last is not None else "it has not run yet")
    if gate.type == CRON:
        due = next_time(gate.schedule, max(began, since))
        return DueVerdict(
            now >= due, "its time has come" if now >= due else f"its time comes in {format_span(due - now)}"
        )
    if gate.event == STARTUP:
        fresh = last is None or began < since
        return DueVerdict(fresh, "the daemon has started" if fresh else "it ran at this start of the daemon")
    return DueVerdict(bool(event), f"{gate.event} happened" if event else f"no new event {gate.event}", event)


class PluginWatch:
    """The daemon's watch over plugins; it remembers how far it has read the event log."""

    def __init__(self, root: str, clock: Clock) -> None:
        self.root = root
        self.clock = clock
        self.since = clock.now()
        self._looked = self.since
        self._last = b""
        self._log: Tailer | None = None
        with suppress(OSError):
            # the next look says why
            self._log = self._open()
        self._told: dict[str, str] = {}

    def run_due(self, ledger: TownLedger, *, actor: str, stopping: Callable[[], bool]) -> str:
        """Run every plugin whose gate is open; returns what was done, in words."""
        plugins, wrong = find_plugins(self.root)
        said = [f"{path}: {why}" for path, why in wrong.items() if self._told.get(path) != why]
        self._told = wrong
        fresh = self._fresh({one.gate.event for one in plugins if one.gate.type == EVENT and one.gate.event != STARTUP})
        for plugin in plugins:
            if stopping():
                break
            try:
                verdict = self.verdict(ledger, plugin, fresh.get(plugin.gate.event, b""))
                if not verdict.is_open:
                    continue
                outcome = run_plugin(
                    self.root,
                    ledger,
                    plugin,
                    trigger=verdict.words,
                    actor=actor,
                    clock=self.clock,
                    event=verdict.event,
                    stopping=stopping,
                )
                word = "ran" if outcome.is_success else f"failed ({outcome.last_line})"
                said.append(f"{plugin.full_name} {word}")
            except (GastownError, OSError) as error:
                said.append(f"{plugin.full_name}: {words_of(error)}")
        return "; ".join(said)

    def verdict(self, ledger: TownLedger, plugin: Plugin, event: bytes = b"") -> DueVerdict:
        """Return whether the plugin's gate is open now; a ``condition`` is run. Raises GastownError."""
        last = last_run(ledger, plugin) if plugin.gate.type != MANUAL else None
        found = judge(plugin, last, now=self.clock.now(), since=self.since, event=event)
        if plugin.gate.type != CONDITION or not found.is_open:
            return found
        if check_says(self.root, plugin):
            return DueVerdict(True, f"{check_words(plugin)} says yes")
        return DueVerdict(False, f"{check_words(plugin)} says no")

    def _open(self) -> Tailer:
        path = log_path(self.root)
        self._last = next((line for _, line in lines_backward(path)), b"")
        return Tailer(path)

    def _fresh(self, kinds: set[str]) -> dict[str, bytes]:
        """Return the newest line of each event kind since the last look; the place in the log decides, not the time."""
        found: dict[str, bytes] = {}
        if self._log is None:
            self._log = self._open()
        batch = self._log.read()
        lines = [line for _, line in batch.lines]
        if batch.reset:
            lines = self._unseen(lines)
        if lines:
            self._last = lines[-1]
        for line in lines if kinds else ():
            event = parse_event(line)
            if event is not None and event.type in kinds:
                found[event.type] = line
        self._looked = self.clock.now()
        return found

    def _unseen(self, lines: list[bytes]) -> list[bytes]:
        """Return what follows the last line seen, in a log that was written anew; without that line, what is younger."""
        for place in range(len(lines) - 1, -1, -1):
            if lines[place] == self._last:
                return lines[place + 1 :]
        events = ((line, parse_event(line)) for line in lines)
        return [line for line, event in events if event is not None and event.ts > self._looked]


_WATCHES: dict[str, PluginWatch] = {}


def watch_plugins(root: str, clock: Clock) -> PluginWatch:
    """Return this process's watch of a town: it lasts as long as the daemon."""
    if root not in _WATCHES:
        _WATCHES[root] = PluginWatch(root, clock)
    return _WATCHES[root]
