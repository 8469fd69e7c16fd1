"""Formulas by name: which file a name means in a town, rig or worktree, and the list of available formulas.

``load_recipe`` reads a formula, applies the overlay and cooks it.
"""

from __future__ import annotations

import os

from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.extend import resolve_extends
from gastown_core.formulas.parse import find_in, load_from
from gastown_core.formulas.places import RIG, SHIPPED, SHIPPED_FOLDER, TOWN, USER, Places, not_found, shown_path
from gastown_core.formulas.recipe import RUNTIME
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.formulas.cook import Subject
    from gastown_core.formulas.formula import Formula
    from gastown_core.formulas.recipe import Recipe
FOLDER = "formulas"


def places(root: str = "", rig: str = "", folders: Sequence[str] = ()) -> Places:
    """The places to search: ``folders`` (as tier rig), then the rig's, the town's, the user's, and the shipped ones.

    Outside a town ``root`` is empty.
    """
    pairs = [(RIG, folder) for folder in folders]
    if root and rig:
        home = os.path.join(root, rig)
        for beads in (os.path.join(home, ".beads"), os.path.join(home, "mayor", "rig", ".beads")):
            pairs.append((RIG, os.path.join(_at_its_end(beads), FOLDER)))
            pairs.append((RIG, os.path.join(beads, FOLDER)))
    if root:
        pairs.append((TOWN, os.path.join(_at_its_end(os.path.join(root, ".beads")), FOLDER)))
    pairs.append((USER, os.path.join(os.path.expanduser("~"), ".beads", FOLDER)))
    pairs.append((SHIPPED, SHIPPED_FOLDER))
    return Places(pairs)


def places_at(place: str, folders: Sequence[str] = ()) -> Places:
    """As ``places``, for a folder: its worktree's formulas, then those of its store, rig and town."""
    from gastown_core.beads.discovery import find_beads_dir
    from gastown_core.errors import StoreError
    from gastown_core.town.discover import find_town, read_rigs, rig_of

    root = find_town(place) or ""
    near: list[str] = list(folders)
    checkout = _checkout(place, root)
    if checkout:
        near.append(os.path.join(checkout, ".beads", FOLDER))
    rig = rig_of(root, place, read_rigs(root)) if root else ""
    if not root:
        try:
            beads = find_beads_dir(place)
        except StoreError:
            beads = None
        if beads:
            near.append(os.path.join(beads, FOLDER))
    return places(root, rig, near)


def find_formula(root: str, name: str, *, rig: str = "", folders: Sequence[str] = ()) -> Formula:
    """Return the formula ``name``, or else ``mol-<name>``, merged with the formulas it extends.

    Raises FormulaNotFound, FormulaError.
    """
    from gastown_core.formulas.extend import resolve_extends

    return resolve_extends(named(places(root, rig, folders), name))


def named(where: Places, name: str) -> Formula:
    """As ``find_formula``, in given places and without merging its parents."""
    found = find_in(where, name) or find_in(where, f"mol-{name}")
    if found is None:
        raise not_found(name, where)
    return found


def load_recipe(
    root: str,
    name: str,
    variables: Mapping[str, str],
    *,
    rig: str = "",
    mode: str = RUNTIME,
    folders: Sequence[str] = (),
    subject: Subject | None = None,
) -> Recipe:
    """Find a formula, apply the town's or rig's overlay, and cook it. Raises FormulaError and its subclasses."""
    from gastown_core.formulas.cook import cook
    from gastown_core.formulas.overlay import read_overlay

    formula = find_formula(root, name, rig=rig, folders=folders)
    overlay = read_overlay(root, rig, formula.name) if root else None
    return cook(formula, variables, mode=mode, overlay=overlay, subject=subject)


def _at_its_end(beads_dir: str) -> str:
    """The folder at the end of the redirects; the folder itself if they are broken, which is reported elsewhere."""
    from gastown_core.beads.discovery import follow_redirects
    from gastown_core.errors import StoreError

    try:
        return follow_redirects(beads_dir)
    except StoreError:
        return beads_dir


def _checkout(place: str, root: str) -> str:
    """Return the root of the git worktree around a folder, within the town; empty if there is none."""
    here = os.path.abspath(place)
    while True:
        if os.path.exists(os.path.join(here, ".git")):
            return "" if here == root else here
        above = os.path.dirname(here)
        if above == here or here == root:
            return ""
        here = above


_ABOUT = 60


class Listed(Record):
    """A row: ``steps`` and ``vars`` are counts, ``shadows`` the files it hides, ``error`` why it is unusable."""

    name: str
    type: str
    description: str
    source: str
    tier: str
    steps: int = 0
    vars: int = 0
    shadows: tuple[str, ...] = ()
    error: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the object that ``--json`` prints; ``shadows`` and ``error`` only if set."""
        out: dict[str, object] = {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "source": self.source,
            "tier": self.tier,
            "steps": self.steps,
            "vars": self.vars,
        }
        if self.shadows:
            out["shadows"] = list(self.shadows)
        if self.error:
            out["error"] = self.error
        return out


def list_formulas(places: Places, *, kind: str = "", tier: str = "") -> list[Listed]:
    """Return all formulas by name, filtered by type and tier; a broken formula is a row with its ``error``."""
    rows = []
    for name, files in places.names().items():
        if tier:
            files = [pair for pair in files if pair[0] == tier]
        if files:
            row = _row(places, name, files)
            if not kind or row.type == kind:
                rows.append(row)
    return rows


def _row(places: Places, name: str, files: list[tuple[str, str]]) -> Listed:
    tier, path = files[0]
    shadows = tuple(shown_path(*pair) for pair in files[1:])
    try:
        formula = resolve_extends(load_from(places, path, tier))
    except FormulaError as error:
        why = f"{error.what} ({error.why.splitlines()[0].strip()})" if error.why else error.what
        return Listed(name, "", "", shown_path(tier, path), tier, shadows=shadows, error=why)
    about = first_line(formula.description)
    declared = len(formula.vars) + len(formula.inputs)
    return Listed(name, formula.type, about, formula.source.path, tier, _size(formula), declared, shadows)


def _size(formula: Formula) -> int:
    """Return the number of steps written; a loop counts once."""
    guards = sum(len(rule.before) + len(rule.after) for rule in formula.advice)
    legs = len(formula.legs) + (1 if formula.synthesis else 0)
    return len(formula.steps) + len(formula.template) + guards + legs


def first_line(description: str) -> str:
    """Return the first line, cut to 60 characters."""
    line = description.strip().split("\n", 1)[0].strip()
    return line if len(line) <= _ABOUT else line[: _ABOUT - 1].rstrip() + "…"
