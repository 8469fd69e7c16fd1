"""One look at the town: every source asked once, reduced once. What ``gt status`` and ``gt agents`` show.

``Sources`` is also what the live model keeps running, so a command and the console can never disagree.
"""

from __future__ import annotations

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.state.daemon_source import DaemonSource
from gastown_core.state.event_source import EventSource, read_last_events
from gastown_core.state.facts import TownFacts, roster_addresses
from gastown_core.state.heartbeat_source import HeartbeatSource
from gastown_core.state.ledger_source import LedgerSource
from gastown_core.state.pane_source import PaneSource
from gastown_core.state.reduce import reduce_town
from gastown_core.state.refinery_source import RefinerySource
from gastown_core.state.rows import Roster
from gastown_core.state.scheduler_source import SchedulerSource
from gastown_core.state.thresholds import read_thresholds
from gastown_core.town.inventory import Inventory, read_inventory

GLANCE_EVENTS = 500
"""How many events one look reads; the console, which stays open, reads further back."""


class Sources:
    """All sources of one town over one set of facts."""

    def __init__(self, root: str) -> None:
        inventory = read_inventory(root)
        self.facts = TownFacts(inventory, read_thresholds(root))
        self.roster = make_roster(inventory)
        self.ledger = LedgerSource(self.facts, TownLedger(root))
        self.events = EventSource(self.facts, self.roster)
        self.heartbeats = HeartbeatSource(self.facts)
        self.panes = PaneSource(self.facts)
        self.refineries = RefinerySource(self.facts)
        self.scheduler = SchedulerSource(self.facts)
        self.daemon = DaemonSource(self.facts)

    def reread_roster(self) -> None:
        """Look at rigs, people and settings again; the other facts stay."""
        root = self.facts.inventory.root
        inventory = read_inventory(root)
        self.facts.thresholds = read_thresholds(root)
        if inventory != self.facts.inventory:
            self.facts.inventory = inventory
            self.roster.replace(rigs_of(inventory), roster_addresses(inventory))
            self.ledger.ledger = TownLedger(root)
            self.facts.ledger_version += 1

    def close(self) -> None:
        """Let go of files."""
        self.ledger.close()
        self.events.close()


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
    sources = Sources(root)
    now = clock.now()
    try:
        sources.ledger.load(now)
        sources.heartbeats.poll(now)
        sources.panes.poll(now)
        sources.refineries.poll(now)
        sources.scheduler.poll(now)
        sources.daemon.poll(now)
        if landings:
            from gastown_core.state.landing_source import LandingSource

            LandingSource(sources.facts).refresh(now)
        if not fast:
            read_last_events(sources.facts, sources.roster, GLANCE_EVENTS)
            sources.panes.read_screens(now)
        return reduce_town(sources.facts, now)
    finally:
        sources.close()
