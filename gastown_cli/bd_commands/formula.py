"""``bd formula`` and ``bd cook``: list, show and cook formulas."""

from __future__ import annotations

import os

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.output import clean, note, say, say_json, say_json_rows, style, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence

    from gastown_core.formulas.formula import Formula
    from gastown_core.formulas.overlay import Overlay
    from gastown_core.formulas.places import Places
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.formulas.resolve import Listed


def add_place(parser: ArgumentParser) -> None:
    """Add the options that say where to look for formulas."""
    parser.add_argument("--rig", default="", help="rig whose formulas to use (default: the one you are in)")
    parser.add_argument(
        "--search-path", action="append", default=[], metavar="DIR", help="search this folder first (repeatable)"
    )


def place_of(args: Namespace) -> str:
    """Return the folder that the command works in."""
    return os.path.abspath(args.directory) if getattr(args, "directory", "") else os.getcwd()


def places(args: Namespace) -> Places:
    """Return the folders to search for formulas. Raises UsageError for an unknown rig."""
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
    """Return the formula with that name, or in that file if the word is a path. Raises FormulaError."""
    from gastown_core.formulas.parse import load_from
    from gastown_core.formulas.resolve import named

    if os.sep in name or name.endswith((".toml", ".json")):
        return load_from(where, os.path.abspath(name))
    return named(where, name)


def overlay_of(formula: Formula, args: Namespace) -> Overlay | None:
    """Return the overlay of town or rig for the formula, or None outside a town. Raises FormulaError."""
    from gastown_core.formulas.overlay import read_overlay
    from gastown_core.town.discover import find_town, read_rigs, rig_of

    place = place_of(args)
    root = find_town(place)
    if root is None:
        return None
    return read_overlay(root, args.rig or rig_of(root, place, read_rigs(root)), formula.name)


def strangers(formula: Formula, recipe: Recipe, given: Mapping[str, str]) -> list[str]:
    """Return warnings about given variables that the formula neither declares nor uses."""
    from gastown_core.formulas.extend import resolve_extends
    from gastown_core.formulas.variables import unknown_names
    from gastown_core.formulas.weave import names_in

    whole = resolve_extends(formula)
    used = frozenset((*names_in(formula.source.text), *names_in(whole.source.text), *recipe.missing))
    return list(unknown_names({**whole.inputs, **whole.vars}, used, given))


def given_variables(words: Sequence[str]) -> dict[str, str]:
    """Return ``name=value`` words as a dict. Raises UsageError for a word without ``=``."""
    from gastown_core.errors import UsageError

    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"invalid --var {word}", "", "use --var NAME=VALUE")
        found[name.strip()] = value
    return found


_HEADS = {"workflow": "Workflows", "expansion": "Expansions", "aspect": "Aspects", "convoy": "Convoys"}


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd formula list``."""
    parser.add_argument("--type", default="", choices=["", *_HEADS], metavar="TYPE", help="|".join(_HEADS))
    parser.add_argument("--tier", default="", help="only this tier: rig, town, user or shipped")
    add_place(parser)
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """List formulas by type."""
    from gastown_core.formulas.resolve import list_formulas

    where = places(args)
    rows = list_formulas(where, kind=args.type, tier=args.tier)
    if args.json:
        say_json_rows([row.as_json() for row in rows])
        return 0
    if not rows:
        say("no formulas" + (f" of type {args.type}" if args.type else "") + "; searched")
        for tier, folder in where.folders:
            say(f"  {tier:<8} {clean(folder)}")
        return 0
    _show([row for row in rows if not row.error])
    for row in rows:
        if row.error:
            note(f"{style('broken', 'red')} {clean(row.source)}: {clean(row.error)}")
    return 0


def _show(rows: list[Listed]) -> None:
    wide = max((len(row.name) for row in rows), default=0)
    is_first = True
    for kind, head in _HEADS.items():
        own = [row for row in rows if row.type == kind]
        if not own:
            continue
        say(("" if is_first else "\n") + style(head, "bold"))
        is_first = False
        cells = []
        for row in own:
            hides = f"  {style(f'hides {len(row.shadows)} below', 'yellow')}" if row.shadows else ""
            cells.append(
                (
                    "  " + clean(row.name).ljust(wide),
                    style(row.tier, "dim" if row.tier == "shipped" else "green"),
                    str(row.steps),
                    clean(row.description) + hides,
                )
            )
        say(table(cells, right=(2,)))


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd formula show``."""
    parser.add_argument("name", help="formula name, or path of a file")
    parser.add_argument("--resolve", action="store_true", help="show the steps after composition")
    parser.add_argument("--tier", default="", help="show the formula of this tier: rig, town, user or shipped")
    add_place(parser)
    add_globals(parser)


