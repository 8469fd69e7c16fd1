"""``bd cook``: a formula with everything resolved, as JSON; with ``--persist`` a proto in the store."""

from __future__ import annotations

from gastown_cli.bd_commands import formula_place
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.output import clean, note, say, say_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.formulas.formula import Formula
    from gastown_core.formulas.overlay import Overlay
    from gastown_core.formulas.recipe import Recipe


def add_arguments(parser: ArgumentParser) -> None:
    """What to cook, and with what."""
    parser.add_argument("formula", help="its name, or the path of a file")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable (again for more)")
    parser.add_argument("--mode", default="", choices=["compile", "runtime"], help="keep placeholders, or fill them in")
    parser.add_argument("-n", "--dry-run", action="store_true", help="check it and show its steps, for people")
    parser.add_argument("--persist", action="store_true", help="keep it in the store as a proto")
    parser.add_argument("--force", action="store_true", help="replace a proto of that name")
    parser.add_argument("--prefix", default="", help="put before the proto's name")
    formula_place.add_place(parser)
    add_globals(parser)


def run(args: Namespace) -> int:
    """Cook it, and print or keep it."""
    from gastown_core.formulas.cook import cook
    from gastown_core.formulas.recipe import COMPILE, RUNTIME

    given = formula_place.given_variables(args.var)
    mode = args.mode or (RUNTIME if given else COMPILE)
    if given and mode == COMPILE:
        from gastown_core.errors import UsageError

        raise UsageError("--var fills placeholders in, --mode compile keeps them", "", "leave one of them out")
    formula = formula_place.formula_of(args.formula, formula_place.places(args))
    overlay = formula_place.overlay_of(formula, args)
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
    for warning in (*recipe.warnings, *formula_place.strangers(formula, recipe, given)):
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
