"""``gt handoff``: a fresh session that knows what the last one knew."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt handoff``."""
    parser.add_argument("target", nargs="?", default="", metavar="agent", help="who (default: you)")
    parser.add_argument("-s", "--subject", default="fresh session", help="what it is about, in a few words")
    parser.add_argument("-m", "--message", default="", help="the note to the successor")
    parser.add_argument("--stdin", action="store_true", help="read the note from standard input")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would happen")
    context.add_json(parser)
    add_receipts(parser)


def run(args: Namespace) -> int:
    """Store the note, give the agent a fresh session, tell it."""
    from gastown_core.messaging.handoff import handoff

    root = context.town()
    entry = who.find(root, args.target)[1]
    message = sys.stdin.read() if args.stdin else args.message
    if args.dry_run:
        output.say(f"would store a note for {entry.address.short} and restart session {entry.session}")
        return 0
    if not args.yes and not args.receipts and not args.stdin and sys.stdin.isatty():
        sys.stderr.write(f"end the present session of {entry.address.short} and start a fresh one? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            output.say("nothing was done")
            return 1
    code, last = follow(
        lambda: handoff(root, entry, subject=args.subject, message=message, sender=who.acting(root)),
        as_lines=args.receipts,
        quiet=args.json,
    )
    if args.json and not args.receipts and last is not None:
        output.say_json(last.as_json())
    return code
