"""One look at the town: every source asked once, reduced once. What ``gt status`` and ``gt agents`` show.

``Sources`` is also what the live model keeps running, so a command and the console can never disagree.
"""

from __future__ import annotations

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.errors import GastownError, words_of
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.state.daemon_source import DaemonSource
from gastown_core.state.facts import TownFacts, roster_addresses
from gastown_core.state.heartbeat_source import HeartbeatSource
from gastown_core.state.last_events import read_last_events
from gastown_core.state.ledger_source import LedgerSource
from gastown_core.state.pane_source import PaneSource
from gastown_core.state.reduce import reduce_town
from gastown_core.state.refinery_source import RefinerySource
from gastown_core.state.roster import Roster
from gastown_core.state.scheduler_source import SchedulerSource
from gastown_core.state.thresholds import read_thresholds
from gastown_core.town.inventory import Inventory, read_inventory, survey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

GLANCE_EVENTS = 500
"""How many events one look reads; the console, which stays open, reads further back."""


class Sources:
    """All sources of one town over one set of facts, but for the stream of events, which only who goes on showing it has."""

    def __init__(self, root: str, *, is_glance: bool = False) -> None:
        inventory = survey(root)
        self.facts = TownFacts(inventory)
        self._fell: set[str] = set()
        self.roster = make_roster(inventory)
        self.ledger = LedgerSource(self.facts, TownLedger(root), is_glance=is_glance)
        self.heartbeats = HeartbeatSource(self.facts)
        self.panes = PaneSource(self.facts)
        self.refineries = RefinerySource(self.facts)
        self.scheduler = SchedulerSource(self.facts)
        self.daemon = DaemonSource(self.facts)
        self._note_settings(None)

    def ask(self, source: str, look: Callable[[], T], nothing: T) -> T:
        """What a source answers; where it fails in a way it does not know itself, that is noted as its error."""
        try:
            answer = look()
        except Exception as error:  # noqa: BLE001  one source's fault must not end the others: it is told in the snapshot
            self._fell.add(source)
            self.facts.failed(source, words_of(error))
            return nothing
        if source in self._fell:
            self._fell.discard(source)
            self.facts.sources.pop(source, None)
        return answer

    def look(self, now: float) -> None:
        """Ask everyone once but for the events."""
        self.ask("ledger", lambda: self.ledger.load(now), None)
        self.ask("heartbeats", lambda: self.heartbeats.poll(now), False)
        self.ask("tmux", lambda: self.panes.poll(now), False)
        self.ask("refineries", lambda: self.refineries.poll(now), False)
        self.ask("scheduler", lambda: self.scheduler.poll(now), False)
        self.ask("daemon", lambda: self.daemon.poll(now), False)

    def reread_roster(self, now: float) -> bool:
        """Look at rigs, people and settings again; whether the roster is another one.

        While the register of rigs cannot be read the rigs that were known stay; the other facts stay in any case.
        """
        root, before = self.facts.inventory.root, self.facts.inventory
        try:
            inventory = read_inventory(root)
        except GastownError as error:
            inventory = before._replace(faults=(str(error),))
        self.facts.inventory = inventory
        self._note_settings(now)
        if inventory._replace(faults=()) == before._replace(faults=()):
            return False
        self.roster.replace(rigs_of(inventory), roster_addresses(inventory))
        self.ledger.ledger = TownLedger(root)
        self.facts.ledger_version += 1
        return True

    def _note_settings(self, now: float | None) -> None:
        """What of registers and settings cannot be read, as errors of two sources; defaults count meanwhile."""
        facts = self.facts
        if facts.inventory.faults:
            facts.failed("roster", "; ".join(facts.inventory.faults))
        elif now is not None:
            facts.good("roster", now)
        try:
            facts.thresholds = read_thresholds(facts.inventory.root)
        except GastownError as error:
            facts.failed("settings", str(error))
        else:
            if facts.error_of("settings"):
                facts.good("settings", now or 0.0)

    def close(self) -> None:
        """Let go of files."""
        self.ledger.close()


def rigs_of(inventory: Inventory) -> dict[str, str]:
    """Rig name → bead prefix."""
    return {rig.name: rig.prefix for rig in inventory.rigs}


def make_roster(inventory: Inventory) -> Roster:
    """Who is who in events, for this roster."""
    return Roster(rigs_of(inventory), roster_addresses(inventory))


def collect(root: str, *, clock: Clock = SYSTEM_CLOCK, fast: bool = False, landings: bool = False) -> TownSnapshot:
    """The town now. ``fast`` leaves out screens and the event log; ``landings`` asks git how far each member came.

    Failing sources are told in the snapshot.
    """
    sources = Sources(root, is_glance=True)
    now = clock.now()
    try:
        sources.look(now)
        if landings:
            from gastown_core.state.landing_source import LandingSource

            sources.ask("git", lambda: LandingSource(sources.facts).refresh(now), None)
        if not fast:
            sources.ask("events", lambda: read_last_events(sources.facts, sources.roster, GLANCE_EVENTS), None)
            sources.ask("tmux", lambda: sources.panes.read_screens(now), None)
        return reduce_town(sources.facts, now)
    finally:
        sources.close()
