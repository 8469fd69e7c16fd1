"""Who goes on after a stop, besides the standing agents: workers with work in hand, and the crew that settings name."""

from __future__ import annotations

from gastown_core.model.address import CREW, POLECAT, same_agent
from gastown_core.model.bead import HOOKED, IN_PROGRESS
from gastown_core.model.states import AgentState, RigState
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.address import Address
    from gastown_core.town.inventory import Inventory

ALL, NONE = "all", "none"


def to_restore(root: str, ledger: TownLedger, inventory: Inventory) -> dict[Address, str]:
    """Return the agents of open rigs that ``gt up --restore`` starts, each with the bead it holds (empty: none).

    These are polecats with work in hand, unless a person paused them, and crew by the rig's ``crew.startup``.
    """
    is_open = {rig.name for rig in inventory.rigs if rig.state == RigState.OPERATIONAL}
    held = [one for store in ledger.stores().values() for one in store.held_work()]
    found = {}
    for entry in inventory.agents:
        address = entry.address
        if address.rig not in is_open or address.role not in (CREW, POLECAT):
            continue
        work = [
            one.id for one in held if one.status in (HOOKED, IN_PROGRESS) and same_agent(one.assignee, address.path)
        ]
        if address.role == CREW:
            wanted = address.name in crew_to_start(root, address.rig, [address.name])
        else:
            known = get_agent_bead(ledger, entry.bead_id) if work else None
            wanted = bool(work) and (known is None or known.fields.get("agent_state") != AgentState.PAUSED)
        if wanted:
            found[address] = work[0] if work else ""
    return found


def crew_to_start(root: str, rig: str, names: list[str]) -> list[str]:
    """Return which of these crew members the rig's ``crew.startup`` names: ``all``, ``none``, or ``ana, bo and cy``."""
    text = str(load_settings(root, "rig", rig).lenient("crew.startup") or NONE).strip()
    if text == ALL:
        return names
    told = text.replace(",", " ").split()
    return [name for name in names if name in told and text != NONE]
