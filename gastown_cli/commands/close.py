"""``gt close``: close beads, and land the convoys that this completes."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt close``."""
    parser.add_argument("beads", nargs="+", help="ids of the work")
    parser.add_argument("-r", "--reason", "--comment", default="", dest="reason", help="why")
    parser.add_argument("--cascade", action="store_true", help="open children first, however deep")
    parser.add_argument("-f", "--force", action="store_true", help="blocked and pinned ones too")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Close them."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.done.closing import close_beads, open_children

    root = context.town()
    ledger = TownLedger(root)
    closed = close_beads(
        root,
        ledger,
        args.beads,
        actor=who.acting(root),
        reason=args.reason,
        cascade=args.cascade,
        force=args.force,
    )
    for bead_id, children in open_children(ledger, closed).items():
        output.note(output.clean(f"note: {bead_id} is closed, its children are not: {', '.join(children[:5])}"))
    if args.json:
        output.say_json({"closed": closed})
        return 0
    for bead_id in closed:
        output.say(f"{output.style('✓', 'green')} {bead_id} closed")
    if not closed:
        output.say("closed already")
    return 0
