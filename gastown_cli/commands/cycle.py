"""``gt cycle``: switch the terminal to the next or previous session of the same group; the keys n and p run it."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.address import CREW
from gastown_core.town.cycling import NEXT, PREV, TOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def cycle_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt cycle``."""
    parser.add_argument("direction", choices=("next", "prev"), help="which way round")
    _arguments(parser)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--session", default="", help="session to go on from (default: yours)")
    parser.add_argument("--client", default="", help="tmux client to switch (default: yours)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say where it goes; switch nothing")
    context.add_json(parser)


town_next_arguments = town_prev_arguments = crew_next_arguments = crew_prev_arguments = _arguments


def run_cycle(args: Namespace) -> int:
    """Switch to the next session of the group: the town's agents, a rig's crew, or a rig's other agents."""
    return _switch(args, args.direction)


def run_town_next(args: Namespace) -> int:
    """Switch to the next session of the town's own agents; from any other session, to the first of them."""
    return _switch(args, NEXT, TOWN)


def run_town_prev(args: Namespace) -> int:
    """Switch to the previous session of the town's own agents; from any other session, to the last of them."""
    return _switch(args, PREV, TOWN)


def run_crew_next(args: Namespace) -> int:
    """Switch to the next session of the rig's crew; from another of its sessions, to the first of them."""
    return _switch(args, NEXT, CREW)


def run_crew_prev(args: Namespace) -> int:
    """Switch to the previous session of the rig's crew; from another of its sessions, to the last of them."""
    return _switch(args, PREV, CREW)


def _switch(args: Namespace, direction: str, group: str = "") -> int:
    from gastown_core.tmux.clients import switch_client, tell_client
    from gastown_core.tmux.panes import list_panes
    from gastown_core.tmux.server import own_session_env
    from gastown_core.town.cycling import neighbour
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.sessions import server_of

    root = context.town()
    session = args.session or own_session_env()
    if not session:
        raise UsageError(
            "you are in no session of the town",
            "there is nothing to go on from",
            "run it in a session (gt attach AGENT), or name one: gt cycle next --session hq-mayor",
        )
    agents = read_inventory(root).agents
    if not any(one.session == session for one in agents):
        raise NotFoundError(f"no agent of this town has a session {session}", "", "gt session list shows them")
    server = server_of(root)
    found = neighbour(agents, list_panes(server), session, direction, group)
    if found is None:
        words = "no other session of this group runs"
        if args.client:
            # whatever a key's command prints would cover the agent's screen
            tell_client(server, args.client, words)
        elif args.json:
            output.say_json({"from": session, "to": "", "agent": "", "switched": False})
        else:
            output.note(words)
        return 0
    if not args.dry_run:
        switch_client(server, found.session, args.client)
    if args.json:
        told = {"from": session, "to": found.session, "agent": found.address.path, "switched": not args.dry_run}
        output.say_json(told)
    elif args.dry_run:
        output.say(f"would switch from {session} to {found.session} ({found.address.short})")
    return 0
