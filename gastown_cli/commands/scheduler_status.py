"""``gt scheduler status``: how slings are given out just now."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_ago, parse_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.work.scheduler.report import Report


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt scheduler status``."""
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show mode, room and queue."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.scheduler.report import read_report

    root = context.town()
    ledger = TownLedger(root)
    report = read_report(root, ledger)
    if args.json:
        output.say_json(report.as_json())
    else:
        output.say("\n".join(_lines(report)))
    return context.tell_unread(ledger)


def _lines(report: Report) -> list[str]:
    state = report.state
    lines = [f"{output.style('scheduler', 'bold')}  {_mode(report)}"]
    if state.paused:
        since = parse_moment(state.paused_at)
        ago = f" {format_ago(SYSTEM_CLOCK.now() - since)}" if since else ""
        by = output.clean(state.paused_by or "somebody")
        lines.append(f"  {output.style('⏸ paused', 'yellow')} by {by}{ago}; gt scheduler resume goes on")
    capacity = report.capacity
    lines.append(
        f"  {capacity.working} of {capacity.limit} polecats at work, room for {capacity.room} ({capacity.key})"
    )
    waiting, ready = len(report.queue.waiting), len(report.queue.ready)
    lines.append(f"  {waiting} queued, {ready} of them ready")
    if state.last_dispatch_at:
        moment = parse_moment(state.last_dispatch_at)
        ago = format_ago(SYSTEM_CLOCK.now() - moment) if moment else state.last_dispatch_at
        lines.append(f"  last gave out {state.last_dispatch_count}, {ago}")
    if report.failing:
        lines.append(f"  failing again and again: {', '.join(report.failing)}; gt scheduler explain BEAD tells why")
    if waiting:
        lines.append("  gt scheduler list shows the queue, gt scheduler explain who goes next")
    return lines


def _mode(report: Report) -> str:
    if report.most > 0:
        return f"queues slings, {report.most} polecats at most (scheduler.max_polecats)"
    if report.queue.waiting:
        return "direct; the queue left over from before is being drained"
    return "direct: slings start at once (scheduler.max_polecats is -1)"
