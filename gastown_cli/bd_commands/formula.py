"""``bd formula``: list and show formulas, and cook them."""

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


_HEADS = {"workflow": "Workflows", "expansion": "Expansions", "aspect": "Aspects", "convoy": "Convoys"}


def list_arguments(parser: ArgumentParser) -> None:
    """Which ones."""
    parser.add_argument("--type", default="", choices=["", *_HEADS], metavar="TYPE", help="|".join(_HEADS))
    parser.add_argument("--tier", default="", help="only those of rig, town, user or shipped")
    add_place(parser)
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """Show them."""
    from gastown_core.formulas.resolve import list_formulas

    where = places(args)
    rows = list_formulas(where, kind=args.type, tier=args.tier)
    if args.json:
        say_json_rows([row.as_json() for row in rows])
        return 0
    if not rows:
        say("no formulas" + (f" of type {args.type}" if args.type else "") + "; looked in")
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
    """Which one, and how."""
    parser.add_argument("name", help="its name, or the path of a file")
    parser.add_argument("--resolve", action="store_true", help="the steps after all composition")
    parser.add_argument("--tier", default="", help="the one that rig, town, user or shipped has")
    add_place(parser)
    add_globals(parser)


def run_show(args: Namespace) -> int:
    """Show it."""
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
        raise UsageError(f"there is no tier {tier}", "", f"{', '.join(TIERS)} are")
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
    """What to cook, and with what."""
    parser.add_argument("formula", help="its name, or the path of a file")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable (again for more)")
    parser.add_argument("--mode", default="", choices=["compile", "runtime"], help="keep placeholders, or fill them in")
    parser.add_argument("-n", "--dry-run", action="store_true", help="check it and show its steps, for people")
    parser.add_argument("--persist", action="store_true", help="keep it in the store as a proto")
    parser.add_argument("--force", action="store_true", help="replace a proto of that name")
    parser.add_argument("--prefix", default="", help="put before the proto's name")
    add_place(parser)
    add_globals(parser)


def run_cook(args: Namespace) -> int:
    """Cook it, and print or keep it."""
    from gastown_core.formulas.cook import cook
    from gastown_core.formulas.recipe import COMPILE, RUNTIME

    given = given_variables(args.var)
    mode = args.mode or (RUNTIME if given else COMPILE)
    if given and mode == COMPILE:
        from gastown_core.errors import UsageError

        raise UsageError("--var fills placeholders in, --mode compile keeps them", "", "leave one of them out")
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
        say("\nnothing was written")
        return 0
    from gastown_core.formulas.recipe import recipe_json

    say_json(recipe_json(recipe, mode=mode))
    return 0


def _tell_warnings(formula: Formula, recipe: Recipe, given: dict[str, str]) -> None:
    for warning in (*recipe.warnings, *strangers(formula, recipe, given)):
        note(f"note: {clean(warning)}")


def _persist(args: Namespace, formula: Formula, overlay: Overlay | None, given: dict[str, str]) -> int:
    """Keep it with its placeholders; variables that were given become the proto's defaults."""
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
    say(f"{clean(made.id)} keeps {clean(recipe.name)}: {len(made.created)} beads")
    say(f"bd mol pour {clean(made.id)} makes a molecule of it")
    return 0
