"""``gt release``: work out of somebody's hands; it is open for anybody again."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt release``."""
    parser.add_argument("beads", nargs="+", help="ids of the work")
    parser.add_argument("-r", "--reason", default="", help="why, for the note")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Release them; worktrees and branches stay as they are."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.done.small_acts import release

    root = context.town()
    freed = release(root, TownLedger(root), args.beads, actor=who.acting(root), reason=args.reason)
    if args.json:
        output.say_json({"released": freed})
        return 0
    for bead_id in dict.fromkeys(args.beads):
        if bead_id in freed:
            output.say(f"{output.style('✓', 'green')} {bead_id} is open again")
        else:
            output.say(f"{bead_id} is in nobody's hands")
    return 0
