"""Cleaning up after polecats: stale worktrees, merged branches, what may be removed and what must be saved."""

from __future__ import annotations

import os

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.git import pruning, push_guard, worktree
from gastown_core.git.repo import Git
from gastown_core.model.address import POLECAT
from gastown_core.model.bead import CLOSED
from gastown_core.model.merge_request import LABEL, MERGED, read_request
from gastown_core.model.record import Record
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import RosterEntry, read_inventory
from gastown_core.town.polecat_pool import drop_void_reservations
from gastown_core.town.rigs import bare_repo, default_branch
from gastown_core.work.polecat.removal import look_at_stakes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.git.pruning import Prunable
SAFE, RECOVER, SUBMIT = "SAFE_TO_NUKE", "NEEDS_RECOVERY", "NEEDS_MQ_SUBMIT"


class StalePolecat(Record):
    """An idle polecat that is ``behind`` its default branch; ``words`` are reasons not to remove it."""

    entry: RosterEntry
    behind: int
    words: tuple[str, ...]

    @property
    def is_safe(self) -> bool:
        """Whether removing it loses nothing."""
        return not self.words

    def as_json(self) -> dict[str, object]:
        """One element of ``gt polecat stale --json``."""
        return {
            "polecat": self.entry.address.short,
            "behind": self.behind,
            "safe": self.is_safe,
            "at_stake": list(self.words),
        }


def find_stale(root: str, ledger: TownLedger, *, rig: str = "", threshold: int = 20) -> list[StalePolecat]:
    """Return polecats without work and session whose worktree is at least ``threshold`` commits behind."""
    found = []
    for entry in read_inventory(root).agents:
        if entry.address.role != POLECAT or rig not in ("", entry.address.rig):
            continue
        stakes = look_at_stakes(root, ledger, entry)
        base = f"origin/{default_branch(root, entry.address.rig)}"
        git = Git(entry.work_dir)
        if stakes.work or stakes.runs or stakes.is_broken or not os.path.isdir(entry.work_dir):
            continue
        behind = worktree.count_ahead(git, "HEAD", base) if git.commit_of(base) else 0
        if behind >= threshold:
            found.append(StalePolecat(entry, behind, tuple(stakes.words())))
    return found


class Pruned(Record):
    """What was deleted, or would be."""

    branches: tuple[Prunable, ...]
    warning: str = ""

    def as_json(self) -> dict[str, object]:
        """The result as ``--json`` prints it."""
        rows = [{"branch": one.branch, "reason": one.why, "remote": one.is_remote} for one in self.branches]
        return {"branches": rows, "warning": self.warning}


def prune_rig(
    root: str,
    ledger: TownLedger,
    rig: str,
    *,
    remote: bool = False,
    pattern: str = "polecat/*",
    dry_run: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Pruned:
    """Delete merged branches without a worktree, void reservations, and git's records of missing worktrees."""
    bare, default = bare_repo(root, rig), default_branch(root, rig)
    if not dry_run:
        drop_void_reservations(root, rig, clock.now())
        bare.run("worktree", "prune")
        push_guard.install(bare, default)
    done = prune_branches(bare, default, pattern, merged_commits(ledger, root, rig), remote=remote, dry_run=dry_run)
    return done


def prune_branches(
    git: Git,
    default: str,
    pattern: str,
    has_landed: Callable[[str, str], bool],
    *,
    remote: bool = False,
    dry_run: bool = False,
) -> Pruned:
    """Delete the merged branches of one repository; one that cannot be deleted is left, with a warning."""
    warning = pruning.refresh(git)
    # a glob that ends in a star matches branches of any depth
    glob = pattern.removesuffix("*").rstrip("/") if pattern.endswith("/*") else pattern
    found = pruning.find_prunable(git, default, glob, has_landed=has_landed)
    if remote:
        found += pruning.find_prunable(git, default, glob, has_landed=has_landed, remote=True)
    gone = []
    for one in found:
        try:
            if not dry_run:
                pruning.delete(git, one)
            gone.append(one)
        except GastownError as error:
            warning = warning or f"{one.branch} stays: {error.why}"
    return Pruned(tuple(gone), warning)


def merged_commits(ledger: TownLedger, root: str, rig: str) -> Callable[[str, str], bool]:
    """Return a function that says whether a request of the rig merged this (branch, commit)."""
    query = BeadQuery(labels_all=(LABEL,), statuses=(CLOSED,))
    requests = [read_request(bead) for bead in ledger.store_for(f"{rig_prefix(root, rig)}-x").find(query)]
    merged = {(one.branch, one.commit_sha) for one in requests if one.close_reason == MERGED}
    return lambda branch, commit: (branch, commit) in merged


def check_recovery(root: str, ledger: TownLedger, entry: RosterEntry) -> dict[str, object]:
    """Return whether a polecat can be removed, as in ``gt polecat check-recovery --json``."""
    stakes = look_at_stakes(root, ledger, entry)
    needs_saving = not stakes.is_clean
    submitted = bool(stakes.requests)
    verdict = RECOVER if needs_saving else SUBMIT if stakes.work and not submitted else SAFE
    status = "clean"
    if stakes.files:
        status = "has_uncommitted"
    elif stakes.commits:
        status = "has_unpushed"
    elif stakes.stashes:
        status = "has_stash"
    elif stakes.is_gone:
        status = "unknown"
    return {
        "rig": entry.address.rig,
        "polecat": entry.address.name,
        "cleanup_status": "unknown" if stakes.is_broken else status,
        "needs_recovery": needs_saving,
        "verdict": verdict,
        "branch": stakes.branch,
        "issue": stakes.work[0] if stakes.work else "",
        "mq_status": "submitted" if submitted else "not_submitted" if stakes.work else "unknown",
    }
