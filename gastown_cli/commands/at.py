"""``gt at TIME``: the town as it was at a moment, and what differs from another one."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.commands.status import summary_line, town_lines
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_local, format_seconds
from gastown_core.errors import UsageError
from gastown_core.past.difference import difference
from gastown_core.past.town import Past

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.past.difference import Change
    from gastown_core.past.town import Moment

STATUS, DIFF = "status", "diff"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt at``."""
    parser.add_argument("time", metavar="TIME", help="a time, a date, or a span back from now such as 2h")
    parser.add_argument(
        "what",
        nargs="?",
        default=STATUS,
        choices=[STATUS, DIFF],
        help="the town then (default), or what has changed since",
    )
    parser.add_argument("--to", default="", metavar="TIME", help="with diff: the other moment (default: now)")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the reasons for each state")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Print the town as it was, from the event log, the ledgers and git."""
    root, now = context.town(), SYSTEM_CLOCK.now()
    then, until = _moment(args.time, now), _moment(args.to, now) if args.to else now
    if args.to and args.what != DIFF:
        raise UsageError("--to needs diff", "", f"gt at {args.time} diff --to {args.to}")
    past = Past(root)
    try:
        past.read()
        if args.what == DIFF:
            _print_difference(past, min(then, until), max(then, until), as_json=args.json)
        else:
            _print_town(past.at(then), SYSTEM_CLOCK.now(), as_json=args.json, verbose=args.verbose)
    finally:
        past.close()
    return 0


def _moment(text: str, now: float) -> float:
    """Return the moment that a person means. Raises UsageError for one that is still to come."""
    moment = context.moment_of(text)
    if moment > now:
        raise UsageError(
            f"{text} is still to come", "", "gt at shows the past; use a span such as 2h, or an earlier time"
        )
    return moment


def _print_town(moment: Moment, now: float, *, as_json: bool, verbose: bool) -> None:
    town = moment.town
    if as_json:
        from gastown_core.state.as_json import status_json

        told = {"at": format_seconds(town.taken_at), "unknown": list(moment.unknown)}
        output.say_json({**status_json(town), **told})
        return
    output.say(_title(town.name, town.taken_at, now))
    output.say(summary_line(town))
    for held in (one for one in town.refineries if one.is_held):
        output.say(output.style(f"! merging of {held.rig} was held: {output.clean(held.state.hold_reason)}", "yellow"))
    if town.scheduler.is_paused:
        output.say(output.style(f"! dispatch was paused by {output.clean(town.scheduler.paused_by)}", "yellow"))
    for line in town_lines(town, town.taken_at, verbose=verbose):
        output.say(line)
    output.say("")
    _print_unknown(moment)


def _title(name: str, at: float, now: float) -> str:
    return output.style(output.clean(name), "bold") + f"  as of {format_local(at)} ({format_ago(now - at)})"


def _print_unknown(moment: Moment) -> None:
    output.say(output.style("not known of then:", "dim"))
    for one in moment.unknown:
        output.say(output.style(f"  {output.clean(one)}", "dim"))


def _print_difference(past: Past, since: float, until: float, *, as_json: bool) -> None:
    before, after = past.at(since), past.at(until)
    changes = difference(before.town, after.town)
    kinds = past.kinds_between(since, until)
    if as_json:
        span = {"since": format_seconds(since), "until": format_seconds(until), "events": dict(sorted(kinds.items()))}
        output.say_json({**span, "changes": [one.as_json() for one in changes], "unknown": list(before.unknown)})
        return
    output.say(f"from {format_local(since)} to {format_local(until)}: {_counts(kinds)}")
    output.say(output.table([_row(one) for one in changes]) if changes else "nothing that is recorded differs")
    _print_unknown(before)


def _row(one: Change) -> list[str]:
    return [f"  {one.kind}", output.clean(one.id), output.clean(one.words)]


TOLD = {"sling": "slung", "done": "handed in", "merged": "merged", "merge_failed": "sent back", "session_death": "died"}
"""Kinds of events that the first line counts, in this order."""


def _counts(kinds: dict[str, int]) -> str:
    told = [f"{kinds[kind]} {word}" for kind, word in TOLD.items() if kinds.get(kind)]
    return ", ".join([f"{sum(kinds.values())} events", *told])
