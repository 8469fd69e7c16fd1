"""A union that is red, killed at every point, also while the search runs for what does not go together: the queue is held
and one alarm is open, until a request mends the target; then everything lands and the alarm is over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.messaging.escalation import open_escalations
from gastown_core.refinery.engine import process
from gastown_core.refinery.hold import read_hold
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.untested import read_untested
from tests.drills.drilled import LONG, POINT, note_sweep, spread
from tests.drills.flown import HERE
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]

pytestmark = pytest.mark.timeout(7200 if LONG else 900)
SHORT = 4
LANES = {name: [f"{name}/"] for name in ("web", "core", "docs")}
MEET = "echo >> {marks}; for try in $(seq 600); do test $(wc -l < {marks}) -ge 3 && break; sleep 0.05; done"
"""The first gates wait for one another, so that all three lanes are tested on one commit."""
WHOLE = "test -e mended || ! { test -e web/pair && test -e core/pair; }"


class Later:
    """The machine's clock some hours later."""

    def __init__(self) -> None:
        self.more = 0.0

    def now(self) -> float:
        return SYSTEM_CLOCK.now() + self.more


class Apart:
    """Requests of three lanes that all land, two of which do not go together."""

    def __init__(self, queued: Queued, kept: str) -> None:
        self.queued, self.kept = queued, kept
        self.base = os.path.dirname(queued.root)
        self.marks = os.path.join(self.base, "marks")
        Path(self.marks).touch()
        lanes = {name: {"cmd": MEET.format(marks=self.marks), "paths": [f"{name}/"]} for name in LANES}
        queued.settings(lanes=LANES, gates={"whole": {"cmd": WHOLE}, **lanes}, max_concurrent=6)
        self.requests = [queued.hand_in({name: "1"}) for name in ("web/pair", "core/pair", "docs/a", "docs/b")]
        shutil.copytree(self.base, kept, symlinks=True)

    def put_back(self) -> None:
        shutil.rmtree(self.base)
        shutil.copytree(self.kept, self.base, symlinks=True)

    def fly(self, kill_at: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "tests.drills.flying", self.queued.root]
        more = {**os.environ, "PYTHONPATH": HERE, "GT_KILL_AT": kill_at}
        ran = subprocess.run(words, env=more, capture_output=True, text=True, timeout=120)
        assert ran.returncode in (0, -signal.SIGKILL), (kill_at, ran.stderr)
        return ran

    def amiss(self) -> list[str]:
        """What is wrong when the next runs have found the target red, and when a request has mended it."""
        clock = Later()
        for _ in range(3):
            process(self.queued.root, "shop", clock=clock)
            clock.more += 3600.0
        wrong = [f"while it is red: {one}" for one in self._while_red()]
        mends = self.queued.hand_in({"mended": "1"})
        process(self.queued.root, "shop", clock=clock)
        return wrong + [f"once mended: {one}" for one in self._once_mended(mends.id)]

    def _while_red(self) -> list[str]:
        queued, ids = self.queued, sorted(one.id for one in self.requests)
        wrong = [] if sorted(queued.merged()) == ids else [f"landed {queued.merged()}"]
        hold = read_hold(Refinery(queued.root, "shop"), "main")
        pair = {one.id for one in self.requests[:2]}
        named = hold is not None and all(one in hold.reason for one in pair)
        wrong += [] if named else [f"the hold is {hold}"]
        alarms = open_escalations(queued.ledger)
        wrong += [] if len(alarms) == 1 else [f"alarms: {[one.id for one in alarms]}"]
        told = [str(event["payload"]) for event in queued.events("union_tested")]
        wrong += [] if any(all(one in words for one in pair) for words in told) else [f"told: {told}"]
        wrong += [] if queued.events("queue_held") else ["nobody was told that it is held"]
        wrong += [] if not queued.events("merge_failed") else ["somebody was blamed"]
        return wrong + [f"left over: {one}" for one in queued.leftovers()]

    def _once_mended(self, mends: str) -> list[str]:
        queued, place = self.queued, Refinery(self.queued.root, "shop")
        wrong = [] if mends in queued.merged() else [f"landed {queued.merged()}"]
        wrong += [] if read_hold(place, "main") is None else [f"held: {read_hold(place, 'main')}"]
        wrong += [] if read_untested(place, "main") is None else ["it was never tested together"]
        wrong += [] if not open_escalations(queued.ledger) else ["the alarm is still open"]
        wrong += [] if queued.events("queue_released") else ["nobody was told that it is over"]
        return wrong + [f"left over: {one}" for one in queued.leftovers()]


@pytest.fixture
def apart(queued: Queued, tmp_path_factory: pytest.TempPathFactory) -> Apart:
    return Apart(queued, str(tmp_path_factory.mktemp("apart") / "t"))


def test_a_red_union_killed_at_any_point_holds_the_queue_with_one_alarm_until_it_is_mended(apart: Apart) -> None:
    listed = apart.fly("list")
    names = dict(POINT.findall(listed.stderr))
    assert not apart.amiss()
    # what comes before the landings is swept by the drill of lanes
    first = next(int(at) for at, name in names.items() if name == "wrote hold-main.json")
    wrong, kills = [], 0
    for number in [first, *(first + one for one in spread(len(names) - first, SHORT))]:
        apart.put_back()
        kills += apart.fly(str(number)).returncode != 0
        wrong += [f"killed at {number}, {names[str(number)]}: {one}" for one in apart.amiss()]
    note_sweep("a red union", len(names) - first + 1, kills, wrong)
    assert kills, "nothing was killed"
    assert not wrong, "\n".join(wrong)
