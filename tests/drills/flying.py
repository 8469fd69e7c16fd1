"""The merge engine in a process of its own, to be killed: ``python -m tests.drills.flying TOWN [chain|stands]``.

It says on standard error what it has in flight.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator

from gastown_core.refinery import fleet, merge_batch, planner
from gastown_core.refinery.engine import process
from gastown_core.work.scheduler import dispatch


def begins_alone(sight: planner.Sight, _size: int) -> bool:
    """A planner's rule: no batch begins beside another one."""
    return bool(sight.waiting) and not sight.fresh


def chains_always(sight: planner.Sight, _size: int, below: int, _rates: planner.Rates) -> bool:
    """A planner's rule: each batch stands on the one before, however likely that is to be red."""
    return bool(sight.waiting and sight.free and below)


class Watched(fleet.Fleet):
    """A fleet that says what is in flight when a batch takes off."""

    def add(self, flight: fleet.Flight) -> None:
        super().add(flight)
        os.write(2, f"in flight: {len(self.flights)}, chained: {len(self.chain)}\n".encode())


class WatchedRun(merge_batch.BatchRun):
    """A batch that says when it lands without another run."""

    def _carry(self, good: tuple[str, ...]) -> tuple[str, ...]:
        carried = super()._carry(good)
        os.write(2, b"lands apart\n" if carried else b"")
        return carried


def comes_to_nothing(_run: merge_batch.BatchRun) -> Generator[object, object, tuple[str, ...]]:
    """A batch in which nothing moves, as if by a fault of the engine."""
    yield from ()
    return ()


def fly(root: str, *, is_chain: bool = False, stands: bool = False) -> None:
    """Merge what can be merged in rig ``shop``; nobody works on what comes back."""
    from gastown_core.refinery import runway

    dispatch.dispatch = lambda *args, **_: dispatch.Dispatched(args[2], args[3], ok=True)
    runway.Fleet, runway.BatchRun = Watched, WatchedRun
    if stands:
        merge_batch.BatchRun._land = comes_to_nothing
    if is_chain:
        planner.begins, planner.chains = begins_alone, chains_always
    process(root, "shop")


if __name__ == "__main__":
    fly(sys.argv[1], is_chain="chain" in sys.argv[2:], stands="stands" in sys.argv[2:])
