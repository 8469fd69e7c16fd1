"""``gt scheduler``: show the queue, explain who gets work next, pause, resume and run dispatch."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_age, format_ago, parse_moment
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import priority_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.work.explain import Account, Answer
    from gastown_core.work.scheduler.scheduler import Report


def say_budgets(root: str, bead: str = "") -> None:
    """Note the budgets that are nearly or wholly used: the day's and the bead's own; without a bead, all."""
    from gastown_core.usage.budget import notices

    for one in notices(root, SYSTEM_CLOCK.now()):
        if not bead or one.bead in ("", bead):
            end = f"; dispatch waits\n  next: gt config set {one.setting} LIMIT" if one.holds else ""
            output.note(f"note: {output.clean(one.words())}{end}")


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt scheduler status``."""
    context.add_json(parser)


def run_status(args: Namespace) -> int:
    """Show mode, capacity and queue."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.scheduler.scheduler import read_report

    root = context.town()
    ledger = TownLedger(root)
    report = read_report(root, ledger)
    if args.json:
        output.say_json(report.as_json())
    else:
        output.say("\n".join(_lines(report)))
        say_budgets(root)
    return context.tell_unread(ledger)


def _lines(report: Report) -> list[str]:
    state = report.state
    lines = [f"{output.style('scheduler', 'bold')}  {_mode(report)}"]
    if state.paused:
        since = parse_moment(state.paused_at)
        ago = f" {format_ago(SYSTEM_CLOCK.now() - since)}" if since else ""
        by = output.clean(state.paused_by or "somebody")
        lines.append(f"  {output.style('⏸ paused', 'yellow')} by {by}{ago}; next: gt scheduler resume")
    capacity = report.capacity
    lines.append(f"  {capacity.working} of {capacity.limit} polecats working, {capacity.room} free ({capacity.key})")
    waiting, ready = len(report.queue.waiting), len(report.queue.ready)
    lines.append(f"  {waiting} queued, {ready} of them ready")
    if state.last_dispatch_at:
        moment = parse_moment(state.last_dispatch_at)
        ago = format_ago(SYSTEM_CLOCK.now() - moment) if moment else state.last_dispatch_at
        lines.append(f"  last dispatched {state.last_dispatch_count}, {ago}")
    if report.failing:
        lines.append(f"  failing repeatedly: {', '.join(report.failing)}; gt scheduler explain BEAD shows why")
    if waiting:
        lines.append("  gt scheduler list shows the queue, gt scheduler explain who is next")
    return lines


def _mode(report: Report) -> str:
    if report.most > 0:
        return f"queued: slings wait for one of {report.most} polecats (scheduler.max_polecats)"
    if report.queue.waiting:
        return "direct; draining the queue left from before"
    return "direct: slings start at once (scheduler.max_polecats is -1)"


MOST_HELD = 20
_MARKS = {
    "next": ("▶", "green"),
    "in line": ("○", "cyan"),
    "held": ("⏸", "yellow"),
    "nobody": ("?", "magenta"),
    "at work": ("●", "blue"),
    "over": ("✓", "dim"),
}
_HEADS = {
    "next": "Next",
    "in line": "Waiting for a free polecat",
    "held": "Held",
    "nobody": "Ready, but nobody dispatches it",
    "at work": "Working",
    "over": "Done",
}


def explain_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt scheduler explain``."""
    parser.add_argument(
        "bead", nargs="?", default="", help="bead to explain (default: all that are ready, queued or in a convoy)"
    )
    parser.add_argument("--all", action="store_true", help=f"show whole lists, not only the first {MOST_HELD}")
    context.add_json(parser)


