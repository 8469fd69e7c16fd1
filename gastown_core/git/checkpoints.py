"""Checkpoints of a worktree: its commit and its uncommitted files, kept as a ref of the shared repository.

``refs/gastown/hook/<name>/<milliseconds>`` is a commit whose tree is the working tree and whose parent is the commit
that was checked out, so ``worktree.put_back`` restores both.  Its message says why it was made.
"""

from __future__ import annotations

from gastown_core.git.repo import Git
from gastown_core.git.worktree import commit_of_everything, commit_tree, new_ref, status
from gastown_core.model.record import Record

HOOK = "refs/gastown/hook"
KEPT = 40
"""Checkpoints kept per worker; saving a new one deletes older ones."""

_FORMAT = "%(refname)%00%(objectname)%00%(parent)%00%(contents:subject)%00%(contents:body)%01"


class Checkpoint(Record):
    """One saved state; ``why`` is the reason for saving it, ``head`` the commit that was checked out."""

    ref: str
    commit: str
    head: str
    why: str
    branch: str
    at: float


def save(git: Git, name: str, why: str, now: float, *, clean: bool = False) -> str:
    """Save the worktree's current state; returns the ref, empty if there is no commit yet.

    ``clean`` asserts that there are no uncommitted files, and no checkpoint of that millisecond, which saves checking
    (and pruning old checkpoints); otherwise the next free millisecond names the ref.
    """
    head = git.commit_of("HEAD")
    if not head:
        return ""
    message = f"{why}\n\n{git.branch()}"
    tree = status(git) if not clean else None
    loose = tree is not None and (tree.changed or tree.untracked)
    commit = commit_of_everything(git, message) if loose else commit_tree(git, f"{head}^{{tree}}", head, message)
    ref = f"{HOOK}/{name}/{int(now * 1000)}" if clean else new_ref(git, f"{HOOK}/{name}", now)
    git.run("update-ref", ref, commit)
    if not clean:
        _drop_oldest(git, name)
    return ref


def _drop_oldest(git: Git, name: str) -> None:
    for old in saved_states(git, name)[KEPT:]:
        git.run("update-ref", "-d", old.ref, old.commit)


def saved_states(git: Git, name: str) -> list[Checkpoint]:
    """Return the checkpoints of a worker, newest first."""
    found = []
    for row in git.run("for-each-ref", f"--format={_FORMAT}", f"{HOOK}/{name}").split("\x01"):
        parts = row.strip("\n").split("\0")
        stamp = parts[0].rpartition("/")[2]
        if len(parts) == 5 and stamp.isdigit():
            ref, commit, head, why, branch = parts
            found.append(Checkpoint(ref, commit, head, why, branch.strip(), int(stamp) / 1000))
    return sorted(found, key=lambda one: -one.at)
