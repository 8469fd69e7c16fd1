"""``bd label list ID``: labels of a bead."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """The id."""
    parser.add_argument("id", help="the bead")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show them, one a line."""
    space = Workspace(args)
    labels = space.get(args.id).labels
    if space.as_json:
        say_array(labels)
        return 0
    for label in labels:
        say(clean(label))
    if not labels:
        say("no labels")
    return 0
