"""``gt polecat check-recovery``: may this polecat go, must its work be saved, or handed in first?"""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat check-recovery``."""
    parser.add_argument("polecat", help="RIG/NAME")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Tell the verdict."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.inventory import read_inventory
    from gastown_core.work.polecat.upkeep import check_recovery
    from gastown_core.work.polecat.view import find_polecat

    root = context.town()
    entry = find_polecat(root, args.polecat, read_inventory(root).rigs)
    found = check_recovery(root, TownLedger(root), entry)
    if args.json:
        output.say_json(found)
    else:
        output.say(f"{entry.address.short}: {found['verdict']}, {found['cleanup_status']}, queue: {found['mq_status']}")
    return 0
