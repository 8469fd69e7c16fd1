"""The folders that are searched for formulas, in order: rig, town, user, shipped; in each, TOML before JSON."""

from __future__ import annotations

import os

from gastown_core.formulas.errors import FormulaNotFound
from gastown_core.formulas.source import JSON, NAME, TOML

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RIG, TOWN, USER, SHIPPED = "rig", "town", "user", "shipped"
TIERS = (RIG, TOWN, USER, SHIPPED)
SHIPPED_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shipped")


class Places:
    """Pairs of tier and folder; the first that has a formula wins. Folders need not exist."""

    def __init__(self, folders: Sequence[tuple[str, str]]) -> None:
        self.folders: list[tuple[str, str]] = []
        seen = set()
        for tier, folder in folders:
            real = os.path.realpath(folder)
            if real not in seen:
                seen.add(real)
                self.folders.append((tier, folder))

    def only(self, tier: str) -> Places:
        """These places without the tiers above ``tier``."""
        return Places([pair for pair in self.folders if TIERS.index(pair[0]) >= TIERS.index(tier)])

    def files(self, name: str) -> Iterator[tuple[str, str]]:
        """All files of a formula name as tier and path, the effective one first."""
        if not NAME.fullmatch(name):
            return
        for tier, folder in self.folders:
            for ending in (TOML, JSON):
                path = os.path.join(folder, name + ending)
                if os.path.isfile(path):
                    yield tier, path

    def names(self) -> dict[str, list[tuple[str, str]]]:
        """Return all formula names with their files as tier and path, the effective one first; sorted by name."""
        found: dict[str, list[tuple[str, str]]] = {}
        for tier, folder in self.folders:
            try:
                entries = sorted(os.listdir(folder))
            except OSError:
                continue
            for ending in (TOML, JSON):
                for entry in entries:
                    if entry.endswith(ending) and NAME.fullmatch(entry.removesuffix(ending)):
                        found.setdefault(entry.removesuffix(ending), []).append((tier, os.path.join(folder, entry)))
        return dict(sorted(found.items()))


def shown_path(tier: str, path: str) -> str:
    """Return a file's path for messages and records: ``shipped:<name>`` for a shipped one."""
    return f"shipped:{os.path.basename(path).removesuffix(TOML)}" if tier == SHIPPED else path


def not_found(name: str, places: Places | None, why: str = "") -> FormulaNotFound:
    """Return the error for an unknown formula name, with similar names and the folders searched."""
    from difflib import get_close_matches

    known = list(places.names()) if places is not None else []
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    folders = [folder for tier, folder in places.folders if tier != SHIPPED] if places is not None else []
    looked = "searched " + ", ".join([*folders, "the shipped formulas"])
    return FormulaNotFound(
        f"no formula {name}",
        f"{why}; {looked}" if why else looked,
        f"did you mean {' or '.join(near)}?" if near else "bd formula list lists all formulas",
    )
