"""Landing an owned convoy: its owner closes it, and the worktrees that its members left idle are cleared away.

Nothing in a worktree is lost: what no remote has goes to a rescue ref first, and the preview tells what that is.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError, UsageError
from gastown_core.git import worktree
from gastown_core.git.repo import Git
from gastown_core.model.address import POLECAT
from gastown_core.model.hook_life import ARCHIVED
from gastown_core.model.record import Record
from gastown_core.town.branches import bead_of_branch
from gastown_core.town.hook_record import record_hook
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import read_inventory
from gastown_core.town.liveness import live_sessions
from gastown_core.town.polecat_pool import hold
from gastown_core.town.rigs import bare_repo
from gastown_core.work.convoy.acts import open_members
from gastown_core.work.convoy.convoys import get_convoy
from gastown_core.work.convoy.landing import OWNED, land_one
from gastown_core.work.hook.hook import dispatch_of, hooked_work
from gastown_core.work.scheduler.dispatch import branch_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry
    from gastown_core.work.convoy.convoys import Convoy


class Leftover(Record):
    """A member's idle worktree; ``files`` not committed and ``commits`` on no remote are what a removal would lose.

    ``rescue`` is the ref they were saved to, ``kept`` why the worktree was left where it is.
    """

    agent: str
    branch: str
    path: str
    bead: str
    files: int = 0
    commits: int = 0
    rescue: str = ""
    kept: str = ""


class Landed(Record):
    """What landing did, or would do; ``still_open`` are members that were not closed."""

    convoy: str
    title: str
    total: int
    done: bool
    still_open: tuple[str, ...]
    worktrees: tuple[Leftover, ...]

    def as_json(self) -> dict[str, Any]:
        """As ``gt convoy land --json`` prints it."""
        return {**self._asdict(), "worktrees": [one._asdict() for one in self.worktrees]}


def land(
    root: str,
    ledger: TownLedger,
    convoy_id: str,
    *,
    actor: str,
    force: bool = False,
    keep_worktrees: bool = False,
    dry_run: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Landed:
    """Close an owned convoy with the reason "Landed by owner" and clear away its members' idle worktrees.

    Raises UsageError for a system-managed convoy, ConflictError while members are open (unless forced) or if it is
    closed already.  A dry run only looks.
    """
    convoy = get_convoy(ledger, convoy_id)
    bead = convoy.bead
    if OWNED not in bead.labels:
        raise UsageError(
            f"{bead.id} lands by itself",
            "it is system-managed: it closes when its last member does",
            f"gt convoy close {bead.id} ends it early",
        )
    if bead.is_closed:
        raise ConflictError(f"{bead.id} has landed already", bead.text("close_reason"))
    still = open_members(convoy)
    if still and not force and not dry_run:
        raise ConflictError(
            f"{bead.id} has {len(still)} open member{'' if len(still) == 1 else 's'}",
            ", ".join(still[:5]),
            "wait for them; gt convoy land --force lands it without them",
        )
    found = [] if keep_worktrees else _leftovers(root, ledger, convoy, frozenset(still))
    if dry_run:
        return Landed(bead.id, bead.title, len(convoy.members), False, tuple(still), tuple(found))
    done = land_one(root, ledger, bead.id, actor=actor, reason="Landed by owner", clock=clock)
    cleared = [_clear(root, ledger, one, actor, clock) for one in found]
    return Landed(bead.id, bead.title, len(convoy.members), done, tuple(still), tuple(cleared))


def _leftovers(root: str, ledger: TownLedger, convoy: Convoy, still_open: frozenset[str]) -> list[Leftover]:
    """Worktrees of polecats that stand on a branch of a closed member."""
    members = ledger.get_many(bead_id for bead_id, _ in convoy.members)
    branches = {dispatch_of(bead).get("branch", ""): bead_id for bead_id, bead in members.items()}
    found = []
    for entry in read_inventory(root).agents:
        if entry.address.role != POLECAT or not os.path.exists(os.path.join(entry.work_dir, ".git")):
            continue
        branch = branch_under(entry.work_dir)
        bead_id = branches.get(branch, "") or bead_of_branch(branch)
        if not branch or bead_id not in members or bead_id in still_open:
            continue
        lost = worktree.unsaved(Git(entry.work_dir), entry.address.name)
        found.append(Leftover(entry.address.path, branch, entry.work_dir, bead_id, lost.files, lost.commits))
    return found


def _clear(root: str, ledger: TownLedger, one: Leftover, actor: str, clock: Clock) -> Leftover:
    """Remove one worktree unless its polecat has other work or still runs."""
    entry = next((e for e in read_inventory(root).agents if e.address.path == one.agent), None)
    if entry is None:
        return one._replace(kept="it is gone already")
    rig = entry.address.rig
    prefix = rig_prefix(root, rig)
    try:
        with hold(root, rig, prefix, entry.address.name):
            kept = _in_use(root, ledger, entry, prefix)
            if kept:
                return one._replace(kept=kept)
            saved = worktree.remove(bare_repo(root, rig), entry.work_dir, rescue_as=entry.address.name, now=clock.now())
    except GastownError as error:
        return one._replace(kept=str(error))
    record_hook(root, ledger, entry.address, prefix, ARCHIVED, actor=actor, bead=one.bead, clock=clock, hook_bead="")
    return one._replace(rescue=saved)


def _in_use(root: str, ledger: TownLedger, entry: RosterEntry, prefix: str) -> str:
    work = hooked_work(ledger, entry.address, prefix)
    if work:
        return f"{work[0].id} is on its hook"
    live = live_sessions(root)
    return "its session runs" if live is not None and entry.session in live else ""
