"""``gt feed``: open the console, or print its events as plain lines."""

from __future__ import annotations

import os
import sys
import time
from collections import deque

from gastown_cli import context, output, streams, who
from gastown_cli.commands import status
from gastown_cli.commands.status import orphan_lines
from gastown_core.clock import SYSTEM_CLOCK, format_seconds, format_span
from gastown_core.errors import StoreError, UsageError, words_of
from gastown_core.events.feed import feed_path
from gastown_core.events.log import SHOWN, events_since, log_path, parse_event
from gastown_core.files.tail import Tailer
from gastown_core.model.agent import HEALTH_ORDER, HEALTH_SYMBOLS, NEEDS_HELP, Health
from gastown_core.model.bead import priority_word
from gastown_core.model.event import describe
from gastown_core.state.as_json import agent_json
from gastown_core.state.collect import collect, make_roster
from gastown_core.state.convoy_views import stuck_words
from gastown_core.state.facts import Roster
from gastown_core.state.rows import EventFilter, EventRow, event_row, matches
from gastown_core.tmux.caller import show_window
from gastown_core.town.inventory import survey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Iterator

    from gastown_core.events.feed import CuratedView
    from gastown_core.model.event import TownEvent
    from gastown_core.model.snapshot import AgentView, TownSnapshot
POLL_S = 0.1
ACTOR_WIDTH = 25
INBOX_SIGNS = ("✋", "?")
_TONES = {"good": ("green",), "done": ("green", "bold"), "bad": ("red",), "warn": ("yellow",), "info": ()}


def print_feed(
    root: str,
    wanted: EventFilter,
    *,
    limit: int,
    follow: bool,
    as_json: bool,
    curated: bool = False,
    for_s: float = 0.0,
) -> int:
    """Print the newest ``limit`` matching events, oldest first; with ``follow``, print new ones for ``for_s`` seconds (0: forever),
    and every change of the inbox unless certain types, texts or JSON are wanted.

    A missing log counts as empty. Raises StoreError if the log cannot be read.
    """
    path = feed_path(root) if curated else log_path(root)
    roster = make_roster(survey(root))
    try:
        source: Tail | CuratedView = _curated_view(root) if curated else Tail(path)
        rows = _newest(path, source.end, roster, wanted, limit)
        if curated:
            rows += _chosen(source.fresh(), roster, wanted)
            rows = deque(rows, limit or None)
    except OSError as error:
        raise StoreError(f"cannot read {path}", error.strerror or str(error)) from error
    for event, row in rows:
        _write(event, row, as_json)
    if not rows and not follow and not as_json:
        output.note("no events" + ("" if os.path.exists(path) else f" yet: {path} does not exist") + " that match")
    if not follow:
        return 0
    if as_json or wanted.type or wanted.text:
        # asked for certain events, or for events as data
        return _follow(source, roster, wanted, as_json, for_s)
    from gastown_cli.commands.feed_inbox import InboxVoice

    with InboxVoice(root, wanted.rig) as voice:
        return _follow(source, roster, wanted, as_json, for_s, voice.spoken)


class Tail:
    """The event log, read from its current end onwards."""

    def __init__(self, path: str) -> None:
        self._tail = Tailer(path, offset=None)
        self.end = self._tail.offset

    def fresh(self) -> list[TownEvent]:
        """Return the events appended since the last call. Raises OSError."""
        return [event for at, line in self._tail.read().lines if (event := parse_event(line, at)) is not None]


def _newest(path: str, end: int, roster: Roster, wanted: EventFilter, limit: int) -> deque[tuple[TownEvent, EventRow]]:
    """Return the newest ``limit`` matching events (0: all), oldest first."""
    rows: deque[tuple[TownEvent, EventRow]] = deque()
    for event in events_since(path, wanted.since, end=end or None):
        row = event_row(event, roster)
        if event.visibility in SHOWN and matches(row, wanted):
            rows.appendleft((event, row))
            if limit and len(rows) >= limit:
                break
    return rows


def _chosen(events: Iterable[TownEvent], roster: Roster, wanted: EventFilter) -> Iterator[tuple[TownEvent, EventRow]]:
    """Yield the events that are visible and match, with their rows."""
    for event in events:
        if event.visibility not in SHOWN:
            continue
        row = event_row(event, roster)
        if matches(row, wanted):
            yield event, row


def _curated_view(root: str) -> CuratedView:
    from gastown_core.events.feed import CuratedView, read_rules
    from gastown_core.town.settings import load_settings

    return CuratedView(root, read_rules(load_settings(root).value))


def _nothing() -> list[str]:
    return []


