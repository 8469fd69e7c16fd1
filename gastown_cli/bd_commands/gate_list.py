"""``bd gate list``: what is waited for."""

from __future__ import annotations

from gastown_cli.bd_commands.gate_place import gate_json, gate_row
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import say, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which ones."""
    parser.add_argument("-a", "--all", action="store_true", help="opened ones too")
    parser.add_argument("-n", "--limit", type=int, default=50, metavar="N", help="at most so many (default 50, 0 all)")
    add_globals(parser)


def run(args: Namespace) -> int:
    """List them, oldest first."""
    from gastown_core.molecules.gates import open_gates

    space = Workspace(args)
    found = open_gates(space.store, closed=args.all, limit=args.limit)
    if space.as_json:
        say_array([gate_json(space.store, bead) for bead in found])
    elif found:
        say(table([gate_row(space.store, bead) for bead in found]))
    else:
        say("no gate is shut")
    return 0
