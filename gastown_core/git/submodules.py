"""Repositories inside a worktree: its submodules, and clones that lie in it untracked.

Their commits live in git directories that go with the worktree, so work in them is told and saved like the worktree's
own.  Nothing here costs a process where a worktree has neither.
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
    """Check out every submodule at the commit that the worktree names; False if it has none. Raises GitError.

    ``force`` drops what a submodule holds otherwise.  Submodules on this machine are allowed where the project itself
    is: git refuses them else, for a repository of strangers could name any folder.
    """
    if not os.path.exists(os.path.join(git.path, ".gitmodules")):
        return False
    local = git.config("remote.origin.url").startswith(("/", "file://"))
    allow = ("-c", "protocol.file.allow=always") if local else ()
    words = ("submodule", "--quiet", "update", "--init", "--recursive", *(("--force",) if force else ()))
    git.run(*allow, *words, timeout_s=TIMEOUT_S)
    return True


def sweep(git: Git, what: str) -> None:
    """``git clean`` with the options ``what`` in every submodule. Raises GitError."""
    for inner in submodules(git):
        inner.run("clean", what)


def submodules(git: Git) -> list[Git]:
    """The submodules that are checked out, those inside them too."""
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
    """Repositories among the untracked paths (git ends them with a slash and looks no further)."""
    names = [name for name in untracked if name.endswith("/")]
    return [Git(os.path.join(git.path, name.rstrip("/")), identity=git.identity) for name in names]


def unpushed(inner: Git, saved: str) -> tuple[str, ...]:
    """Commits that no remote of the inner repository has and no ref below ``saved`` holds, a line each."""
    if not inner.commit_of("HEAD"):
        return ()
    rows = inner.run("log", "--format=%h %s", "HEAD", "--branches", "--not", "--remotes", f"--glob={saved}/*")
    return tuple(rows.splitlines())


def on_no_remote(inner: Git) -> tuple[str, ...]:
    """Commits below its HEAD that others cannot fetch, a line each, the newest first."""
    return tuple(inner.run("log", "--format=%h %s", "HEAD", "--not", "--remotes").splitlines())


def fetch_into(outer: Git, inner: Git, commit: str, ref: str) -> None:
    """Keep a commit of the inner repository as ``ref``, in both. Raises GitError."""
    inner.run("update-ref", ref, commit)
    outer.run("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", inner.path, f"+{ref}:{ref}")


def relative(git: Git, inner: Git) -> str:
    """The inner repository's path as a person names it."""
    return os.path.relpath(inner.path, git.path)
