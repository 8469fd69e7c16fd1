"""``gt feed``: the console on a terminal; plain lines or JSON otherwise. Every filter holds in every mode."""

from __future__ import annotations

import os
import sys

from gastown_cli import context
from gastown_core.clock import SYSTEM_CLOCK, parse_duration
from gastown_core.errors import UsageError
from gastown_core.state.filter import EventFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt feed``."""
    parser.add_argument("--plain", action="store_true", help="text lines (always when stdout is no terminal)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "-p", "--problems", action="store_true", help="open in the problems view; with --plain, list it"
    )
    parser.add_argument("-w", "--window", action="store_true", help="open in a tmux window named feed")
    parser.add_argument(
        "--curated", action="store_true", help="read the curated feed: doubles dropped, bursts told as one"
    )
    follow = parser.add_mutually_exclusive_group()
    follow.add_argument("-f", "--follow", action="store_true", default=None, help="plain: go on as events come")
    follow.add_argument("--no-follow", dest="follow", action="store_false", help="plain: end after the newest")
    parser.add_argument(
        "-n", "--limit", type=int, default=100, metavar="N", help="plain: newest N first to show (100; 0 all)"
    )
    parser.add_argument("--since", default="", metavar="SPAN", help="only events of the last 5m, 1h, 7d")
    parser.add_argument("--type", default="", help="only this event type")
    parser.add_argument("--rig", default="", help="only this rig")
    parser.add_argument("--mol", default="", help="only events whose target or text holds this")
    parser.add_argument("--ascii", action="store_true", help="no symbol beyond ASCII (also GT_NO_EMOJI=1)")


def read_filter(args: Namespace) -> EventFilter:
    """The filter that the options ask for. Raises UsageError for a bad span or a rig that is not registered."""
    since = 0.0
    if args.since:
        span = parse_duration(args.since)
        if span is None:
            raise UsageError(f"{args.since} is no span of time", "", "write it as 30s, 5m, 1h, 7d or 2w")
        since = SYSTEM_CLOCK.now() - span
    if args.limit < 0:
        raise UsageError("--limit cannot be negative", "", "0 shows all")
    if args.rig:
        from gastown_core.town.discover import read_rigs

        rigs = read_rigs(context.town())
        if args.rig not in rigs:
            raise UsageError(f"no rig {args.rig}", "", f"there are: {', '.join(rigs) or 'none yet'}")
    return EventFilter(rig=args.rig, type=args.type, text=args.mol, since=since)


def run(args: Namespace) -> int:
    """Open the console, or print."""
    if args.ascii:
        os.environ["GT_NO_EMOJI"] = "1"
    root = context.town()
    wanted = read_filter(args)
    if args.window:
        from gastown_cli.feed_window import open_window

        return open_window(root, args)
    from gastown_cli.fastpath import hand_over, on_terminal

    if args.json or args.plain or not on_terminal():
        return _print(root, args, wanted)
    from gastown_tui.app import run_feed

    return run_feed(root, problems=args.problems, initial_filter=wanted, is_prepainted=hand_over())


def _print(root: str, args: Namespace, wanted: EventFilter) -> int:
    if args.problems:
        from gastown_cli.problem_lines import print_problems

        return print_problems(root, as_json=args.json)
    from gastown_cli.feed_lines import print_feed

    follow = sys.stdout.isatty() if args.follow is None else args.follow
    try:
        return print_feed(root, wanted, limit=args.limit, follow=follow, as_json=args.json, curated=args.curated)
    except KeyboardInterrupt:
        return 0
