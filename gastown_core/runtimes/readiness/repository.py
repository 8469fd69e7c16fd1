"""The repository that a folder belongs to, by its files alone: programs keep their trust by it.

As Claude Code sees it, anything called ``.git`` begins a repository, also an empty folder, which git itself passes over.
"""

from __future__ import annotations

import os

from gastown_core.files.plain import read_plain
from gastown_core.model.record import Record

MOST_LEVELS = 64


class Repository(Record):
    """The top folder of a working tree, and the folder that all its worktrees share.

    Outside of a repository both are empty; a submodule, and a worktree whose repository is gone, share with nobody.
    """

    top: str = ""
    common: str = ""

    @property
    def main(self) -> str:
        """The main working tree, or the bare repository itself where there is none."""
        if not self.common:
            return self.top
        return os.path.dirname(self.common) if os.path.basename(self.common) == ".git" else self.common

    @property
    def is_bare(self) -> bool:
        """Whether its worktrees belong to a bare repository."""
        return bool(self.common) and os.path.basename(self.common) != ".git"


def repository_of(folder: str) -> Repository:
    """Return the repository around ``folder``, which need not exist yet."""
    here = os.path.realpath(folder)
    for _ in range(MOST_LEVELS):
        mark = os.path.join(here, ".git")
        if os.path.isdir(mark):
            return Repository(here, mark)
        if os.path.isfile(mark):
            return Repository(here, _common(here, mark))
        above = os.path.dirname(here)
        if above == here:
            break
        here = above
    return Repository()


def git_folders(folder: str) -> tuple[str, ...]:
    """The folders outside of the working tree's files that git writes to for it: the shared one, and a worktree's own."""
    found = repository_of(folder)
    mark = os.path.join(found.top, ".git")
    own = os.path.realpath(os.path.join(found.top, _line(mark).removeprefix("gitdir:").strip()))
    return tuple(dict.fromkeys(one for one in (found.common, own if os.path.isfile(mark) else "") if one))


def _common(top: str, mark: str) -> str:
    """Return the shared folder that a worktree's ``.git`` file leads to; empty if there is none."""
    own = os.path.join(top, _line(mark).removeprefix("gitdir:").strip())
    shared = _line(os.path.join(own, "commondir"))
    return os.path.realpath(os.path.join(own, shared)) if shared else ""


def _line(path: str) -> str:
    try:
        return read_plain(path).decode("utf-8", "replace").strip()
    except OSError:
        return ""
