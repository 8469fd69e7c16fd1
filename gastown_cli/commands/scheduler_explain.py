"""``gt scheduler explain``: who gets a piece of work next, or what exactly holds it back."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.model.bead import priority_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.work.scheduler.explain import Account, Answer

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
    "next": "Goes next",
    "in line": "In line, waiting for room",
    "held": "Held back",
    "nobody": "Ready, but nobody feeds it",
    "at work": "At work",
    "over": "Done",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt scheduler explain``."""
    parser.add_argument(
        "bead", nargs="?", default="", help="one piece of work (default: all that is ready, queued or in a convoy)"
    )
    parser.add_argument("--all", action="store_true", help=f"whole lists, not only the first {MOST_HELD}")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Explain."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.state.collect import collect
    from gastown_core.state.judgement import judge_by
    from gastown_core.town.daemon_note import is_running
    from gastown_core.work.scheduler.explain import explain

    root = context.town()
    account = explain(root, TownLedger(root), args.bead, judge=judge_by(collect(root)))
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
            output.style("no daemon runs", "yellow")
            + ": gt daemon start feeds by itself; gt convoy refresh CONVOY and gt scheduler run do it once"
        )
    return 0


def _overview(account: Account, everything: bool) -> list[str]:
    how = "slings are queued" if account.queues else "slings start at once"
    lines = [f"{account.working} of {account.limit} polecats at work ({account.key}); {how}"]
    if account.paused_by:
        lines.append(output.style(f"⏸ the scheduler is paused by {output.clean(account.paused_by)}", "yellow"))
    if not account.answers:
        return [*lines, "nothing is ready, queued or in an open convoy"]
    for state, head in _HEADS.items():
        found = [one for one in account.answers if one.state == state]
        if not found:
            continue
        lines += ["", output.style(f"{head} ({len(found)})", "bold")]
        most = len(found) if everything or state not in ("held", "at work", "nobody") else MOST_HELD
        for one in found[:most]:
            lines += _row(one)
        if len(found) > most:
            lines.append(f"  … {len(found) - most} more: --all shows them")
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
    """One bead with what it waits for, and what that waits for."""
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
