"""``bd gate add-waiter``: note who wants to hear when a gate opens."""

from __future__ import annotations

from gastown_cli.bd_commands.gate_place import gate, gate_json
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which gate, and who."""
    parser.add_argument("gate", help="its id")
    parser.add_argument("waiter", help="an agent's address")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Note it."""
    from gastown_core.molecules.gates import add_waiter

    space = Workspace(args)
    store, bead = gate(space, args.gate)
    done = add_waiter(store, bead.id, args.waiter, actor=space.actor)
    if space.as_json:
        say_object(gate_json(store, done))
    else:
        say(f"{style('✓', 'green')} {clean(args.waiter)} waits for {clean(done.id)}")
    return 0
