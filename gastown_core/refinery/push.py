"""Push to the target, only onto the commit that the stack was tested on; then delete the branches of landed work."""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import ConflictError, GitError, StoreError
from gastown_core.files.locks import FileLock
from gastown_core.git.repo import Git, refusal
from gastown_core.git.worktree import list_worktrees
from gastown_core.refinery.tips import remote_heads
from gastown_core.town.branches import bead_of_branch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.refinery.place import Refinery
MOVED = ("stale info", "fetch first", "non-fast-forward", "failed to update ref", "cannot lock ref")
"""What git says when somebody else has pushed first."""


def push_target(place: Refinery, target: str, head: str, base: str, *, extra: Mapping[str, str] | None = None) -> bool:
    """Move ``target`` at the remote from ``base`` to ``head``; False if it is no longer at ``base``.

    With the default branch go those that the settings name, all or none of them, each only forward.
    A push whose answer was lost, or came too late, counts if the remote has ``head`` afterwards.  Raises GitError if the
    remote cannot be reached or refuses for another reason.
    """
    try:
        return _push(place, target, head, base, extra or {})
    except GitError:
        with contextlib.suppress(GitError):
            if remote_heads(place.git).get(target) == head:
                return True
        raise


def _push(place: Refinery, target: str, head: str, base: str, extra: Mapping[str, str]) -> bool:
    also = [one for one in place.policy.also_push if one != target] if target == place.default else []
    env = {"GT_ROLE": "refinery", "GT_RIG": place.rig, "GT_POLECAT": "", "BD_ACTOR": place.actor, **extra}
    ref = f"refs/heads/{target}"
    specs = [f"{head}:{ref}", *(f"{head}:refs/heads/{one}" for one in also)]
    leases = [f"--force-with-lease={ref}:{base}"]
    args = ("push", "--porcelain", *(["--atomic"] if also else []), *leases, "origin", *specs)
    done = place.git.attempt(*args, env=env)
    if done.code == 0:
        return True
    said = done.out + done.err
    # what only another branch is refused for would be refused again and again
    mine = "\n".join(line for line in said.splitlines() if not any(f":refs/heads/{one}\t" in line for one in also))
    if any(word in mine for word in MOVED):
        return False
    ahead = [one for one in also if any(f":refs/heads/{one}\t[rejected]" in line for line in _moved(said))]
    if ahead:
        raise _cannot_follow(ahead, target, said)
    raise refusal(("push",), "\n".join(line for line in said.splitlines() if not line.startswith(("To ", "Done"))))


def _moved(said: str) -> list[str]:
    """The lines of a push that name a branch which has moved."""
    return [line for line in said.splitlines() if any(word in line for word in MOVED)]


def _cannot_follow(branches: list[str], target: str, said: str) -> GitError:
    names, have = " and ".join(branches), "it has" if len(branches) == 1 else "they have"
    why = f"{have} commits that {target} lacks, and either all branches of merge_queue.also_push move or none"
    hint = f"merge {names} into {target}, or leave {names} out of merge_queue.also_push"
    return GitError(f"{names} cannot follow {target}", why, hint, said=said)


def is_on(git: Git, commit: str, target_commit: str) -> bool:
    """Whether ``commit`` is an ancestor of (or is) the target's commit. Raises GitError if either is unknown."""
    done = git.attempt("merge-base", "--is-ancestor", commit, target_commit)
    if done.code in (0, 1):
        return done.code == 0
    raise refusal(("merge-base",), done.err)


def delete_branches(git: Git, branches: Mapping[str, str]) -> list[str]:
    """Delete these branches at the remote, each only if it is still at its commit; those that are gone afterwards."""
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


PREFIX = "polecat/"
"""Only branches of polecats are deleted."""
_KEPT_IN = ("refs/heads/polecat", "refs/remotes/origin/polecat")
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")


def drop_branches(place: Refinery, landed: Mapping[str, tuple[str, str]]) -> None:
    """Delete the branches still at the commit that was handed in (the first of the pair; the second is where it landed).

    A branch that cannot be deleted does not fail the merge: ``gt prune-branches`` deletes it later.
    """
    mine = {name: ends for name, ends in landed.items() if name.startswith(PREFIX) and ends[0]}
    if not mine or not place.policy.delete_branches:
        return
    mine |= _earlier(place, mine)
    with contextlib.suppress(GitError):
        gone = delete_branches(place.git, {name: tip for name, (tip, _) in mine.items()})
        for name in gone:
            place.git.attempt("update-ref", "-d", f"refs/remotes/origin/{name}")
    with contextlib.suppress(GitError):
        standing = {row.branch: row.path for row in list_worktrees(place.git) if row.branch in mine}
        for name, (tip, commit) in mine.items():
            ref = f"refs/heads/{name}"
            if place.git.commit_of(ref) == tip and (
                name not in standing or _leave(place, standing[name], name, commit)
            ):
                place.git.attempt("update-ref", "-d", ref, tip)


def _earlier(place: Refinery, mine: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Older branches of the same beads that the landed ones continue (work that was sent back to another worker)."""
    work = {bead_of_branch(name): ends for name, ends in mine.items() if bead_of_branch(name)}
    listed = place.git.attempt("for-each-ref", "--format=%(refname) %(objectname)", *_KEPT_IN)
    found = {}
    for line in listed.out.splitlines():
        ref, _, tip = line.partition(" ")
        name = ref[ref.index(PREFIX) :]
        landed = work.get(bead_of_branch(name))
        if landed and name not in mine and place.git.attempt("merge-base", "--is-ancestor", tip, landed[0]).code == 0:
            found[name] = (tip, landed[1])
    return found


def _leave(place: Refinery, path: str, branch: str, commit: str) -> bool:
    """Detach a polecat's worktree from a branch; False if the worktree is not a polecat's or is being given work."""
    parts = os.path.relpath(path, os.path.realpath(place.path)).split(os.sep)
    if parts[0] != "polecats" or len(parts) < 2:
        return False
    lock = os.path.join(place.path, ".runtime", "locks", f"polecat-{parts[1]}.lock")
    try:
        with FileLock(lock, timeout_s=0.0, name_holder=True):
            tree = Git(path)
            if tree.branch() != branch:
                return True
            # uncommitted files are kept: git refuses to overwrite them, then only HEAD is detached
            moved = tree.attempt(*_NO_HOOKS, "checkout", "--quiet", "--detach", commit)
            return moved.code == 0 or tree.attempt(*_NO_HOOKS, "checkout", "--quiet", "--detach").code == 0
    except (ConflictError, StoreError):
        return False
