"""Checks for worktrees of gates that a killed merge engine left behind."""

from __future__ import annotations

import os

from gastown_core.doctor.check import Check, Finding
from gastown_core.errors import GastownError
from gastown_core.files.locks import holder_of
from gastown_core.git.repo import Git
from gastown_core.refinery.place import all_merge_locks, merge_locks
from gastown_core.refinery.worktrees import Worktrees, abandoned
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.doctor.checked_town import Place


class GateTreesCheck(Check):
    """Worktrees of gates whose engine is gone; they hold only checkouts of commits that git has."""

    name = "gate trees"
    about = "no worktree of a gate was left behind"
    mends = "ends what still runs in them and removes them"

    def __init__(self) -> None:
        self._rigs: dict[str, str] = {}

    def detect(self, place: Place) -> list[Finding]:
        """Return the folders that no engine owns: a rig in which anything is merged now is left out."""
        found = []
        for rig in read_inventory(place.root).rigs:
            folders = [one for one in abandoned(rig.path) if os.listdir(one)] if place.covers(rig.name) else []
            if not folders or any(holder_of(path) is not None for path in merge_locks(rig.path)):
                continue
            for folder in folders:
                self._rigs[folder] = rig.path
                count = len(os.listdir(folder))
                what = f"{count} worktree{'' if count == 1 else 's'} of gates in {folder}"
                why = "an engine was killed: they take space until it merges again"
                found.append(Finding(self.name, what, why, "gt doctor --fix", (rig.name,), act=folder))
        return found

    def acts(self, findings: list[Finding]) -> list[str]:
        """Name the folders that would be emptied."""
        return [f"remove the gates' worktrees in {one.act}, and end what still runs in them" for one in findings]

    def fix(self, findings: list[Finding], root: str = "") -> list[str]:
        """Empty the folders, under the locks of the rig's queues; return what could not be."""
        left = []
        for one in findings:
            rig = self._rigs[one.act]
            try:
                with all_merge_locks(rig):
                    Worktrees(Git(os.path.join(rig, ".repo.git")), one.act).clear()
            except (GastownError, OSError) as error:
                left.append(f"{one.act} stays as it is: {error}")
        return left


CHECKS = [GateTreesCheck()]
