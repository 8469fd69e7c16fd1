"""What is known of a town right now, as the sources left it: the reducer's whole input.

One object, changed only by ``sources`` and read only by ``reduce``.  It holds excerpts of beads that can matter
to a face (not closed, or closed within a day, or members of a shown convoy), never the whole ledger.
"""

from __future__ import annotations

from gastown_core.beads.query import Excerpt
from gastown_core.model.address import Address
from gastown_core.model.daemon import DaemonView
from gastown_core.model.snapshot import LastEvent, SchedulerView, SourceStatus
from gastown_core.runtimes.heartbeat import Heartbeat
from gastown_core.state.health import Thresholds
from gastown_core.tmux.panes import Pane

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.state.digest import LedgerDigest
    from gastown_core.state.landing import Proof
    from gastown_core.state.molecules import MoleculeFacts
    from gastown_core.state.refinery_source import RefineryFacts
    from gastown_core.town.inventory import Inventory

LANDED_S = 86400.0
"""How long a closed convoy stays in view (feed-and-events.md section 4.2)."""


class TownFacts:
    """Facts by source; ``ledger`` maps store name → bead id → excerpt, ``fields`` a bead's field lines by id.

    ``molecules`` go by the work they are on, ``hook_since`` (when a hook got its state) by address path.

    ``elsewhere`` maps the session of an agent that tmux does not list to the process in which it lives all the same,
    ``orders`` a bead in a worker's hands to the order by which it was slung.

    ``died`` counts the workers that died on a bead since its last merge.

    ``panes`` is None where there is no tmux; ``ledger_version`` moves with every change of the ledger,
    ``landing_version`` with every change of ``proofs`` (what git says of members, by bead) and ``refineries`` (by rig).
    """

    def __init__(self, inventory: Inventory, thresholds: Thresholds | None = None) -> None:
        self.inventory = inventory
        self.thresholds = thresholds or Thresholds()
        self.ledger: dict[str, dict[str, Excerpt]] = {}
        self.fields: dict[str, dict[str, str]] = {}
        self.panes: dict[str, Pane] | None = None
        self.alive: dict[str, bool] = {}
        self.elsewhere: dict[str, int] = {}
        self.orders: dict[str, str] = {}
        self.screens: dict[str, ScreenReading] = {}
        self.heartbeats: dict[str, Heartbeat] = {}
        self.last_events: dict[str, LastEvent] = {}
        self.sources: dict[str, SourceStatus] = {}
        self.requests: dict[str, MergeRequest] = {}
        self.molecules: dict[str, MoleculeFacts] = {}
        self.hook_since: dict[str, float] = {}
        self.refineries: dict[str, RefineryFacts] = {}
        self.proofs: dict[str, Proof] = {}
        self.died: dict[str, int] = {}
        self.scheduler = SchedulerView()
        self.daemon = DaemonView()
        self.ledger_version = 0
        self.landing_version = 0
        self.digest: tuple[int, LedgerDigest] | None = None

    def good(self, source: str, now: float) -> None:
        """A source answered."""
        self.sources[source] = SourceStatus(source, now)

    def failed(self, source: str, why: str) -> None:
        """A source did not answer; keeps when it last did."""
        before = self.sources.get(source)
        self.sources[source] = SourceStatus(source, before.good_at if before else None, why or "no answer")

    def errors(self) -> dict[str, str]:
        """What is wrong now, by source."""
        return {name: status.error for name, status in self.sources.items() if status.error}

    def error_of(self, source: str) -> str:
        """Why a source failed, empty if it did not."""
        status = self.sources.get(source)
        return status.error if status else ""

    def bead(self, bead_id: str) -> tuple[str, Excerpt] | None:
        """(store name, excerpt) of a bead in view, None if it is not."""
        for name, beads in self.ledger.items():
            found = beads.get(bead_id)
            if found is not None:
                return name, found
        return None


def roster_addresses(inventory: Inventory) -> dict[str, Address]:
    """Mail identity → address of everyone on the roster."""
    return {entry.address.mail: entry.address for entry in inventory.agents}
