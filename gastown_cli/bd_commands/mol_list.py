"""``bd mol list``: what is poured, and how far it is."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import age, one_line, say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which ones."""
    parser.add_argument("--all", action="store_true", help="closed ones too")
    parser.add_argument("--wisps", action="store_true", help="only those that vanish when they are done")
    parser.add_argument("--protos", action="store_true", help="only protos")
    add_globals(parser)


def run(args: Namespace) -> int:
    """List them, the newest first."""
    from gastown_core.molecules.listing import list_molecules

    space = Workspace(args)
    rows = list_molecules(space.store, closed=args.all, wisps=args.wisps, protos=args.protos)
    if space.as_json:
        say_array([row.as_json() for row in rows])
        return 0
    if not rows:
        say(
            "no protos; bd cook FORMULA --persist makes one"
            if args.protos
            else "no molecules; bd mol pour FORMULA makes one"
        )
        return 0
    now, lines = space.now(), []
    for row in rows:
        told = row.as_json()
        done = f"{row.completed}/{row.total}" if told["phase"] != "solid" else f"{row.total} steps"
        formula = told["formula"] if told["formula"] not in row.root.title else ""
        tail = style(
            clean(" ".join(word for word in (formula, f"@{row.root.assignee}" if row.root.assignee else "") if word)),
            "dim",
        )
        state = "closed" if row.root.is_closed else told["phase"]
        lines.append(
            [
                clean(row.root.id),
                state,
                done,
                age(row.root.updated_at, now),
                f"{one_line(row.root.title)}  {tail}".rstrip(),
            ]
        )
    say(table(lines, right=(2, 3)))
    return 0
