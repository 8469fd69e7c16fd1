"""``bd formula show``: one formula as its file says it, or with everything resolved."""

from __future__ import annotations

from gastown_cli.bd_commands import formula_place
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.output import clean, note, say, say_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.formulas.formula import Formula
    from gastown_core.formulas.places import Places


def add_arguments(parser: ArgumentParser) -> None:
    """Which one, and how."""
    parser.add_argument("name", help="its name, or the path of a file")
    parser.add_argument("--resolve", action="store_true", help="the steps after all composition")
    parser.add_argument("--tier", default="", help="the one that rig, town, user or shipped has")
    formula_place.add_place(parser)
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show it."""
    where = formula_place.places(args)
    if args.tier:
        where = _from(where, args.tier)
    formula = formula_place.formula_of(args.name, where)
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

    recipe = cook(formula, {}, mode=COMPILE, overlay=formula_place.overlay_of(formula, args))
    if args.json:
        from gastown_core.formulas.recipe import recipe_json

        say_json(recipe_json(recipe, mode=COMPILE))
        return 0
    from gastown_cli.formula_text import recipe_lines

    for line in recipe_lines(recipe):
        say(line)
    return 0
