"""Repositories inside a worktree: its submodules, and untracked clones.

Their commits live in git directories that disappear with the worktree, so their work is reported and saved like the
worktree's own.  A worktree without them costs no process here.
"""

from __future__ import annotations

import os

from gastown_core.git.repo import Git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

TIMEOUT_S = 600.0
_LINK = "160000"


def initialise(git: Git, *, force: bool = False) -> bool:
    """Check out every submodule at its recorded commit; returns False if there are none. Raises GitError.

    ``force`` discards other content of a submodule.  Submodules with local paths are allowed only if origin is local
    too: git refuses them by default, since a foreign repository could name any folder.
    """
    if not os.path.exists(os.path.join(git.path, ".gitmodules")):
        return False
    local = git.config("remote.origin.url").startswith(("/", "file://"))
    allow = ("-c", "protocol.file.allow=always") if local else ()
    words = ("submodule", "--quiet", "update", "--init", "--recursive", *(("--force",) if force else ()))
    git.run(*allow, *words, timeout_s=TIMEOUT_S)
    return True


def sweep(git: Git, what: str) -> None:
    """Run ``git clean`` with the options ``what`` in every submodule. Raises GitError."""
    for inner in submodules(git):
        inner.run("clean", what)


def submodules(git: Git) -> list[Git]:
    """Return the submodules that are checked out, recursively."""
    if not os.path.exists(os.path.join(git.path, ".gitmodules")):
        return []
    found = []
    for row in git.run("ls-files", "--stage", "-z").split("\0"):
        facts, _, name = row.partition("\t")
        path = os.path.join(git.path, name)
        if facts.startswith(_LINK) and os.path.exists(os.path.join(path, ".git")):
            inner = Git(path, identity=git.identity)
            found += [inner, *submodules(inner)]
    return found


def embedded(git: Git, untracked: Iterable[str]) -> list[Git]:
    """Return repositories among the untracked paths (git lists them with a trailing slash)."""
    names = [name for name in untracked if name.endswith("/")]
    return [Git(os.path.join(git.path, name.rstrip("/")), identity=git.identity) for name in names]


def unpushed(inner: Git, saved: str) -> tuple[str, ...]:
    """Return the commits of the inner repository on no remote and under no ref below ``saved``, one line each."""
    if not inner.commit_of("HEAD"):
        return ()
    rows = inner.run("log", "--format=%h %s", "HEAD", "--branches", "--not", "--remotes", f"--glob={saved}/*")
    return tuple(rows.splitlines())


def on_no_remote(inner: Git) -> tuple[str, ...]:
    """Return the commits of its HEAD that are on no remote, one line each, newest first."""
    return tuple(inner.run("log", "--format=%h %s", "HEAD", "--not", "--remotes").splitlines())


def fetch_into(outer: Git, inner: Git, commit: str, ref: str) -> None:
    """Keep a commit of the inner repository as ``ref`` in both repositories. Raises GitError."""
    inner.run("update-ref", ref, commit)
    outer.run("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", inner.path, f"+{ref}:{ref}")


def relative(git: Git, inner: Git) -> str:
    """Return the inner repository's path relative to the outer one."""
    return os.path.relpath(inner.path, git.path)