def run_show(args: Namespace) -> int:
    """Show a formula."""
    where = places(args)
    if args.tier:
        where = _from(where, args.tier)
    formula = formula_of(args.name, where)
    if args.resolve:
        return _resolved(args, formula)
    if args.json:
        from gastown_core.formulas.reader import plain

        say_json(
            {**plain(formula.data), "type": formula.type, "source": formula.source.path, "tier": formula.source.tier}
        )
        return 0
    from gastown_cli.formula_text import formula_lines

    for line in formula_lines(formula):
        say(line)
    for warning in formula.warnings:
        note(f"note: {clean(warning)}")
    return 0


def _from(where: Places, tier: str) -> Places:
    from gastown_core.errors import UsageError
    from gastown_core.formulas.places import TIERS

    if tier not in TIERS:
        raise UsageError(f"unknown tier {tier}", "", f"use one of: {', '.join(TIERS)}")
    return where.only(tier)


def _resolved(args: Namespace, formula: Formula) -> int:
    from gastown_core.formulas.cook import cook
    from gastown_core.formulas.recipe import COMPILE

    recipe = cook(formula, {}, mode=COMPILE, overlay=overlay_of(formula, args))
    if args.json:
        from gastown_core.formulas.recipe import recipe_json

        say_json(recipe_json(recipe, mode=COMPILE))
        return 0
    from gastown_cli.formula_text import recipe_lines

    for line in recipe_lines(recipe):
        say(line)
    return 0


def cook_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd cook``."""
    parser.add_argument("formula", help="formula name, or path of a file")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="set a variable (repeatable)")
    parser.add_argument(
        "--mode", default="", choices=["compile", "runtime"], help="compile keeps placeholders, runtime fills them in"
    )
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="check the formula and show its steps; write nothing"
    )
    parser.add_argument("--persist", action="store_true", help="store it as a proto")
    parser.add_argument("--force", action="store_true", help="replace an existing proto")
    parser.add_argument("--prefix", default="", help="prefix for the proto's name")
    add_place(parser)
    add_globals(parser)


def run_cook(args: Namespace) -> int:
    """Cook a formula, and print it or store it as a proto."""
    from gastown_core.formulas.cook import cook
    from gastown_core.formulas.recipe import COMPILE, RUNTIME

    given = given_variables(args.var)
    mode = args.mode or (RUNTIME if given else COMPILE)
    if given and mode == COMPILE:
        from gastown_core.errors import UsageError

        raise UsageError(
            "--var and --mode compile cannot be used together",
            "",
            "--mode compile keeps placeholders; leave one of the two out",
        )
    formula = formula_of(args.formula, places(args))
    overlay = overlay_of(formula, args)
    recipe = cook(formula, given, mode=mode, overlay=overlay)
    _tell_warnings(formula, recipe, given)
    if args.persist and not args.dry_run:
        return _persist(args, formula, overlay, given)
    if args.dry_run and not args.json:
        from gastown_cli.formula_text import recipe_lines

        for line in recipe_lines(recipe._replace(warnings=())):
            say(line)
        say("\nnothing written")
        return 0
    from gastown_core.formulas.recipe import recipe_json

    say_json(recipe_json(recipe, mode=mode))
    return 0


def _tell_warnings(formula: Formula, recipe: Recipe, given: dict[str, str]) -> None:
    for warning in (*recipe.warnings, *strangers(formula, recipe, given)):
        note(f"note: {clean(warning)}")


def _persist(args: Namespace, formula: Formula, overlay: Overlay | None, given: dict[str, str]) -> int:
    """Store the formula as a proto with its placeholders; given variables become its defaults."""
    from gastown_cli.bd_commands.workspace import Workspace
    from gastown_core.molecules.proto import compiled, persist

    space = Workspace(args)
    recipe, declared = compiled(formula, overlay)
    for name in given.keys() & declared.keys():
        declared = {**declared, name: declared[name]._replace(default=given[name], required=False)}
    made = persist(space.store, recipe, prefix=args.prefix, force=args.force, actor=space.actor, variables=declared)
    if args.json:
        say_json(made.as_json())
        return 0
    say(f"created proto {clean(made.id)} of {clean(recipe.name)}: {len(made.created)} beads")
    say(f"next: bd mol pour {clean(made.id)}")
    return 0
