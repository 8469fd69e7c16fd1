"""What the queue did and when it will land what waits: figures from finished batches, and a forecast.

The forecast plays the queue as it is now many times in virtual time, with the failure rate, the flake rate and the gate
times that were measured, and reads intervals off the outcomes.
"""

from __future__ import annotations

import math
import random
import statistics

from gastown_core.model.record import Record
from gastown_core.refinery.virtual_queue import Simulation
from gastown_core.refinery.virtual_world import Airborne, Request, World, arrivals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.model.refinery import BatchRecord
    from gastown_core.refinery.lanes import Reach
    from gastown_core.refinery.planner import Rates

PLAYS = 120
"""How often the queue is played for one forecast."""
SHARES = 0.05, 0.5, 0.89
"""Which shares of the plays an interval begins at, has as its middle and ends at: plays vary less than queues do."""
MOST = 60
"""How many of the first requests are forecast."""
TO_COME_H = 6.0
"""For how long more requests come."""
MOST_TIMES = 100
"""So many of the newest gate runs are drawn from."""
STEPS = (-1.3, -0.5, 0.0, 0.5, 1.3)
"""The fifths of a normal distribution."""
UNKNOWN_S = 300.0
"""The gate time that is assumed where no batch has run yet."""


class Stats(Record):
    """What the batches of a time came to; waits in seconds, from hand-in to landing."""

    batches: int = 0
    merged: int = 0
    sent_back: int = 0
    held: int = 0
    flaky: int = 0
    runs: int = 0
    hours: float = 0.0
    wait_p50: float = 0.0
    wait_p95: float = 0.0
    untested: int = 0
    """Batches that landed without a test together with what was there, since their lanes are apart."""
    unions: int = 0
    """Runs that tested those together, and how many of them were red."""
    red_unions: int = 0
    verified: int = 0
    """Pushes on which the post-push gates ran, and how many of them were red."""
    red_pushes: int = 0
    taken_back: int = 0
    """Of what landed, how much was taken back after its push."""
    lanes: Mapping[str, int] = {}
    """Lane → how many requests landed whose batch affects it."""
    killed: int = 0
    """Batches in which the engine died, and their gate runs."""
    killed_runs: int = 0

    @property
    def per_hour(self) -> float:
        """Requests landed an hour."""
        return self.merged / self.hours if self.hours else 0.0

    @property
    def runs_per_landed(self) -> float:
        """Gate runs for each request that landed, 0 if none did."""
        return self.runs / self.merged if self.merged else 0.0


class Outlook(Record):
    """When a request lands, in seconds from now: within ``early`` … ``late`` four times out of five.

    ``sent_back`` is the chance that it goes back instead.
    """

    id: str
    early: float
    middle: float
    late: float
    sent_back: float


def stats(batches: Sequence[BatchRecord], waits: Sequence[float], hours: float) -> Stats:
    """Sums over finished batches, and the waits of what landed in that time."""
    ordered, killed = sorted(waits), [one for one in batches if one.killed]
    return Stats(
        sum(not (one.union or one.found or (one.killed and not one.merged)) for one in batches),
        sum(len(one.merged) for one in batches),
        sum(len(one.culprits) for one in batches),
        sum(len(one.held) for one in batches),
        sum(one.flaky for one in batches),
        sum(one.runs for one in batches),
        hours,
        quantile(ordered, 0.5),
        quantile(ordered, 0.95),
        sum(one.untested for one in batches),
        sum(bool(one.union) for one in batches if not one.killed),
        sum(bool(one.union and one.hold) for one in batches),
        sum(bool(one.found) for one in batches),
        sum(one.found in ("red", "taken back") for one in batches),
        sum(one.found == "taken back" for one in batches),
        _landed_by_lane(batches),
        len(killed),
        sum(one.runs for one in killed),
    )


