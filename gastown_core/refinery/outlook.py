"""What the queue did and when it will land what waits: figures from finished batches, and a forecast.

The forecast plays the queue as it is now many times in virtual time, with the failure rate, the flake rate and the gate
times that were measured, and reads intervals off the outcomes.
"""

from __future__ import annotations

import random

from gastown_core.model.record import Record
from gastown_core.refinery.virtual_queue import Request, Simulation, World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.model.refinery import BatchRecord
    from gastown_core.refinery.planner import Rates

PLAYS = 120
"""How often the queue is played for one forecast."""
MOST = 60
"""How many of the first requests are forecast."""
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
    ordered = sorted(waits)
    return Stats(
        len(batches),
        sum(len(one.merged) for one in batches),
        sum(len(one.culprits) for one in batches),
        sum(len(one.held) for one in batches),
        sum(one.flaky for one in batches),
        sum(one.runs for one in batches),
        hours,
        quantile(ordered, 0.5),
        quantile(ordered, 0.95),
    )


def gate_times(batches: Sequence[BatchRecord]) -> tuple[float, ...]:
    """How long a gate run took in each of the batches; those with one run tell best."""
    single = [one.secs for one in batches if one.runs == 1 and one.secs > 0]
    found = single or [one.secs / one.runs for one in batches if one.runs and one.secs > 0]
    return tuple(found[:100]) or (UNKNOWN_S,)


def forecast(
    ids: Sequence[str],
    rates: Rates,
    times: Sequence[float],
    *,
    places: int,
    floor: int,
    ceiling: int,
    ran_s: float = 0.0,
    plays: int = PLAYS,
) -> list[Outlook]:
    """When each of the requests lands, in queue order; the first batch has run for ``ran_s`` seconds.

    The same queue gives the same forecast.
    """
    wanted = list(ids[:MOST])
    world = World(0.0, 0.0, max(1, places), rates.bad, rates.flake, 0.0, 1e6, gates_s=tuple(times))
    outcomes: list[list[float]] = []
    for seed in range(plays if wanted else 0):
        chance = random.Random(seed)
        requests = [Request(0.0, chance.random() < rates.bad, False) for _ in wanted]
        play = Simulation(world, seed, floor=floor, ceiling=ceiling, requests=requests)
        play.run()
        outcomes.append(play.waits_of(len(wanted)))
    found = []
    for place, name in enumerate(wanted):
        landed = sorted(max(0.0, one[place] - ran_s) for one in outcomes if one[place] != float("inf"))
        early, middle, late = (quantile(landed, share) for share in (0.1, 0.5, 0.9))
        found.append(Outlook(name, early, middle, late, 1.0 - len(landed) / len(outcomes)))
    return found


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the ordered values lies, 0 if there are none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
