"""``bd reopen``: open beads again; the reason becomes a comment."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, issue_object, say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import say
from gastown_core.beads.record import excerpt_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """The ids and why."""
    parser.add_argument("ids", nargs="+", metavar="id", help="beads to open again")
    parser.add_argument("-r", "--reason", default="", help="why; kept as a comment")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Open them one by one; what fails is told."""
    space = Workspace(args)
    done = space.change_each(args.ids, lambda batch, bead_id: batch.reopen(bead_id, args.reason), reasons=[args.reason])
    if space.as_json:
        say_array([issue_object(bead) for bead in done])
    elif not space.quiet:
        for line in bead_lines([excerpt_of(bead) for bead in done]):
            say(line)
    return space.exit_code()
