"""How often a request lands within the interval that was forecast, in virtual time: queues are looked at now and then, and played on, with as
many places as there are or with others."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterable, Iterator

from bench.table import Row
from gastown_core.refinery.outlook import Outlook, forecast
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
WHAT_IFS = (("4 to 2 places", 1, 2), ("2 to 4 places", 0, 4), ("1 to 2 places", 4, 2))
"""Name, which case, and with how many places it goes on."""
SEEDS = range(301, 311)
LOOKS = 4
KNOWN = 30


def contained(world: World, seeds: Iterable[int], plays: int = 60) -> tuple[int, int]:
    """How many requests landed within their interval, and how many landed at all."""
    inside = seen = 0
    for seed in seeds:
        play, said = Simulation(world, seed), list[tuple[float, Outlook]]()
        for moment in _moments(world, seed):
            play.run(stop_at=moment)
            said += [(play.now, one) for one in _told(play, seed, plays)]
        play.run()
        for now, one in said:
            at = play.landed.get(int(one.id))
            if at is not None:
                seen += 1
                inside += _holds(one, at - now)
    return inside, seen


def what_if(world: World, slots: int, seeds: Iterable[int], plays: int = 60) -> tuple[int, int, float, float]:
    """The same with as many places from the moment of the forecast on, and the middle that was said and that was true, in seconds."""
    inside, said, true = 0, list[float](), list[float]()
    for seed in seeds:
        for moment in _moments(world, seed):
            play = Simulation(world, seed)
            play.run(stop_at=moment)
            told, now = _told(play, seed, plays, slots), play.now
            play.world = play.world._replace(places=slots)
            play.run(until=lambda play=play, told=told: all(_is_over(play, one) for one in told))  # type: ignore[misc]
            for one in told:
                at = play.landed.get(int(one.id))
                if at is not None:
                    inside += _holds(one, at - now)
                    said.append(one.middle)
                    true.append(at - now)
    return inside, len(said), statistics.median(said), statistics.median(true)


def _moments(world: World, seed: int) -> list[float]:
    chance = random.Random(seed + 7)
    return sorted(chance.uniform(3.0, world.hours - 4.0) * 3600.0 for _ in range(LOOKS))


def _told(play: Simulation, seed: int, plays: int, slots: int = 0) -> list[Outlook]:
    """The forecast of the queue as it is in a play, or with so many places."""
    world = play.world
    ids, airborne = play.in_flight()
    ids += play.waiting
    return forecast(
        [str(one) for one in ids],
        Rates(failure_rate(reversed(play.batches[-60:]), "main"), world.flake),
        random.Random(seed).choices(world.gates_s, k=KNOWN),
        places=slots or world.places,
        floor=1,
        ceiling=20,
        airborne=airborne,
        per_hour=world.per_hour,
        reaches=[play.requests[one].reach for one in ids] if world.lanes else (),
        plays=plays,
    )


def _holds(one: Outlook, wait: float) -> bool:
    return one.early - 1.0 <= wait <= one.late + 1.0


def _is_over(play: Simulation, one: Outlook) -> bool:
    return int(one.id) in play.landed or int(one.id) in play.blamed


def measure() -> Iterator[Row]:
    """One row for each case."""
    for name, world in CASES:
        inside, seen = contained(world, SEEDS)
        yield Row(f"forecast, {name}", f"{100 * inside / seen:.0f} % of {seen} within", "75 to 85 %")
    for name, case, slots in WHAT_IFS:
        inside, seen, said, true = what_if(CASES[case][1], slots, SEEDS)
        text = f"{100 * inside / seen:.0f} % of {seen} within, middle {said:.0f} s where {true:.0f} s was true"
        yield Row(f"what if, {name}", text, "75 to 85 %")
