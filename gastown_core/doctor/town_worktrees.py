"""Checks that git and the rigs' folders agree on which worktrees there are."""

from __future__ import annotations

import os
from functools import partial

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.doctor.check import Check, Finding
from gastown_core.errors import GastownError
from gastown_core.files.locks import holder_of
from gastown_core.git.lost_worktrees import (
    BROKEN,
    bring_home,
    clear_folder,
    forget,
    has_work,
    left_out,
    lost,
    lost_refs,
    moved,
    repositories_in,
    stray,
)
from gastown_core.git.repo import Git
from gastown_core.git.worktree import RESCUE
from gastown_core.town import polecat_pool
from gastown_core.town.inventory import read_inventory
from gastown_core.town.liveness import live_sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.doctor.checked_town import Place
    from gastown_core.git.worktree import Worktree
    from gastown_core.town.inventory import RigEntry

LOST_WHY = "git keeps its branch checked out at a place that is gone: nobody else can work on it"
BROKEN_WHY = "git does not know the folder: nothing in it can be committed or pushed"
MOST_NAMES = 5


class WorktreesCheck(Check):
    """Worktrees whose folder is gone, and polecats' folders that are no worktree."""

    name = "worktrees"
    about = "git and the folders agree on the worktrees"
    mends = "saves what they held to a rescue ref, then tells git where they are"

    def __init__(self) -> None:
        self._mend: dict[str, Callable[[], object]] = {}

    def detect(self, place: Place) -> list[Finding]:
        """Return moved, broken and lost worktrees.

        A broken one whose polecat runs or is being assigned work is left out.
        """
        found: list[Finding] = []
        for rig in read_inventory(place.root).rigs:
            bare = Git(os.path.join(rig.path, ".repo.git"))
            if place.covers(rig.name) and os.path.isdir(bare.path):
                found += self._moved(rig, bare)
                found += self._broken(place.root, rig, bare)
                found += self._lost(rig, bare)
        return found

    def _moved(self, rig: RigEntry, bare: Git) -> list[Finding]:
        found = []
        for folder in moved(bare):
            act = f"tell git that the worktree {folder} lies there now"
            self._mend[act] = partial(bring_home, bare, folder)
            what = f"the worktree {folder} was moved"
            found.append(Finding(self.name, what, BROKEN_WHY, "gt doctor --fix", (rig.name,), act=act))
        return found

    def _broken(self, root: str, rig: RigEntry, bare: Git) -> list[Finding]:
        names = polecat_pool.known_names(root, rig.name)
        entries = [polecat_pool.polecat_entry(root, rig.name, rig.prefix, name) for name in names]
        entries = [one for one in entries if stray(bare, one.work_dir) == BROKEN]
        live = live_sessions(root) if entries else None
        found = []
        for entry in entries:
            name, folder = entry.address.name, entry.work_dir
            lock = os.path.join(root, rig.name, ".runtime", "locks", f"polecat-{name}.lock")
            if (live is not None and entry.session in live) or holder_of(lock) is not None:
                continue
            if repositories_in(folder) or _has_more_beside(folder, rig, name):
                act, what = "", f"{folder} is no worktree, and there are other repositories or files in or beside it"
                why = f"{BROKEN_WHY}; what else lies there may be somebody's work"
            elif live is None:
                act, what = "", f"{folder} is no worktree"
                why = f"{BROKEN_WHY}; without an answer from tmux it stays, as its agent may run"
            else:
                what, why = f"{folder} is no worktree", BROKEN_WHY
                act = (
                    f"save the files of {folder} under {RESCUE}/{name} and remove it{_without(left_out(bare, folder))}"
                )
                self._mend[act] = partial(_clear, root, rig, bare, folder, name)
            remedy = "gt doctor --fix" if act else "push or move what it holds, then remove it"
            found.append(Finding(self.name, what, why, remedy, (entry.address.path,), act=act))
        return found

    def _lost(self, rig: RigEntry, bare: Git) -> list[Finding]:
        found = []
        for tree in lost(bare):
            saved = f"save what it held under {lost_refs(tree)} and " if has_work(bare, tree) else ""
            act = f"{saved}let git forget the worktree {tree.path}"
            self._mend[act] = partial(_forget, bare, tree)
            what = f"the folder of the worktree {tree.path} is gone"
            found.append(Finding(self.name, what, LOST_WHY, "gt doctor --fix", (rig.name,), act=act))
        return found

    def acts(self, findings: list[Finding]) -> list[str]:
        """Name what would be saved, told to git, and removed; what a ref does not hold is named too."""
        return [one.act for one in findings if one.act]

    def fix(self, findings: list[Finding], root: str = "") -> list[str]:
        """Save and mend; return what could not be."""
        left = []
        for one in findings:
            try:
                if one.act:
                    self._mend[one.act]()
            except (GastownError, OSError) as error:
                left.append(f"{one.what}, and stays so: {error}")
        return left


def _has_more_beside(folder: str, rig: RigEntry, name: str) -> bool:
    """Return whether a polecat's own folder holds more than its worktree."""
    outer = os.path.dirname(folder)
    return os.path.basename(outer) == name and os.listdir(outer) != [rig.name]


def _forget(bare: Git, tree: Worktree) -> None:
    if not os.path.lexists(tree.path):
        forget(bare, tree, SYSTEM_CLOCK.now())


def _clear(root: str, rig: RigEntry, bare: Git, folder: str, name: str) -> None:
    # held, so that nobody slings to it meanwhile
    with polecat_pool.hold(root, rig.name, rig.prefix, name):
        if stray(bare, folder) != BROKEN:
            return
        clear_folder(bare, folder, name, SYSTEM_CLOCK.now())
        if os.path.basename(os.path.dirname(folder)) == name:
            os.rmdir(os.path.dirname(folder))


def _without(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"; lost with it, as .gitignore names them: {shown}{more}" if names else ""


CHECKS = [WorktreesCheck()]
