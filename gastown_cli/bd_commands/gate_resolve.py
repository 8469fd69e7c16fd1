"""``bd gate resolve``: open a gate by hand."""

from __future__ import annotations

from gastown_cli.bd_commands.gate_place import gate, gate_json, held_by
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which one, and why."""
    parser.add_argument("gate", help="its id")
    parser.add_argument("-r", "--reason", default="", help="why")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Open it."""
    from gastown_core.molecules.gates import resolve, waiters

    space = Workspace(args)
    store, bead = gate(space, args.gate)
    done = resolve(store, bead.id, actor=space.actor, reason=args.reason)
    space.tell_all([(bead, done)] if not bead.is_closed else [], args.reason)
    if space.as_json:
        say_object({**gate_json(store, done), "waiters": waiters(done)})
        return 0
    say(f"{style('✓', 'green')} {clean(done.id)} is open")
    for held in held_by(store, done):
        state = "ready" if not store.graph(space.now()).blockers(held) else "still waits for something else"
        say(f"  {clean(held)} {state}")
    return 0
