"""``gt deacon``: pause its patrol, and do by hand what it does: ask agents, release stale hooks, dispatch again, feed convoys."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_seconds, parse_duration
from gastown_core.errors import ConflictError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.patrols.deacon_acts import StaleHook
    from gastown_core.patrols.memory import Act

KILL, COOLDOWN, NOT_OPEN = 2, 2, 3
"""Exit codes: an agent that should be ended; a bead that was dispatched just now; one that is not open."""


def _seconds(text: str, option: str) -> float:
    seconds = parse_duration(text)
    if seconds is None or seconds < 0:
        raise UsageError(f"{option} {text!r} is no span of time", "", "use a span such as 30s, 5m or 1h")
    return seconds


def pause_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon pause``."""
    parser.add_argument("-r", "--reason", default="", help="reason to record")
    context.add_json(parser)


def run_pause(args: Namespace) -> int:
    """Pause the deacon; a second pause changes nothing."""
    from gastown_core.town.deacon_pause import pause, read_pause

    root = context.town()
    is_new = pause(root, args.reason, actor=who.acting(root))
    found = read_pause(root)
    words = f"the deacon is {found.words()}" if found is not None else "the deacon was resumed meanwhile"
    if args.json:
        output.say_json({"paused": found is not None, "changed": is_new, **_pause_json(root)})
    else:
        output.say(output.clean(words if is_new else f"already paused: {words}"))
    return 0


def resume_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon resume``."""
    context.add_json(parser)


def run_resume(args: Namespace) -> int:
    """Resume the deacon."""
    from gastown_core.town.deacon_pause import resume

    root = context.town()
    done = resume(root, actor=who.acting(root))
    if args.json:
        output.say_json({"paused": False, "changed": done})
    else:
        output.say("the deacon goes on with its next look" if done else "the deacon was not paused")
    return 0


def _pause_json(root: str) -> dict[str, Any]:
    from gastown_core.town.deacon_pause import read_pause

    found = read_pause(root)
    if found is None:
        return {}
    at = format_seconds(found.at) if found.at else ""
    return {"reason": found.reason, "paused_at": at, "paused_by": found.by}


def heartbeat_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon heartbeat``."""
    from gastown_cli.commands.agent import heartbeat_arguments as same

    same(parser)


def run_heartbeat(args: Namespace) -> int:
    """Write the heartbeat as ``gt heartbeat`` does; a paused deacon is told to wait."""
    from gastown_cli.commands.agent import run_heartbeat as beat
    from gastown_core.town.deacon_pause import RESUME, read_pause

    found = read_pause(context.town())
    if found is not None:
        raise ConflictError("the deacon is paused", found.words(), f"wait; a person ends it with {RESUME}")
    return beat(args)


def health_check_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon health-check``."""
    parser.add_argument("agent", help="agent to ask for a sign of life")
    parser.add_argument("--timeout", default="30s", metavar="SPAN", help="how long to wait for it (default 30s)")
    parser.add_argument("--failures", type=int, default=3, metavar="N", help="unanswered questions before it should be ended (default 3)")  # fmt: skip
    parser.add_argument("--cooldown", default="5m", metavar="SPAN", help="leave it alone so long after it was ended (default 5m)")  # fmt: skip
    context.add_json(parser)


def run_health_check(args: Namespace) -> int:
    """Ask an agent for a sign of life; return 2 if it should be ended, 0 if it is fine or not running."""
    from gastown_core.patrols.deacon_acts import check_health

    timeout_s, cooldown_s = _seconds(args.timeout, "--timeout"), _seconds(args.cooldown, "--cooldown")
    root = context.town()
    entry = who.find(root, args.agent)[1]
    me = who.acting(root)
    found = check_health(root, entry, timeout_s=timeout_s, failures=args.failures, cooldown_s=cooldown_s, actor=me)
    if args.json:
        output.say_json(found._asdict())
    else:
        times = f", {found.failures} of {args.failures} times in a row" if found.failures else ""
        output.say(output.clean(f"{found.agent}: {found.state}: {found.words}{times}"))
        if found.should_end:
            output.note(
                f"next: gt deacon force-kill {entry.address.short}, or gt session restart {entry.address.short}"
            )
    return KILL if found.should_end else 0


def health_state_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon health-state``."""
    context.add_json(parser)


