"""``gt refinery``: inspect and run refineries, merge what is ready, and show past batches."""

from __future__ import annotations

import os

from gastown_cli import context, output, who
from gastown_cli.context import add_rig, rig_of_request, which_rig
from gastown_core.clock import SYSTEM_CLOCK, format_age
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.queue_words import BLOCKED, HELD, READY, TO_APPROVE, counted
from gastown_core.model.refinery import DIED, FROZEN, IDLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.refinery.merge_queue import MergeQueue
    from gastown_core.refinery.place import Refinery
    from gastown_core.town.inventory import RosterEntry
LISTS = ("queue", "ready", "blocked", "unclaimed")
CLAIMS = ("claim", "release")
SESSION = ("start", "stop", "restart", "attach")
ACTIONS = ("status", *LISTS, *CLAIMS, *SESSION)
ABOUT = (
    "status (default): the refinery's state; queue, ready, blocked, unclaimed: list requests; claim, release: one request by hand; "
    "start, stop, restart, attach: the session of the refinery's agent; see also: gt refinery process, gt refinery log"
)
WARN_S, CRITICAL_S = 2 * 3600.0, 6 * 3600.0
"""Age in seconds from which a claim is reported, and from which it is critical."""


def refinery_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt refinery``."""
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="status", metavar="action", help=ABOUT)
    parser.add_argument(
        "target", nargs="?", default="", metavar="rig|request", help="rig; for claim and release, the request"
    )
    parser.add_argument("--all", action="store_true", help="ready: report claims of any age")
    parser.add_argument("--agent", default="", help="start, attach: runtime or alias of the session")
    context.add_json(parser)


def run_refinery(args: Namespace) -> int:
    """Run the action; the default is to show the refinery's state."""
    root = context.town()
    if args.action in CLAIMS:
        return _claim(root, args)
    rig = which_rig(root, args.target)
    if args.action in SESSION:
        return _session(root, rig, args)
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import of_hours

    place = Refinery(root, rig, policy=of_hours(root, rig))
    return _status(place, as_json=args.json) if args.action == "status" else _list(place, args)


def _queue(place: Refinery) -> MergeQueue:
    from gastown_core.refinery.engine import RefineryEngine

    return RefineryEngine(place).queue()


def _status(place: Refinery, *, as_json: bool) -> int:
    from gastown_core.refinery.explanation import last_word, nobody_merges
    from gastown_core.refinery.held_targets import held_targets
    from gastown_core.refinery.place import merging_process
    from gastown_core.refinery.state_file import read_state

    queue, state = _queue(place), read_state(place.path)
    entry = who.find(place.root, f"{place.rig}/refinery")[1]
    target = state.target or place.default if state is not None else place.default
    pid, lost = merging_process(place, target), last_word(place)
    holds = held_targets(place, [*(queue.targets() or [place.default]), *([target] if pid else [])])
    # an engine at work on one target does not mind that another is held
    held = holds.get(target) if pid else next(iter(holds.values()), None)
    facts: dict[str, Any] = {
        "running": _runs(place.root, entry),
        "rig_name": place.rig,
        "session": entry.session,
        "queue_length": len(queue.ready) + len(queue.claimed) + len(queue.blocked),
        "ready": len(queue.ready),
        "blocked": len(queue.blocked),
        "engine_pid": pid,
        "phase": state.phase if state is not None and (pid or lost) else HELD if held is not None else IDLE,
        "batch": state.batch if state is not None and (pid or lost) else "",
        "trouble": lost,
        "hold_reason": held.reason if held is not None else "",
        "hold_kind": held.kind if held is not None else "",
        "last": state.last if state is not None else {},
        "warnings": [*place.policy.warnings, *([place.policy.error] if pid and place.policy.error else [])],
    }
    if as_json:
        output.say_json(facts)
        return 0
    words = counted(word for _, word, _ in queue.told({one: why.reason for one, why in holds.items()}))
    _say_status(facts, words or "empty", nobody_merges(place, queue))
    return 0


def _say_status(facts: dict[str, Any], words: str, nobody: str) -> None:
    """Say how the engine and its queue are; ``nobody`` tells that no daemon runs."""
    output.say(f"{output.style(str(facts['rig_name']), 'bold')}  {output.clean(_standing(facts))}")
    if nobody:
        output.say(output.style(f"  engine   {nobody}", "yellow"))
    output.say(f"  queue    {words}")
    _say_last(facts["last"])
    runs = "is running" if facts["running"] else "is not running (merging does not need it)"
    output.say(f"  session  {facts['session']} {runs}")
    for warning in facts["warnings"]:
        output.note(f"note: {output.clean(warning)}")


