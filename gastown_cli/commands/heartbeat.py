"""``gt heartbeat``: an agent's own word on how it is."""

from __future__ import annotations

import os

from gastown_cli import context, who
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt heartbeat``."""
    parser.add_argument("words", nargs="*", metavar="context", help="what it does, in a few words")
    parser.add_argument("--state", default="working", help="working, idle, exiting, stuck, waiting or limited")
    parser.add_argument("--bead", default="", help="the work it is about")
    parser.add_argument("--turn", action="store_true", help="a submitted text begins to be worked on")


def run(args: Namespace) -> int:
    """Write it for the session in GT_SESSION (or the caller's own)."""
    from gastown_core.runtimes.heartbeat import STATES, read_heartbeat, write_heartbeat

    root = context.town()
    if args.state not in STATES:
        raise UsageError(f"{args.state} is no state", "", f"one of {', '.join(STATES)}")
    session = os.environ.get("GT_SESSION", "") or who.me(root).session
    turn = None
    if args.turn:
        last = read_heartbeat(root, session)
        turn = (last.turn if last else 0) + 1
    write_heartbeat(root, session, args.state, context=" ".join(args.words), bead=args.bead, turn=turn)
    return 0