def run_health_state(args: Namespace) -> int:
    """Show for each agent that was asked when, and how many questions in a row it left unanswered."""
    from gastown_core.patrols.deacon_acts import PING, unanswered

    acts = _acts(PING)
    memory, now = _memory()
    rows = [
        {"agent_id": name, "last_ping_time": format_seconds(some[-1].at), "consecutive_failures": unanswered(memory, name, now)}
        for name, some in acts.items()
    ]  # fmt: skip
    if args.json:
        output.say_json(rows)
        return 0
    shown = [[output.clean(str(one["agent_id"])), str(one["last_ping_time"]), str(one["consecutive_failures"])] for one in rows]  # fmt: skip
    output.say(
        output.table(shown, header=("AGENT", "LAST SILENCE OR ITS END", "UNANSWERED"))
        if shown
        else "every agent that was asked has answered; gt agents shows how they are"
    )
    return 0


def _memory() -> tuple[Any, float]:
    from gastown_core.patrols.memory import read_memory

    now = SYSTEM_CLOCK.now()
    return read_memory(context.town(), now), now


def _acts(order: str) -> dict[str, list[Act]]:
    """The acts of one kind of the last day by their subject, oldest first."""
    from gastown_core.patrols.deacon_acts import BACK_S

    memory, now = _memory()
    found: dict[str, list[Act]] = {}
    for act in memory.acts:
        if act.order == order and act.at >= now - BACK_S:
            found.setdefault(act.subject, []).append(act)
    return found


def _say_acts(order: str, nothing: str, *, as_json: bool) -> int:
    now = SYSTEM_CLOCK.now()
    rows = [
        {"id": name, "attempts": len(some), "last": format_seconds(some[-1].at), "ok": some[-1].ok, "why": some[-1].why}
        for name, some in _acts(order).items()
    ]
    if as_json:
        output.say_json(rows)
        return 0
    shown = [
        [name, str(len(some)), format_ago(now - some[-1].at), "ok" if some[-1].ok else "failed", output.clean(some[-1].why)]
        for name, some in _acts(order).items()
    ]  # fmt: skip
    output.say(output.table(shown, header=("WHAT", "TIMES", "LAST", "RESULT", "WHY")) if shown else nothing)
    return 0


def stale_hooks_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon stale-hooks``."""
    parser.add_argument("--max-age", default="1h", metavar="SPAN", help="work of an agent that the town does not have stays so long (default 1h)")  # fmt: skip
    parser.add_argument("-n", "--dry-run", action="store_true", help="show them; release nothing")
    context.add_json(parser)


def run_stale_hooks(args: Namespace) -> int:
    """Put work on the hooks of agents without a session back to ready."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.patrols.deacon_acts import release_stale

    root = context.town()
    ledger, age_s = TownLedger(root), _seconds(args.max_age, "--max-age")
    found = release_stale(root, ledger, max_age_s=age_s, dry_run=args.dry_run, actor=who.acting(root))
    if args.json:
        output.say_json([{**one._asdict(), "partial": list(one.partial)} for one in found])
    elif not found:
        output.say("no stale hook")
    for one in () if args.json else found:
        output.say(_stale_line(one))
    return context.tell_unread(ledger)


def _stale_line(one: StaleHook) -> str:
    does = "released" if one.released else f"kept: {one.kept}" if one.kept else "would be released"
    text = f"{one.bead} of {one.assignee}: {does}"
    if one.partial:
        text += f"; its worktree holds {', '.join(one.partial)}"
    return output.clean(text)


