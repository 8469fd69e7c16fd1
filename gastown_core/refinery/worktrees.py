"""Temporary worktrees for probes: detached, clean for each use, gone with their batch; what a killed run left is cleared away.

That takes in gates which outlived their engine: whatever runs in a folder of ours is ended first.  They lie under ``<rig>/.runtime/refinery/trees/<target>``; whoever holds the target's lock owns them all.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from itertools import count

from gastown_core.errors import GitError
from gastown_core.files.folders import private_folder
from gastown_core.git import submodules
from gastown_core.git.repo import ENGINE, Git
from gastown_core.process import kill_group
from gastown_core.refinery.stowage import Stowage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_HOOKS = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")


class Worktrees:
    """Worktrees of ``bare`` below ``folder``; one that is free again is used again, swept clean, until ``close``.

    What ``stowage`` names goes from one that ``keep`` was said of to the next.
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
        """What the open worktree has of the stowage is worth keeping: its set-up went through."""
        self._kept.add(tree.path)

    def _fresh(self, commit: str) -> str:
        private_folder(self.folder)
        # git keeps its own record under the folder's last name, which has to be unique
        path = os.path.join(self.folder, f"tree-{os.getpid()}-{next(self._numbers)}")
        try:
            self.bare.run(*_NO_HOOKS, "worktree", "add", "--quiet", "--detach", path, commit)
            submodules.initialise(Git(path))
        except BaseException:
            self._drop(path)
            raise
        return path

    def _again(self, commit: str) -> str:
        """A worktree that is free, as if it were fresh; empty if there is none that can be had so."""
        while self._free:
            path = self._free.pop()
            tree = Git(path)
            moved = tree.attempt(*_NO_HOOKS, "checkout", "--quiet", "--force", "--detach", commit)
            if moved.code == 0 and tree.attempt("clean", "-ffdxq").code == 0 and _fill_again(tree):
                return path
            self._drop(path)
        return ""

    def close(self) -> None:
        """Remove those that are free."""
        while self._free:
            self._drop(self._free.pop())

    def _drop(self, path: str) -> None:
        self.bare.attempt("worktree", "remove", "--force", path)
        if os.path.lexists(path):
            shutil.rmtree(path, ignore_errors=True)
            self.bare.attempt("worktree", "prune")

    def clear(self) -> int:
        """Remove what an earlier run left behind; how many there were."""
        self.stowage.clear()
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return 0
        if names:
            end_processes_in(self.folder)
        for name in names:
            self._drop(os.path.join(self.folder, name))
        if names:
            self.bare.attempt("worktree", "prune")
        return len(names)


def _fill_again(tree: Git) -> bool:
    """Bring the submodules to what the new commit names; False if that cannot be, a fresh worktree tells why."""
    try:
        if submodules.initialise(tree, force=True):
            submodules.sweep(tree, "-ffdxq")
    except GitError:
        return False
    return True


def end_processes_in(folder: str) -> int:
    """Kill the process groups of whatever has its working directory below ``folder``; how many there were."""
    import psutil

    below = os.path.realpath(folder) + os.sep
    groups = set()
    for process in psutil.process_iter(["pid", "cwd"]):
        if str(process.info["cwd"] or "").startswith(below):
            with suppress(ProcessLookupError):
                groups.add(os.getpgid(process.info["pid"]))
    groups.discard(os.getpgid(0))
    for group in groups:
        kill_group(group)
    return len(groups)
