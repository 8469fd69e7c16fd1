"""How large a batch is and when one begins; and whole queues in virtual time: what lands, who is blamed, who waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.queue_figures import figures
from gastown_core.model.refinery import BatchRecord
from gastown_core.refinery.planner import (
    PRIOR_BAD,
    Rates,
    Sight,
    batch_size,
    begins,
    chains,
    failure_rate,
    is_quiet,
    runs_per_landed,
    search_width,
)
from gastown_core.refinery.virtual_queue import Simulation
from gastown_core.refinery.virtual_world import World


@pytest.mark.parametrize(
    ("bad", "floor", "ceiling", "size"),
    [(0.0, 1, 16, 16), (0.02, 1, 60, 37), (0.06, 1, 16, 12), (0.12, 1, 16, 6), (0.5, 1, 16, 1), (0.9, 4, 16, 4), (0.0, 9, 3, 9), (0.26, 1, 16, 3), (0.02, 1, 10**30, 37)],
)  # fmt: skip
def test_a_batch_is_as_large_as_the_failure_rate_makes_cheapest(
    bad: float, floor: int, ceiling: int, size: int
) -> None:
    assert batch_size(Rates(bad, 0.01), floor, ceiling) == size


@given(st.floats(0.0, 0.9), st.floats(0.0, 0.3), st.integers(1, 8), st.integers(1, 40))
def test_no_other_size_within_the_limits_costs_less(bad: float, flake: float, floor: int, ceiling: int) -> None:
    rates = Rates(bad, flake)
    size = batch_size(rates, floor, ceiling)
    assert floor <= size <= max(floor, ceiling)
    best = min(runs_per_landed(one, rates) for one in range(floor, max(floor, ceiling) + 1))
    assert runs_per_landed(size, rates) == best


@pytest.mark.parametrize(
    ("waiting", "fresh", "free", "expected"),
    [(0, 0, 4, False), (1, 0, 1, True), (1, 0, 0, False), (4, 1, 1, False), (5, 1, 1, True), (5, 3, 0, False)],
)
def test_a_batch_begins_at_once_where_none_is_in_its_first_run_and_beside_others_once_it_is_full(
    waiting: int, fresh: int, free: int, expected: bool
) -> None:
    assert begins(Sight(waiting, fresh, free), 5) is expected


@pytest.mark.parametrize(
    ("waiting", "free", "below", "bad", "expected"),
    [
        (2, 1, 2, 0.06, True),
        (1, 1, 2, 0.06, False),
        (5, 1, 2, 0.06, False),
        (2, 0, 2, 0.06, False),
        (2, 1, 0, 0.06, False),
        (2, 1, 3, 0.06, False),
        (2, 1, 6, 0.02, True),
        (2, 1, 1, 0.2, False),
    ],
)
def test_a_batch_stands_on_another_if_several_wait_but_no_full_batch_and_the_other_is_likely_green(
    waiting: int, free: int, below: int, bad: float, expected: bool
) -> None:
    assert chains(Sight(waiting, 1, free), 5, below, Rates(bad, 0.01)) is expected


def test_a_search_leaves_a_place_to_those_who_wait() -> None:
    assert [search_width(Sight(waiting, 0, free)) for waiting, free in ((0, 3), (1, 3), (1, 1), (0, 0))] == [3, 2, 1, 1]


def test_a_queue_is_quiet_while_hardly_a_request_comes_in_a_gate_run() -> None:
    def batch(settled: int, secs: float, *, ago: float = 60.0, target: str = "main") -> BatchRecord:
        ids = tuple(f"m{number}" for number in range(settled))
        return BatchRecord("b", target, merged=ids[1:], culprits=ids[:1], at=10_000.0 - ago, times=(secs,) * (secs > 0))

    assert is_quiet([], "main", 10_000.0)
    assert is_quiet([batch(5, 300.0)], "main", 10_000.0) and not is_quiet([batch(6, 300.0)], "main", 10_000.0)
    assert is_quiet([batch(60, 1.0)], "main", 10_000.0), "many, but none of them within a run"
    assert not is_quiet([batch(3, 300.0)] * 2, "main", 10_000.0)
    assert is_quiet([batch(3, 300.0), batch(3, 300.0, ago=3600.0)], "main", 10_000.0), "an hour ago it was busy"
    assert is_quiet([batch(60, 300.0, target="other")], "main", 10_000.0)
    assert not is_quiet([batch(1, 0.0)], "main", 10_000.0), "how long its gates run is not known"


def test_the_failure_rate_is_that_of_the_target_and_of_late() -> None:
    assert failure_rate([], "main") == pytest.approx(PRIOR_BAD)
    good = BatchRecord("b", "main", merged=("a",) * 10)
    bad = BatchRecord("b", "main", culprits=("a",) * 10)
    other = BatchRecord("b", "other", culprits=("a",) * 10)
    assert failure_rate([other, *[good] * 30], "main") < 0.01 < PRIOR_BAD < failure_rate([bad], "main")
    assert failure_rate([good] * 20 + [bad] * 90, "main") == failure_rate([good] * 20, "main")


@pytest.mark.parametrize("places", [1, 2, 4])
def test_of_whole_queues_nothing_red_lands_and_nothing_clean_goes_back(places: int) -> None:
    for seed in range(4):
        world = World(30.0 * places, 120.0, places, bad=0.1, flake=0.0, pairs=0.05, hours=4.0)
        queue = Simulation(world, seed)
        figures = queue.run()
        assert figures.wrong == 0.0 and figures.landed > 10
        assert not any(queue.requests[one].is_bad for one in queue.landed)
        assert not any(queue.requests[one].is_later_of_pair and one - 1 in queue.landed for one in queue.landed)


@pytest.mark.parametrize("flake", [0.0, 0.05, 0.2])
def test_every_clean_request_lands_within_a_bound_while_places_suffice(flake: float) -> None:
    world = World(20.0, 60.0, 2, flake=flake, hours=12.0)
    queue = Simulation(world, 7)
    queue.run()
    late = world.hours * 3600.0 - 3600.0
    waiting = [one for one, made in enumerate(queue.requests) if made.at < late and queue.is_clean(one)]
    assert not set(waiting) - set(queue.landed) - set(queue.blamed)
    assert max(queue.landed[one] - queue.requests[one].at for one in waiting if one in queue.landed) < 3600.0


def test_few_requests_at_two_places_wait_no_longer_than_promised() -> None:
    for seeds in (range(1, 6), range(101, 111)):
        found = figures(World(20.0, 300.0, 2), seeds)
        assert found.p50 <= 10.0 and found.p95 <= 25.0 and found.runs <= 0.9 and found.wrong < 0.0005


def test_an_hour_in_which_every_gate_is_red_blames_nobody() -> None:
    world = World(40.0, 60.0, 2, bad=0.0, flake=0.0, pairs=0.0, hours=4.0, dead=(3600.0, 7200.0))
    queue = Simulation(world, 3)
    figures = queue.run()
    assert not queue.blamed and figures.landed > 30


def test_lanes_land_sooner_and_nothing_red_lands_from_them() -> None:
    plain, apart = (
        World(40.0, 300.0, 4, flake=0.0, pairs=0.0, hours=8.0),
        World(40.0, 300.0, 4, flake=0.0, pairs=0.02, hours=8.0, lanes=4, wide=0.0),
    )
    waits = []
    for world in (plain, apart):
        queues = [Simulation(world, seed) for seed in range(1, 5)]
        found = [queue.run() for queue in queues]
        waits.append(sum(one.p50 for one in found))
        for queue in queues:
            assert not any(queue.requests[one].is_bad for one in queue.landed)
            assert not any(queue.requests[one].is_later_of_pair and one - 1 in queue.landed for one in queue.landed)
            assert all(not queue.is_clean(one) for one in queue.blamed)
    assert waits[1] < waits[0]


@pytest.mark.parametrize(("per_hour", "places"), [(40.0, 4), (20.0, 2)])
def test_lanes_cost_no_more_runs_than_promised(per_hour: float, places: int) -> None:
    found = figures(World(per_hour, 300.0, places, lanes=4, wide=0.0, hours=12.0), range(1, 6))
    assert found.runs <= 0.95 and found.p50 <= 10.0 and found.p95 <= 25.0


@pytest.mark.parametrize("wide", [0.1, 0.5])
def test_requests_of_all_lanes_land_within_a_bound_among_those_of_one(wide: float) -> None:
    world = World(40.0, 60.0, 4, hours=8.0, lanes=4, wide=wide)
    queue = Simulation(world, 3)
    queue.run()
    late = world.hours * 3600.0 - 3600.0
    waiting = [one for one, made in enumerate(queue.requests) if made.at < late and queue.is_clean(one)]
    assert not set(waiting) - set(queue.landed) - set(queue.blamed)
    assert max(queue.landed[one] - queue.requests[one].at for one in waiting if one in queue.landed) < 3600.0
