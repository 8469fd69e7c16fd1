"""``gt convoy check``: close what is complete."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt convoy check``."""
    parser.add_argument("convoy", nargs="?", default="", help="only this one (default: all open ones)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only tell which are complete")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Close complete system-managed convoys and tell their owners."""
    from gastown_cli.commands.convoy_show import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.landing import check_convoys

    root = context.town()
    ledger = TownLedger(root)
    only = (find_convoy(ledger, args.convoy).bead.id,) if args.convoy else ()
    landed = check_convoys(root, ledger, actor=who.acting(root), only=only, dry_run=args.dry_run)
    if args.json:
        output.say_json({"complete": landed, "closed": [] if args.dry_run else landed, "dry_run": args.dry_run})
    elif not landed:
        output.say("not complete yet: gt convoy show tells what is missing" if only else "no convoy is complete")
    for one in () if args.json else landed:
        output.say(f"would close {one}" if args.dry_run else f"{output.style('✓', 'green')} {one} has landed")
    return context.tell_unread(ledger)