def run_explain(args: Namespace) -> int:
    """Explain who gets work next, or what blocks one bead."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.state.collect import collect_agents, judge_by
    from gastown_core.town.daemon_note import is_running
    from gastown_core.work.explain import explain

    root = context.town()
    account = explain(root, TownLedger(root), args.bead, judge=judge_by(collect_agents(root)))
    feeds = is_running(root)
    if args.json:
        output.say_json({**account.as_json(), "daemon": feeds})
        return 0
    if args.bead:
        output.say("\n".join(_chain(account.answers[0], 0)))
    else:
        output.say("\n".join(_overview(account, args.all)))
    if not feeds and any(one.state in ("next", "in line") for one in account.answers):
        output.say(
            output.style("the daemon is not running", "yellow")
            + ("; next: gt daemon start dispatches continuously, gt convoy refresh CONVOY or gt scheduler run once")
        )
    return 0


def _overview(account: Account, everything: bool) -> list[str]:
    how = "slings are queued" if account.queues else "slings start at once"
    lines = [f"{account.working} of {account.limit} polecats working ({account.key}); {how}"]
    if account.paused_by:
        lines.append(output.style(f"⏸ dispatch paused by {output.clean(account.paused_by)}", "yellow"))
    if account.host:
        lines.append(output.style(f"⏸ no new agent: {output.clean(account.host)}", "yellow"))
    if not account.answers:
        return [*lines, "no beads are ready, queued or in an open convoy"]
    for state, head in _HEADS.items():
        found = [one for one in account.answers if one.state == state]
        if not found:
            continue
        lines += ["", output.style(f"{head} ({len(found)})", "bold")]
        most = len(found) if everything or state not in ("held", "at work", "nobody") else MOST_HELD
        for one in found[:most]:
            lines += _row(one)
        if len(found) > most:
            lines.append(f"  … {len(found) - most} more; --all shows them")
    return lines


def _row(one: Answer) -> list[str]:
    mark, colour = _MARKS[one.state]
    title = output.shorten(output.clean(one.title), 44)
    convoy = output.style(f"  {one.convoy}", "dim") if one.convoy else ""
    lines = [
        f"  {output.style(mark, colour)} {one.bead} {priority_word(one.priority)} {title}{convoy}",
        f"      {output.clean(one.text)}",
    ]
    if one.hint:
        lines.append(output.style(f"      next: {output.clean(one.hint)}", "dim"))
    return lines


def _chain(one: Answer, depth: int) -> list[str]:
    """Return the lines of a bead and of what blocks it, recursively."""
    mark, colour = _MARKS[one.state]
    pad = "   " * depth
    lead = f"{pad}└ " if depth else ""
    lines = [
        f"{lead}{output.style(mark, colour)} {output.style(one.bead, 'bold')} {priority_word(one.priority)} {output.clean(one.title)}"
    ]
    inner = pad + ("    " if depth else "  ")
    lines.append(f"{inner}{output.clean(one.text)}")
    if one.convoy and not depth:
        lines.append(f"{inner}convoy {one.convoy}" + (f", rig {one.rig}" if one.rig else ""))
    if one.hint:
        lines.append(output.style(f"{inner}next: {output.clean(one.hint)}", "dim"))
    for other in one.because:
        lines += _chain(other, depth + 1)
    return lines


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt scheduler list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List queued slings, oldest first: ○ is ready, ⏸ is held."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.scheduler.sling_queue import read_queue

    root = context.town()
    ledger, now = TownLedger(root), SYSTEM_CLOCK.now()
    queue = read_queue(root, ledger, now)
    if args.json:
        output.say_json([one.as_json() for one in queue.waiting])
        return context.tell_unread(ledger)
    if not queue.waiting:
        output.say("the queue is empty")
    for rig in dict.fromkeys(one.context.rig for one in queue.waiting):
        output.say(output.style(rig, "bold"))
        for one in queue.waiting:
            if one.context.rig == rig:
                mark = "⏸" if one.held else "○"
                age = format_age(now - one.context.enqueued_at)
                tries = f", failed {one.context.failures}×" if one.context.failures else ""
                output.say(
                    f"  {mark} {one.context.bead} {priority_word(one.priority)} {output.clean(one.title)}  {age}{tries}"
                )
                if one.held:
                    output.say("      " + output.style(output.clean(one.held), "dim"))
    return context.tell_unread(ledger)


def pause_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt scheduler pause``."""
    context.add_json(parser)


def run_pause(args: Namespace) -> int:
    """Pause dispatch; pausing twice has no further effect."""
    from gastown_core.work.scheduler.scheduler import pause, read_state

    root = context.town()
    changed = pause(root, actor=who.acting(root))
    state = read_state(root)
    if args.json:
        output.say_json({"paused": True, "changed": changed, "paused_by": state.paused_by})
    elif changed:
        output.say(f"{output.style('⏸', 'yellow')} dispatch paused; running agents continue")
    else:
        output.say(f"dispatch is already paused, by {output.clean(state.paused_by or 'somebody')}")
    return 0


def resume_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt scheduler resume``."""
    context.add_json(parser)


def run_resume(args: Namespace) -> int:
    """Resume dispatch; if it was not paused, that is not an error."""
    from gastown_core.work.scheduler.scheduler import resume

    root = context.town()
    changed = resume(root, actor=who.acting(root))
    if args.json:
        output.say_json({"paused": False, "changed": changed})
    else:
        output.say(f"{output.style('▶', 'green')} dispatch resumed" if changed else "dispatch was not paused")
    return 0


def run_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt scheduler run``."""
    parser.add_argument(
        "--batch", type=int, default=None, metavar="N", help="dispatch at most N (default: scheduler.batch_size)"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be dispatched; change nothing")
    context.add_json(parser)


def run_run(args: Namespace) -> int:
    """Dispatch as much as there is capacity for; return 3 if some of it failed."""
    from gastown_cli.commands.convoy import dispatch_lines
    from gastown_core.work.scheduler.scheduler import cycle

    if args.batch is not None and args.batch < 1:
        raise UsageError("--batch must be at least 1")
    root = context.town()
    done = cycle(root, batch=args.batch, dry_run=args.dry_run)
    if args.json:
        output.say_json(done.as_json())
        return 3 if done.failed else 0
    for bead, reason in done.cleaned:
        output.say(f"  {'would remove' if args.dry_run else 'removed'} {bead or 'a sling'} from the queue: {reason}")
    for bead, rig in done.would:
        output.say(f"  would dispatch {bead} to {rig}")
    for line in dispatch_lines((*done.dispatched, *done.failed)):
        output.say(line)
    count = len(done.would) if args.dry_run else len(done.dispatched)
    output.say(f"{count} {'would be ' if args.dry_run else ''}dispatched: {done.why}")
    say_budgets(root)
    return 3 if done.failed else 0


def clear_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt scheduler clear``."""
    parser.add_argument(
        "--bead", default="", help="only this bead; its failures are forgotten too, so it may be dispatched at once"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be removed; change nothing")
    context.add_json(parser)


def run_clear(args: Namespace) -> int:
    """Empty the queue, or remove one bead from it; the beads stay as they are."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.scheduler.scheduler import clear

    root = context.town()
    cleared = clear(root, TownLedger(root), args.bead, actor=who.acting(root), dry_run=args.dry_run)
    if args.bead and not cleared:
        raise NotFoundError(f"{args.bead} is not in the queue", "", "gt scheduler list shows the queue")
    if args.json:
        output.say_json({"cleared": cleared, "dry_run": args.dry_run})
    elif not cleared:
        output.say("the queue is empty")
    for one in () if args.json else cleared:
        output.say(
            f"would remove {one} from the queue"
            if args.dry_run
            else f"{output.style('✓', 'green')} removed {one} from the queue"
        )
    return 0
