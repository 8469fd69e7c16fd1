"""Which formula a name means in a town, a rig, a worktree; and the one call that loads, overlays and cooks it."""

from __future__ import annotations

import os

from gastown_core.formulas.places import RIG, SHIPPED, SHIPPED_FOLDER, TOWN, USER, Places, not_found
from gastown_core.formulas.recipe import RUNTIME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.formulas.cook import Subject
    from gastown_core.formulas.formula import Formula
    from gastown_core.formulas.recipe import Recipe

FOLDER = "formulas"


def places(root: str = "", rig: str = "", folders: Sequence[str] = ()) -> Places:
    """Where formulas are looked for: ``folders`` (they count as the rig's), the rig's, the town's, the user's, ours.

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
    """As ``places`` for a folder: its worktree's own formulas, those of its store, its rig, its town."""
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
    """The formula that a name means, ``mol-<name>`` if there is no other, with what it extends merged in.

    Raises FormulaNotFound, FormulaError.
    """
    from gastown_core.formulas.extend import resolve_extends

    return resolve_extends(named(places(root, rig, folders), name))


def named(where: Places, name: str) -> Formula:
    """As ``find_formula``, in given places and as its file says it."""
    found = where.find(name) or where.find(f"mol-{name}")
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
    """Find a formula, lay the town's or rig's overlay on it, and cook it. Raises FormulaError in all its kinds."""
    from gastown_core.formulas.cook import cook
    from gastown_core.formulas.overlay import read_overlay

    formula = find_formula(root, name, rig=rig, folders=folders)
    overlay = read_overlay(root, rig, formula.name) if root else None
    return cook(formula, variables, mode=mode, overlay=overlay, subject=subject)


def _at_its_end(beads_dir: str) -> str:
    """The folder at the end of the redirects; the folder itself where they are broken (a message elsewhere says so)."""
    from gastown_core.beads.discovery import follow_redirects
    from gastown_core.errors import StoreError

    try:
        return follow_redirects(beads_dir)
    except StoreError:
        return beads_dir


def _checkout(place: str, root: str) -> str:
    """The top of the git work tree around a folder, not beyond the town's root; empty if there is none."""
    here = os.path.abspath(place)
    while True:
        if os.path.exists(os.path.join(here, ".git")):
            return "" if here == root else here
        above = os.path.dirname(here)
        if above == here or here == root:
            return ""
        here = above
