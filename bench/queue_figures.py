"""Figures of the merge queue in virtual time (``gastown_core.refinery.virtual_queue``): waits, throughput, gate runs and blame, over some seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator

from bench.table import Row
from gastown_core.refinery.virtual_queue import Simulation
from gastown_core.refinery.virtual_world import Figures, World

SEEDS = range(1, 6)
CASES = (
    ("20/h, 5 min, 2 places, 6 % bad", World(20.0, 300.0, 2), "≤ 10 / 25 min"),
    ("100/h, 5 min, 4 places, 6 % bad", World(100.0, 300.0, 4), "≥ 50 landed/h, ≤ .9 runs"),
    ("100/h, 5 min, 4 places, 6 % bad, 4 lanes, 10 % of all lanes", World(100.0, 300.0, 4, lanes=4), ""),
    ("40/h, 5 min, 4 places, 6 % bad", World(40.0, 300.0, 4), ""),
    ("40/h, 5 min, 4 places, 6 % bad, 4 lanes, 10 % of all lanes", World(40.0, 300.0, 4, lanes=4), ""),
    ("500/h, 1 min, 8 places, 2 % bad", World(500.0, 60.0, 8, 0.02, hours=6.0), ""),
    ("serial, 60/h, 5 min, 2 % bad", World(60.0, 300.0, 1, 0.02, hours=48.0), "≤ .32 runs"),
    ("serial, 60/h, 5 min, 6 % bad", World(60.0, 300.0, 1, 0.06, hours=48.0), "≤ .60 runs"),
    ("serial, 60/h, 5 min, 12 % bad", World(60.0, 300.0, 1, 0.12, hours=48.0), "≤ 1.1 runs"),
    ("60/h, 1 min, 2 places, 5 % flake", World(60.0, 60.0, 2, flake=0.05, hours=48.0), "≤ .05 % wrong"),
    ("60/h, 1 min, 2 places, 20 % flake", World(60.0, 60.0, 2, flake=0.2, hours=48.0), "≤ .3 % wrong"),
    (
        "6 h of dead gates, nothing bad",
        World(20.0, 60.0, 2, 0.0, 0.0, 0.0, 12.0, dead=(10800.0, 32400.0)),
        "nobody blamed",
    ),
)
"""What is simulated: name, world, goal. 1 % of the requests fail only with a neighbour, 1 % of the runs are red by chance."""


def figures(world: World, seeds: Iterable[int] = SEEDS) -> Figures:
    """The mean over the seeds."""
    runs = [Simulation(world, seed).run() for seed in seeds]
    return Figures(*(statistics.mean(column) for column in zip(*runs, strict=True)))


def measure() -> Iterator[Row]:
    """One row for each case."""
    for name, world, goal in CASES:
        found = figures(world)
        said = f"p50 {found.p50:.1f}, p95 {found.p95:.1f} min; {found.landed:.1f} landed/h; {found.runs:.2f} runs each"
        yield Row(f"queue, {name}", f"{said}; {100 * found.wrong:.2f} % wrongly blamed", goal)
