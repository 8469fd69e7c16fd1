"""``gt status`` and ``gt agents``: show the town and its agents."""

from __future__ import annotations

import gc
import os
import sys
import time

from gastown_cli import context, output, streams
from gastown_cli.output import clean, shorten, style
from gastown_cli.plain_arguments import HIDDEN
from gastown_core.clock import SYSTEM_CLOCK, format_span, parse_duration
from gastown_core.errors import UsageError
from gastown_core.model.address import POLECAT, ROLE_ICONS
from gastown_core.model.agent import HEALTH_SYMBOLS, NEEDS_HELP, Health
from gastown_core.model.bead import CLOSED
from gastown_core.model.daemon import FAILS, NEVER, RUNS, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.attention.count import Count
    from gastown_core.model.convoy import ConvoyView
    from gastown_core.model.snapshot import AgentView, TownSnapshot
TONES = {
    Health.WORKING: ("green",),
    Health.WAITING: ("magenta", "bold"),
    Health.STOPPED_SHORT: ("yellow", "bold"),
    Health.STALLED: ("yellow",),
    Health.GUPP: ("red", "bold"),
    Health.ZOMBIE: ("red",),
    Health.LIMITED: ("blue",),
    Health.IDLE: ("dim",),
    Health.UNKNOWN: ("dim",),
}


def uses_emoji() -> bool:
    """Return whether to print emoji; GT_NO_EMOJI selects ASCII symbols."""
    return not os.environ.get("GT_NO_EMOJI")


def role_icon(view: AgentView) -> str:
    """Return the symbol of the agent's role."""
    return ROLE_ICONS[view.address.role][0 if uses_emoji() else 1]


def health_text(view: AgentView) -> str:
    """Return symbol and word of the agent's state, coloured."""
    state = view.health.state
    symbols = HEALTH_SYMBOLS[state]
    return style(f"{symbols[0 if uses_emoji() else 1]} {symbols[2]}", *TONES[state])


def agent_row(view: AgentView, now: float, *, width: int = 48) -> list[str]:
    """Return an agent's columns: icon and name, state, since when, work or activity, unread mail."""
    since = format_span(now - view.health.since) if view.health.since is not None else ""
    if view.health.state is Health.ZOMBIE or (view.health.state in NEEDS_HELP and view.work is None):
        about = f"{view.work.bead_id}: {view.health.reason}" if view.work is not None else view.health.reason
    elif view.work is not None:
        about = f"{view.work.bead_id} {view.work.title}"
    elif view.health.state is Health.IDLE and view.running is False:
        about = "offline"
    else:
        about = view.activity or (view.last_event.text if view.last_event else "")
    mail = f"{'📬' if uses_emoji() else 'mail '}{view.unread}" if view.unread else ""
    name = view.address.label
    return [f"  {role_icon(view)} {clean(name)}", health_text(view), since, shorten(clean(about), width), mail]


