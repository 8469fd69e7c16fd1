"""How often a request lands within the interval that was forecast, in virtual time: queues are looked at now and then, and played on."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from bench.table import Row
from gastown_core.refinery.outlook import forecast
from gastown_core.refinery.planner import Rates, failure_rate
from gastown_core.refinery.virtual_queue import Simulation
from gastown_core.refinery.virtual_world import World

CHANCE = random.Random(5)
GATES_S = tuple(300.0 * CHANCE.lognormvariate(0.0, 0.25) for _ in range(300))
"""Gates of about five minutes; a forecast knows thirty of these times."""
CASES = (
    ("20/h, 5 min, 2 places", World(20.0, 0.0, 2, gates_s=GATES_S)),
    ("40/h, 5 min, 4 places", World(40.0, 0.0, 4, gates_s=GATES_S)),
    ("80/h, 5 min, 4 places, saturated", World(80.0, 0.0, 4, gates_s=GATES_S, hours=12.0)),
    ("80/h, 5 min, 4 places, 4 lanes", World(80.0, 0.0, 4, gates_s=GATES_S, hours=12.0, lanes=4)),
    ("30/h, 1 min, 1 place", World(30.0, 0.0, 1, gates_s=tuple(one / 5.0 for one in GATES_S))),
)
SEEDS = range(301, 311)
LOOKS = 4
KNOWN = 30


def contained(world: World, seeds: Iterable[int], plays: int = 60) -> tuple[int, int]:
    """How many requests landed within their interval, and how many landed at all."""
    inside = seen = 0
    for seed in seeds:
        play, chance, said = Simulation(world, seed), random.Random(seed + 7), []
        for moment in sorted(chance.uniform(3.0, world.hours - 4.0) * 3600.0 for _ in range(LOOKS)):
            play.run(stop_at=moment)
            ids, airborne = play.in_flight()
            ids += play.waiting
            found = forecast(
                [str(one) for one in ids],
                Rates(failure_rate(reversed(play.batches[-60:]), "main"), world.flake),
                random.Random(seed).choices(world.gates_s, k=KNOWN),
                places=world.places,
                floor=1,
                ceiling=20,
                airborne=airborne,
                per_hour=world.per_hour,
                reaches=[play.requests[one].reach for one in ids] if world.lanes else (),
                plays=plays,
            )
            said += [(play.now, one) for one in found]
        play.run()
        for now, one in said:
            at = play.landed.get(int(one.id))
            if at is not None:
                seen += 1
                inside += one.early - 1.0 <= at - now <= one.late + 1.0
    return inside, seen


def measure() -> Iterator[Row]:
    """One row for each case."""
    for name, world in CASES:
        inside, seen = contained(world, SEEDS)
        yield Row(f"forecast, {name}", f"{100 * inside / seen:.0f} % of {seen} within", "75 to 85 %")
