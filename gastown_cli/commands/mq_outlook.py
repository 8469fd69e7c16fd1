"""``gt mq stats``, ``gt mq forecast``, ``gt mq conflicts`` and ``gt refinery flakes``: what a queue did, will do, and what will hinder it."""

from __future__ import annotations

import os

from gastown_cli import context, output
from gastown_cli.context import add_rig, which_rig
from gastown_core.clock import SYSTEM_CLOCK, format_age, parse_duration
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.queue_words import BLOCKED, TO_APPROVE, counted
from gastown_core.model.refinery import DIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from gastown_core.model.refinery import BatchRecord
    from gastown_core.refinery.flakes import GateFlakes
    from gastown_core.refinery.flaky_tests import FlakyTest
    from gastown_core.refinery.merge_queue import MergeQueue
    from gastown_core.refinery.outlook import Outlook, Stats
    from gastown_core.refinery.place import Refinery
MOST_BATCHES = 5000
LONGEST_LINE = 500
"""Cells of a conflict ahead in a list."""


def stats_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq stats``."""
    add_rig(parser)
    parser.add_argument("--since", default="24h", metavar="SPAN", help="span to sum up, such as 2h or 7d (default 24h)")
    context.add_json(parser)


def run_stats(args: Namespace) -> int:
    """Sum up the batches of a span."""
    from gastown_core.refinery.flakes import read_flakes
    from gastown_core.refinery.outlook import stats
    from gastown_core.refinery.records import recent

    root = context.town()
    rig = which_rig(root, args.rig)
    flakes = read_flakes(os.path.join(root, rig))
    span = parse_duration(args.since)
    if not span:
        raise UsageError(f"{args.since!r} is no span", "", "--since 24h, 30m or 7d")
    since = SYSTEM_CLOCK.now() - span
    known = recent(os.path.join(root, rig), MOST_BATCHES)
    batches = [one for one in known if one.at >= since]
    found = stats(batches, _waits(root, rig, since), _lived_s(known, batches, span) / 3600.0)
    if args.json:
        rates = {"per_hour": round(found.per_hour, 3), "runs_per_landed": round(found.runs_per_landed, 3)}
        output.say_json(
            {"rig": rig, "since_s": span, **found._asdict(), **rates, "flakes": [one._asdict() for one in flakes]}
        )
        return 0
    lived = found.hours * 3600.0
    young = f", of which it has merged for {_span(lived)}" if lived < span else ""
    output.say(f"{output.style(rig, 'bold')}  the last {args.since}{young}")
    _say_stats(found, flakes)
    return 0


def _say_stats(found: Stats, flakes: Sequence[GateFlakes]) -> None:
    output.say(
        f"  landed     {found.merged} in {found.batches} batch{'' if found.batches == 1 else 'es'}, {found.per_hour:.1f} an hour"
    )
    if found.merged and found.wait_p95 > 0:
        output.say(f"  waited     half within {_span(found.wait_p50)}, 95 % within {_span(found.wait_p95)}")
    output.say(f"  gate runs  {found.runs}, {found.runs_per_landed:.2f} for each request that landed")
    if found.killed:
        runs = f"{found.killed_runs} of the gate runs {'was' if found.killed_runs == 1 else 'were'} theirs"
        output.say(
            f"  died       {found.killed} batch{'' if found.killed == 1 else 'es'} whose engine was killed or crashed; {runs}"
        )
    if found.lanes:
        lanes = ", ".join(f"{output.clean(lane)} {count}" for lane, count in sorted(found.lanes.items()))
        output.say(f"  lanes      {lanes}")
        output.say(
            f"  apart      {found.untested} batch{'' if found.untested == 1 else 'es'} landed without a common test; runs of the union: {found.unions}, red: {found.red_unions}"
        )
    if found.verified:
        pushes = f"{found.verified} push{'' if found.verified == 1 else 'es'} after they landed"
        output.say(f"  verified   {pushes}, red: {found.red_pushes}, taken back: {found.taken_back}")
    output.say(f"  sent back  {found.sent_back}; left for later {found.held}; batches with a flaky gate {found.flaky}")
    for one in flakes:
        if one.changed:
            rate = f"{one.false_reds} red by chance in the last {one.runs} runs"
            output.say(f"  flips      {_gate_words(one.gate)}: on {_trees(one.changed)}, {rate}")


def _lived_s(known: Sequence[BatchRecord], batches: Sequence[BatchRecord], span: float) -> float:
    """Return for how much of the span, in seconds, the rig has merged: all of it, but for a rig that is younger."""
    if len(known) > len(batches) or not batches or len(known) >= MOST_BATCHES:
        return span
    began = min(one.at - one.secs for one in batches)
    return min(span, max(60.0, SYSTEM_CLOCK.now() - began))


def _gate_words(name: str) -> str:
    """Return what a row of the flake ledger is about: a gate, or the stack with all its gates."""
    from gastown_core.refinery.flakes import ALL

    return "all gates together" if name == ALL else f"gate {output.clean(name)}"


def _trees(count: int) -> str:
    return f"{count} tree{'s' if count != 1 else ''}"


def _waits(root: str, rig: str, since: float) -> list[float]:
    """Return how long each request waited that landed since then, in seconds."""
    from gastown_core.beads.query import BeadQuery
    from gastown_core.model.bead import CLOSED
    from gastown_core.model.merge_request import LABEL, MERGED, read_request

    place = _place(root, rig)
    query = BeadQuery(labels_all=(LABEL,), statuses=(CLOSED,), closed_since=since, include_wisps=True)
    closed = [read_request(bead) for bead in place.store.find(query)]
    mine = [one for one in closed if one.close_reason == MERGED and one.rig in ("", rig)]
    return [one.updated_at - one.created_at for one in mine]


def _place(root: str, rig: str) -> Refinery:
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import of_hours

    return Refinery(root, rig, policy=of_hours(root, rig))


def forecast_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq forecast``."""
    add_rig(parser)
    parser.add_argument("--target", default="", help="target branch (default: that of the first request)")
    parser.add_argument("--slots", type=int, metavar="N", help="gate places to assume (default: the rig's)")
    parser.add_argument("--batch", type=int, metavar="N", help="batch size to assume (default: as the planner decides)")
    context.add_json(parser)