MOST_ORPHANS = 10
"""Maximum number of orphaned beads shown; ``--json`` has all."""


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt status``."""
    context.add_json(parser)
    parser.add_argument("--fast", action="store_true", help="skip the agents' screens and the event log")
    parser.add_argument("-w", "--watch", action="store_true", help="refresh until interrupted")
    parser.add_argument(
        "-n", "--interval", default="2s", metavar="SPAN", help="with --watch: time between refreshes (default 2s)"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show the reasons for each state")


def run_status(args: Namespace) -> int:
    """Show the town once, or repeatedly with ``--watch``."""
    from gastown_core.state.collect import collect

    root = context.town()
    if args.watch:
        return _watch(root, args)
    snapshot = collect(root, fast=args.fast)
    if args.json:
        from gastown_core.state.as_json import status_json

        count = attention_of(snapshot)
        counted = {"needs_you": count.you, "needs_help": count.trouble, "to_read": count.to_read}
        output.say_json({**status_json(snapshot), "attention": counted})
    else:
        output.say(render(snapshot, verbose=args.verbose))
    return 0


def _watch(root: str, args: Namespace) -> int:
    from gastown_core.state.collect import collect

    if args.json:
        raise UsageError(
            "--json and --watch cannot be used together", "", "gt feed --json --follow streams events as JSON"
        )
    text = args.interval
    interval = float(text) if text.replace(".", "", 1).isdigit() else parse_duration(text)
    if not interval or interval <= 0:
        raise UsageError(f"invalid interval {text}", "", "use a span such as 2s or 1m")
    on_terminal = sys.stdout.isatty()
    streams.end_with_reader()
    gc.enable()
    while not streams.reader_left():
        frame = render(collect(root, fast=args.fast), verbose=args.verbose)
        sys.stdout.write(("\x1b[H\x1b[2J" if on_terminal else "") + frame + "\n")
        sys.stdout.flush()
        time.sleep(interval)
    return 0


def render(snapshot: TownSnapshot, *, verbose: bool = False) -> str:
    """Return the whole town as text."""
    now = snapshot.taken_at or SYSTEM_CLOCK.now()
    lines = [output.style(f"{output.clean(snapshot.name)}", "bold") + output.style(f"  {snapshot.root}", "dim")]
    lines.append(summary_line(snapshot))
    lines += attention_lines(snapshot)
    lines += dam_lines(snapshot, now)
    lines += _stops(snapshot, now)
    lines += _daemon(snapshot, now)
    lines += [
        output.style(f"! {one.words()}{'; dispatch waits' if one.holds else ''}", "red" if one.is_over else "yellow")
        for one in snapshot.budgets
    ]
    lines += orphan_lines(snapshot, now)
    lines += [output.style(f"! {s.name}: {output.clean(s.error)}", "yellow") for s in snapshot.sources if s.error]
    return "\n".join([*lines, *town_lines(snapshot, now, verbose=verbose)])


def town_lines(snapshot: TownSnapshot, now: float, *, verbose: bool = False) -> list[str]:
    """Return the agents by rig, and the convoys in progress."""
    lines: list[str] = []
    groups: dict[str, list[list[str]]] = {}
    reasons: dict[str, list[str]] = {}
    for view in snapshot.agents:
        groups.setdefault(view.address.rig, []).append(agent_row(view, now))
        reasons.setdefault(view.address.rig, []).append(
            "\n".join(f"      {r.text} ({r.source})" for r in view.health.reasons)
        )
    everything = output.table([row for rows in groups.values() for row in rows]).split("\n")
    at = 0
    for rig, rows in groups.items():
        lines.append("")
        lines.append(output.style(rig or "town", "bold"))
        for number in range(len(rows)):
            lines.append(everything[at])
            if verbose and reasons[rig][number]:
                lines.append(output.style(output.clean(reasons[rig][number]).replace("␊", "\n"), "dim"))
            at += 1
    running = [c for c in snapshot.convoys if c.status != CLOSED]
    if running:
        lines += ["", output.style("convoys", "bold"), output.table([convoy_row(c, now) for c in running])]
    return lines


def summary_line(snapshot: TownSnapshot) -> str:
    """Return how many agents are in each state, the queue and the escalations."""
    parts = []
    for state, count in sorted(snapshot.counts.items()):
        symbols = HEALTH_SYMBOLS[state]
        glyph = symbols[0 if uses_emoji() else 1]
        parts.append(output.style(f"{glyph} {count} {symbols[2]}", *TONES[state]))
    if snapshot.requests:
        waiting = sum(one.awaits_approval for one in snapshot.requests)
        parts.append(f"queue {len(snapshot.requests) - waiting}")
        parts += [f"{waiting} to approve"] if waiting else []
    if snapshot.escalations:
        parts.append(output.style(f"{snapshot.escalations} escalated", "red"))
    if snapshot.tmux_running is None:
        parts.append(output.style("tmux is not installed: sessions unknown", "yellow"))
    return "   ".join(parts)


def attention_of(snapshot: TownSnapshot) -> Count:
    """Return the counts of the inbox, without what a person has snoozed or finished."""
    from gastown_core.attention.count import count_of
    from gastown_core.attention.look import attention
    from gastown_core.attention.marks import sort_rows

    # gt inbox says what is wrong with the file of the marks
    return count_of(sort_rows(snapshot.root, attention(snapshot), snapshot.taken_at)[0].shown)


def attention_lines(snapshot: TownSnapshot) -> list[str]:
    """Return how much waits on a person, or nothing."""
    count = attention_of(snapshot)
    told = ", ".join(count.words)
    return [output.style(f"{told}: gt inbox", "magenta" if count.you else "yellow", "bold")] if told else []


def _stops(snapshot: TownSnapshot, now: float) -> list[str]:
    """Return a line for each emergency stop in force."""
    return [
        output.style(f"■ {output.clean(stop.words(now))}; {stop.command} ends it", "red", "bold")
        for stop in snapshot.stops
    ]


def _daemon(snapshot: TownSnapshot, now: float) -> list[str]:
    """Return a line on what is wrong with the daemon, or nothing if it runs."""
    daemon = snapshot.daemon
    if daemon.state == RUNS:
        return []
    tone = {FAILS: "yellow", STOPPED: "yellow", NEVER: "dim"}.get(daemon.state, "red")
    return [output.style(f"! {output.clean(daemon.words(now))}", tone)]


def dam_lines(snapshot: TownSnapshot, now: float) -> list[str]:
    """Return the alarm about ready work that does not move: the broken links and what helps, or nothing."""
    dam = snapshot.dam
    if dam is None:
        return []
    lines = [output.style(f"! DAM: {output.clean(dam.words(now))}", "red", "bold")]
    lines += [output.style(f"  also: {output.clean(one.words)}", "red") for one in dam.links[1:]]
    hint = dam.link.hint
    return [*lines, output.style(f"  next: {output.clean(hint)}", "dim")] if hint else lines


def orphan_lines(snapshot: TownSnapshot, now: float) -> list[str]:
    """Return lines for work on the hooks of workers that do not exist, and how to reassign it."""
    if not snapshot.orphans:
        return []
    many = len(snapshot.orphans)
    head = f"! {many} bead{'' if many == 1 else 's'} on the hook of a worker that does not exist"
    rows = [
        [f"  {one.bead_id}", output.clean(one.assignee), format_span(now - one.since), output.clean(one.title)]
        for one in snapshot.orphans[:MOST_ORPHANS]
    ]
    more = [f"  and {many - MOST_ORPHANS} more"] if many > MOST_ORPHANS else []
    act = "  next: gt sling BEAD RIG reassigns one, gt unsling BEAD reopens it"
    return [output.style(head, "yellow"), output.table(rows), *more, output.style(act, "dim")]


def convoy_row(view: ConvoyView, now: float) -> list[str]:
    """Return a convoy's columns: id, title, progress bar, counts, and whether it is stalled."""
    from gastown_core.state.convoy_views import stuck_word

    width = 20
    total = max(1, view.total)
    done = view.done * width // total
    review = (view.done + view.in_review) * width // total - done
    bar = "█" * done + "▓" * review + "░" * (width - done - review)
    numbers = f"{view.done}·{view.in_review}/{view.total}" if view.in_review else f"{view.done}/{view.total}"
    return [
        f"  {view.id}",
        output.shorten(output.clean(view.title), 32),
        bar,
        numbers,
        stuck_word(view, now),
    ]


