"""``gt convoy unwatch``: hear no more of a convoy."""

from __future__ import annotations

from gastown_cli.commands.convoy_watch import add_arguments, change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["add_arguments", "run"]


def run(args: Namespace) -> int:
    """Unsubscribe; somebody who did not watch is fine."""
    return change(args, on=False)