def _standing(facts: dict[str, Any]) -> str:
    """Return in a sentence what the engine does, and why nothing lands."""
    phase, pid, why = (str(facts[key]) for key in ("phase", "engine_pid", "hold_reason"))
    if facts["trouble"]:
        return f"{DIED}: {facts['trouble']}; gt refinery process {facts['rig_name']} goes on" + (
            f"; {why}" if why else ""
        )
    if pid != "0":
        known = "" if facts["hold_kind"] == FROZEN else f"{HELD}: "
        return f"{phase}, pid {pid}" + (f"; {known}{why}" if why else "")
    return f"{phase}: {why}" if why else phase


def _say_last(last: dict[str, Any]) -> None:
    """Say what became of the last batch."""
    from gastown_core.model.refinery import batch_record

    known = batch_record(last)
    if known is None:
        return
    age = format_age(SYSTEM_CLOCK.now() - known.at)
    back = f", {len(known.culprits)} sent back" if known.culprits else ""
    ago = "just now" if age == "now" else f"{age} ago"
    output.say(f"  last     {output.clean(known.id)}: {output.clean(known.outcome)}{back}, {ago}")


def _runs(root: str, entry: RosterEntry) -> bool:
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town import sessions

    return has_tmux() and sessions.is_alive(sessions.find_session(root, entry))


def _list(place: Refinery, args: Namespace) -> int:
    from gastown_cli.commands.mq import rows_of
    from gastown_core.refinery.held_targets import holds_of

    queue, now = _queue(place), SYSTEM_CLOCK.now()
    if args.action == "queue":
        return _positions(queue, now, as_json=args.json)
    blocked = (HELD, TO_APPROVE, BLOCKED)
    kinds = {"ready": (READY,), "unclaimed": (READY, *blocked), "blocked": blocked}
    rows = [
        row
        for row in rows_of(queue, now, holds_of(place, (one.target for one in queue.ready)))
        if row["status"] in kinds[args.action]
    ]
    oddities = _oddities(place, queue, now, everything=args.all) if args.action == "ready" else []
    if args.json:
        output.say_json({"ready": rows, "anomalies": oddities} if args.action == "ready" else rows)
        return 0
    lines = [[row["id"], output.brief(row["branch"]), row["source_issue"], output.clean(row["why"])] for row in rows]
    output.say(
        output.table(lines, header=("ID", "BRANCH", "WORK", "")) if lines else f"no such requests in {place.rig}"
    )
    for one in oddities:
        output.say(f"{output.style('!', 'yellow')} {one['id']} {one['type']}: {output.clean(one['detail'])}")
    return 0


def _positions(queue: MergeQueue, now: float, *, as_json: bool) -> int:
    requests = [*queue.claimed, *queue.ready, *(one for one, _ in queue.blocked)]
    rows = [
        {
            "position": place,
            "mr": {
                "id": one.id,
                "branch": one.branch,
                "worker": one.worker,
                "issue_id": one.source_issue,
                "target_branch": one.target,
                "created_at": one.created_at,
                "status": one.status,
                "close_reason": one.close_reason,
                "error": next((label for label in one.labels if label.startswith("needs-")), ""),
            },
            "age": format_age(now - one.created_at),
        }
        for place, one in enumerate(requests, 1)
    ]
    if as_json:
        output.say_json(rows)
        return 0
    lines = [
        [str(place), one.id, output.brief(one.branch), one.status, format_age(now - one.created_at)]
        for place, one in enumerate(requests, 1)
    ]
    output.say(output.table(lines, header=("#", "ID", "BRANCH", "STATUS", "AGE")) if lines else "the queue is empty")
    return 0


def _oddities(place: Refinery, queue: MergeQueue, now: float, *, everything: bool) -> list[dict[str, Any]]:
    """Return old claims, and ready requests whose branch is not on origin."""
    from gastown_core.errors import GastownError
    from gastown_core.refinery.tips import remote_heads

    found: list[dict[str, Any]] = []
    for one in queue.claimed:
        age = now - one.updated_at
        if everything or age >= WARN_S:
            detail = f"claimed by {one.assignee} for {format_age(age)}" + (", critical" if age >= CRITICAL_S else "")
            found.append(_oddity(one, "stale-claim", age, detail))
    try:
        heads = remote_heads(place.git)
    except GastownError:
        return found
    gone = [one for one in queue.ready if one.branch not in heads]
    return found + [_oddity(one, "orphaned-branch", now - one.created_at, "branch not found on origin") for one in gone]


def _oddity(request: Any, kind: str, age: float, detail: str) -> dict[str, Any]:
    facts = {"id": request.id, "branch": request.branch, "type": kind, "assignee": request.assignee}
    return {**facts, "age": format_age(age), "detail": detail}


