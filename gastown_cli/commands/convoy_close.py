"""``gt convoy close``: end a convoy by hand."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy close``."""
    parser.add_argument("convoy", help="its id")
    parser.add_argument("-r", "--reason", default="", help="why")
    parser.add_argument("--notify", nargs="?", const="mayor/", default="", help="tell this address too (mayor/)")
    parser.add_argument("-f", "--force", action="store_true", help="even with open members, which stay open")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Close it; closed already is fine."""
    from gastown_cli.commands.convoy_show import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.acts import close_convoy

    root = context.town()
    ledger = TownLedger(root)
    bead = find_convoy(ledger, args.convoy).bead
    done = close_convoy(
        root, ledger, bead.id, actor=who.acting(root), reason=args.reason, notify=args.notify, force=args.force
    )
    if args.json:
        output.say_json({"id": bead.id, "title": bead.title, "closed": done, "reason": args.reason})
    elif done:
        output.say(f"{output.style('✓', 'green')} {bead.id} {output.clean(bead.title)} is closed")
    else:
        output.say(f"{bead.id} was closed before")
    return 0
