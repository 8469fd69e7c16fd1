"""``gt convoy add``: more work for a convoy."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt convoy add``."""
    parser.add_argument("convoy", help="its id")
    parser.add_argument("beads", nargs="+", help="ids of the work")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Add the beads that it does not track yet."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.convoys import add_to_convoy, as_json, get_convoy

    root = context.town()
    ledger = TownLedger(root)
    added = add_to_convoy(root, ledger, args.convoy, args.beads, actor=who.acting(root))
    if args.json:
        output.say_json(as_json(get_convoy(ledger, args.convoy)))
    elif added:
        output.say(f"{output.style('✓', 'green')} {args.convoy} now tracks {', '.join(added)} too")
    else:
        output.say(f"{args.convoy} tracks {'it' if len(args.beads) == 1 else 'them'} already")
    return 0
