"""``gt polecat remove``: a polecat's worktree goes; its branch, its work and its name stay."""

from __future__ import annotations

from gastown_cli import context
from gastown_cli.commands import polecat_nuke

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat remove``."""
    parser.add_argument("polecats", nargs="+", metavar="RIG/NAME", help="which ones; a rig with --all")
    parser.add_argument("--all", action="store_true", help="all of the rig")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be lost, change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="also those with unsaved work, which is saved first")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Remove the worktrees, each for itself."""
    return polecat_nuke.take_away(args, nuke=False)
