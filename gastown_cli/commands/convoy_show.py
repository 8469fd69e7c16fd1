"""``gt convoy show``: one bundle with its members."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.commands.convoy_list import detail_lines
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt convoy show``."""
    parser.add_argument("convoy", nargs="?", default="", help="its id (default: the open one touched last)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoys import as_json, current_convoy, get_convoy

    ledger = TownLedger(context.town())
    convoy = get_convoy(ledger, args.convoy) if args.convoy else current_convoy(ledger)
    if convoy is None:
        raise NotFoundError("no open convoy", "", "gt convoy create NAME BEAD… makes one")
    if args.json:
        output.say_json(as_json(convoy))
    else:
        output.say("\n".join(detail_lines(convoy)))
    return 0
