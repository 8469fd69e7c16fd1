"""Branches whose work has landed: found with the reason, and deleted; branches without proof are kept."""

from __future__ import annotations

from gastown_core.errors import GitError
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.git.repo import Git


class Prunable(Record):
    """A branch that may be deleted, and why: ``merged``, ``no-remote-merged`` or ``landed``."""

    branch: str
    commit: str
    why: str
    is_remote: bool = False


def find_prunable(
    git: Git, default: str, pattern: str, *, has_landed: Callable[[str, str], bool], remote: bool = False
) -> list[Prunable]:
    """Local branches (with ``remote`` those at origin) that match the glob and are merged into ``origin/<default>``.

    ``has_landed(branch, commit)`` tells whether squashed work has landed.  Checked-out branches are skipped.
    """
    base = f"origin/{default}"
    where = f"refs/remotes/origin/{pattern}" if remote else f"refs/heads/{pattern}"
    merged = set(git.run("for-each-ref", f"--merged={base}", "--format=%(refname)", where).splitlines())
    rows = git.run("for-each-ref", "--format=%(refname)%00%(objectname)%00%(worktreepath)", where).splitlines()
    found = []
    for row in rows:
        ref, commit, checked_out = row.split("\0")
        branch = ref.removeprefix("refs/remotes/origin/" if remote else "refs/heads/")
        if checked_out or branch == default:
            continue
        if ref in merged:
            gone = not remote and not git.commit_of(f"refs/remotes/origin/{branch}")
            found.append(Prunable(branch, commit, "no-remote-merged" if gone else "merged", remote))
        elif has_landed(branch, commit):
            found.append(Prunable(branch, commit, "landed", remote))
    return found


def refresh(git: Git) -> str:
    """Fetch and prune origin; returns a warning if it cannot be reached."""
    try:
        git.run("fetch", "--quiet", "--prune", "origin", timeout_s=60.0)
    except GitError as error:
        return f"origin could not be reached; using its last known state ({error.why})"
    return ""


def delete(git: Git, found: Prunable) -> None:
    """Delete the branch if it still points to the commit that was found. Raises GitError."""
    if found.is_remote:
        lease = f"--force-with-lease=refs/heads/{found.branch}:{found.commit}"
        git.run("push", "--quiet", lease, "origin", f":refs/heads/{found.branch}", timeout_s=60.0)
    else:
        git.run("update-ref", "-d", f"refs/heads/{found.branch}", found.commit)
