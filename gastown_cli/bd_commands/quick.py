"""``bd q``: as ``bd create``, but prints the id and nothing else."""

from __future__ import annotations

from gastown_cli.bd_commands import create

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

add_arguments = create.add_arguments


def run(args: Namespace) -> int:
    """Make the bead silently."""
    args.silent = True
    args.json = False
    return create.run(args)
