"""Temporary worktrees for probes: detached, cleaned for each use, removed with their batch.

They lie under ``<rig>/.runtime/refinery/trees/<target>``; the process with the target's lock owns them all.  Those of a
killed run are removed, after every process that still runs in one (a gate that outlived its engine) is killed.
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
        """Remove the free worktrees."""
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
    """Update the submodules for the new commit; False on failure (a new worktree then reports the error)."""
    try:
        if submodules.initialise(tree, force=True):
            submodules.sweep(tree, "-ffdxq")
    except GitError:
        return False
    return True


def end_processes_in(folder: str) -> int:
    """Kill the process groups of all processes with their working directory below ``folder``; how many there were."""
    import psutil

    below = os.path.realpath(folder) + os.sep
    # where there are no process groups, each process counts as one
    group_of = getattr(os, "getpgid", lambda pid: pid or os.getpid())
    groups = set()
    for process in psutil.process_iter(["pid", "cwd"]):
        if str(process.info["cwd"] or "").startswith(below):
            with suppress(ProcessLookupError):
                groups.add(group_of(process.info["pid"]))
    groups.discard(group_of(0))
    for group in groups:
        kill_group(group)
    return len(groups)
