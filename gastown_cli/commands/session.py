"""Agents' sessions: start, stop, restart, list, attach, peek."""

from __future__ import annotations

import os
import sys
import time

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.order import Receipt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from gastown_core.town.inventory import RosterEntry
    from gastown_core.town.start_plan import Start
ACTIONS = ("start", "stop", "restart", "list", "first-prompt")
ORPHAN_WAIT_S = 10.0


def session_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt session``."""
    parser.add_argument("action", choices=ACTIONS, metavar="start|stop|restart|list")
    parser.add_argument("target", nargs="?", default="", metavar="agent", help="agent (default: you)")
    parser.add_argument("text", nargs="?", default="", help="first-prompt: text to type once the agent is ready")
    parser.add_argument("--agent", default="", help="runtime or alias to run it with")
    parser.add_argument("--topic", default="", help="purpose that the session's first line states")
    parser.add_argument("--about", default="", help="bead that the session's first line names")
    parser.add_argument("--reason", default="", help="stop: reason to record")
    parser.add_argument("--rig", default="", help="list: only this rig")
    parser.add_argument("--resume", action="store_true", help="restart: go on with the program's last session")
    parser.add_argument("--account", default="", help="start, restart: account to run it under (gt account list)")
    parser.add_argument("--fresh", action="store_true", help="restart: begin a new session even after a crash")
    parser.add_argument("--when-orphaned", action="store_true", help="wait until the calling process has exited")
    context.add_json(parser)
    add_receipts(parser)


def run_session(args: Namespace) -> int:
    """Run the action on an agent's session."""
    root = context.town()
    if args.action == "list":
        if args.target:
            raise UsageError(
                f"gt session list takes no agent, but got {args.target}",
                "",
                "use gt session list --rig RIG, or gt peek AGENT",
            )
        return _list(root, context.check_rig(root, args.rig), as_json=args.json)
    entry = who.find(root, args.target)[1]
    if args.when_orphaned:
        wait_until_orphaned()
    if args.action == "first-prompt":
        from gastown_core.messaging.first_prompt import type_first_prompt

        if not args.text:
            raise UsageError("gt session first-prompt needs a text")
        return follow(
            lambda: type_first_prompt(root, entry, args.text, sender=who.acting(root)), as_lines=args.receipts
        )[0]
    code, last = follow(lambda: _act(root, entry, args), as_lines=args.receipts, quiet=args.json)
    if args.json and not args.receipts and last is not None:
        output.say_json(last.as_json())
    return code


def force_kill_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon force-kill``."""
    parser.add_argument("target", metavar="agent", help="agent whose session to end")
    parser.add_argument("--reason", default="", help="reason to record")
    parser.set_defaults(action="stop", when_orphaned=False, account="")
    context.add_json(parser)
    add_receipts(parser)


def run_force_kill(args: Namespace) -> int:
    """End the agent's session as ``gt session stop`` does."""
    return run_session(args)


def _act(root: str, entry: RosterEntry, args: Namespace) -> Iterator[Receipt]:
    from gastown_core.town import sessions, start_plan
    from gastown_core.town.hook_record import record_pause

    def receipt(stage: str, detail: str, *, ok: bool = True) -> Receipt:
        path = entry.address.path
        return Receipt(f"session {args.action}", path, stage, detail, ok=ok, final=True, at=SYSTEM_CLOCK.now())

    me = who.acting(root)
    if args.action == "stop":
        # noted first: the daemon must not take the end for a death
        waits = record_pause(root, entry)
        ended = sessions.stop_agent(root, entry, caller=me, reason=args.reason)
        how = "its work waits until you start it again" if waits else "its hook was empty"
        yield receipt("stopped", f"{entry.session}{'' if ended else ' was not running'}; {how}")
        return
    topic = args.topic or ("restart" if args.action == "restart" else "start")
    resume = True if args.resume else False if args.fresh else None
    about = {"topic": topic, "sender": me, "bead": args.about, "account": args.account}
    if args.agent:
        start = start_plan.plan_start(root, entry, agent=args.agent, resume=args.resume, **about)
    else:
        start = sessions.plan_again(root, entry, otherwise=_runtime_of_work(root, entry), resume=resume, **about)
    tell_warnings(start)
    begin = sessions.start_agent if args.action == "start" else sessions.respawn_agent
    pane = begin(root, start)
    yield receipt("started", f"{entry.session} with {start.alias}, pid {pane.pid}")


def tell_warnings(start: Start) -> None:
    """Say on stderr what will stop the agent before its first prompt."""
    for warning in start.warnings:
        output.note(f"note: {output.clean(warning)}")


