"""The brake for a batch in which nothing moves, killed at every point: its requests are put off in the end, a person is
told once, and nothing is lost once the fault is gone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.messaging.escalation import open_escalations
from gastown_core.refinery.engine import process
from gastown_core.refinery.merge_batch import BatchRun
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.records import recent
from gastown_core.refinery.requests import retry
from gastown_core.refinery.standstill import MOST, NOTHING_CAME
from tests.drills.drilled import LONG, POINT, note_sweep, spread
from tests.drills.flown import HERE
from tests.drills.flying import comes_to_nothing
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]

pytestmark = pytest.mark.timeout(3600 if LONG else 900)
SHORT = 6


class Stalled:
    """A queue of which batch after batch comes to nothing; the next one is braked."""

    def __init__(self, queued: Queued, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queued, self.kept, self.monkeypatch = queued, kept, monkeypatch
        self.base = os.path.dirname(queued.root)
        queued.gate()
        self.ids = sorted(queued.hand_in({f"file{one}": "1"}).id for one in range(3))
        self.stand(MOST - 1)
        assert len(recent(queued.rig)) == MOST - 1 and not self.put_off()
        shutil.copytree(self.base, kept, symlinks=True)

    def put_back(self) -> None:
        shutil.rmtree(self.base)
        shutil.copytree(self.kept, self.base, symlinks=True)

    def put_off(self) -> list[str]:
        now = SYSTEM_CLOCK.now()
        found = [self.queued.request(one) for one in self.ids]
        return [one.id for one in found if one.is_open and not one.is_claimed and one.not_before > now]

    def stand(self, times: int) -> None:
        with self.monkeypatch.context() as faulty:
            faulty.setattr(BatchRun, "_land", comes_to_nothing)
            for _ in range(times):
                process(self.queued.root, "shop")

    def fly(self, kill_at: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "tests.drills.flying", self.queued.root, "stands"]
        more = {**os.environ, "PYTHONPATH": HERE, "GT_KILL_AT": kill_at}
        ran = subprocess.run(words, env=more, capture_output=True, text=True, timeout=120)
        assert ran.returncode in (0, -signal.SIGKILL), (kill_at, ran.stderr)
        return ran

    def amiss(self) -> list[str]:
        """What is wrong when the next runs have come to nothing too, and when the fault is gone."""
        self.stand(MOST + 1)
        wrong = [f"while it stands still: {one}" for one in (*self._while_still(), *self._telling())]
        for one in self.put_off():
            retry(Refinery(self.queued.root, "shop"), one, actor="overseer")
        process(self.queued.root, "shop")
        return wrong + [f"without the fault: {one}" for one in self._once_mended()]

    def _while_still(self) -> list[str]:
        queued = self.queued
        wrong = [] if self.put_off() == self.ids else [f"put off: {self.put_off()}"]
        wrong += [f"{one} says no why" for one in self.ids if NOTHING_CAME not in queued.request(one).put_off]
        count = len(recent(queued.rig))
        wrong += [] if count in (MOST, MOST + 1) else [f"{count} batches"]
        return wrong + [f"left over: {one}" for one in queued.leftovers()]

    def _telling(self) -> list[str]:
        alarms = open_escalations(self.queued.ledger, all_of_them=True)
        wrong = [] if len(alarms) == 1 else [f"alarms: {[one.title for one in alarms]}"]
        wrong += [] if all("begins again and again" in one.title for one in alarms) else ["the alarm is another"]
        sent = self.queued.events("escalation_sent")
        wrong += [] if len(sent) <= 1 else [f"sent {len(sent)} times"]
        found = self.queued.ledger.store_for("hq-x").find(BeadQuery(types=("message",), include_wisps=True))
        to = [one.assignee for one in found if "begins again and again" in one.title]
        return wrong + ([] if to and len(to) == len(set(to)) else [f"mails to {to}"])

    def _once_mended(self) -> list[str]:
        wrong = [] if sorted(self.queued.merged()) == self.ids else [f"landed {self.queued.merged()}"]
        told = sorted(str(event["payload"]["mr"]) for event in self.queued.events("merged"))
        wrong += [] if told == self.ids else [f"told: {told}"]
        return wrong + [f"left over: {one}" for one in self.queued.leftovers()]


def test_a_brake_killed_at_any_point_puts_off_in_the_end_and_is_told_once(
    queued: Queued, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled = Stalled(queued, str(tmp_path_factory.mktemp("stalled") / "t"), monkeypatch)
    listed = stalled.fly("list")
    names = dict(POINT.findall(listed.stderr))
    assert not stalled.amiss()
    # before that the batch is one like any other, and not recorded
    first = next(int(at) for at, name in names.items() if name.endswith("batches.jsonl"))
    wrong, kills = [], 0
    for number in [first, *(first + one for one in spread(len(names) - first, SHORT))]:
        stalled.put_back()
        kills += stalled.fly(str(number)).returncode != 0
        wrong += [f"killed at {number}, {names[str(number)]}: {one}" for one in stalled.amiss()]
    note_sweep("the brake", len(names) - first + 1, kills, wrong)
    assert kills, "nothing was killed"
    assert not wrong, "\n".join(wrong)
