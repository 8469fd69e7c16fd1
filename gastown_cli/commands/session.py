"""``gt session start|stop|restart|list``: the session of one agent."""

from __future__ import annotations

import os
import time

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import UsageError
from gastown_core.model.order import Receipt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from gastown_core.town.inventory import RosterEntry

ACTIONS = ("start", "stop", "restart", "list", "first-prompt")
ORPHAN_WAIT_S = 10.0


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt session``."""
    parser.add_argument("action", choices=ACTIONS, metavar="start|stop|restart|list")
    parser.add_argument("target", nargs="?", default="", metavar="agent", help="who (default: you)")
    parser.add_argument("text", nargs="?", default="", help="for first-prompt: what to type once the agent is ready")
    parser.add_argument("--agent", default="", help="runtime or alias to run it with")
    parser.add_argument("--topic", default="", help="what the first line of the session says it is for")
    parser.add_argument("--about", default="", help="the bead that the first line names")
    parser.add_argument("--reason", default="", help="for stop: why")
    parser.add_argument("--rig", default="", help="for list: only this rig")
    parser.add_argument("--when-orphaned", action="store_true", help="begin when the calling process has ended")
    context.add_json(parser)
    add_receipts(parser)


def run(args: Namespace) -> int:
    """Do what the first word says."""
    root = context.town()
    if args.action == "list":
        if args.target:
            raise UsageError(
                f"gt session list takes no {args.target}", "", "gt session list --rig RIG, or gt peek AGENT"
            )
        return _list(root, args.rig, as_json=args.json)
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


def _act(root: str, entry: RosterEntry, args: Namespace) -> Iterator[Receipt]:
    from gastown_core.town import sessions
    from gastown_core.town.hook_record import record_pause

    def receipt(stage: str, detail: str, *, ok: bool = True) -> Receipt:
        path = entry.address.path
        return Receipt(f"session {args.action}", path, stage, detail, ok=ok, final=True, at=SYSTEM_CLOCK.now())

    me = who.acting(root)
    if args.action == "stop":
        # noted first: the daemon must not take the end for a death
        waits = record_pause(root, entry)
        ended = sessions.stop_agent(root, entry, caller=me, reason=args.reason)
        how = "its work waits until it is started again" if waits else "nothing was on its hook"
        yield receipt("stopped", f"{entry.session} ended; {how}" if ended else f"{entry.session} was not running")
        return
    topic = args.topic or ("restart" if args.action == "restart" else "start")
    if args.agent:
        start = sessions.plan_start(root, entry, agent=args.agent, topic=topic, sender=me, bead=args.about)
    else:
        slung_with = _runtime_of_work(root, entry)
        start = sessions.plan_again(root, entry, topic=topic, sender=me, bead=args.about, otherwise=slung_with)
    for warning in start.warnings:
        output.note(f"note: {output.clean(warning)}")
    begin = sessions.start_agent if args.action == "start" else sessions.respawn_agent
    pane = begin(root, start)
    yield receipt("started", f"{entry.session} with {start.alias}, process {pane.pid}")


def _runtime_of_work(root: str, entry: RosterEntry) -> str:
    """The runtime that the work on the agent's hook was slung with, empty for the usual one."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.hook.hook import dispatch_of, hooked_work

    prefix = rig_prefix(root, entry.address.rig) if entry.address.rig else ""
    held = hooked_work(TownLedger(root), entry.address, prefix)
    return dispatch_of(held[0]).get("agent", "") if held else ""


def wait_until_orphaned() -> None:
    """Return once the process that started this one has ended, or after some seconds."""
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
        output.note("there is no tmux on this machine, so no session runs")
    output.say(
        output.table(
            [[str(r["address"]), str(r["session_id"]), "running" if r["running"] else "-"] for r in rows],
            header=("AGENT", "SESSION", "STATE"),
        )
    )
    return 0
