"""``gt convoy watch``: hear when a convoy lands or stalls."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.work.convoy.acts import Watch

_WORDS = {
    "subscribed": "will hear of",
    "already_watching": "hears of it already:",
    "removed": "hears no more of",
    "not_watching": "did not watch",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy watch`` and ``unwatch``."""
    parser.add_argument("convoy", help="its id")
    parser.add_argument("--nudge", action="store_true", help="by a nudge into the session instead of mail")
    parser.add_argument("--addr", default="", help="somebody else's address (default: you)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Subscribe; twice is once."""
    return change(args, on=True)


def change(args: Namespace, *, on: bool) -> int:
    """Subscribe or unsubscribe, and tell."""
    from gastown_cli.commands.convoy_show import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.acts import MAIL, NUDGE, unwatch, watch

    root = context.town()
    ledger = TownLedger(root)
    me = who.acting(root)
    convoy = find_convoy(ledger, args.convoy).bead.id
    act = watch if on else unwatch
    done: Watch = act(ledger, convoy, args.addr or me, way=NUDGE if args.nudge else MAIL, actor=me)
    if args.json:
        output.say_json(done._asdict())
    else:
        output.say(f"{output.clean(done.address)} {_WORDS[done.status]} {done.convoy_id} ({done.watch_type})")
    return 0
