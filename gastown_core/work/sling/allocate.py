"""Allocating a place for slung work: a polecat with a worktree, a dog with its folder, or a standing agent.

A claim is held until the sling is over; each step registers its undo before it runs.
"""

from __future__ import annotations

from contextlib import ExitStack

from gastown_core.events.log import append_event
from gastown_core.model.address import DOG
from gastown_core.model.record import Record
from gastown_core.town import polecat_pool, polecat_worktree
from gastown_core.town.dogs import claim_dog
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import RosterEntry
from gastown_core.work.sling.bases import Base
from gastown_core.work.sling.holders import is_idle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.town.polecat_worktree import Sandbox
    from gastown_core.work.sling.targets import Target
    from gastown_core.work.sling.undo import Undo


class Allocation(Record):
    """The agent that gets the work; ``sandbox`` is a polecat's worktree."""

    entry: RosterEntry
    sandbox: Sandbox | None = None
    is_new: bool = False

    @property
    def branch(self) -> str:
        """The worktree's branch, empty for a standing agent."""
        return self.sandbox.branch if self.sandbox is not None else ""

    def words(self) -> str:
        """Return the place in words."""
        if self.sandbox is None:
            return f"{self.entry.address.short}{' is new' if self.is_new else ''}"
        how = "goes on with" if self.sandbox.resumes else "on"
        return f"{self.entry.address.short} {how} {self.sandbox.branch}"


def place_polecat(
    root: str,
    ledger: TownLedger,
    bead: Bead,
    target: Target,
    base: Base,
    *,
    held: ExitStack,
    undo: Undo,
    clock: Clock,
) -> Allocation:
    """Claim a polecat of the rig and prepare its worktree. Raises ConflictError, GitError."""
    rig, prefix = target.rig, rig_prefix(root, target.rig)
    claimed = held.enter_context(
        polecat_pool.claim(
            root,
            rig,
            prefix,
            wanted=target.name,
            prefer=base.workers,
            is_idle=lambda entry: is_idle(root, ledger, entry, bead.id),
            clock=clock,
        )
    )
    planned = polecat_worktree.plan(
        claimed,
        bead.id,
        title=bead.title,
        base_branch=base.branch,
        start_from=base.start,
        known_branch=base.known_branch,
        clock=clock,
    )
    undo.add(f"worktree of {rig}/{claimed.name}", polecat_worktree.take_back, root, planned)
    sandbox = polecat_worktree.build(claimed, planned)
    append_event(root, "spawn", "gt", {"rig": rig, "polecat": claimed.name}, clock=clock)
    return Allocation(sandbox.entry, sandbox, claimed.is_new)


def place_dog(
    root: str, ledger: TownLedger, bead: Bead, target: Target, *, held: ExitStack, undo: Undo, clock: Clock
) -> Allocation:
    """Claim a dog, a new one if all others have errands. Raises ConflictError."""
    claimed = held.enter_context(
        claim_dog(root, wanted=target.name, is_idle=lambda entry: is_idle(root, ledger, entry, bead.id))
    )
    undo.add(f"dog {claimed.entry.address.name}", claimed.take_back)
    claimed.make()
    if claimed.is_new:
        append_event(root, "spawn", "gt", {DOG: claimed.entry.address.name}, clock=clock)
    return Allocation(claimed.entry, None, claimed.is_new)
