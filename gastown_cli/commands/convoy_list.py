"""``gt convoy list``: the bundles and how far they are."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_age

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy list``."""
    parser.add_argument("--all", action="store_true", help="closed ones too")
    parser.add_argument("--status", default="", help="only this status")
    parser.add_argument("--tree", action="store_true", help="with their members")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """List convoys, the newest first."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.convoys import as_json, list_convoys, list_rows

    statuses = () if args.all else (args.status,) if args.status else SHOWN
    ledger = TownLedger(context.town())
    if args.json:
        output.say_json_rows([as_json(convoy) for convoy in list_convoys(ledger, statuses=statuses)])
        return context.tell_unread(ledger)
    if args.tree:
        from gastown_cli.convoy_text import detail_lines

        output.say("\n\n".join("\n".join(detail_lines(one)) for one in list_convoys(ledger, statuses=statuses)))
        return context.tell_unread(ledger)
    now = SYSTEM_CLOCK.now()
    rows = [
        [
            str(number),
            one.id,
            output.shorten(output.clean(one.title), 48),
            f"{one.progress.done}/{one.progress.total}",
            str(one.progress.in_review or ""),
            one.status,
            format_age(now - one.created_at),
        ]
        for number, one in enumerate(list_rows(ledger, statuses=statuses), 1)
    ]
    if rows:
        header = ("#", "ID", "TITLE", "DONE", "REVIEW", "STATUS", "AGE")
        output.say(output.table(rows, header=header, right=(0, 3, 4, 6)))
    else:
        output.say("no convoys" if args.all else "no open convoys; gt convoy create NAME BEAD… makes one")
    return context.tell_unread(ledger)


SHOWN = ("open", "staged_ready", "staged_warnings")
"""What is listed unless something else is asked for: what is at work, and what waits to be launched."""
