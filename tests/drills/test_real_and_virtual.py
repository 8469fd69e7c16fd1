"""The simulator against the engine: the same requests with real git and real gates, and in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_core.refinery import planner
from gastown_core.refinery.engine import RefineryEngine
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.virtual_queue import Simulation
from gastown_core.refinery.virtual_world import Request, World
from tests.drills.drilled import LONG
from tests.support.queued import CHECK, Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]

pytestmark = pytest.mark.timeout(600)
COUNT = 40
BAD = ([13, 23, 27, 39], [0, 6, 15], [3, 16, 36]) if LONG else ([3, 16, 36],)
GATE_S = 1.0 if LONG else 0.05


class Unmeasured(Simulation):
    """A rig whose gates have no history: the share of runs that are red by chance is the one that is assumed."""

    def _rates(self) -> planner.Rates:
        return planner.Rates(planner.failure_rate(reversed(self.batches[-60:]), "main"), planner.PRIOR_FLAKE)


class Compared:
    """A queue of forty requests, some of them bad, as the engine and as the simulator empties it."""

    def __init__(self, queued: Queued, runs: Path, bad: list[int], places: int, gate_s: float) -> None:
        queued.gate(f"echo >> {runs}; sleep {gate_s}; {CHECK}")
        queued.settings(max_concurrent=places)
        for one in range(COUNT):
            queued.hand_in({f"{'bad' if one in bad else 'file'}{one}": "1"}, title=f"{'bad' if one in bad else 'good'}")
        waiting = RefineryEngine(Refinery(queued.root, "shop")).queue().ready
        self.bad = {one.id for one in waiting if queued.bead(one.source_issue).title == "bad"}
        results = queued.process()
        self.blamed = {name for result in results for name in result.culprits}
        self.runs, self.landed = len(runs.read_text().splitlines()), len(queued.merged())
        self.sizes = [len(result.mrs) for result in results]
        requests = [Request(0.0, one.id in self.bad, False) for one in waiting]
        self.play = Unmeasured(World(0.0, gate_s, places, flake=0.0, hours=1e6), 1, requests=requests)
        self.play.run()

    def holds(self) -> bool:
        """Whether just the bad ones were sent back, and all others landed, in both."""
        clean = COUNT - len(self.bad)
        return (
            self.blamed == self.bad
            and len(self.play.blamed) == len(self.bad)
            and self.landed == len(self.play.landed) == clean
        )


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_queue_of_one_place_is_emptied_as_in_virtual_time(queued: Queued, tmp_path: Path, bad: list[int]) -> None:
    found = Compared(queued, tmp_path / "runs", bad, 1, GATE_S)
    assert found.holds()
    assert found.sizes == [len(batch.merged) + len(batch.culprits) for batch in found.play.batches]
    # a run more or less where the engine remembers a tree that the simulator has again
    assert abs(found.runs - found.play.runs) <= 2


if LONG:

    @pytest.mark.parametrize("bad", BAD, ids=str)
    @pytest.mark.parametrize("places", [2, 4])
    def test_batches_beside_one_another_take_as_many_runs_as_in_virtual_time(
        queued: Queued, tmp_path: Path, bad: list[int], places: int
    ) -> None:
        found = Compared(queued, tmp_path / "runs", bad, places, GATE_S)
        assert found.holds()
        # which of two runs that end together ends first is chance, and decides what is tested with what
        assert abs(found.runs - found.play.runs) <= 0.25 * found.play.runs