def _follow(
    source: Tail | CuratedView,
    roster: Roster,
    wanted: EventFilter,
    as_json: bool,
    for_s: float,
    spoken: Callable[[], list[str]] = _nothing,
) -> int:
    streams.end_with_reader()
    end, trouble = time.monotonic() + for_s, ""
    while (not for_s or time.monotonic() < end) and not streams.reader_left():
        try:
            events, wrong = source.fresh(), ""
        except OSError as error:
            events, wrong = [], words_of(error)
        if wrong and wrong != trouble:
            output.note(f"cannot read the events: {wrong}; retrying")
        trouble = wrong
        for event, row in _chosen(events, roster, wanted):
            _write(event, row, as_json)
        for sentence in spoken():
            output.say(_line(SYSTEM_CLOCK.now(), INBOX_SIGNS, "inbox", sentence))
        sys.stdout.flush()
        time.sleep(POLL_S)
    return 0


def _write(event: TownEvent, row: EventRow, as_json: bool) -> None:
    if as_json:
        output.say_json_line(
            {
                "ts": format_seconds(event.ts),
                "type": event.type,
                "actor": event.actor,
                "rig": row.rig,
                "message": describe(event),
                "payload": dict(event.payload),
            }
        )
        return
    output.say(line_of(row))


def time_of_day(ts: float, now: float) -> str:
    """Return ``ts`` as local time, with the date unless it is today's."""
    then = time.localtime(ts)
    is_today = then[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S", then)


def line_of(row: EventRow) -> str:
    """Return an event as one plain line: local time, symbol, actor padded to 25 cells, text."""
    return _line(row.ts, (row.symbol, row.ascii), row.actor.short, row.text, _TONES[row.tone])


def _line(ts: float, signs: tuple[str, str], actor: str, text: str, tone: tuple[str, ...] = ("yellow",)) -> str:
    symbol = signs[1] if os.environ.get("GT_NO_EMOJI") else signs[0]
    who = output.clean(actor)
    pad = " " * max(0, ACTOR_WIDTH - output.cells(who))
    mark = symbol + " " * max(0, 2 - output.cells(symbol))
    when = time_of_day(ts, SYSTEM_CLOCK.now()) if ts else "--:--:--"
    return f"[{when}] {output.style(mark, *tone)} {who}{pad} {output.clean(text)}"


def print_problems(root: str, *, as_json: bool) -> int:
    """Print the agents that need attention, with reasons and next steps, then the others."""
    snapshot = collect(root)
    now = snapshot.taken_at
    views = sorted(snapshot.agents, key=lambda v: (HEALTH_ORDER[v.health.state], v.health.since or now))
    if as_json:
        output.say_json([agent_json(view) for view in views])
        return 0
    orphans = orphan_lines(snapshot, now)
    work = work_lines(snapshot, now)
    needy = [v for v in views if v.health.state in (*NEEDS_HELP, Health.LIMITED, Health.UNKNOWN)]
    output.say(output.style(f"NEEDS ATTENTION ({len(needy)})", "bold"))
    if needy or not (orphans or work):
        output.say(output.table([_row(v, now) for v in needy]) if needy else "  all is well")
    for line in (*work, *orphans):
        output.say(line)
    for state in (Health.WORKING, Health.IDLE):
        group = [v for v in views if v.health.state is state]
        output.say(output.style(f"{HEALTH_SYMBOLS[state][2].upper()} ({len(group)})", "bold"))
        if group:
            output.say("  " + ", ".join(output.clean(v.address.short) for v in group))
    for source in snapshot.sources:
        if source.error:
            output.say(output.style(f"! {source.name}: {output.clean(source.error)}", "yellow"))
    return 0


def work_lines(snapshot: TownSnapshot, now: float) -> list[str]:
    """Return lines for what waits beside agents: mail, gates, held queues, escalations, stalled convoys."""
    from gastown_core.attention.item import ELSEWHERE, YOU
    from gastown_core.attention.look import attention

    lines: list[str] = []
    rest = [one for one in attention(snapshot) if one.kind in ELSEWHERE and one.needs == YOU]
    if rest:
        lines.append(output.style(f"ALSO WAITING ({len(rest)})", "bold"))
    lines += [output.clean(f"  {one.kind}  {one.subject.name}  {one.question}  (gt inbox)") for one in rest]
    if snapshot.escalated:
        lines.append(output.style(f"ESCALATIONS ({len(snapshot.escalated)})", "bold"))
    for raised in snapshot.escalated:
        age = format_span(now - raised.since) if raised.since else ""
        lines.append(f"  {raised.bead_id}  {priority_word(raised.priority)}  {age}  {output.clean(raised.title)}")
    stuck = snapshot.stuck(now)
    if stuck:
        lines.append(output.style(f"STUCK WORK ({len(stuck)})", "bold"))
    for convoy in stuck:
        lines.append(f"  {convoy.id}  {output.clean(convoy.title)}  {convoy.done}/{convoy.total}")
        lines += [f"    {output.clean(told)}" for told in stuck_words(convoy, now)]
    return lines


def _row(view: AgentView, now: float) -> list[str]:
    since = format_span(now - view.health.since) if view.health.since is not None else ""
    bead = view.work.bead_id if view.work is not None else ""
    row = [f"  {output.clean(view.address.short)}", status.health_text(view), since, bead]
    ahead = view.health.forecast
    coming = f"→ {ahead.state.value} in {format_span(max(0.0, ahead.at - now))}" if ahead is not None else ""
    return [*row, output.clean(view.health.reason), coming]


NAME = "feed"


def open_window(root: str, args: Namespace) -> int:
    """Select the tmux window of the feed, creating it if needed. Raises UsageError outside tmux."""
    from gastown_core.process import gt_argv

    words = gt_argv("feed", *_forwarded(args))
    show_window(NAME, words, root, {"GT_TOWN_ROOT": root})
    return 0


def _forwarded(args: Namespace) -> list[str]:
    words: list[str] = []
    for flag in ("problems", "ascii", "readonly"):
        if getattr(args, flag):
            words.append(f"--{flag}")
    for name in ("since", "type", "rig", "mol", "theme"):
        value = getattr(args, name)
        if value:
            words.append(f"--{name}={value}")
    return words


def feed_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt feed``."""
    parser.add_argument(
        "--plain", action="store_true", help="print text lines (the default if stdout is not a terminal)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument("-p", "--problems", action="store_true", help="open the problems view; with --plain, print it")
    parser.add_argument("-w", "--window", action="store_true", help="open in a tmux window named feed")
    parser.add_argument(
        "--curated", action="store_true", help="read the curated feed: no duplicates, bursts as one event"
    )
    follow = parser.add_mutually_exclusive_group()
    follow.add_argument(
        "-f",
        "--follow",
        action="store_true",
        default=None,
        help="plain: keep printing new events and changes of the inbox",
    )
    follow.add_argument("--no-follow", dest="follow", action="store_false", help="plain: exit after the newest events")
    parser.add_argument(
        "-n",
        "--limit",
        type=int,
        default=100,
        metavar="N",
        help="plain: start with the newest N events (default 100, 0 for all)",
    )
    parser.add_argument(
        "--since", default="", metavar="WHEN", help="only events since: a span such as 5m, 1h or 7d, or a date"
    )
    parser.add_argument("--type", default="", help="only this event type")
    parser.add_argument("--rig", default="", help="only this rig")
    parser.add_argument("--agent", default="", help="only what this agent did")
    parser.add_argument("--mol", default="", help="only events whose target or text contains this")
    parser.add_argument(
        "--theme", default="", help="console: auto (as the terminal), dark, light, colour-blind or high-contrast"
    )
    parser.add_argument("--readonly", action="store_true", help="console: refuse everything that changes the town")
    parser.add_argument("--ascii", action="store_true", help="use ASCII symbols only (same as GT_NO_EMOJI=1)")


def read_filter(args: Namespace) -> EventFilter:
    """Return the filter that the options describe. Raises UsageError for an invalid time, NotFoundError for an unknown rig."""
    since = context.moment_of(args.since) if args.since else 0.0
    if args.limit < 0:
        raise UsageError("--limit must not be negative", "", "0 shows all events")
    if args.rig:
        context.check_rig(context.town(), args.rig)
    agent = who.find(context.town(), args.agent)[1].address.path if args.agent else ""
    return EventFilter(rig=args.rig, type=args.type, agent=agent, text=args.mol, since=since)


def run_feed(args: Namespace) -> int:
    """Open the console, or print the feed if stdout is not a terminal."""
    if args.ascii:
        os.environ["GT_NO_EMOJI"] = "1"
    root = context.town()
    wanted = read_filter(args)
    if args.window:
        return open_window(root, args)
    from gastown_cli.fastpath import hand_over, on_terminal

    if args.json or args.plain or not on_terminal():
        return _print(root, args, wanted)
    from gastown_tui.app import run_feed

    return run_feed(
        root,
        problems=args.problems,
        initial_filter=wanted,
        is_prepainted=hand_over(),
        theme=args.theme,
        readonly=args.readonly,
    )


def _print(root: str, args: Namespace, wanted: EventFilter) -> int:
    if args.problems:
        return print_problems(root, as_json=args.json)

    follow = sys.stdout.isatty() if args.follow is None else args.follow
    try:
        return print_feed(root, wanted, limit=args.limit, follow=follow, as_json=args.json, curated=args.curated)
    except KeyboardInterrupt:
        return 0
