"""Agent beads: the record of an agent's identity and last state, in the town's own store.

They are kept beside the town's mail (as the Go tools do), not in a rig's store, which may belong to a repository that
knows nothing of agents.  The description is a title line, then field lines.
"""

from __future__ import annotations

from gastown_core.model.address import CREW, DEACON, DOG, MAYOR, POLECAT, REFINERY, WITNESS, Address
from gastown_core.model.fields import read_fields, set_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead

FIELDS = ("role_type", "rig", "agent_state", "hook_bead", "cleanup_status", "active_mr", "notification_level")
"""The field lines of every agent bead, in this order; unset ones read ``null``."""

ABOUT = {
    MAYOR: "Mayor: coordinates the rigs and assigns work",
    DEACON: "Deacon: keeps the town's patrols going",
    WITNESS: "Witness of {rig}: watches over its polecats",
    REFINERY: "Refinery of {rig}: merges its workers' branches",
    CREW: "Crew {name} of {rig}: a person's own workspace",
    POLECAT: "Polecat {name} of {rig}: takes work from the hook",
    DOG: "Dog {name}: maintenance for the deacon",
}


def get_agent_bead(ledger: TownLedger, bead_id: str) -> Bead | None:
    """Return the agent bead from whichever store has it, None if there is none."""
    return ledger.get(bead_id)


def put_agent_bead(ledger: TownLedger, address: Address, prefix: str, *, actor: str = "gt", **fields: str) -> None:
    """Create the agent's bead, or set ``fields`` on the existing one; an empty value unsets a field."""
    with ledger.store_for("hq-x").write(actor) as batch:
        write_agent_bead(batch, address, prefix, **fields)


def write_agent_bead(batch: RuleBatch, address: Address, prefix: str, **fields: str) -> None:
    """Do as ``put_agent_bead``, within a batch of the town's store; a closed bead is reopened."""
    bead_id = address.bead_id(prefix)
    wanted: dict[str, str | None] = {key: value or "null" for key, value in fields.items()}
    known = batch.get(bead_id)
    if known is None:
        title = ABOUT.get(address.role, bead_id).format(rig=address.rig, name=address.name)
        lines = dict.fromkeys(FIELDS, "null") | {"role_type": address.role, "rig": address.rig or "null"}
        lines.update((key, str(value)) for key, value in wanted.items())
        body = "\n".join([title, "", *(f"{key}: {value}" for key, value in lines.items())])
        batch.create(
            {"title": title, "description": body, "issue_type": "agent", "labels": ["gt:agent"]}, bead_id=bead_id
        )
        return
    if known.is_closed:
        batch.reopen(bead_id)
    have = read_fields(known.description)
    if any(have.get(key, "null") != value for key, value in wanted.items()):
        batch.update(bead_id, {"description": set_fields(known.description, wanted)})
