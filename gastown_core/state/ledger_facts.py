"""What the ledger says of a town, and which sources answered: the part of the facts that needs no look at agents.

``gt convoy list`` fills these alone; the live picture's ``TownFacts`` adds everything that is not in the ledger.
"""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.model.source_status import SourceStatus
from gastown_core.state.evidence import Thresholds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.query import Excerpt
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.town.inventory import Inventory

_PARTS = {"beads": "ledger", "refinery": "refineries"}
"""Sources that are asked together: the first word of their names → the name under which they are asked."""


class MoleculeFacts(Record):
    """A molecule attached to work: its leaf steps in order, and the progress marks of its root."""

    root: str
    bead: str
    steps: tuple[str, ...]
    done: frozenset[str]
    current: tuple[str, ...] = ()
    is_poured: bool = False


class LedgerFacts:
    """Facts by source; ``ledger`` maps store name → bead id → excerpt, ``fields`` a bead's field lines by id.

    ``gates`` maps a gate that only a person opens to what it asks, ``orders`` a bead on a worker's hook to the order by
    which it was slung.  ``molecules`` are keyed by the work they are attached to.  ``died`` counts the workers that died
    on a bead since its last merge.  ``looked`` says when each source was last asked and answered, also if it had nothing
    new.  ``ledger_version`` counts changes of the ledger.
    """

    def __init__(self, inventory: Inventory, thresholds: Thresholds | None = None) -> None:
        self.inventory = inventory
        self.thresholds = thresholds or Thresholds()
        self.ledger: dict[str, dict[str, Excerpt]] = {}
        self.fields: dict[str, dict[str, str]] = {}
        self.orders: dict[str, str] = {}
        self.requests: dict[str, MergeRequest] = {}
        self.molecules: dict[str, MoleculeFacts] = {}
        self.gates: dict[str, str] = {}
        self.died: dict[str, int] = {}
        self.sources: dict[str, SourceStatus] = {}
        self.looked: dict[str, float] = {}
        self.ledger_version = 0

    def good(self, source: str, now: float) -> None:
        """A source answered."""
        self.sources[source] = SourceStatus(source, now)

    def failed(self, source: str, why: str) -> None:
        """A source failed; the time of its last success stays: of its last answer, also one without news."""
        before = self.sources.get(source)
        good_at = before.good_at if before is not None else None
        if good_at is not None and before is not None and not before.error:
            good_at = max(good_at, self.looked.get(_PARTS.get(source.partition(":")[0], source), 0.0))
        self.sources[source] = SourceStatus(source, good_at, why or "no answer")

    def errors(self) -> dict[str, str]:
        """The current errors, by source."""
        return {name: status.error for name, status in self.sources.items() if status.error}

    def ages(self) -> tuple[SourceStatus, ...]:
        """Each source with the time of its last answer, whether or not that was news, and its error."""
        found = {}
        for name, status in list(self.sources.items()):
            group = name.partition(":")[0]
            asked = self.looked.get(_PARTS.get(group, name))
            is_newer = asked is not None and not status.error and asked > (status.good_at or 0.0)
            found[name] = status._replace(good_at=asked) if is_newer else status
        for name, at in list(self.looked.items()):
            if name not in found and name not in _PARTS.values():
                found[name] = SourceStatus(name, at)
        return tuple(found[name] for name in sorted(found))

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
