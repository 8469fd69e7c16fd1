"""Cached set-up folders that the settings name (``node_modules``, ``.venv``), moved from one worktree to the next.

A probe's worktree is cleaned before each use; without this cache every probe would repeat the whole set-up.  Between two
uses such a folder lies outside every worktree.  A folder that is tracked on a branch, or that a branch made a link, is
not moved.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress

from gastown_core.files.folders import private_folder

TAKEN = ".taken-"


class Stowage:
    """Folders ``paths`` of worktrees, kept below ``store``; worktrees in use at the same time have a set each."""

    def __init__(self, store: str = "", paths: tuple[str, ...] = ()) -> None:
        self.store = store
        self.paths = paths

    def take_from(self, tree: str) -> None:
        """Move the folders out of a worktree that is no longer in use. Raises OSError."""
        here = [path for path in self.paths if _is_own_folder(tree, path)]
        if not here:
            return
        private_folder(self.store)
        box = tempfile.mkdtemp(prefix=TAKEN, dir=self.store)
        for path in here:
            os.makedirs(os.path.dirname(os.path.join(box, path)), exist_ok=True)
            os.rename(os.path.join(tree, path), os.path.join(box, path))
        # only a complete set gets a name that can be found
        os.rename(box, os.path.join(self.store, os.path.basename(box).removeprefix(TAKEN)))

    def put_into(self, tree: str) -> None:
        """Move one set of folders into a clean worktree, if there is one. Raises OSError."""
        box = self._box() if self.paths else ""
        if not box:
            return
        for path in self.paths:
            source, goal = os.path.join(box, path), os.path.join(tree, path)
            if os.path.isdir(source) and not os.path.lexists(goal) and _is_inside(tree, os.path.dirname(goal)):
                os.makedirs(os.path.dirname(goal), exist_ok=True)
                os.rename(source, goal)
        shutil.rmtree(box, ignore_errors=True)

    def clear(self) -> None:
        """Remove sets that a killed run had taken, and all sets if the settings name no folders any more."""
        for name in self._names():
            if name.startswith(TAKEN) or not self.paths:
                shutil.rmtree(os.path.join(self.store, name), ignore_errors=True)

    def _box(self) -> str:
        """Take one set, so that no other worktree gets it; empty if there is none."""
        for name in self._names():
            if not name.startswith(TAKEN):
                with suppress(FileNotFoundError):
                    os.rename(os.path.join(self.store, name), os.path.join(self.store, TAKEN + name))
                    return os.path.join(self.store, TAKEN + name)
        return ""

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self.store)) if self.store else []
        except FileNotFoundError:
            return []


def _is_own_folder(tree: str, path: str) -> bool:
    """Whether it is a real folder in the worktree, not reached through a link."""
    whole = os.path.join(tree, path)
    return os.path.isdir(whole) and os.path.realpath(whole) == os.path.join(os.path.realpath(tree), path)


def _is_inside(tree: str, folder: str) -> bool:
    """Whether a folder, existing or not, lies in the worktree with no link on its path."""
    return os.path.realpath(folder) == os.path.join(os.path.realpath(tree), os.path.relpath(folder, tree)).rstrip("/.")
