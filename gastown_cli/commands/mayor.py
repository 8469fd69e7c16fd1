"""``gt mayor``: start, stop, attach to and inspect the mayor's session."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.commands.session import go_to, tell_warnings
from gastown_core.errors import ConflictError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.town.inventory import RosterEntry

ACTIONS = ("start", "attach", "at", "detach", "stop", "restart", "status")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mayor``."""
    parser.add_argument("action", choices=ACTIONS, metavar="start|attach|detach|stop|restart|status")
    parser.add_argument("--agent", default="", help="runtime or alias to run it with")
    parser.add_argument("--running", action="store_true", help="status: print only true or false")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Run the action on the mayor's session."""
    from gastown_core.town import sessions

    root = context.town()
    entry = who.find(root, "mayor")[1]
    me = who.acting(root)
    if args.action == "status":
        return _status(root, entry, args)
    if args.action in ("attach", "at"):
        return go_to(root, entry, agent=args.agent)
    if args.action == "detach":
        from gastown_core.tmux.sessions import detach_clients

        count = detach_clients(sessions.server_of(root), entry.session)
        viewers = f"{count} client{'' if count == 1 else 's'} detached" if count else "no client was attached"
        return _tell({"detached": count}, f"{viewers}; the mayor keeps running", as_json=args.json)
    if args.action == "stop":
        from gastown_core.town.hook_record import record_pause

        # noted first: the daemon must not take the end for a death
        waits = record_pause(root, entry)
        ended = sessions.stop_agent(root, entry, caller=me, reason="mayor stop")
        words = f"the mayor's session {'stopped' if ended else 'was not running'}"
        words += "; its work waits until you start it again" if waits else ""
        return _tell({"stopped": bool(ended), "session": entry.session}, words, as_json=args.json)
    again = args.action == "restart" and not args.agent
    start = (
        sessions.plan_again(root, entry, sender=me)
        if again
        else sessions.plan_start(root, entry, agent=args.agent, topic=args.action, sender=me)
    )
    if args.action == "restart":
        tell_warnings(start)
        pane = sessions.respawn_agent(root, start)
    else:
        if sessions.is_alive(sessions.find_session(root, entry)):
            raise ConflictError("the mayor is already running", f"session {entry.session}", "gt mayor attach")
        tell_warnings(start)
        pane = sessions.start_agent(root, start)
    value = {"running": True, "session": entry.session, "runtime": start.alias, "pid": pane.pid}
    words = f"mayor running as {start.alias}, pid {pane.pid}; next: gt mayor attach"
    return _tell(value, words, as_json=args.json)


def _tell(value: dict[str, Any], words: str, *, as_json: bool) -> int:
    output.say_json(value) if as_json else output.say(f"{output.style('✓', 'green')} {words}")
    return 0


def _status(root: str, entry: RosterEntry, args: Namespace) -> int:
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town import sessions

    pane = sessions.find_session(root, entry) if has_tmux() else None
    alive = sessions.is_alive(pane)
    if args.running:
        output.say("true" if alive else "false")
    elif args.json:
        output.say_json(
            {
                "running": alive,
                "session": entry.session,
                "runtime": pane.agent if pane else "",
                "pid": pane.pid if pane else 0,
                "attached": pane.attached if pane else 0,
            }
        )
    elif pane is None:
        why = "" if has_tmux() else " (tmux is not installed)"
        output.say(f"the mayor is not running{why}")
    else:
        seen = f", {pane.attached} attached" if pane.attached else ""
        state = "is running" if alive else "has exited but its session is open; gt mayor attach restarts it"
        output.say(f"the mayor {state} ({pane.agent or pane.command}, pid {pane.pid}{seen})")
    return 0
