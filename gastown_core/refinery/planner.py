"""How many requests a batch takes and whether another one begins now: pure functions of what was measured.

No clock, files or git: the engine and the simulator (``bench/queue_figures.py``) call the same functions.
"""

from __future__ import annotations

import functools
import math

from gastown_core.model.record import Record
from gastown_core.refinery.lanes import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gastown_core.model.refinery import BatchRecord
    from gastown_core.refinery.lanes import Reach

PRIOR_BAD, PRIOR_BAD_WEIGHT = 0.06, 20.0
"""The failure rate assumed for a target without history, and how many requests it counts as."""
PRIOR_FLAKE = 0.03
"""The share of red runs by chance that is assumed of gates without history."""
CHAIN_LEAST, CHAIN_SURE = 2, 0.85
"""How many must wait for a batch to stand on others, and how likely those must be to land as they are tested."""
FEW_FREE = 2
"""With how many free places or fewer a single request begins beside no other batch, though its lane is free."""
MOST_UNTESTED = 10
"""After how many landings without a common test the union is tested before anything else."""
QUIET_S, QUIET_LOAD = 3600.0, 0.5
"""A queue is quiet if, as in so long a time before, fewer requests than this come while a gate runs."""
SEEN = 200
"""How many of the target's last requests the failure rate looks back on."""


class Rates(Record):
    """What was measured on a target: the share of requests that are sent back, and of runs that are red by chance."""

    bad: float = PRIOR_BAD
    flake: float = PRIOR_FLAKE


class Sight(Record):
    """What the planner sees: requests that wait, batches in their first run, and the gate places that are free now."""

    waiting: int
    fresh: int
    free: int


def failure_rate(batches: Iterable[BatchRecord], target: str) -> float:
    """The share of the target's last requests that were sent back; ``batches`` has the newest first."""
    bad, seen = PRIOR_BAD * PRIOR_BAD_WEIGHT, PRIOR_BAD_WEIGHT
    for batch in batches:
        if batch.target == target:
            bad += len(batch.culprits)
            seen += len(batch.culprits) + len(batch.merged)
        if seen >= SEEN + PRIOR_BAD_WEIGHT:
            break
    return bad / seen


def runs_per_landed(size: int, rates: Rates) -> float:
    """The expected gate runs per landed request of batches of this size, tested one after the other.

    A batch costs a run, each culprit its search, the rest without it and a run alone.
    """
    red_by_chance = rates.flake * (2.0 + math.log2(size))
    each = rates.bad * ((2.0 + math.log2(size)) if size > 1 else 1.0)
    return (1.0 + red_by_chance + size * each) / (size * (1.0 - min(rates.bad, 0.99)))


@functools.lru_cache(maxsize=256)
def batch_size(rates: Rates, floor: int, ceiling: int) -> int:
    """The size between ``floor`` and ``ceiling`` whose batches cost the fewest gate runs per landed request."""
    best = max(1, floor)
    least = before = runs_per_landed(best, rates)
    for size in range(best + 1, max(floor, ceiling, 1) + 1):
        cost = runs_per_landed(size, rates)
        if cost < least:
            best, least = size, cost
        if size > 2 and cost > before:
            # from two on, costs that rise once rise for ever: a ceiling of a billion is not counted up to
            break
        before = cost
    return best


def begins(sight: Sight, size: int) -> bool:
    """Whether another batch begins now: at once if none is in its first run, beside others only if it would be full."""
    if not sight.waiting or sight.free < 1:
        return False
    return sight.fresh == 0 or sight.waiting >= size


def chains(sight: Sight, size: int, below: int, rates: Rates) -> bool:
    """Whether the next batch is tested on top of those in their first run, which stand on one another with ``below`` requests.

    It is worth its run if several wait, but fewer than a full batch, and what it stands on is likely to be green.
    """
    if not below or sight.free < 1 or not CHAIN_LEAST <= sight.waiting < size:
        return False
    return (1.0 - rates.bad) ** below * (1.0 - rates.flake) >= CHAIN_SURE


def takes_off(waiting: Sequence[Reach], fresh: Sequence[Reach], size: int, free: int) -> tuple[int, ...]:
    """Which of the waiting requests, best first, the next batch takes, by their places; none if none begins now.

    ``fresh`` is what the batches in their first run affect.  The first request whose lanes nobody tests begins with those
    within its lanes, or beside others with a full batch; what has to wait keeps its lanes.  Where the groups that could begin
    outnumber the ``free`` places, or have too few requests to begin beside others, the first ones share a batch.
    """
    groups, kept, taken = list[list[int]](), NOTHING, set[int]()
    for place, reach in enumerate(waiting if free > 0 else ()):
        if place in taken or kept.is_wide:
            continue
        if not kept.meets(reach):
            group = [one for one in range(place, len(waiting)) if one not in taken and reach.holds(waiting[one])]
            if len(group) >= size or not any(reach.meets(one) for one in fresh):
                groups.append(group)
                taken.update(group)
        kept = kept.with_(reach)
    shared, least = max(1, len(groups) - free + 1), min(size, least_beside(len(fresh), free))
    while shared < len(groups) and sum(map(len, groups[:shared])) < least:
        shared += 1
    found = sorted(one for group in groups[:shared] for one in group)[:size]
    return tuple(found) if len(found) >= least else ()


def least_beside(fresh: int, free: int) -> int:
    """How many requests begin beside so many batches in their first run: as many as those are, and two on the last places.

    A run for each request, since its lane is free, costs more runs than it saves time.
    """
    return max(1, fresh, CHAIN_LEAST * (fresh > 0 and free <= FEW_FREE))


def owes_union(landings: int, fresh: int, free: int) -> bool:
    """Whether all gates run now on what landed without a common test, in so many landings: when nothing else wants the place,
    at the latest after ``MOST_UNTESTED``."""
    return landings >= MOST_UNTESTED or (landings > 0 and fresh == 0 and free > 0)


def has_room(sight: Sight, size: int, places: int, *, is_quiet: bool = False) -> bool:
    """Whether requests of a red batch are better tested with the next one: that is not full, and runs beside this one.

    In a quiet queue nobody would share its run: there the search tests them together, which costs a run or two less.
    """
    return places > 1 and sight.waiting < size and not (is_quiet and not sight.waiting)


def is_quiet(batches: Iterable[BatchRecord], target: str, now: float) -> bool:
    """Whether hardly a request comes to the target while a gate runs, by its last hour; ``batches`` has the newest first."""
    settled, times = 0, list[float]()
    for batch in batches:
        if batch.at <= now - QUIET_S:
            break
        if batch.target == target:
            settled += len(batch.merged) + len(batch.culprits)
            times += batch.times
    if not times:
        # older engines did not say how long their gates ran
        return not settled
    return settled / QUIET_S * (sum(times) / len(times)) < QUIET_LOAD


def search_width(sight: Sight) -> int:
    """How many probes of one red stack run in parallel: the free places, but for one that waiting requests can use."""
    return max(1, sight.free - (sight.waiting > 0))
