"""The convoys as every face shows them, looked at once and alone: for ``gt convoy list``, which starts no look at agents."""

from __future__ import annotations

from gastown_core.errors import GastownError
from gastown_core.model.record import Record
from gastown_core.state.convoy_views import convoy_views
from gastown_core.state.ledger_facts import LedgerFacts
from gastown_core.state.sources.ledger import LedgerSource
from gastown_core.state.thresholds import read_thresholds
from gastown_core.town.inventory import survey
from gastown_core.work import death_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.convoy import ConvoyView


class ConvoyGlance(Record):
    """Open convoys, and those closed within a day, by id; ``faults`` says what could not be read (defaults apply then)."""

    views: dict[str, ConvoyView]
    faults: tuple[str, ...] = ()

    def shown(self, statuses: tuple[str, ...]) -> list[ConvoyView]:
        """Return the convoys with these statuses, newest first: the order whose numbers commands take."""
        found = [one for one in self.views.values() if one.status in statuses]
        return sorted(found, key=lambda one: (-one.created_at, one.id))


def glance_at_convoys(root: str, ledger: TownLedger, now: float) -> ConvoyGlance:
    """Return the convoys at ``now`` by the rules of the console; a rig's ledger that cannot be read is told by ``ledger``.

    Raises NotFoundError if the town's own cannot be read.
    """
    ledger.store_for("hq-x")
    facts = LedgerFacts(survey(root, with_agents=False))
    faults = list(facts.inventory.faults)
    try:
        facts.thresholds = read_thresholds(root)
    except GastownError as error:
        faults.append(str(error))
    facts.died = death_count.counts(root)
    source = LedgerSource(facts, ledger, is_glance=True, with_records=False)
    try:
        source.load(now)
    finally:
        source.close()
    return ConvoyGlance({view.id: view for view in convoy_views(facts, now)}, tuple(faults))
