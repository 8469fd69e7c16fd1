"""``bd gate show``: one gate."""

from __future__ import annotations

from gastown_cli.bd_commands.gate_place import gate, gate_json, held_by
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import one_line, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("gate", help="its id")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.molecules.gates import timeout_text, waiters

    space = Workspace(args)
    store, bead = gate(space, args.gate)
    if space.as_json:
        say_object(gate_json(store, bead))
        return 0
    say(f"{style(clean(bead.id), 'bold')} [{bead.status}] {one_line(bead.title)}")
    rows = {
        "waits for": f"{bead.text('await_type')} {bead.text('await_id')}".strip(),
        "until": timeout_text(bead),
        "holds": ", ".join(held_by(store, bead)),
        "waiters": ", ".join(waiters(bead)),
        "reason": bead.text("close_reason") or one_line(bead.description),
    }
    say(table([[name, clean(value)] for name, value in rows.items() if value]))
    return 0