def run_forecast(args: Namespace) -> int:
    """Say when each request lands; return 1 if none waits."""
    from gastown_core.refinery.engine import RefineryEngine
    from gastown_core.refinery.explanation import nobody_merges
    from gastown_core.refinery.foresight import foresee, times_now
    from gastown_core.refinery.held_targets import holds_of
    from gastown_core.refinery.state_file import read_state

    for name in ("slots", "batch"):
        given = getattr(args, name)
        if given is not None and given < 1:
            raise UsageError(f"--{name} must be at least 1", "", f"leave --{name} out to count as it is now")
    root = context.town()
    rig = which_rig(root, args.rig)
    place = _place(root, rig)
    queue = RefineryEngine(place).queue()
    waiting = [*queue.claimed, *queue.ready]
    target = args.target or (waiting[0].target if waiting else place.default)
    # a batch may end while it is worked out
    state, times = read_state(place.path), times_now(place, target)
    found = foresee(place, target, queue, state, slots=args.slots or 0, batch=args.batch or 0, times=times)
    if args.json:
        output.say_json_rows([one._asdict() for one in found])
    elif found:
        _say_forecast(found)
    else:
        output.say(f"no request for {output.brief(target)} in {rig} can be merged now")
    resting = [one.id for one, _ in queue.blocked if one.target == target]
    if resting:
        output.note(f"note: {_that_rest(len(resting), len(queue.unapproved.intersection(resting)), rig)}")
    held = holds_of(place, (target,)).get(target, "") if found else ""
    if held:
        output.note(f"note: nothing is merged now, and the times count from when that ends: {output.clean(held)}")
    elif found and (nobody := nobody_merges(place, queue)):
        output.note(f"note: the times count from when merging begins: {nobody}")
    if found and not times:
        output.note(f"note: these gates have not run yet for {output.brief(target)}; gate times are guessed")
    return 0 if found else 1


def _that_rest(count: int, unapproved: int, rig: str) -> str:
    """Return how many requests are not in a forecast since something keeps them or they wait for an approval."""
    words = counted([*[BLOCKED] * (count - unapproved), *[TO_APPROVE] * unapproved])
    return f"not forecast: {words}; gt mq list {rig} says why"


def _say_forecast(found: Sequence[Outlook]) -> None:
    rows = []
    for one in found:
        early, middle, late = map(_span, (one.early, one.middle, one.late))
        when = (early if early == late else f"{early} to {late}", middle) if one.sent_back < 1.0 else ("-", "-")
        rows.append([one.id, *when, f"{100 * one.sent_back:.0f} %"])
    output.say(output.table(rows, header=("ID", "LANDS IN (4 OF 5)", "MIDDLE", "SENT BACK")))


def _span(seconds: float) -> str:
    return format_age(seconds) if seconds >= 60 else f"{seconds:.0f}s"


