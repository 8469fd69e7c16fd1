"""``gt hook attach``: put a bead on a hook."""

from __future__ import annotations

from gastown_cli import context
from gastown_cli.commands import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt hook attach``."""
    parser.add_argument("bead", help="id of the work")
    parser.add_argument("agent", nargs="?", default="", help="whose hook (default: yours)")
    parser.add_argument("-s", "--subject", default="", help="what it is about")
    parser.add_argument("-m", "--message", default="", help="more about it")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="take the bead from another's hook")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Hook it, without a session or a worktree being made."""
    return hook.put(context.town(), args.bead, args.agent, args)
