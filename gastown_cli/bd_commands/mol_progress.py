"""``bd mol progress``: how far a molecule is, and how fast it goes."""

from __future__ import annotations

from gastown_cli import molecule_lines
from gastown_cli.bd_commands.mol_current import molecules
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("molecule", nargs="?", default="", help="its id (default: the one you are at)")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show it."""
    space = Workspace(args)
    found = molecules(space, args.molecule)
    if not found:
        raise NotFoundError(f"{space.actor} is at no molecule", "", "bd mol list shows them all")
    seen = found[0]
    if space.as_json:
        say_object(seen.as_json())
        return 0
    say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")
    here, pace = seen.current, molecule_lines.pace(seen)
    if here is not None:
        say(f"now: {clean(here.id)}  {molecule_lines.one_line(here.title)}")
    if pace:
        say(style(pace, "dim"))
    return 0
