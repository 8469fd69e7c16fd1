"""``gt peek``: the screen of an agent, without going there."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt peek``."""
    parser.add_argument("target", metavar="agent", help="who")
    parser.add_argument(
        "count", nargs="?", type=int, default=0, help="so many lines from the end (default: the screen)"
    )
    parser.add_argument("-n", "--lines", type=int, default=0, help="the same")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Print it, control characters made harmless."""
    from gastown_core.tmux.panes import capture_pane
    from gastown_core.town import sessions

    root = context.town()
    entry = who.find(root, args.target)[1]
    pane = sessions.find_session(root, entry)
    if pane is None:
        raise NotFoundError(
            f"{entry.address.short} has no session", "", f"gt session start {entry.address.short} starts one"
        )
    lines = capture_pane(sessions.server_of(root), pane.pane_id, args.lines or args.count)
    if args.json:
        output.say_json({"agent": entry.address.path, "session": entry.session, "dead": pane.dead, "lines": lines})
        return 0
    for line in lines:
        output.say(output.clean(line.rstrip().expandtabs()))
    if pane.dead:
        output.note(f"the agent has ended (status {pane.dead_status if pane.dead_status is not None else 'unknown'})")
    return 0