def agents_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt agents``."""
    parser.add_argument("what", nargs="?", choices=["list"], help=HIDDEN)
    parser.add_argument("-a", "--all", action="store_true", help="include agents without a session or work")
    parser.add_argument("--rig", default="", help="only this rig")
    context.add_json(parser)


def run_agents(args: Namespace) -> int:
    """List agents; polecats without session and work only with ``--all``."""
    from gastown_core.state.collect import collect_agents

    root = context.town()
    context.check_rig(root, args.rig)
    agents = collect_agents(root)
    views = [
        view
        for view in agents
        if (not args.rig or view.address.rig == args.rig)
        and (args.all or view.pane_id or view.work is not None or view.address.role != POLECAT)
    ]
    if args.json:
        from gastown_core.state.as_json import agent_json

        output.say_json([agent_json(view) for view in views])
        return 0
    now = SYSTEM_CLOCK.now()
    rows = []
    for view in views:
        row = agent_row(view, now)
        rows.append(
            [
                f"{role_icon(view)} {output.clean(view.address.short)}",
                *row[1:],
                view.session if view.pane_id else "-",
            ]
        )
    output.say(output.table(rows, header=("agent", "state", "since", "about", "mail", "session")))
    hidden = len([v for v in agents if not args.rig or v.address.rig == args.rig]) - len(views)
    if hidden:
        output.note(f"{hidden} idle without a session; gt agents --all shows them")
    return 0
