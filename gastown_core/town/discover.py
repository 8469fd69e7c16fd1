"""Finding the town, and the rig in it, that a folder belongs to (town-and-agents.md section 1)."""

from __future__ import annotations

import os

from gastown_core.beads.discovery import is_town, town_above
from gastown_core.beads.routes import read_rigs
from gastown_core.errors import TownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["find_town", "is_town", "read_rigs", "require_town", "rig_of"]


def find_town(start: str | None = None, env: Mapping[str, str] | None = None) -> str | None:
    """Return the root of the outermost town around ``start`` (default: the working directory).

    Falls back to GT_TOWN_ROOT, then GT_ROOT, if that is a town itself.  None if there is no town.
    """
    env = os.environ if env is None else env
    try:
        here = os.path.abspath(start) if start is not None else os.environ.get("PWD") or os.getcwd()
        if start is None and not os.path.samefile(here, os.getcwd()):
            here = os.getcwd()
    except OSError:
        here = ""
    found = town_above(here) if here else ""
    if found:
        return found
    for key in ("GT_TOWN_ROOT", "GT_ROOT"):
        root = env.get(key, "")
        if root and is_town(root):
            return os.path.abspath(root)
    return None


def require_town(start: str | None = None) -> str:
    """Do as ``find_town``. Raises TownError if there is none."""
    root = find_town(start)
    if root is None:
        where = start or os.environ.get("PWD") or "here"
        raise TownError(
            f"no town at or above {where}",
            "neither mayor/town.json nor a mayor's folder beside a town's other files was found",
            "gt install PATH creates a town",
        )
    return root


def rig_of(root: str, path: str, rigs: Mapping[str, str]) -> str:
    """Return the rig that ``path`` lies in, empty if none."""
    try:
        first = os.path.relpath(os.path.abspath(path), root).split(os.sep)[0]
    except ValueError:
        return ""
    return first if first in rigs else ""


def rig_of_bead(rigs: dict[str, str], bead_id: str) -> str:
    """Return the rig whose prefix an id has (the longest match), empty if none."""
    best, found = "", ""
    for rig, prefix in rigs.items():
        if bead_id.startswith(prefix + "-") and len(prefix) > len(best):
            best, found = prefix, rig
    return found
