"""Where a formula command runs: no store is needed, a town and a rig only count if they are there."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence

    from gastown_core.formulas.formula import Formula
    from gastown_core.formulas.overlay import Overlay
    from gastown_core.formulas.places import Places
    from gastown_core.formulas.recipe import Recipe


def add_place(parser: ArgumentParser) -> None:
    """The options that say in which places formulas are looked for."""
    parser.add_argument("--rig", default="", help="as the rig sees it (default: the one you stand in)")
    parser.add_argument("--search-path", action="append", default=[], metavar="DIR", help="look there first")


def place_of(args: Namespace) -> str:
    """The folder that the command is about."""
    return os.path.abspath(args.directory) if getattr(args, "directory", "") else os.getcwd()


def places(args: Namespace) -> Places:
    """The folders to look into. Raises UsageError for a rig that is none."""
    from gastown_core.formulas import resolve

    folders = tuple(os.path.abspath(folder) for folder in args.search_path)
    if args.rig:
        from gastown_core.town.discover import require_town
        from gastown_core.town.rigs import require_rig

        root = require_town(place_of(args))
        require_rig(root, args.rig)
        return resolve.places(root, args.rig, folders)
    return resolve.places_at(place_of(args), folders)


def formula_of(name: str, where: Places) -> Formula:
    """The formula of that name, or in that file if the word is a path. Raises FormulaError."""
    from gastown_core.formulas.parse import load_from
    from gastown_core.formulas.resolve import named

    if os.sep in name or name.endswith((".toml", ".json")):
        return load_from(where, os.path.abspath(name))
    return named(where, name)


def overlay_of(formula: Formula, args: Namespace) -> Overlay | None:
    """The town's or rig's own words for its steps, as agents of this place get them. Raises FormulaError."""
    from gastown_core.formulas.overlay import read_overlay
    from gastown_core.town.discover import find_town, read_rigs, rig_of

    place = place_of(args)
    root = find_town(place)
    if root is None:
        return None
    return read_overlay(root, args.rig or rig_of(root, place, read_rigs(root)), formula.name)


def strangers(formula: Formula, recipe: Recipe, given: Mapping[str, str]) -> list[str]:
    """What there is to say of given variables that the formula neither declares nor uses."""
    from gastown_core.formulas.extend import resolve_extends
    from gastown_core.formulas.variables import unknown_names
    from gastown_core.formulas.weave import names_in

    whole = resolve_extends(formula)
    used = frozenset((*names_in(formula.source.text), *names_in(whole.source.text), *recipe.missing))
    return list(unknown_names({**whole.inputs, **whole.vars}, used, given))


def given_variables(words: Sequence[str]) -> dict[str, str]:
    """``name=value`` words as a table. Raises UsageError for a word without ``=``."""
    from gastown_core.errors import UsageError

    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--var {word} is no variable", "", "--var NAME=VALUE")
        found[name.strip()] = value
    return found
