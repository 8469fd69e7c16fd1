"""``gt polecat pool-init``: as many polecats at rest as a rig is to have."""

from __future__ import annotations

from gastown_cli import context
from gastown_cli.commands import polecat_add

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat pool-init``."""
    parser.add_argument("rig", help="name of the rig")
    parser.add_argument("--size", type=int, default=4, help="how many it is to have")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    parser.set_defaults(name="")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Make those that it lacks."""
    return polecat_add.run(args)
