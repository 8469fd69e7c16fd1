"""``gt scheduler clear``: take slings out of the queue."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt scheduler clear``."""
    parser.add_argument(
        "--bead", default="", help="only this work (also forgets its failures, so that it is tried at once)"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="only show what would go")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Empty the queue, or take one bead out; the work itself stays as it is."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.scheduler.report import clear

    root = context.town()
    cleared = clear(root, TownLedger(root), args.bead, actor=who.acting(root), dry_run=args.dry_run)
    if args.bead and not cleared:
        raise NotFoundError(f"{args.bead} is not in the queue", "", "gt scheduler list shows what is")
    if args.json:
        output.say_json({"cleared": cleared, "dry_run": args.dry_run})
    elif not cleared:
        output.say("the queue is empty")
    for one in () if args.json else cleared:
        output.say(
            f"would take {one} out of the queue"
            if args.dry_run
            else f"{output.style('✓', 'green')} {one} is out of the queue"
        )
    return 0
