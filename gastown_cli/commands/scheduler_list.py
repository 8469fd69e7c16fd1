"""``gt scheduler list``: the queue, rig by rig."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_age
from gastown_core.model.bead import priority_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt scheduler list``."""
    context.add_json(parser)


def run(args: Namespace) -> int:
    """List queued slings, the oldest first; ○ could go, ⏸ is held back."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.scheduler.queue_view import read_queue

    root = context.town()
    ledger, now = TownLedger(root), SYSTEM_CLOCK.now()
    queue = read_queue(root, ledger, now)
    if args.json:
        output.say_json([one.as_json() for one in queue.waiting])
        return context.tell_unread(ledger)
    if not queue.waiting:
        output.say("the queue is empty")
    for rig in dict.fromkeys(one.context.rig for one in queue.waiting):
        output.say(output.style(rig, "bold"))
        for one in queue.waiting:
            if one.context.rig == rig:
                mark = "⏸" if one.held else "○"
                age = format_age(now - one.context.enqueued_at)
                tries = f", failed {one.context.failures}×" if one.context.failures else ""
                output.say(
                    f"  {mark} {one.context.bead} {priority_word(one.priority)} {output.clean(one.title)}  {age}{tries}"
                )
                if one.held:
                    output.say("      " + output.style(output.clean(one.held), "dim"))
    return context.tell_unread(ledger)
