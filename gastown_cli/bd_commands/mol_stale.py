"""``bd mol stale``: molecules that are complete but were never closed."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import say, style
from gastown_core.beads.record import excerpt_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which ones."""
    parser.add_argument("--blocking", action="store_true", help="only those that something waits for")
    parser.add_argument("--unassigned", action="store_true", help="only those that nobody has")
    parser.add_argument("--all", action="store_true", help="also those without a single step")
    add_globals(parser)


def run(args: Namespace) -> int:
    """List them."""
    from gastown_core.molecules.listing import stale

    space = Workspace(args)
    found = stale(space.store, blocking=args.blocking, unassigned=args.unassigned, everything=args.all)
    if space.as_json:
        say_object(
            {
                "stale_molecules": [one.as_json() for one in found],
                "total_count": len(found),
                "blocking_count": sum(bool(one.blocking) for one in found),
            }
        )
        return 0
    if not found:
        say("nothing is complete and still open")
        return 0
    notes = {one.root.id: f"holds {', '.join(one.blocking)}" for one in found if one.blocking}
    for line in bead_lines([excerpt_of(one.root) for one in found], notes=notes):
        say(line)
    say(style("bd close ID closes one", "dim"))
    return 0
