"""``gt polecat git-state``: whether a worktree holds anything that is nowhere else."""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat git-state``."""
    parser.add_argument("polecat", help="RIG/NAME")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Tell it; exit code 0 either way."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.inventory import read_inventory
    from gastown_core.work.polecat.removal import look_at_stakes
    from gastown_core.work.polecat.view import find_polecat

    root = context.town()
    entry = find_polecat(root, args.polecat, read_inventory(root).rigs)
    stakes = look_at_stakes(root, TownLedger(root), entry)
    if args.json:
        output.say_json(stakes.as_json())
        return 0
    output.say(f"{entry.address.short}: {'clean' if stakes.is_clean else 'holds work of its own'}")
    for line in stakes.words():
        output.say(f"  {output.clean(line)}")
    return 0
