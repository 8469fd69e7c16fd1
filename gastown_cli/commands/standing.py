"""``gt mayor``, ``gt deacon`` and ``gt witness``: the sessions of standing agents, and what the code of their role does.

A town runs without the sessions of deacon and witnesses: their patrols are code in the daemon (``gt patrol``).
"""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.commands.session import go_to, tell_warnings
from gastown_core.errors import ConflictError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry

ACTIONS = ("start", "spawn", "attach", "at", "detach", "stop", "restart", "status")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=ACTIONS, metavar="start|attach|detach|stop|restart|status")
    parser.add_argument("--agent", default="", help="runtime or alias to run it with")
    context.add_json(parser)


def mayor_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mayor``."""
    _arguments(parser)
    parser.add_argument("--running", action="store_true", help="status: print only true or false")


def run_mayor(args: Namespace) -> int:
    """Run the action on the mayor's session."""
    return _run(args, "mayor", "mayor", "gt mayor")


def deacon_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon``."""
    _arguments(parser)


def run_deacon(args: Namespace) -> int:
    """Run the action on the deacon's session."""
    return _run(args, "deacon", "deacon", "gt deacon")


def witness_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt witness``."""
    _arguments(parser)
    context.add_rig(parser)


def run_witness(args: Namespace) -> int:
    """Run the action on the session of a rig's witness; a parked or docked rig's is not started."""
    from gastown_core.model.states import RigState
    from gastown_core.town.inventory import read_inventory

    root = context.town()
    rig = context.which_rig(root, args.rig)
    state = next((one.state for one in read_inventory(root).rigs if one.name == rig), RigState.OPERATIONAL)
    if state != RigState.OPERATIONAL and args.action not in ("status", "stop", "detach"):
        raise ConflictError(f"rig {rig} is {state}", "no agent of such a rig is started", "gt rig list shows the rigs")
    return _run(args, f"{rig}/witness", f"witness of {rig}", "gt witness", rig)


def _run(args: Namespace, target: str, name: str, command: str, rig: str = "") -> int:
    from gastown_core.town import sessions

    root = context.town()
    entry = who.find(root, target)[1]
    me = who.acting(root)
    action = {"at": "attach", "spawn": "start"}.get(args.action, args.action)
    if action == "status":
        return _status(root, entry, args, name, command, rig)
    if action == "attach":
        return go_to(root, entry, agent=args.agent)
    if action == "detach":
        from gastown_core.tmux.sessions import detach_clients

        count = detach_clients(sessions.server_of(root), entry.session)
        viewers = f"{count} client{'' if count == 1 else 's'} detached" if count else "no client was attached"
        return _tell({"detached": count}, f"{viewers}; the {name} keeps running", as_json=args.json)
    if action == "stop":
        from gastown_core.town.hook_record import record_pause

        # noted first: the daemon must not take the end for a death
        waits = record_pause(root, entry)
        ended = sessions.stop_agent(root, entry, caller=me, reason=f"{entry.address.role} stop")
        words = f"the {name}'s session {'stopped' if ended else 'was not running'}"
        words += "; its work waits until you start it again" if waits else ""
        return _tell({"stopped": bool(ended), "session": entry.session}, words, as_json=args.json)
    return _start(root, entry, args, name, f"{command} attach {rig}".rstrip(), again=action == "restart")


def _start(root: str, entry: RosterEntry, args: Namespace, name: str, attach: str, *, again: bool) -> int:
    from gastown_core.town import sessions, start_plan

    me = who.acting(root)
    start = (
        sessions.plan_again(root, entry, sender=me)
        if again and not args.agent
        else start_plan.plan_start(root, entry, agent=args.agent, topic="restart" if again else "start", sender=me)
    )
    if again:
        tell_warnings(start)
        pane = sessions.respawn_agent(root, start)
    else:
        if sessions.is_alive(sessions.find_session(root, entry)):
            raise ConflictError(f"the {name} is already running", f"session {entry.session}", attach)
        tell_warnings(start)
        pane = sessions.start_agent(root, start)
    value = {"running": True, "session": entry.session, "runtime": start.alias, "pid": pane.pid}
    return _tell(value, f"{name} running as {start.alias}, pid {pane.pid}; next: {attach}", as_json=args.json)


def _tell(value: dict[str, object], words: str, *, as_json: bool) -> int:
    output.say_json(value) if as_json else output.say(f"{output.style('✓', 'green')} {words}")
    return 0


def _status(root: str, entry: RosterEntry, args: Namespace, name: str, command: str, rig: str) -> int:
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town import sessions

    pane = sessions.find_session(root, entry) if has_tmux() else None
    alive = sessions.is_alive(pane)
    if getattr(args, "running", False):
        output.say("true" if alive else "false")
        return 0
    if args.json:
        told = {
            "running": alive,
            "session": entry.session,
            "runtime": pane.agent if pane else "",
            "pid": pane.pid if pane else 0,
            "attached": pane.attached if pane else 0,
        }
        output.say_json(told | _watch_json(root, entry, rig))
        return 0
    if pane is None:
        why = "" if has_tmux() else " (tmux is not installed)"
        output.say(f"the {name} is not running{why}")
    else:
        seen = f", {pane.attached} attached" if pane.attached else ""
        attach = f"{command} attach {rig}".rstrip()
        state = "is running" if alive else f"has exited but its session is open; {attach} restarts it"
        output.say(f"the {name} {state} ({pane.agent or pane.command}, pid {pane.pid}{seen})")
    for line in _watch_lines(root, entry):
        output.say(line)
    return 0


def _watch(root: str, entry: RosterEntry) -> dict[str, object]:
    """What the role's patrol does in the daemon: its row of ``gt patrol list``, empty for a role without one."""
    from gastown_cli.commands.patrol import patrol_rows

    address = entry.address
    name = f"{address.role}:{address.rig}" if address.rig else address.role
    return next((one for one in patrol_rows(root) if one["name"] == name), {})


def _watch_lines(root: str, entry: RosterEntry) -> list[str]:
    from gastown_cli.commands.patrol import state_words

    row = _watch(root, entry)
    if row and row["paused"]:
        return [f"the deacon is {output.clean(str(row['paused']))}"]
    return [f"its patrol runs in the daemon ({row['name']}): {state_words(row)}"] if row else []


def _watch_json(root: str, entry: RosterEntry, rig: str) -> dict[str, object]:
    from gastown_core.model.address import POLECAT
    from gastown_core.town.inventory import read_inventory

    row = _watch(root, entry)
    told: dict[str, object] = {"patrol": row, "paused": bool(row["paused"])} if row else {}
    if rig:
        agents = read_inventory(root).agents
        names = [one.address.name for one in agents if one.address.role == POLECAT and one.address.rig == rig]
        told |= {"rig_name": rig, "monitored_polecats": names}
    return told