def _claim(root: str, args: Namespace) -> int:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.refinery import claims
    from gastown_core.town.settings import load_settings

    if not args.target:
        raise UsageError(f"gt refinery {args.action} needs a request", "", "gt mq list RIG shows the requests")
    rig = rig_of_request(root, args.target)
    store = TownLedger(root).store_for(args.target)
    me = os.environ.get("GT_REFINERY_WORKER") or "refinery-1"
    if args.action == "claim":
        stale_s = load_settings(root, "rig", rig).seconds("merge_queue.stale_claim_timeout")
        _, before = claims.claim(store, args.target, me, stale_s=stale_s)
        said = f"{args.target} is claimed by {me}" + (f", taken over from {before}" if before else "")
    else:
        freed = claims.release(store, args.target, me)
        said = f"{args.target} is {'free again' if freed else 'claimed by nobody'}"
    if args.json:
        output.say_json({"mr": args.target, "worker": me, "action": args.action})
    else:
        output.say(f"{output.style('✓', 'green')} {said}")
    return 0


def _session(root: str, rig: str, args: Namespace) -> int:
    """Manage the session of the refinery's agent; merging does not need it."""
    from gastown_cli.commands.session import go_to, tell_warnings
    from gastown_core.town import sessions, start_plan
    from gastown_core.town.hook_record import record_pause

    entry = who.find(root, f"{rig}/refinery")[1]
    if args.action == "attach":
        return go_to(root, entry, agent=args.agent)
    me = who.acting(root)
    if args.action == "stop":
        # noted first: the daemon must not take the end for a death
        waits = record_pause(root, entry)
        ended = sessions.stop_agent(root, entry, caller=me, reason="refinery stop")
        words = f"{entry.session} {'stopped' if ended else 'was not running'}"
        return _said(args, f"{words}; its work waits until you start it again" if waits else words, stopped=ended)
    start = start_plan.plan_start(root, entry, agent=args.agent, topic=args.action, sender=me)
    begin = sessions.start_agent if args.action == "start" else sessions.respawn_agent
    tell_warnings(start)
    pane = begin(root, start)
    return _said(args, f"{entry.session} running as {start.alias}, pid {pane.pid}", pid=pane.pid)


def _said(args: Namespace, text: str, **facts: object) -> int:
    if args.json:
        output.say_json({"action": args.action, **facts})
    else:
        output.say(f"{output.style('✓', 'green')} {text}")
    return 0


def process_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt refinery process``."""
    add_rig(parser)
    parser.add_argument("--once", action="store_true", help="stop after one batch")
    parser.add_argument(
        "--wait", action="store_true", help="let a small batch wait for more requests, as the settings say"
    )
    context.add_json(parser)


def run_process(args: Namespace) -> int:
    """Merge what is ready; return 1 if the queue is held or what was pushed is red, 3 if work was sent back."""
    root = context.town()
    from gastown_cli.commands.merging import merge

    return merge(root, which_rig(root, args.rig), once=args.once, as_json=args.json, patient=args.wait)


def log_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt refinery log``."""
    add_rig(parser)
    parser.add_argument("-b", "--batch", default="", help="show the gate logs of this batch")
    parser.add_argument(
        "-n", "--lines", type=int, default=20, metavar="N", help="number of batches, or of lines per log (default 20)"
    )
    context.add_json(parser)


def run_log(args: Namespace) -> int:
    """List finished batches, or show the gate logs of one."""
    from gastown_core.refinery.records import recent

    root = context.town()
    path = os.path.join(root, which_rig(root, args.rig))
    if args.batch:
        return _logs(os.path.join(path, ".runtime", "refinery", args.batch), args)
    records = recent(path, args.lines)
    if args.json:
        output.say_json([{**one._asdict(), "mrs": list(one.mrs), "merged": list(one.merged)} for one in records])
        return 0
    now = SYSTEM_CLOCK.now()
    rows = [
        [
            one.id,
            output.brief(one.target),
            output.clean(one.outcome),
            ", ".join(one.culprits) or "-",
            f"{one.probes} probe{'s' if one.probes != 1 else ''}",
            f"{one.secs:.1f} s",
            format_age(now - one.at) if one.at else "",
        ]
        for one in records
    ]
    header = ("BATCH", "TARGET", "RESULT", "SENT BACK", "PROBES", "TOOK", "AGE")
    output.say(output.table(rows, header=header) if rows else "no batches yet")
    return 0


def _logs(folder: str, args: Namespace) -> int:
    from gastown_core.refinery.gate_run import tail

    if os.path.basename(args.batch) != args.batch or not os.path.isdir(folder):
        raise NotFoundError(f"no batch {args.batch}", "only the latest batches keep their logs", "gt refinery log RIG")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    logs = {name: tail(os.path.join(folder, name), args.lines) for name in names}
    if args.json:
        output.say_json(logs)
        return 0
    for name, text in logs.items():
        output.say(output.style(name, "bold"))
        output.say("\n".join("  " + output.clean(line) for line in text.splitlines()))
    return 0
