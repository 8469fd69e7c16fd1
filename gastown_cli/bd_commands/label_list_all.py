"""``bd label list-all``: all labels in use, with counts."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, table
from gastown_core.beads.store import BeadQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Nothing of its own."""
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show them, the most used first."""
    space = Workspace(args)
    counts = space.store.count_by("label", BeadQuery(include_wisps=True))
    if space.as_json:
        say_array([{"label": label, "count": number} for label, number in counts.items()])
    elif counts:
        say(table([(clean(label), str(number)) for label, number in counts.items()], right=(1,)))
    else:
        say("no labels are in use")
    return 0
