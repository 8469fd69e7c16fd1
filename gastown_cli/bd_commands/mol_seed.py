"""``bd mol seed``: see that a formula can be found and cooked; nothing is written."""

from __future__ import annotations

from gastown_cli.bd_commands.formula_place import add_place, formula_of, places
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.output import clean, say, style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

PATROLS = ("mol-deacon-patrol", "mol-witness-patrol", "mol-refinery-patrol")


def add_arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("formula", nargs="?", default="", help="its name")
    parser.add_argument("--patrol", action="store_true", help="the three patrols")
    add_place(parser)
    add_globals(parser)


def run(args: Namespace) -> int:
    """Compile each."""
    from gastown_core.errors import UsageError
    from gastown_core.molecules.proto import compiled

    names = PATROLS if args.patrol else (args.formula,)
    if not names[0]:
        raise UsageError("bd mol seed needs a formula", "", "bd formula list shows them")
    where, rows = places(args), []
    for name in names:
        formula = formula_of(name, where)
        recipe, _ = compiled(formula)
        rows.append({"formula": formula.name, "tier": recipe.tier, "source": recipe.source, "steps": len(recipe.steps)})
    if args.json:
        say_object({"seeded": rows, "count": len(rows)})
        return 0
    for row in rows:
        say(f"{style('✓', 'green')} {clean(str(row['formula']))}  {row['steps']} steps, {row['tier']}")
    return 0
