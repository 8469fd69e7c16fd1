"""Unsling: work comes off a hook and is open again; the worker's record says so too."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.events.log import append_event
from gastown_core.model.address import parse_address
from gastown_core.town.agent_beads import get_agent_bead, put_agent_bead
from gastown_core.town.discover import read_rigs
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import RosterEntry, find_agent, read_inventory
from gastown_core.work.hook.hook import hooked_work, unhook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead


def work_of(root: str, ledger: TownLedger, holder: RosterEntry) -> Bead:
    """What is on the holder's hook. Raises NotFoundError if it is empty."""
    # work of a rig that is not registered any more lies wherever its prefix leads
    prefix = read_rigs(root).get(holder.address.rig, "hq")
    held = hooked_work(ledger, holder.address, prefix)
    if not held:
        who = holder.address.short
        is_known = find_agent(read_inventory(root), holder.address) is not None
        why, hint = ("", "") if is_known else (f"this town has no agent {who}", "gt agents lists them")
        raise NotFoundError(f"nothing is on the hook of {who}", why, hint)
    return held[0]


def check_begun(ledger: TownLedger, bead: Bead, *, force: bool = False) -> None:
    """Raises ConflictError if steps of the bead's molecule are done and others are not, unless ``force``."""
    from gastown_core.work.hook.by_hand import unfinished_steps

    left = 0 if force else unfinished_steps(ledger, bead)
    if left:
        raise ConflictError(
            f"{bead.id} was begun", f"{left} steps of its molecule are left", "--force lets it go all the same"
        )


def unsling(
    root: str,
    ledger: TownLedger,
    bead: Bead,
    *,
    actor: str,
    holder: RosterEntry | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> bool:
    """Let the bead go and append ``unhook``; False if it is on no hook. Worktree and branch stay as they are.

    Raises ConflictError if ``holder`` is given and somebody else has it.
    """
    if not unhook(ledger, bead.id, actor=actor, holder=holder.address if holder is not None else None):
        return False
    had = bead.assignee
    append_event(root, "unhook", had or actor, {"bead": bead.id}, clock=clock)
    entry = find_agent(read_inventory(root), parse_address(had)) if had else None
    if entry is not None and get_agent_bead(ledger, entry.bead_id) is not None:
        prefix = rig_prefix(root, entry.address.rig)
        put_agent_bead(ledger, entry.address, prefix, agent_state="idle", hook_bead="", hook_state="")
    return True