def conflicts_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq conflicts``."""
    add_rig(parser)
    parser.add_argument("--target", default="", help="target branch (default: the rig's default branch)")
    context.add_json(parser)


def run_conflicts(args: Namespace) -> int:
    """Show which branches in work and in the queue do not merge with one another; return 1 if there are any."""
    from gastown_core.refinery.collisions import foreseen
    from gastown_core.refinery.forewarning import words_of

    root = context.town()
    rig = which_rig(root, args.rig)
    place = _place(root, rig)
    target = args.target or place.default
    if args.target and not place.git.commit_of(f"refs/remotes/origin/{target}"):
        raise NotFoundError(f"origin has no branch {target}", "", f"gt mq conflicts {rig} looks at {place.default}")
    found = foreseen(place, target)
    if args.json:
        rows = [{**one._asdict(), "one": one.one._asdict(), "other": one.other._asdict()} for one in found]
        output.say_json_rows(rows)
        return 1 if found else 0
    for one in found:
        beads = " and ".join(output.clean(part.request or part.issue or part.branch) for part in (one.one, one.other))
        output.say(f"{output.clean(words_of(one))}  ({beads})")
    if not found:
        output.say(f"nothing in work or in the queue for {output.brief(target)} in {rig} conflicts")
    return 1 if found else 0


def say_trouble(place: Refinery, queue: MergeQueue) -> None:
    """Say before the list why nothing is merged: the engine died, somebody or something holds the rig, or no daemon runs."""
    from gastown_core.refinery.explanation import last_word, nobody_merges
    from gastown_core.refinery.held_targets import held_rig, holds_of

    told, held = list[str](), held_rig(place)
    if lost := last_word(place):
        told.append(f"{DIED}: {lost}; gt refinery process {place.rig} goes on")
    if held is not None:
        told.append(f"nothing is merged: {held.reason}")
    elif nobody := nobody_merges(place, queue):
        told.append(nobody)
    elif not queue.ready:
        # the rows of requests say it else
        told += [f"nothing is merged: {why}" for why in holds_of(place, [place.default]).values()]
    for said in told:
        output.say(output.style(f"! {output.clean(said)}", "yellow"))


def say_ahead(place: Refinery, queue: MergeQueue) -> None:
    """Say which branches will conflict, before the list."""
    from gastown_core.model.ahead import in_brief, still_ahead
    from gastown_core.refinery.state_file import conflicts_ahead

    for told in in_brief(still_ahead(conflicts_ahead(place.path), {one.id for one in queue.open()}), place.rig):
        output.say(output.style(f"! {output.brief(told, LONGEST_LINE)}", "yellow"))


def flakes_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt refinery flakes``."""
    add_rig(parser)
    context.add_json(parser)


def run_flakes(args: Namespace) -> int:
    """Show how often each gate changed its mind on the same tree, and which of its tests did."""
    from gastown_core.refinery.bisect import reds_that_prove
    from gastown_core.refinery.flakes import read_flakes
    from gastown_core.refinery.flaky_tests import read_tests

    root = context.town()
    rig = which_rig(root, args.rig)
    path = os.path.join(root, rig)
    found, tests = read_flakes(path), read_tests(path)
    if args.json:
        output.say_json_rows(
            [{**one._asdict(), "tests": [of._asdict() for of in tests if of.gate == one.gate]} for one in found]
        )
        return 0
    now = SYSTEM_CLOCK.now()
    rows = [
        [
            _gate_words(one.gate).removeprefix("gate "),
            str(one.runs),
            str(one.changed),
            str(one.false_reds),
            f"{100 * one.rate:.1f} %",
            str(max(2, reds_that_prove(one.rate))),
            format_age(now - one.last) if one.last else "never",
        ]
        for one in found
    ]
    header = ("GATE", "RUNS", "TREES CHANGED", "FALSE REDS", "RATE", "REDS FOR BLAME", "LAST")
    output.say(output.table(rows, header=header) if rows else f"no gate of {rig} has run yet")
    if tests:
        output.say("")
        _say_tests(tests, now)
    if any(one.until > now for one in tests):
        output.say("a gate that is red only in tests in quarantine counts as green, also in the sums above")
    return 0


def _say_tests(tests: Sequence[FlakyTest], now: float) -> None:
    rows = [
        [
            output.clean(one.test),
            output.clean(one.gate),
            str(one.changed),
            f"{one.reds} of {one.runs}",
            _standing(one, now),
            output.clean(one.bead),
        ]
        for one in tests
    ]
    output.say(output.table(rows, header=("TEST", "GATE", "TREES CHANGED", "RED", "", "ISSUE")))


def _standing(one: FlakyTest, now: float) -> str:
    """Return what a test's redness counts for now."""
    if one.until > now:
        return f"in quarantine for {format_age(one.until - now)}"
    return "new: never excused" if one.is_new else "counts"
