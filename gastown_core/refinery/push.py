"""Pushing to the target: only onto the commit that was tested against, and only by the engine."""

from __future__ import annotations

from gastown_core.errors import GitError
from gastown_core.git.repo import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.git.repo import Git
    from gastown_core.refinery.place import Refinery

MOVED = ("stale info", "fetch first", "non-fast-forward", "failed to update ref", "cannot lock ref")
"""What git says when somebody else was quicker."""


def push_target(place: Refinery, target: str, head: str, base: str, *, extra: Mapping[str, str] | None = None) -> bool:
    """Move ``target`` at the remote from ``base`` to ``head``; False if it is no longer at ``base``.

    Raises GitError if the remote cannot be reached or refuses for another reason.
    """
    env = {"GT_ROLE": "refinery", "GT_RIG": place.rig, "GT_POLECAT": "", "BD_ACTOR": place.actor, **(extra or {})}
    ref = f"refs/heads/{target}"
    args = ("push", "--porcelain", f"--force-with-lease={ref}:{base}", "origin", f"{head}:{ref}")
    done = place.git.attempt(*args, env=env)
    if done.code == 0:
        return True
    said = done.out + done.err
    if any(word in said for word in MOVED):
        return False
    raise refusal(("push",), "\n".join(line for line in said.splitlines() if not line.startswith(("To ", "Done"))))


def is_on(git: Git, commit: str, target_commit: str) -> bool:
    """Whether ``commit`` is an ancestor of (or is) the target's commit. Raises GitError if either is unknown."""
    done = git.attempt("merge-base", "--is-ancestor", commit, target_commit)
    if done.code in (0, 1):
        return done.code == 0
    raise refusal(("merge-base",), done.err)


def delete_branches(git: Git, branches: Mapping[str, str]) -> list[str]:
    """Delete these branches at the remote, each only if it still is at its commit; those that are gone now."""
    if not branches:
        return []
    leases = [f"--force-with-lease=refs/heads/{name}:{commit}" for name, commit in branches.items()]
    specs = [f":refs/heads/{name}" for name in branches]
    done = git.attempt("push", "--porcelain", *leases, "origin", *specs, env={"GT_ROLE": "refinery", "GT_POLECAT": ""})
    if done.code == 0:
        return list(branches)
    gone = [name for name in branches if f":refs/heads/{name}\t[deleted]" in done.out]
    if len(branches) > 1:
        for name in [name for name in branches if name not in gone]:
            gone += delete_branches(git, {name: branches[name]})
    return gone


def must_have(commit: str, what: str) -> str:
    """``commit``, which must not be empty. Raises GitError."""
    if not commit:
        raise GitError(f"{what} is not there")
    return commit
