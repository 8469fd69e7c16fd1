"""``bd formula list``: the formulas that can be used here, where each comes from, and what it shadows."""

from __future__ import annotations

from gastown_cli.bd_commands import formula_place
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.output import clean, note, say, say_json_rows, style, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.formulas.resolve import Listed

_HEADS = {"workflow": "Workflows", "expansion": "Expansions", "aspect": "Aspects", "convoy": "Convoys"}


def add_arguments(parser: ArgumentParser) -> None:
    """Which ones."""
    parser.add_argument("--type", default="", choices=["", *_HEADS], metavar="TYPE", help="|".join(_HEADS))
    parser.add_argument("--tier", default="", help="only those of rig, town, user or shipped")
    formula_place.add_place(parser)
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show them."""
    from gastown_core.formulas.resolve import list_formulas

    where = formula_place.places(args)
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
