"""Temporary worktrees for probes: detached, one per use, gone afterwards; what a killed run left is cleared away.

They lie under ``<rig>/.runtime/refinery/trees/<target>``; whoever holds the target's lock owns them all.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from itertools import count

from gastown_core.git.repo import ENGINE, Git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_HOOKS = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")


class Worktrees:
    """Worktrees of ``bare`` below ``folder``."""

    def __init__(self, bare: Git, folder: str) -> None:
        self.bare = bare
        self.folder = folder
        self._numbers = count(1)

    @contextmanager
    def open(self, purpose: str, commit: str) -> Iterator[Git]:
        """A worktree at ``commit`` for the length of the block. Raises GitError, OSError."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        # git keeps its own record under the folder's last name, which has to be unique
        path = os.path.join(self.folder, f"{purpose}-{os.getpid()}-{next(self._numbers)}")
        try:
            self.bare.run(*_NO_HOOKS, "worktree", "add", "--quiet", "--detach", path, commit)
            yield Git(path, identity=ENGINE)
        finally:
            self._drop(path)

    def _drop(self, path: str) -> None:
        self.bare.attempt("worktree", "remove", "--force", path)
        if os.path.lexists(path):
            shutil.rmtree(path, ignore_errors=True)
            self.bare.attempt("worktree", "prune")

    def clear(self) -> int:
        """Remove what an earlier run left behind; how many there were."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return 0
        for name in names:
            self._drop(os.path.join(self.folder, name))
        if names:
            self.bare.attempt("worktree", "prune")
        return len(names)
