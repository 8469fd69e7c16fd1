"""Checks that git and tmux are installed and recent enough."""

from __future__ import annotations

import re
import shutil

from gastown_core.doctor.check import Check, Finding
from gastown_core.errors import GastownError
from gastown_core.process import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.doctor.checked_town import Place

OLDEST_GIT = (2, 30)
"""``git worktree`` with bare repositories and per-worktree configuration works from here on."""


class ToolsCheck(Check):
    """git and tmux."""

    name = "tools"
    about = "git and tmux are there and new enough"

    def detect(self, place: Place) -> list[Finding]:
        """Return what is missing or too old."""
        return [found for found in (_git(), _tmux()) if found is not None]


def _git() -> Finding | None:
    if not shutil.which("git"):
        return Finding(ToolsCheck.name, "git is not installed", "clones and worktrees need it", "install git")
    try:
        said = run(["git", "--version"], timeout_s=10.0).out
    except GastownError as error:
        return Finding(ToolsCheck.name, "git does not run", str(error), "install git again")
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is not None and (int(found[1]), int(found[2])) < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        return Finding(ToolsCheck.name, f"git {found[0]} is too old", f"{oldest} or newer is needed", "update git")
    return None


def _tmux() -> Finding | None:
    from gastown_core.tmux.server import require_tmux

    try:
        require_tmux()
    except GastownError as error:
        return Finding(
            ToolsCheck.name, error.what, error.why or "agents' sessions run in it", error.hint or "install tmux"
        )
    return None


CHECKS = [ToolsCheck()]