def _runtime_of_work(root: str, entry: RosterEntry) -> str:
    """Return the runtime that the work on the agent's hook was slung with, or "" for the default."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.metadata import read_dispatch
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.hook.hook import hooked_work

    prefix = rig_prefix(root, entry.address.rig) if entry.address.rig else ""
    held = hooked_work(TownLedger(root), entry.address, prefix)
    return read_dispatch(held[0]).agent if held else ""


def wait_until_orphaned() -> None:
    """Return when the parent process has exited, or after ``ORPHAN_WAIT_S``."""
    parent = os.getppid()
    deadline = time.monotonic() + ORPHAN_WAIT_S
    while os.getppid() == parent and parent != 1 and time.monotonic() < deadline:
        time.sleep(0.02)


def _list(root: str, rig: str, *, as_json: bool) -> int:
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.liveness import live_sessions

    live = live_sessions(root)
    rows = [
        {
            "rig": entry.address.rig,
            "name": entry.address.label,
            "role": entry.address.role,
            "address": entry.address.path,
            "session_id": entry.session,
            "running": entry.session in live if live is not None else False,
        }
        for entry in read_inventory(root).agents
        if rig in ("", entry.address.rig)
    ]
    if as_json:
        output.say_json(rows)
        return 0
    if live is None:
        output.note("tmux is not installed, so no sessions are running")
    output.say(
        output.table(
            [[str(r["address"]), str(r["session_id"]), "running" if r["running"] else "-"] for r in rows],
            header=("AGENT", "SESSION", "STATE"),
        )
    )
    return 0


def attach_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt attach``."""
    parser.add_argument("target", metavar="agent", help="agent to attach to")
    parser.add_argument("--agent", default="", help="runtime to start it with if it is not running")


def run_attach(args: Namespace) -> int:
    """Attach to an agent's session; start the agent if it is not running."""
    root = context.town()
    return go_to(root, who.find(root, args.target)[1], agent=args.agent)


def go_to(root: str, entry: RosterEntry, *, agent: str = "") -> int:
    """Start the agent if needed, then become the tmux client of its session. Raises NoTmuxError, TmuxError."""
    from gastown_core.tmux.sessions import attach_argv
    from gastown_core.town import sessions, start_plan

    argv = attach_argv(sessions.server_of(root), entry.session)
    if argv[0] == "env" and not sys.stdin.isatty():
        short = entry.address.short
        raise UsageError(
            "cannot attach: stdin is not a terminal",
            "",
            f"gt session start {short} starts it, gt peek {short} shows its screen",
        )
    me = who.acting(root)
    pane = sessions.find_session(root, entry)
    if not sessions.is_alive(pane):
        if agent or pane is None:
            start = start_plan.plan_start(root, entry, agent=agent, topic="attach", sender=me)
        else:
            start = sessions.plan_again(root, entry, topic="attach", sender=me)
        tell_warnings(start)
        sessions.respawn_agent(root, start)
        output.note(f"{entry.address.short} {'started' if pane is None else 'revived'} as {start.alias}")
    _bind_keys(root)
    sys.stdout.flush()
    os.execvp(argv[0], argv)


def _bind_keys(root: str) -> None:
    """Bind the town's keys for the person who attaches; without them the session is shown all the same."""
    from gastown_core.errors import TmuxError
    from gastown_core.process import gt_argv
    from gastown_core.tmux.keys import bind_keys, town_keys
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.sessions import server_of

    try:
        bind_keys(server_of(root), town_keys(gt_argv()), prefixes=[rig.prefix for rig in read_inventory(root).rigs])
    except TmuxError as error:
        output.note(f"note: the keys a, n and p are not bound: {output.clean(str(error))}")


def peek_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt peek``."""
    parser.add_argument("target", metavar="agent", help="agent whose screen to show")
    parser.add_argument(
        "count", nargs="?", type=int, default=0, help="number of lines from the end (default: the visible screen)"
    )
    parser.add_argument("-n", "--lines", type=int, default=0, help="same as count")
    context.add_json(parser)


def run_peek(args: Namespace) -> int:
    """Print an agent's screen, with control characters escaped."""
    from gastown_core.tmux.panes import capture_pane
    from gastown_core.town import sessions

    root = context.town()
    entry = who.find(root, args.target)[1]
    pane = sessions.find_session(root, entry)
    if pane is None:
        raise NotFoundError(
            f"no session for {entry.address.short}", "", f"gt session start {entry.address.short} starts one"
        )
    lines = capture_pane(sessions.server_of(root), pane.pane_id, args.lines or args.count)
    if args.json:
        output.say_json({"agent": entry.address.path, "session": entry.session, "dead": pane.dead, "lines": lines})
        return 0
    for line in lines:
        output.say(output.clean(line.rstrip().expandtabs()))
    if pane.dead:
        output.note(f"the agent has exited (status {pane.dead_status if pane.dead_status is not None else 'unknown'})")
    return 0
