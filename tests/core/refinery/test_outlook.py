"""Figures of finished batches, and whether the forecast's intervals hold what they promise."""

from __future__ import annotations

import random

import pytest

from gastown_core.model.refinery import BatchRecord
from gastown_core.refinery.outlook import UNKNOWN_S, forecast, gate_times, quantile, stats
from gastown_core.refinery.planner import Rates
from gastown_core.refinery.virtual_queue import Request, Simulation, World

IDS = [f"m{number}" for number in range(12)]


def test_stats_are_sums_and_a_span_without_batches_is_empty() -> None:
    batches = [
        BatchRecord("b1", "main", merged=("a", "b"), culprits=("c",), runs=4, flaky=True),
        BatchRecord("b2", "main", merged=("d",), held=("e",), runs=1),
    ]
    found = stats(batches, [60.0, 120.0, 600.0], 2.0)
    assert (found.batches, found.merged, found.sent_back, found.held, found.flaky, found.runs) == (2, 3, 1, 1, 1, 5)
    assert found.per_hour == 1.5 and found.runs_per_landed == pytest.approx(5 / 3)
    assert (found.wait_p50, found.wait_p95) == (120.0, 600.0)
    none = stats([], [], 2.0)
    assert none.per_hour == none.runs_per_landed == none.wait_p95 == 0.0 and stats([], [], 0.0).per_hour == 0.0


def test_gate_times_come_from_batches_of_one_run_if_there_are_any() -> None:
    one, many = BatchRecord("b", runs=1, secs=30.0), BatchRecord("b", runs=4, secs=100.0)
    assert gate_times([]) == (UNKNOWN_S,)
    assert gate_times([many]) == (25.0,) and gate_times([many, one]) == (30.0,)
    assert quantile([], 0.5) == 0.0


def test_more_places_land_sooner_and_what_ran_already_counts() -> None:
    slow, fast = (forecast(IDS, Rates(0.1, 0.01), (100.0,), places=n, floor=3, ceiling=3) for n in (1, 4))
    assert [one.id for one in slow] == IDS
    assert slow[-1].middle > fast[-1].middle and all(one.early <= one.middle <= one.late for one in slow)
    later = forecast(IDS, Rates(0.1, 0.01), (100.0,), places=1, floor=3, ceiling=3, ran_s=50.0)
    assert later[0].early == slow[0].early - 50.0
    assert slow == forecast(IDS, Rates(0.1, 0.01), (100.0,), places=1, floor=3, ceiling=3)
    assert (
        all(0.0 < one.sent_back < 0.3 for one in slow)
        and forecast([], Rates(), (1.0,), places=1, floor=1, ceiling=9) == []
    )


def test_four_of_five_requests_land_within_their_interval() -> None:
    of_times, rates = random.Random(1), Rates(0.06, 0.01)
    times = tuple(of_times.uniform(60.0, 240.0) for _ in range(50))
    inside = seen = 0
    found = forecast(IDS, rates, times, places=2, floor=4, ceiling=4)
    for seed in range(1000, 1080):
        chance = random.Random(seed)
        requests = [Request(0.0, chance.random() < rates.bad, False) for _ in IDS]
        world = World(0.0, 0.0, 2, rates.bad, rates.flake, 0.0, 1e6, gates_s=times)
        play = Simulation(world, seed, floor=4, ceiling=4, requests=requests)
        play.run()
        for said, wait in zip(found, play.waits_of(len(IDS)), strict=True):
            if wait != float("inf"):
                seen += 1
                inside += said.early <= wait <= said.late
    assert 0.72 < inside / seen < 0.88
