"""``gt hook show``: what is on an agent's hook."""

from __future__ import annotations

from gastown_cli import context, hook_lines, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt hook show``."""
    parser.add_argument("agent", nargs="?", default="", help="whose hook (default: yours)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
    root = context.town()
    return hook_lines.show(root, who.find(root, args.agent)[1], as_json=args.json)
