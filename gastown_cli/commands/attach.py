"""``gt attach``: go to an agent's session; detach (prefix d) comes back."""

from __future__ import annotations

import os
import sys

from gastown_cli import context, output, who
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt attach``."""
    parser.add_argument("target", metavar="agent", help="who")
    parser.add_argument("--agent", default="", help="runtime to start it with if it does not run")


def run(args: Namespace) -> int:
    """Attach, starting or reviving the agent first."""
    root = context.town()
    return go_to(root, who.find(root, args.target)[1], agent=args.agent)


def go_to(root: str, entry: RosterEntry, *, agent: str = "") -> int:
    """Make sure the agent lives, then become the tmux client that shows it. Raises NoTmuxError, TmuxError."""
    from gastown_core.tmux.sessions import attach_argv
    from gastown_core.town import sessions

    argv = attach_argv(sessions.server_of(root), entry.session)
    if argv[0] == "env" and not sys.stdin.isatty():
        short = entry.address.short
        raise UsageError(
            "there is no terminal here to attach with", "", f"gt session start {short} starts it, gt peek {short} looks"
        )
    me = who.acting(root)
    pane = sessions.find_session(root, entry)
    if not sessions.is_alive(pane):
        if agent or pane is None:
            start = sessions.plan_start(root, entry, agent=agent, topic="attach", sender=me)
        else:
            start = sessions.plan_again(root, entry, topic="attach", sender=me)
        sessions.respawn_agent(root, start)
        output.note(f"{entry.address.short} {'started' if pane is None else 'revived'} as {start.alias}")
    sys.stdout.flush()
    os.execvp(argv[0], argv)
