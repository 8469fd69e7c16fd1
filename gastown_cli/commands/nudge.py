"""``gt nudge``: words to a running agent, with the proof that they arrived."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt nudge``."""
    parser.add_argument("target", metavar="agent", help="who")
    parser.add_argument("text", nargs="?", default="", help="what to say")
    parser.add_argument("-m", "--message", default="", help="the same")
    parser.add_argument("--stdin", action="store_true", help="read it from standard input")
    parser.add_argument("--mode", choices=("immediate", "queue"), default="immediate", help="type it now, or leave it")
    context.add_json(parser)
    add_receipts(parser)


def run(args: Namespace) -> int:
    """Send it; exit code 1 if it could only be queued."""
    from gastown_core.messaging.nudge import nudge
    from gastown_core.messaging.targets import target_of
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.tmux.socket import socket_name

    root = context.town()
    text = args.text or args.message or (sys.stdin.read() if args.stdin else "")
    if not text.strip():
        raise UsageError("a nudge needs a text", "", f"gt nudge {args.target} TEXT")
    entry = who.find(root, args.target)[1]
    code, last = follow(
        lambda: nudge(
            root, target_of(root, entry), text, who.acting(root), server=TmuxServer(socket_name(root)), mode=args.mode
        ),
        as_lines=args.receipts,
        quiet=args.json,
    )
    if args.json and not args.receipts and last is not None:
        output.say_json(last.as_json())
    return code
