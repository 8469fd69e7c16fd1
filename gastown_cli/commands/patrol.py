"""``gt patrol``: what the town's patrols watch, what they find now, and what they would have done."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.clock import (
    SYSTEM_CLOCK,
    format_ago,
    format_local,
    format_span,
    parse_moment,
)
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.patrols.backtest import Replay
    from gastown_core.patrols.patrol import Finding
    from gastown_core.patrols.table import PatrolRow
    from gastown_core.town.inventory import RosterEntry


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt patrol list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List the patrols: who acts, how often, the last run, open incidents."""
    from gastown_core.patrols.memory import read_memory
    from gastown_core.town.daemon_note import is_running

    root = context.town()
    rows, runs = patrol_rows(root), is_running(root)
    if args.json:
        output.say_json({"daemon": runs, "patrols": rows})
        return 0
    shown = [
        [
            str(one["name"]),
            str(one["mode"]),
            format_span(float(one["period_s"])),
            _last(one),
            state_words(one),
            str(one["about"]),
        ]
        for one in rows
    ]
    output.say(output.table(shown, header=("PATROL", "MODE", "EVERY", "LAST RUN", "STATE", "WATCHES")))
    if not runs:
        output.say(output.style("the daemon is not running, so no patrol runs; next: gt daemon start", "yellow"))
    for one in read_memory(root, SYSTEM_CLOCK.now()).open.values():
        since = format_ago(SYSTEM_CLOCK.now() - one.since)
        output.say(
            f"  {output.style('⚠', 'yellow')} {output.clean(', '.join(one.subjects))}: {output.clean(one.cause)} ({since})"
        )
    return 0


def patrol_rows(root: str) -> list[dict[str, Any]]:
    """Return each patrol as ``gt patrol list --json`` prints it."""
    from gastown_core.patrols.memory import read_memory
    from gastown_core.patrols.table import patrols_of
    from gastown_core.town.daemon_note import read_note

    note = read_note(root)
    duties = note.duties if note is not None else {}
    memory = read_memory(root, SYSTEM_CLOCK.now())
    return [
        _row(root, row, duties.get(row.patrol.name, {}), len(memory.of(row.patrol.name))) for row in patrols_of(root)
    ]


def _row(root: str, row: PatrolRow, duty: dict[str, object], incidents: int) -> dict[str, Any]:
    patrol = row.patrol
    told = {"name": patrol.name, "role": patrol.role, "rig": patrol.rig, "about": patrol.about, "mode": row.mode}
    last = {key: duty.get(key, "") for key in ("last_run", "did", "error")}
    return {
        **told,
        "why_off": row.why_off,
        "paused": patrol.why_paused(root),
        "period_s": patrol.period_s,
        **last,
        "incidents": incidents,
    }


def _last(one: dict[str, object]) -> str:
    moment = parse_moment(one["last_run"])
    return format_ago(SYSTEM_CLOCK.now() - moment) if moment else "-"


def state_words(one: dict[str, Any]) -> str:
    """Return how a patrol is, in words: off and why, paused, failing, or its open incidents."""
    if one["why_off"]:
        return f"off: {one['why_off']}"
    if one["paused"]:
        return output.clean(str(one["paused"]))
    if one["error"]:
        return output.clean(f"fails: {one['error']}")
    count = int(one["incidents"])
    return f"{count} open incident{'' if count == 1 else 's'}" if count else "all well"


def scan_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt patrol scan``."""
    parser.add_argument("name", nargs="?", default="", help="patrol, such as witness:shop (default: all)")
    parser.add_argument("--rig", default="", help="only patrols of this rig")
    context.add_json(parser)


def run_scan(args: Namespace) -> int:
    """Look once and show the findings with their remedies; change nothing."""
    from gastown_core.patrols.lookout import close_all, lookout_of
    from gastown_core.patrols.round import watch_of
    from gastown_core.patrols.table import read_limits

    root = context.town()
    context.check_rig(root, args.rig)
    rows = [row for row in _named(root, args.name) if not args.rig or row.patrol.rig == args.rig]
    try:
        town, limits = lookout_of(root, SYSTEM_CLOCK).look(), read_limits(root)
        watch = watch_of(root, SYSTEM_CLOCK)
        found = [(row, watch.look(row.patrol, town, limits)) for row in rows]
    finally:
        close_all()
    if args.json:
        output.say_json(
            [{"patrol": row.patrol.name, "findings": [finding_json(one) for one in some]} for row, some in found]
        )
        return 0
    if not any(some for _, some in found):
        output.say("nothing found")
    for row, some in found:
        for one in some:
            output.say(_finding_text(row.patrol.name, one))
    return 0


def finding_json(one: Finding) -> dict[str, object]:
    """Return a finding as ``--json`` prints it."""
    told = {
        **one._asdict(),
        "evidence": list(one.evidence),
        "remedy": one.remedy.kind if one.remedy is not None else "",
    }
    return {key: value for key, value in told.items() if key not in ("saves", "shares", "is_chore")}


def _finding_text(patrol: str, one: Finding) -> str:
    lines = [
        f"{output.style(patrol, 'dim')}  {output.style(one.kind, 'bold')} {output.clean(one.subject)}: {output.clean(one.cause)}"
    ]
    lines += [f"    {output.clean(text)}" for text in one.evidence]
    if one.held:
        lines.append("    " + output.style(f"held: {output.clean(one.held)}", "yellow"))
    next_ = one.remedy.kind if one.remedy is not None else "nothing now"
    lines.append(output.style(f"    next: {next_}; over when {output.clean(one.retired_by)}", "dim"))
    return "\n".join(lines)


def new_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt patrol new``."""
    _add_role(parser)
    context.add_json(parser)


