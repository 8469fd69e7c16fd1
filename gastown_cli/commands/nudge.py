"""``gt nudge``: a message to an agent, with its receipts; and what waits, is on the way or was not delivered."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow
from gastown_core.clock import SYSTEM_CLOCK, format_ago
from gastown_core.errors import UsageError
from gastown_core.messaging.queue import MODES, NORMAL, URGENT
from gastown_core.model.order import Receipt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.messaging.nudge_listing import QueueView
    from gastown_core.town.inventory import RosterEntry

PROOF_S, WAIT_S = 1.0, 600.0
OLDER_MODES = ("immediate", "wait-idle", "queue")


def nudge_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt nudge``."""
    parser.add_argument("target", nargs="?", default="", metavar="agent", help="agent to send it to")
    parser.add_argument("text", nargs="?", default="", help="text to send")
    parser.add_argument("-m", "--message", default="", help="same as text")
    parser.add_argument("--stdin", action="store_true", help="read the text from stdin")
    parser.add_argument(
        "--mode",
        choices=(*MODES, *OLDER_MODES),
        default="idle",
        metavar="MODE",
        help="now: type it at once; idle: when the agent is idle (default); next: at its next turn, without waking it",
    )
    parser.add_argument("--priority", choices=(NORMAL, URGENT), default=NORMAL, help="urgent messages go first")
    parser.add_argument("--about", default="", metavar="BEAD", help="drop it if this bead is closed meanwhile")
    parser.add_argument("-f", "--force", action="store_true", help="send it even if the agent is muted")
    parser.add_argument("--over", action="store_true", help="put a person's draft aside for it, and back afterwards")
    parser.add_argument(
        "--wait",
        nargs="?",
        type=float,
        const=WAIT_S,
        default=0.0,
        metavar="SECONDS",
        help=f"follow it to the end (for {WAIT_S:g} s at most)",
    )
    parser.add_argument(
        "--list", action="store_true", dest="lists", help="list messages to the agent (default: to all)"
    )
    context.add_json(parser)
    add_receipts(parser)


def run_nudge(args: Namespace) -> int:
    """Send a message to an agent; return 1 if it is kept but nobody is there to read it."""
    root = context.town()
    if args.lists:
        return _list(root, args)
    from gastown_core.messaging.nudge import nudge
    from gastown_core.messaging.target import target_of
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.tmux.socket import socket_name

    if not args.target:
        raise UsageError("gt nudge needs an agent", "", "gt nudge AGENT TEXT, or gt nudge --list")
    text = args.text or args.message or (sys.stdin.read() if args.stdin else "")
    if not text.strip():
        raise UsageError("no text for the nudge", "", f"gt nudge {args.target} TEXT")
    entry = who.find(root, args.target)[1]
    if not args.force and _is_muted(root, entry):
        return _skipped(entry, args)
    code, last = follow(
        lambda: nudge(
            root,
            target_of(root, entry),
            text,
            who.acting(root),
            server=TmuxServer(socket_name(root)),
            mode=args.mode,
            priority=args.priority,
            about=args.about,
            over=args.over,
            proof_s=PROOF_S,
            wait_s=max(0.0, args.wait),
        ),
        as_lines=args.receipts,
        quiet=args.json,
    )
    if args.json and not args.receipts and last is not None:
        output.say_json(last.as_json())
    return code


def _is_muted(root: str, entry: RosterEntry) -> bool:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.messaging.notification import MUTED, level_of

    return level_of(TownLedger(root), entry) == MUTED


def _skipped(entry: RosterEntry, args: Namespace) -> int:
    """Say that a muted agent gets nothing; this is no failure."""
    why = "it is muted; --force sends it anyway, and mail waits in its inbox"
    last = Receipt("agent.nudge", entry.address.path, "skipped", why, ok=True, final=True, at=SYSTEM_CLOCK.now())
    follow(lambda: iter((last,)), as_lines=args.receipts, quiet=args.json)
    if args.json and not args.receipts:
        output.say_json(last.as_json())
    return 0


def _list(root: str, args: Namespace) -> int:
    from gastown_core.messaging.nudge_listing import view_of
    from gastown_core.town.inventory import read_inventory

    entries = [who.find(root, args.target)[1]] if args.target else list(read_inventory(root).agents)
    views = [(entry, view_of(root, entry.session)) for entry in entries]
    views = [(entry, view) for entry, view in views if args.target or not view.is_empty]
    if args.json:
        output.say_json([{"agent": entry.address.path, **view.as_json()} for entry, view in views])
        return 0
    if not views:
        output.say("no nudges are waiting")
    for entry, view in views:
        _show(entry.address.short, view)
    return 0


def _show(name: str, view: QueueView) -> None:
    held = f": {view.held}" if view.held and view.waiting else ""
    output.say(output.style(output.clean(f"{name}  {view.words()}{held}"), "bold"))
    now = SYSTEM_CLOCK.now()

    def row(mark: str, at: float, sender: str, message: str, why: str = "") -> None:
        first = message.split("\n", 1)[0][:80]
        end = f"  ({why})" if why else ""
        output.say(output.clean(f"  {mark} {format_ago(now - at)}  from {sender}: {first}{end}"))

    for one in view.waiting:
        row("·", one.at, one.sender, one.message, _extras(one.priority, one.mode, one.about))
    for given in view.on_the_way:
        row("→", given.at, "the town", given.text)
    for letter in view.dead:
        row("✗", letter.at, letter.sender or "unknown", letter.message, letter.reason)


def _extras(*words: str) -> str:
    return ", ".join(word for word in words if word and word not in (NORMAL, "idle"))
