"""``bd label remove ID... LABEL``: take a label off beads."""

from __future__ import annotations

from gastown_cli.bd_commands import label_add

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

add_arguments = label_add.add_arguments


def run(args: Namespace) -> int:
    """Take it off each."""
    return label_add.change_labels(args, adding=False)
