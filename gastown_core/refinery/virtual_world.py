"""What a simulated rig is like, and the requests that chance hands in to it."""

from __future__ import annotations

import random

from gastown_core.model.record import Record
from gastown_core.refinery.lanes import EVERYTHING, Reach


class World(Record):
    """What the simulated rig is like: arrivals an hour, gate time, places, and the shares of what goes wrong.

    ``pairs`` is the share of requests that fail only together with the one handed in before them.
    """

    per_hour: float
    gate_s: float
    places: int
    bad: float = 0.06
    flake: float = 0.01
    pairs: float = 0.01
    hours: float = 24.0
    gates_s: tuple[float, ...] = ()
    """Measured times of gate runs, to draw from instead of ``gate_s``."""
    dead: tuple[float, float] = (0.0, 0.0)
    """From when to when every gate run is red."""
    lanes: int = 0
    """How many lanes its requests are spread over; 0: it has none. Requests of one pair are in one lane."""
    wide: float = 0.1
    """The share of requests that affect all lanes."""


class Figures(Record):
    """What one simulated run came to: waits in minutes, and requests landed an hour; ``wrong`` is a share of the clean."""

    p50: float
    p95: float
    landed: float
    runs: float
    wrong: float


class Request(Record):
    """A request as chance made it."""

    at: float
    is_bad: bool
    is_later_of_pair: bool
    reach: Reach = EVERYTHING


class Airborne(Record):
    """A batch in flight when the play begins: how many requests it has and how long its gates have run.

    ``is_red``: it is being taken apart; its first ``clean`` requests are known to be green together, and the culprit is among
    the ``window`` after those (0: anywhere). ``is_on``: it stands on the one before; ``is_stale``: the target has moved since, by what it is not apart from;
    ``is_green``: it only waits for its turn to land; ``is_next``: it was green, and is tested once more with what it lands with, next of all.
    ``probes``: how many of it run now, one at least if its gates have run.  ``suspects`` more were singled out already, and are explained at last; alone they are all that is left. With neither it is
    a run of the bare target.
    """

    size: int
    ran_s: float = 0.0
    is_red: bool = False
    is_on: bool = False
    clean: int = 0
    window: int = 0
    is_stale: bool = False
    is_green: bool = False
    suspects: int = 0
    is_next: bool = False
    probes: int = 0

    @property
    def turn(self) -> tuple[bool, ...]:
        """By what the batches are put in flight one after the other."""
        return self.is_green, not self.is_next, not self.running, self.is_red

    @property
    def running(self) -> int:
        """How many probes of it run now."""
        return max(self.probes, self.ran_s > 0.0)

    @property
    def red(self) -> int:
        """The length of the shortest part of it that is known to be red."""
        return min(self.size, self.clean + self.window) if self.window else self.size


def arrivals(world: World, seed: int) -> list[Request]:
    """The requests of a simulated time, by Poisson arrivals."""
    chance, now, out = random.Random(seed), 0.0, list[Request]()
    while (now := now + chance.expovariate(world.per_hour / 3600.0)) < world.hours * 3600.0:
        made = Request(now, chance.random() < world.bad, chance.random() < world.pairs)
        if world.lanes:
            made = made._replace(reach=_reach(world, chance))
            made = made._replace(reach=out[-1].reach) if made.is_later_of_pair and out else made
        out.append(made)
    return out


def _reach(world: World, chance: random.Random) -> Reach:
    lane = str(chance.randrange(world.lanes))
    return EVERYTHING if chance.random() < world.wide else Reach(frozenset([lane]))
