"""Pushing a worker's branch to origin: verified, and nothing is overwritten without a rescue ref."""

from __future__ import annotations

from gastown_core.errors import GitError
from gastown_core.git.worktree import RESCUE, new_ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.git.repo import Git

TIMEOUT_S = 120.0


def push_branch(git: Git, branch: str, name: str, now: float) -> tuple[str, bool]:
    """Push HEAD to ``branch`` at origin; return the commit and whether a push was needed.

    A rebased branch replaces its earlier state there, which gets a rescue ref first.  Raises GitError.
    """
    commit = git.commit_of("HEAD")
    ref = f"refs/heads/{branch}"
    there = _at_origin(git, ref)
    if there == commit:
        return commit, False
    lease = []
    if there and not _is_ancestor(git, there):
        git.run("update-ref", new_ref(git, f"{RESCUE}/{name}", now, "-pushed"), there)
        lease = [f"--force-with-lease={ref}:{there}"]
    git.run("push", "--quiet", *lease, "origin", f"HEAD:{ref}", timeout_s=TIMEOUT_S)
    arrived = _at_origin(git, ref)
    if arrived != commit:
        raise GitError(f"{branch} did not arrive at origin", f"it has {arrived[:8] or 'no such branch'}")
    return commit, True


def _at_origin(git: Git, ref: str) -> str:
    found = git.run("ls-remote", "origin", ref, timeout_s=TIMEOUT_S).split()
    return found[0] if found else ""


def _is_ancestor(git: Git, commit: str) -> bool:
    if not git.commit_of(commit):
        git.run("fetch", "--quiet", "origin", commit, timeout_s=TIMEOUT_S)
    return git.attempt("merge-base", "--is-ancestor", commit, "HEAD").code == 0
