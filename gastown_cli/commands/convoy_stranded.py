"""``gt convoy stranded``: convoys with work that is ready and that nobody does."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.model.bead import priority_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy stranded``."""
    context.add_json(parser)


def run(args: Namespace) -> int:
    """List them with their ready members."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.refresh import stranded

    root = context.town()
    ledger = TownLedger(root)
    found = stranded(root, ledger)
    if args.json:
        output.say_json([one.as_json() for one in found])
        return context.tell_unread(ledger)
    if not found:
        output.say("no convoy is stranded")
        return context.tell_unread(ledger)
    for one in found:
        output.say(
            f"{output.style(one.convoy.id, 'bold')} {output.clean(one.convoy.title)}: {len(one.ready)} of {one.tracked} ready"
        )
        for ready in one.ready:
            output.say(f"  ○ {ready.bead} {priority_word(ready.priority)} {output.clean(ready.title)} ({ready.rig})")
    output.say("gt convoy refresh CONVOY feeds one; gt scheduler explain tells who goes next")
    return context.tell_unread(ledger)
