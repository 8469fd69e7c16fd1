"""``bd sync``: bring the store into canonical form, commit it, and push if asked."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import say
from gastown_core.beads.sync import sync_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """How far."""
    parser.add_argument("-m", "--message", default="", help="the commit's message")
    parser.add_argument("--push", action="store_true", help="push afterwards")
    parser.add_argument("--flush-only", action="store_true", help="only bring it into canonical form")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Do it and say what was done."""
    space = Workspace(args)
    done = sync_store(space.store, message=args.message, commit=not args.flush_only, push=args.push)
    if space.as_json:
        say_object(done._asdict())
    elif not space.quiet:
        say(done.sentence())
    return 0
