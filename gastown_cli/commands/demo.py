"""``gt demo``: build a town with scripted agents, which cost nothing, and open the console on it."""

from __future__ import annotations

import os
import shlex

from gastown_cli import output
from gastown_core.clock import parse_duration
from gastown_core.errors import TownError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

DEFAULT_PLACE = "~/gt-demo"
DEFAULT_SPAN_S = 60.0
_is_called_by_make = False


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt demo``."""
    parser.add_argument(
        "path",
        nargs="?",
        default=DEFAULT_PLACE,
        metavar="PATH",
        help=f"folder of the demo town (default {DEFAULT_PLACE})",
    )
    parser.add_argument("--agents", type=int, default=6, metavar="N", help="number of polecats to start (default 6)")
    parser.add_argument("--plain", action="store_true", help="print events instead of opening the console")
    parser.add_argument(
        "--for", dest="span", default="", metavar="SPAN", help="with --plain: how long to watch (default 60s)"
    )
    parser.add_argument("--stop", action="store_true", help="stop the demo's sessions and daemon; its files are kept")


def run(args: Namespace) -> int:
    """Build or reopen the demo town and show it, or stop it."""
    global _is_called_by_make
    # not for the agents: it is about this command line alone
    _is_called_by_make = os.environ.pop("GT_DEMO_BY", "") == "make"
    root = os.path.abspath(os.path.expanduser(args.path))
    span = parse_duration(args.span) if args.span else DEFAULT_SPAN_S
    if span is None or args.agents < 0:
        wrong = args.span if span is None else f"{args.agents} agents"
        raise UsageError(f"invalid value: {wrong}", "", _line("--agents 6 --for 90s"))
    if args.stop:
        return _stop(root)
    is_new = _is_free(root)
    _require_tmux()
    _open(root, args.agents, is_new=is_new)
    from gastown_cli.fastpath import hand_over, on_terminal, paint

    if args.plain or not on_terminal():
        code = _watch(root, span)
        _tell_how_to_go_on(root, args.path)
        return code
    paint(root)
    from gastown_tui.app import run_feed

    code = run_feed(root, is_prepainted=hand_over())
    _tell_how_to_go_on(root, args.path)
    return code


def _tell_how_to_go_on(root: str, path: str) -> None:
    where = "" if os.path.expanduser(path) == os.path.expanduser(DEFAULT_PLACE) else shlex.quote(path)
    output.note(f"The town keeps running in {root}. {_line(where)} reopens it, {_line(where, '--stop')} stops it.")


def _line(*words: str) -> str:
    """Return the command line to type: make's own if make called, because gt is not on PATH then."""
    rest = " ".join(word for word in words if word)
    if _is_called_by_make:
        return f"make demo DEMO={shlex.quote(rest)}" if rest else "make demo"
    return f"gt demo {rest}" if rest else "gt demo"


def _require_tmux() -> None:
    """Check that tmux works, since the demo's agents run in it. Raises NoTmuxError, TmuxError."""
    from gastown_core.tmux.server import require_tmux

    require_tmux()


def _is_free(root: str) -> bool:
    """Return True if a new demo can be built at ``root``, False if one exists. Raises TownError if it is anything else."""
    from gastown_core.demo import build
    from gastown_core.town.discover import is_town

    other = f"{_line('PATH')} uses another folder"
    if is_town(root):
        if not build.is_demo(root):
            raise TownError(f"{root} is a town, but not a demo town", "gt demo changes demo towns only", other)
        return False
    if os.path.isdir(root) and os.listdir(root):
        raise TownError(f"{root} is in use", "the folder is not empty and not a town", other)
    return True


def _open(root: str, agents: int, *, is_new: bool) -> None:
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.daemon import starting
    from gastown_core.demo import build

    if is_new:
        build.build_town(root, agents, _step)
    else:
        _step(f"reopening {root}")
        for failure in build.start_agents(root, SYSTEM_CLOCK):
            output.note(f"! {failure}")
    starting.start(root)


def _step(text: str) -> None:
    output.note(f"  {text}")


def _watch(root: str, span_s: float) -> int:
    from gastown_cli.commands.feed import print_feed
    from gastown_cli.commands.status import render
    from gastown_core.state.collect import collect
    from gastown_core.state.rows import NO_FILTER

    try:
        print_feed(root, NO_FILTER, limit=100, follow=True, as_json=False, for_s=span_s)
    except KeyboardInterrupt:
        output.note("interrupted")
    output.say("")
    output.say(render(collect(root), verbose=False))
    return 0


def _stop(root: str) -> int:
    from gastown_core.demo import build
    from gastown_core.demo.build import stop_town

    if not build.is_demo(root):
        raise TownError(f"no demo town at {root}", "", f"{_line('PATH')} creates one")
    ended = stop_town(root)
    output.say(f"stopped: {', '.join(ended)}" if ended else "nothing was running")
    return 0
