"""``gt completion`` and ``bd completion``: print the script that completes command lines in a shell."""

from __future__ import annotations

from gastown_cli import output
from gastown_cli.completion.scripts import SHELLS, script_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def gt_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt completion``."""
    parser.add_argument("shell", choices=tuple(SHELLS), help="your shell: bash, zsh, fish or powershell")
    parser.add_argument("--no-descriptions", action="store_true", help="complete values without what they mean")


def run_gt(args: Namespace) -> int:
    """Print the script for ``gt``."""
    return _print(args, "gt")


def bd_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd completion``."""
    gt_arguments(parser)


def run_bd(args: Namespace) -> int:
    """Print the script for ``bd``."""
    return _print(args, "bd")


def _print(args: Namespace, program: str) -> int:
    output.say(script_of(args.shell, program, descriptions=not args.no_descriptions).rstrip("\n"))
    return 0
