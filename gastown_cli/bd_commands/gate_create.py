"""``bd gate create``: hold a bead back until something has happened."""

from __future__ import annotations

from gastown_cli.bd_commands.gate_place import gate_json
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """What it holds, and what it waits for."""
    parser.add_argument("--blocks", required=True, metavar="ID", help="the bead to hold back")
    parser.add_argument("-t", "--type", default="human", help="human (default), timer, bead, mail, gh:run, gh:pr")
    parser.add_argument("-r", "--reason", default="", help="why")
    parser.add_argument("--await-id", default="", help="the bead, sender, run, workflow or pull request")
    parser.add_argument("--timeout", default="", metavar="SPAN", help="for a timer, such as 2h")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Make the gate, in one write."""
    from gastown_core.molecules.gates import create

    space = Workspace(args)
    store, held = space.locate(args.blocks)
    made = create(
        store,
        held,
        args.type,
        actor=space.actor,
        reason=args.reason,
        await_id=args.await_id,
        timeout=args.timeout,
    )
    space.tell_all([(None, made)])
    space.touched(store, made.id)
    if space.as_json:
        say_object(gate_json(store, made))
    else:
        say(f"{style('✓', 'green')} {clean(made.id)} holds {clean(held)} ({clean(args.type)})")
        if args.type == "human":
            say(style(f"bd gate resolve {clean(made.id)} lets it go", "dim"))
    return 0
