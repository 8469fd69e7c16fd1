"""Temporary worktrees for probes: detached, cleaned for each use, removed with their batch.

They lie under ``<rig>/.runtime/refinery/trees/<target>``; the process with the target's lock owns them all, and removes the
folder with the last of them, so one that stands was left by a killed run.  Its worktrees are removed after every process is
killed that outlived its engine: a gate that still runs in one, or a git that is still making one.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager, suppress
from itertools import count

from gastown_core.errors import GitError
from gastown_core.files.folders import private_folder
from gastown_core.git import submodules
from gastown_core.git.repo import ENGINE, Git
from gastown_core.git.worktree import list_worktrees
from gastown_core.process import kill_group
from gastown_core.process_table import folder_of, process_table, words_of
from gastown_core.refinery.stowage import Stowage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_HOOKS = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
DIES_S, LOOK_S = 10.0, 0.005
"""How long a killed process may take to be gone; one that hangs in the kernel is left to itself; and how often that is looked at."""


class Worktrees:
    """Worktrees of ``bare`` below ``folder``; free ones are cleaned and reused until ``close``.

    The folders that ``stowage`` names move from a worktree marked with ``keep`` to the next one.
    """

    def __init__(self, bare: Git, folder: str, stowage: Stowage | None = None) -> None:
        self.bare = bare
        self.folder = folder
        self.stowage = stowage or Stowage()
        self._kept: set[str] = set()
        self._numbers = count(1)
        self._free: list[str] = []

    @contextmanager
    def open(self, commit: str) -> Iterator[Git]:
        """A clean worktree at ``commit`` for the length of the block. Raises GitError, OSError."""
        path = self._again(commit) or self._fresh(commit)
        try:
            self.stowage.put_into(path)
            yield Git(path, identity=ENGINE)
            if path in self._kept:
                self._kept.discard(path)
                self.stowage.take_from(path)
        except BaseException:
            self._drop(path)
            raise
        self._free.append(path)

    def keep(self, tree: Git) -> None:
        """Keep the stowage folders of this worktree: its set-up succeeded."""
        self._kept.add(tree.path)

    def _fresh(self, commit: str) -> str:
        private_folder(self.folder)
        # git names its own record after the last part of the path, which has to be unique
        path = os.path.join(self.folder, f"tree-{os.getpid()}-{next(self._numbers)}")
        try:
            self.bare.run(*_NO_HOOKS, "worktree", "add", "--quiet", "--detach", path, commit)
            submodules.initialise(Git(path))
        except BaseException:
            self._drop(path)
            raise
        return path

    def _again(self, commit: str) -> str:
        """A free worktree, cleaned; empty if there is none or it cannot be cleaned."""
        while self._free:
            path = self._free.pop()
            tree = Git(path)
            moved = tree.attempt(*_NO_HOOKS, "checkout", "--quiet", "--force", "--detach", commit)
            if moved.code == 0 and tree.attempt("clean", "-ffdxq").code == 0 and _fill_again(tree):
                return path
            self._drop(path)
        return ""

    def close(self) -> None:
        """Remove the free worktrees, and the folder with the last of all."""
        while self._free:
            self._drop(self._free.pop())
        with suppress(OSError):
            os.rmdir(self.folder)

    def _drop(self, path: str) -> None:
        # forced twice: one that git was still making when it was killed stays locked
        removal = ("worktree", "remove", "--force", "--force", path)
        removed = self.bare.attempt(*removal).code == 0
        if os.path.lexists(path):
            shutil.rmtree(path, ignore_errors=True)
        if not removed:
            self.bare.attempt(*removal)
            self.bare.attempt("worktree", "prune")

    def clear(self) -> int:
        """Remove what an earlier run left behind; how many there were."""
        self.stowage.clear()
        if not os.path.isdir(self.folder):
            return 0
        end_processes_in(self.folder)
        below = os.path.realpath(self.folder)
        registered = [
            os.path.basename(one.path) for one in list_worktrees(self.bare) if os.path.dirname(one.path) == below
        ]
        names = {*os.listdir(self.folder), *registered}
        for name in sorted(names):
            self._drop(os.path.join(self.folder, name))
        self.close()
        return len(names)


def abandoned(rig_path: str) -> list[str]:
    """The folders of a rig's gate worktrees that stand; unless an engine works, killed ones left them."""
    trees = os.path.join(rig_path, ".runtime", "refinery", "trees")
    names = os.listdir(trees) if os.path.isdir(trees) else []
    return [path for path in (os.path.join(trees, one) for one in sorted(names)) if os.path.isdir(path)]


def _fill_again(tree: Git) -> bool:
    """Update the submodules for the new commit; False on failure (a new worktree then reports the error)."""
    try:
        if submodules.initialise(tree, force=True):
            submodules.sweep(tree, "-ffdxq")
    except GitError:
        return False
    return True


def end_processes_in(folder: str) -> int:
    """Kill the process groups of all processes with their working directory below ``folder``, and of each git that has a
    path below it as an argument, and wait until they are gone; how many groups there were."""
    ended: set[int] = set()
    deadline = time.monotonic() + DIES_S
    while groups := _groups_in(folder):
        for group in groups - ended:
            kill_group(group)
        ended |= groups
        if time.monotonic() > deadline:
            break
        time.sleep(LOOK_S)
    return len(ended)


def _groups_in(folder: str) -> set[int]:
    """The process groups at work below a folder, without our own; where there are no groups, each process counts as one."""
    stands, named = os.path.realpath(folder) + os.sep, (folder + os.sep, os.path.realpath(folder) + os.sep)
    table = process_table()
    found = {
        row.group or row.pid
        for row in table.values()
        if not row.is_gone
        and (
            folder_of(row.pid).startswith(stands)
            or (row.name.startswith("git") and any(word.startswith(named) for word in words_of(row.pid)))
        )
    }
    own = table.get(os.getpid())
    return found - {own.group or own.pid if own is not None else os.getpid()}
