"""Who holds a bead, and whether that worker lives: this decides between nothing to do, a refusal and a take-over."""

from __future__ import annotations

from gastown_core.messaging.mail import HIGH, send_mail
from gastown_core.model.address import DOG, POLECAT, parse_address, same_agent
from gastown_core.model.bead import OPEN
from gastown_core.model.metadata import order_of, read_dispatch
from gastown_core.model.states import AgentState
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import liveness
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.dogs import dog_entry
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import find_agent, read_inventory
from gastown_core.town.polecat_pool import polecat_entry
from gastown_core.work.hook import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.address import Address
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry
    from gastown_core.work.sling.targets import Target


def holder_of(bead: Bead) -> Address | None:
    """Return who holds the bead, None if nobody."""
    return parse_address(bead.assignee) if bead.assignee and bead.status in hook.HELD else None


def is_covered(bead: Bead, target: Target) -> bool:
    """Whether the bead is on a hook that the target means, so that nothing is to be done while its worker lives."""
    who = holder_of(bead)
    if who is None:
        return False
    if target.entry is not None:
        return same_agent(bead.assignee, target.entry.address.path)
    if target.kind == DOG:
        return who.role == DOG and target.name in ("", who.name)
    return who.role == POLECAT and who.rig == target.rig and target.name in ("", who.name)


def is_gone(root: str, bead: Bead) -> bool:
    """Whether the bead's polecat or dog has no session, or one not started for the bead; False without tmux."""
    who = holder_of(bead)
    if who is None or who.role not in (POLECAT, DOG) or not has_tmux():
        return False
    return not liveness.lives(root, _entry(root, who), order_of(bead))


def lost_worker(bead: Bead) -> Address | None:
    """Return the polecat that died on the bead; None once somebody else has had it."""
    if bead.status != OPEN or bead.assignee:
        return None
    worker = read_dispatch(bead).worker
    who = parse_address(worker) if worker else None
    return who if who is not None and who.role == POLECAT else None


def rested(root: str, ledger: TownLedger, bead: Bead) -> bool:
    """Whether the bead's holder deferred or escalated the work, so that its end is not a death."""
    who = holder_of(bead)
    record = get_agent_bead(ledger, _entry(root, who).bead_id) if who is not None else None
    return record is not None and record.fields.get("exit_type", "") in ("DEFERRED", "ESCALATED")


def _entry(root: str, who: Address) -> RosterEntry:
    if who.role == DOG:
        return dog_entry(root, who.name)
    return polecat_entry(root, who.rig, rig_prefix(root, who.rig), who.name)


def lives(root: str, entry: RosterEntry) -> bool:
    """Whether the agent lives; False without tmux."""
    return has_tmux() and liveness.lives(root, entry)


def is_idle(root: str, ledger: TownLedger, entry: RosterEntry, bead_id: str) -> bool:
    """Whether a polecat or dog may get the bead: no other work on its hook, and it is idle or its last sling died."""
    prefix = rig_prefix(root, entry.address.rig)
    if any(bead.id != bead_id for bead in hook.hooked_work(ledger, entry.address, prefix)):
        return False
    record = get_agent_bead(ledger, entry.bead_id)
    fields = record.fields if record is not None else {}
    if record is not None and fields.get("hook_bead", "") == bead_id:
        return True
    state = fields.get("agent_state", "")
    if state in AgentState.FREE:
        return True
    # a killed sling leaves such a state; a running one holds the lock
    return state in AgentState.ALIVE and not lives(root, entry)


def tell_robbed(root: str, ledger: TownLedger, bead: Bead, new: Address, *, actor: str, clock: Clock) -> None:
    """Ask the witness of the old holder's rig to end that worker: its work was given to another."""
    who = holder_of(bead)
    if who is None or who.role != POLECAT or same_agent(who.path, new.path):
        return
    lines = ("Reason: work_reassigned", f"RequestedBy: {actor}", f"Bead: {bead.id}", f"NewAssignee: {new.path}")
    send_mail(
        root,
        ledger,
        f"{who.rig}/witness",
        f"LIFECYCLE:Shutdown {who.name}",
        "\n".join(lines),
        sender=actor,
        priority=HIGH,
        clock=clock,
    )


def old_holder(root: str, bead: Bead, new: Address) -> RosterEntry | None:
    """Return the roster entry of the agent that loses the bead, None if nobody does."""
    who = holder_of(bead)
    if who is None or same_agent(who.path, new.path):
        return None
    return find_agent(read_inventory(root), who)
