"""Chores whose failure loses data, as code: copies of the ledgers, and upkeep of the rigs' repositories.

Nothing is removed before what it holds is under a ref, and every chore says what it removed or saved.
"""

from __future__ import annotations

import gzip
import os
import time

from gastown_core.errors import GitError, StoreError
from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.git.lost_worktrees import bring_home, has_work, lost, lost_ref, moved, save_lost
from gastown_core.git.repo import Git
from gastown_core.model.record import Record
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger

BACKUP, GIT = "backup", "git"
CHORES = {
    BACKUP: "copy every ledger to daemon/backups",
    GIT: "tidy the rigs' repositories; save what lost worktrees held under a ref",
}
KEPT = 14
"""Copies kept of each ledger."""
SHRUNK = 0.5
"""A ledger smaller than this share of its last copy may have lost beads: its older copies are then all kept."""
MISSING_FOR = "1.day.ago"
"""So long must a worktree's folder be missing until git forgets it: a disk may only be unmounted."""


class Done(Record):
    """What a chore did, one line each, and what went wrong."""

    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def backups_folder(root: str) -> str:
    """Return the folder with the copies of the ledgers."""
    return os.path.join(root, "daemon", "backups")


def back_up(root: str, ledger: TownLedger, now: float, *, dry_run: bool = False) -> Done:
    """Copy each ledger that changed since its last copy, compressed; drop the oldest copies. Raises StoreError."""
    folder = backups_folder(root)
    if not dry_run:
        private_folder(folder)
    lines, warnings = [], []
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    for name, store in ledger.stores().items():
        try:
            with open(store.path(), "rb") as handle:
                data = handle.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"{store.path()} cannot be read", str(error.strerror)) from error
        copies = copies_of(root, name)
        last = _read(copies[0]) if copies else None
        if last == data:
            continue
        shrank = last is not None and len(data) < len(last) * SHRUNK
        if shrank:
            words = f"the ledger {name} shrank from {len(last or b'')} to {len(data)} bytes since its last copy"
            warnings.append(f"{words}; the older copies are kept: {copies[0]}")
        path = _new_copy(folder, f"{name}-{stamp}")
        lines.append(f"copied {name} ({len(data)} bytes) to {path}")
        if dry_run:
            continue
        write_atomic(path, gzip.compress(data, mtime=0), mode=0o600)
        for old in [] if shrank else copies_of(root, name)[KEPT:]:
            os.unlink(old)
    return Done(tuple(lines), tuple(warnings))


def _new_copy(folder: str, stem: str) -> str:
    """Return the path of a copy; a second one of the same second takes nothing away, and sorts after the first."""
    path, number = os.path.join(folder, f"{stem}.jsonl.gz"), 0
    while os.path.exists(path):
        number += 1
        path = os.path.join(folder, f"{stem}_{number}.jsonl.gz")
    return path


def copies_of(root: str, name: str) -> list[str]:
    """Return the copies of a ledger, newest first."""
    folder = backups_folder(root)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    mine = [one for one in names if one.endswith(".jsonl.gz") and one.rpartition("-")[0] == name]
    return [os.path.join(folder, one) for one in sorted(mine, reverse=True)]


def _read(path: str) -> bytes | None:
    """Return what a copy holds, None if it is damaged."""
    try:
        with gzip.open(path) as handle:
            return handle.read()
    except (OSError, EOFError):
        return None


def tend_git(root: str, now: float, *, dry_run: bool = False) -> Done:
    """Tell git of moved worktrees, save what only lost ones hold, let git forget these and pack what is loose.

    A repository that git cannot read is a warning; the others are tended.
    """
    lines: list[str] = []
    warnings: list[str] = []
    for rig in read_inventory(root).rigs:
        bare = os.path.join(rig.path, ".repo.git")
        if not os.path.isdir(bare):
            continue
        try:
            lines += [f"{rig.name}: {line}" for line in _tend(Git(bare), now, dry_run=dry_run)]
        except GitError as error:
            warnings.append(f"{rig.name}: {error}")
    return Done(tuple(lines), tuple(warnings))


def _tend(git: Git, now: float, *, dry_run: bool) -> list[str]:
    said = []
    # first: git would forget a moved worktree as one that is lost
    for folder in moved(git):
        if not dry_run:
            bring_home(git, folder)
        said.append(f"told git that the worktree {folder} lies there now")
    for tree in lost(git):
        if has_work(git, tree):
            ref = lost_ref(tree, now) if dry_run else save_lost(git, tree, now)
            said.append(f"saved {tree.head[:12]} of the lost worktree {tree.path} as {ref}")
    options = ("--dry-run",) if dry_run else ()
    pruned = git.attempt("worktree", "prune", "--verbose", f"--expire={MISSING_FOR}", *options)
    if pruned.code != 0:
        raise GitError("git worktree prune failed", pruned.err.strip())
    said += [line.strip() for line in f"{pruned.out}\n{pruned.err}".splitlines() if line.strip()]
    if not dry_run:
        # nothing that a ref or a reflog names is removed; loose objects without one stay two weeks
        git.run("-c", "gc.autoDetach=false", "gc", "--auto", "--quiet", timeout_s=600.0)
    return said
