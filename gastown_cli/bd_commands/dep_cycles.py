"""``bd dep cycles``: beads that wait for each other."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say
from gastown_core.beads.query import ORDERING_TYPES, find_cycles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Nothing of its own."""
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show each as a path."""
    space = Workspace(args)
    targets: dict[str, list[str]] = {}
    for source, target, kind in space.store.all_edges():
        if kind in ORDERING_TYPES:
            targets.setdefault(source, []).append(target)
    cycles = find_cycles(targets)
    if space.as_json:
        say_array(cycles)
        return 0
    for cycle in cycles:
        say(clean(" → ".join(cycle)))
    if not cycles:
        say("no cycles")
    return 0
