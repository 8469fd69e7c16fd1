"""The repository that a rig's merges are pushed to, checked when the rig is added, not at its first merge.

git refuses a push to a branch that is checked out, so a person's work folder cannot be the target.  What works is a
bare mirror that shows the folder what landed, another repository, or another branch.
"""

from __future__ import annotations

import os
import shlex

from gastown_core.errors import ConflictError, GastownError, GitError, UsageError
from gastown_core.files.atomic import write_atomic
from gastown_core.git.repo import Git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MIRROR = ".origin.git"
BACK = "town"
"""The remote name under which the mirrored folder sees what landed: ``refs/remotes/<this>``."""
PROBE_S = 30.0
_ACCEPTS = ("ignore", "warn", "updateinstead", "false")

_TELL_BACK = f"""#!/bin/sh
# Written by gt: shows what lands in this mirror to the folder that it mirrors. Nothing checked out there is touched.
while read -r _ new ref; do
    case "$ref" in refs/heads/polecat/*) continue ;; refs/heads/*) ;; *) continue ;; esac
    case "$new" in *[!0]*) ;; *) continue ;; esac
    git push --quiet checkout "+$ref:refs/remotes/{BACK}/${{ref#refs/heads/}}" ||
        echo "gas town: cannot show $ref to the folder that this repository mirrors" >&2
done
exit 0
"""


def local_folder(url: str) -> str:
    """Return the local folder that a URL means, empty if it is remote."""
    path = url.removeprefix("file://")
    return path if path.startswith("/") else ""


def make_mirror(url: str, path: str, progress: Callable[[str], None]) -> str:
    """Create a bare mirror of the local repository ``url`` at ``path``; return its URL. Raises UsageError, GitError."""
    folder = local_folder(url)
    if not folder:
        raise UsageError("--mirror needs a folder on this machine", f"{url} is not one", "omit it")
    parent = Git(os.path.dirname(path))
    parent.stream("clone", "--progress", "--bare", "--", url, path, on_progress=progress)
    mirror = Git(path)
    mirror.run("remote", "rename", "origin", "checkout")
    hook = os.path.join(path, "hooks", "post-receive")
    os.makedirs(os.path.dirname(hook), exist_ok=True)
    write_atomic(hook, _TELL_BACK.encode(), mode=0o755)
    return "file://" + path


def aim(git: Git, push_url: str) -> None:
    """Point ``origin`` at the repository that is pushed to: work continues from what landed there. Raises GitError."""
    if push_url:
        git.run("remote", "set-url", "origin", push_url)
        git.run("remote", "set-url", "--push", "origin", push_url)


def fill(bare: Git, push_url: str, branch: str) -> None:
    """Push the branch to the target repository, if that has no branch of this name.

    Raises ConflictError if its branch shares no history; GitError if it cannot be reached.
    """
    if not push_url:
        return
    commit = bare.commit_of(f"refs/remotes/origin/{branch}")
    there = bare.run("ls-remote", push_url, f"refs/heads/{branch}", timeout_s=PROBE_S).split()
    if not there:
        bare.run("push", "--quiet", "--no-verify", push_url, f"{commit}:refs/heads/{branch}", timeout_s=120.0)
        return
    bare.run("fetch", "--quiet", push_url, f"refs/heads/{branch}", timeout_s=120.0)
    if bare.attempt("merge-base", there[0], commit).code != 0:
        raise ConflictError(
            f"{branch} at {push_url} shares no history with the repository's",
            "work could never be merged into it",
            "name the repository that merges should go to",
        )


def why_not(bare: Git, url: str, branch: str) -> str:
    """Return why the refinery cannot push ``branch`` to ``url``, with what works instead; empty if it can.

    A server may still refuse a real push by rules that a dry run does not meet.
    """
    folder = local_folder(url)
    if folder:
        problem = _local_problem(Git(folder), branch)
        if problem:
            return problem
    ref = f"refs/remotes/origin/{branch}:refs/heads/{branch}"
    try:
        bare.run("push", "--dry-run", "--quiet", "--no-verify", url, ref, timeout_s=PROBE_S)
    except GitError as error:
        if "non-fast-forward" in error.said or "fetch first" in error.said:
            return ""
        return (
            f"nothing can be merged: {error.why}; gt rig add with --push-url URL names a repository that takes pushes"
        )
    return ""


def _local_problem(there: Git, branch: str) -> str:
    try:
        is_bare = there.run("rev-parse", "--is-bare-repository") == "true"
        objects = os.path.join(there.path, there.run("rev-parse", "--git-common-dir"), "objects")
    except GastownError as error:
        return f"nothing can be merged: {error.why}"
    if not os.access(objects, os.W_OK):
        return (
            f"nothing can be merged: {objects} is not writable for this user; --push-url URL names another repository"
        )
    if is_bare or there.branch() != branch or there.config("receive.denyCurrentBranch").lower() in _ACCEPTS:
        return ""
    where = shlex.quote(there.path)
    return (
        f"nothing can be merged: {there.path} has {branch} checked out, and git refuses to push there. What works: "
        "--mirror (a bare mirror that shows this folder what landed); --push-url URL (another repository); "
        f"--branch OTHER (another target); or git -C {where} config receive.denyCurrentBranch updateInstead"
    )