def _landed_by_lane(batches: Sequence[BatchRecord]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in batches:
        for lane in one.lanes:
            found[lane] = found.get(lane, 0) + len(one.merged)
    return found


def gate_times(batches: Sequence[BatchRecord], gate_set: str = "") -> tuple[float, ...]:
    """How long the gate runs of the batches took, the newest first; those of other gates do not count.

    Of batches that do not say so, as older engines wrote them, those with one run tell best.  Empty if nothing is known.
    """
    batches = [one for one in batches if not one.killed]
    known = [one for one in batches if one.gate_set]
    if known:
        return tuple(secs for one in known if one.gate_set == gate_set for secs in one.times if secs > 0)[:MOST_TIMES]
    single = [one.secs for one in batches if one.runs == 1 and one.secs > 0]
    found = single or [one.secs / one.runs for one in batches if one.runs and one.secs > 0]
    return tuple(found[:MOST_TIMES])


def spread(times: Sequence[float]) -> tuple[float, ...]:
    """Times of gate runs as they may be, from those that were measured: each stands for a few around it.

    The next run takes none of the measured times again; the fewer there are, the less they say of how far it is from them.
    """
    count, logs = len(times), [math.log(one) for one in times]
    width = 0.5 * statistics.pstdev(logs) * count**-0.2
    return tuple(one * math.exp(step * width) for one in times for step in STEPS)


def handed_in(batches: Sequence[BatchRecord], now: float) -> float:
    """How many requests an hour the batches of the last hours took, the newest first; 0 if there are too few to tell."""
    late = [one for one in batches if one.at > now - TO_COME_H * 3600.0]
    if len(late) < 3:
        return 0.0
    count = sum(len(one.merged) + len(one.culprits) for one in late)
    return count / max(0.25, (now - min(one.at - one.secs for one in late)) / 3600.0)


def forecast(
    ids: Sequence[str],
    rates: Rates,
    times: Sequence[float],
    *,
    places: int,
    floor: int,
    ceiling: int,
    airborne: Sequence[Airborne] = (),
    per_hour: float = 0.0,
    reaches: Sequence[Reach] = (),
    plays: int = PLAYS,
) -> list[Outlook]:
    """When each of the requests lands: those of the batches in flight (``airborne``), then the others in queue order.

    ``per_hour`` more are handed in meanwhile.  ``reaches`` is what each of them affects, in a rig that has lanes.  The same
    queue gives the same forecast.
    """
    times = times or (UNKNOWN_S,)
    wanted = list(ids[:MOST])
    world = World(per_hour, 0.0, max(1, places), rates.bad, rates.flake, 0.0, 1e6, gates_s=spread(times))
    outcomes: list[list[float]] = []
    for seed in range(plays if wanted else 0):
        requests = [*_as_they_may_be(rates, len(ids), airborne, seed), *_to_come(world, seed)]
        requests = _in_lanes(requests, reaches, seed)
        play = Simulation(world, seed, floor=floor, ceiling=ceiling, requests=requests, airborne=airborne, rates=rates)
        outcomes.append(_waits(play, len(wanted)))
    found = []
    for place, name in enumerate(wanted):
        landed = sorted(one[place] for one in outcomes if one[place] != float("inf"))
        early, middle, late = (quantile(landed, share) for share in SHARES)
        found.append(Outlook(name, early, middle, late, 1.0 - len(landed) / len(outcomes)))
    return found


def _waits(play: Simulation, count: int) -> list[float]:
    """How long each of the first so many requests waits in a play."""
    play.run(until=lambda: all(one in play.landed or one in play.blamed for one in range(count)))
    return play.waits_of(count)


def _as_they_may_be(rates: Rates, count: int, airborne: Sequence[Airborne], seed: int) -> list[Request]:
    """The requests of the queue, bad or not by chance; one at least is bad in a batch that is taken apart, but for a flake."""
    chance = random.Random(seed)
    bad = [chance.random() < rates.bad for _ in range(count)]
    first = 0
    for batch in airborne:
        members = range(first, min(count, first + batch.size))
        window = members[batch.clean : batch.red]
        is_red = 1.0 - (1.0 - rates.bad) ** len(window)
        if batch.is_red and window and chance.random() < is_red / (is_red + rates.flake or 1.0):
            while not any(bad[one] for one in window):
                bad[window.start : window.stop] = [chance.random() < max(rates.bad, 0.01) for _ in window]
        green = members if batch.is_green or batch.is_next else members[: batch.clean]
        for one in green:
            bad[one] = bad[one] and batch.is_red and one in window
        first = members.stop
        for one in range(first, min(count, first + batch.suspects)):
            bad[one] = chance.random() < rates.bad / (rates.bad + rates.flake or 1.0)
        first += batch.suspects
    return [Request(0.0, one, False) for one in bad]


def _to_come(world: World, seed: int) -> list[Request]:
    """The requests of the next hours."""
    return arrivals(world._replace(hours=TO_COME_H), seed) if world.per_hour else []


def _in_lanes(requests: Sequence[Request], reaches: Sequence[Reach], seed: int) -> list[Request]:
    """The requests with what they affect; those to come are like those that are here."""
    if not reaches:
        return list(requests)
    chance = random.Random(seed)
    more = [chance.choice(reaches) for _ in requests[len(reaches) :]]
    return [one._replace(reach=reach) for one, reach in zip(requests, (*reaches, *more), strict=False)]


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the ordered values lies, 0 if there are none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