def zombie_scan_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon zombie-scan``."""
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="accepted for compatibility; a scan changes nothing"
    )
    context.add_json(parser)


def run_zombie_scan(args: Namespace) -> int:
    """Show the agents that have died with work or a session left behind; the patrols restart them."""
    from gastown_core.model.agent import Health
    from gastown_core.state.collect import collect

    dead = [one for one in collect(context.town()).agents if one.health.state is Health.ZOMBIE]
    if args.json:
        output.say_json(
            [
                {
                    "agent": one.address.path,
                    "session": one.session,
                    "reason": one.health.reason,
                    "since": format_seconds(one.health.since) if one.health.since else "",
                    "bead": one.work.bead_id if one.work is not None else "",
                }
                for one in dead
            ]
        )
    elif not dead:
        output.say("no dead agent")
    for one in () if args.json else dead:
        output.say(output.clean(f"{one.address.short}  {one.health.reason}"))
    if dead and not args.json:
        output.say(output.style("gt session restart AGENT starts one again; its work is saved first", "dim"))
    return 0


def redispatch_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon redispatch``."""
    parser.add_argument("bead", help="bead that came back")
    parser.add_argument("--rig", default="", help="rig to sling it to (default: the bead's own)")
    parser.add_argument("--max-attempts", type=int, default=3, metavar="N", help="tries before a person is told (default 3)")  # fmt: skip
    parser.add_argument("--cooldown", default="5m", metavar="SPAN", help="least time between two tries (default 5m)")
    context.add_json(parser)


def run_redispatch(args: Namespace) -> int:
    """Sling a bead that came back; return 2 during its cooldown, 3 if it is not open."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.patrols.deacon_acts import redispatch
    from gastown_core.work.sling.sling import find_bead

    root = context.town()
    ledger, pause_s = TownLedger(root), _seconds(args.cooldown, "--cooldown")
    bead = find_bead(ledger, args.bead)
    prefixes = {prefix: rig for rig, prefix in context.read_rigs(root).items()}
    rig = args.rig or prefixes.get(bead.id.partition("-")[0], "")
    if not rig:
        raise UsageError(f"{bead.id} belongs to no rig", "", "--rig RIG says where it goes")
    context.check_rig(root, rig)
    done = redispatch(root, ledger, bead.id, rig, most=args.max_attempts, cooldown_s=pause_s, actor=who.acting(root))
    if args.json:
        output.say_json(done._asdict())
    else:
        output.say(output.clean(f"{done.bead}: {done.action}: {done.words}"))
    return {"cooldown": COOLDOWN, "not open": NOT_OPEN}.get(done.action, 0)


def redispatch_state_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon redispatch-state``."""
    context.add_json(parser)


def run_redispatch_state(args: Namespace) -> int:
    """Show what was dispatched again within a day."""
    from gastown_core.patrols.deacon_acts import REDISPATCH

    return _say_acts(REDISPATCH, "nothing was dispatched again within a day", as_json=args.json)


def feed_stranded_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon feed-stranded``."""
    parser.add_argument("--max-feeds", type=int, default=3, metavar="N", help="most convoys of one run (default 3)")
    parser.add_argument("--cooldown", default="10m", metavar="SPAN", help="least time between two feeds of a convoy (default 10m)")  # fmt: skip
    context.add_json(parser)


def run_feed_stranded(args: Namespace) -> int:
    """Recheck convoys with ready work that nobody is on, and dispatch it; return 3 if some of it failed."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.patrols.deacon_acts import feed_stranded

    root = context.town()
    ledger, pause_s = TownLedger(root), _seconds(args.cooldown, "--cooldown")
    done = feed_stranded(root, ledger, most=max(0, args.max_feeds), cooldown_s=pause_s, actor=who.acting(root))
    counts = {word: sum(one.action == word for one in done) for word in ("fed", "closed", "skipped", "needs_attention")}
    errors = sum(one.action == "error" for one in done)
    if args.json:
        output.say_json({**counts, "errors": errors, "details": [one._asdict() for one in done]})
    elif not done:
        output.say("no stranded convoy")
    for one in () if args.json else done:
        output.say(output.clean(f"{one.convoy_id} {one.action.replace('_', ' ')}: {one.message}"))
    return 3 if errors else context.tell_unread(ledger)


def feed_stranded_state_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt deacon feed-stranded-state``."""
    context.add_json(parser)


def run_feed_stranded_state(args: Namespace) -> int:
    """Show which convoys were fed within a day, by hand or by the patrol."""
    from gastown_core.patrols.deacon_acts import FEED

    return _say_acts(FEED, "no convoy was fed within a day", as_json=args.json)
