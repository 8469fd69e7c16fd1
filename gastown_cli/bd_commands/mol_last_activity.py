"""``bd mol last-activity``: when a molecule last moved."""

from __future__ import annotations

from gastown_cli.bd_commands import mol_place
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import age, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("molecule", help="its id")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Say when, and by what."""
    from gastown_core.clock import format_seconds
    from gastown_core.molecules.listing import last_activity

    space = Workspace(args)
    store, root = mol_place.molecule(space, args.molecule)
    at, source, step = last_activity(store, root)
    if space.as_json:
        say_object({"molecule_id": root, "last_activity": format_seconds(at), "source": source, "source_step_id": step})
    else:
        by = f" ({clean(step)})" if step else ""
        when = age(at, space.now())
        say(f"{clean(root)}: {source.replace('_', ' ')}{by}, {when}{'' if when == 'now' else ' ago'}")
    return 0