def _add_role(parser: ArgumentParser) -> None:
    parser.add_argument("--role", default="", help="deacon, witness or refinery (default: your own)")
    parser.add_argument("--rig", default="", help="rig of the witness or refinery (default: the one you are in)")


def _agent(root: str, args: Namespace) -> RosterEntry:
    if not args.role:
        return who.find(root, "")[1]
    return who.find(root, args.role if args.role == "deacon" else f"{context.which_rig(root, args.rig)}/{args.role}")[1]


def run_new(args: Namespace) -> int:
    """Hook a fresh patrol cycle for an agent; older cycles are burned. Prints its id."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.patrols.patrol_cycle import begin

    root = context.town()
    done = begin(root, TownLedger(root), _agent(root, args), actor=who.acting(root))
    if args.json:
        output.say_json({"id": done.id, "burned": list(done.burned)})
        return 0
    output.say(done.id)
    if done.burned:
        output.note(f"burned {', '.join(done.burned)}")
    return 0


def report_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt patrol report``."""
    parser.add_argument("--summary", "-s", required=True, help="what the cycle found and did")
    parser.add_argument("--steps", default="", metavar="NAME:STATUS,…", help="what was done; a step left out is SKIP")
    _add_role(parser)
    context.add_json(parser)


def run_report(args: Namespace) -> int:
    """End the agent's patrol cycle with a summary and an audit of its steps, and begin the next."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.patrols.patrol_cycle import report

    root = context.town()
    pairs = [part.partition(":") for part in args.steps.split(",") if part.strip()]
    if any(not colon or not status.strip() for _, colon, status in pairs):
        raise UsageError(f"{args.steps!r} is no list of steps", "", '--steps "heartbeat:OK,inbox-check:SKIP"')
    steps = {name.strip(): status.strip() for name, _, status in pairs}
    done = report(root, TownLedger(root), _agent(root, args), args.summary, steps, actor=who.acting(root))
    if args.json:
        told = {"id": done.id, "ok": done.done, "total": done.total, "steps": list(done.lines), "next": done.next_id}
        output.say_json(told)
        return 0
    for line in done.lines:
        output.say(f"  step {output.clean(line)}")
    output.say(f"{output.style('✓', 'green')} closed {done.id} ({done.done}/{done.total}); next cycle {done.next_id}")
    return 0


def backtest_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt patrol backtest``."""
    parser.add_argument("name", help="patrol, such as witness:shop")
    parser.add_argument("--since", default="24h", metavar="WHEN", help="a span, a date or a time (default: 24h)")
    context.add_json(parser)


def run_backtest(args: Namespace) -> int:
    """Run a patrol over the past and show what it would have done."""
    from gastown_core.patrols.backtest import replay
    from gastown_core.patrols.table import read_limits

    root, now = context.town(), SYSTEM_CLOCK.now()
    row = _named(root, args.name)[0]
    since = context.moment_of(args.since)
    done = replay(root, row.patrol, read_limits(root), since=since, until=now)
    if args.json:
        output.say_json(done.as_json())
        return 0
    output.say(_replay_text(done))
    return 0


def _replay_text(done: Replay) -> str:
    from itertools import groupby

    lines = [f"{done.patrol} over {format_span(done.until - done.since)}: {done.events} events, {done.looks} looks"]
    for (what, text), same in groupby(done.steps, lambda step: (step.what, step.text)):
        first, *more = list(same)
        again = f" ({len(more)} times more, until {format_local(more[-1].at)})" if more else ""
        lines.append(f"  {format_local(first.at)}  {what:<8} {output.clean(text)}{again}")
    if not done.steps:
        lines.append("  it would have found nothing")
    lines.append(
        output.style(
            "judged by event log, ledgers and git: screens, heartbeats, and how daemon and host were, are recorded nowhere",
            "dim",
        )
    )
    return "\n".join(lines)


def _named(root: str, name: str) -> list[PatrolRow]:
    from gastown_core.patrols.table import patrols_of

    rows = patrols_of(root)
    found = [row for row in rows if name in ("", row.patrol.name, row.patrol.role)]
    if not found:
        names = ", ".join(row.patrol.name for row in rows) or "none: the town has no rig"
        raise NotFoundError(f"no patrol {name}", f"there are: {names}", "gt patrol list shows them")
    return found
