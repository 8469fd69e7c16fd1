"""A healthy day, second by second enough to matter: nobody is alarmed, nudged or restarted, whatever is usual in a town.

Work comes by day; sessions start some seconds after their work is hooked; turns last up to an hour and tell nothing but
that they last; agents hand off; one meets a limit for some minutes; gates take long; nights are idle; the machine sleeps;
the operator is away and reads neither mail nor letters.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from gastown_core.model.agent import Health
from gastown_core.model.bead import IN_PROGRESS
from gastown_core.model.merge_request import LABEL
from gastown_core.model.order import Order, Receipt
from gastown_core.model.refinery import IDLE, TESTING, RefineryState
from gastown_core.model.snapshot import LastEvent, TownSnapshot
from gastown_core.patrols import round as rounds
from gastown_core.patrols.table import patrols_of
from gastown_core.runtimes.adapter import BUSY, HOOK, Said
from gastown_core.runtimes.adapter import IDLE as TURN_OVER
from gastown_core.state.facts import RefineryFacts
from tests.support.fake_town import address
from tests.support.rigged import Rigged
from tests.support.watched import Watched
from tests.support.world import NAMES, World, pane

CHORES = {"town.backup", "town.tidy", "agent.stop"}
"""Housekeeping: copies, git, and the end of sessions that have had nothing to do for a quarter of an hour."""
MINUTE, HOUR = 60.0, 3600.0
STEP_S = 30.0


class Worker:
    """A worker as its program would show it: hooks tell of turns, output goes on while one lasts."""

    def __init__(self, day: Day, name: str) -> None:
        self.day, self.name = day, name
        self.path = f"shop/polecats/{name}"
        self.session = f"gt-{name}"
        self.bead = ""
        self.starts_at = self.ends_at = self.turn_at = 0.0

    def take(self, bead: str, works_s: float) -> None:
        w = self.day.world
        w.put(bead, "hooked", f"shop/{self.name}")
        self.bead = bead
        self.starts_at, self.ends_at = w.now + 10.0, w.now + works_s

    def pass_time(self) -> None:
        w, rng = self.day.world, self.day.rng
        panes = w.facts.panes
        assert panes is not None
        if not self.bead:
            return
        if w.now < self.starts_at:
            return
        if self.session not in panes:
            w.start(self.path)
        if w.now >= self.turn_at:
            # a turn says when it begins, and then only prints, for up to an hour
            self.turn_at = w.now + rng.choice((2, 5, 20, 60)) * MINUTE
            self.say(BUSY)
        panes[self.session] = pane(self.session, w.now)
        if w.now >= self.ends_at:
            self.say(TURN_OVER)
            w.hand_in(self.bead)
            self.day.queue.append(self.bead)
            self.bead, self.turn_at = "", 0.0

    def say(self, state: str) -> None:
        w = self.day.world
        w.facts.said[self.session] = Said(state, w.now, HOOK, is_final=state == TURN_OVER)

    def hand_off(self) -> None:
        """A new program in the same pane, which says nothing for its first seconds."""
        w = self.day.world
        w.facts.said.pop(self.session, None)
        w.facts.last_events[self.path] = LastEvent("session started", w.now, "session_start")
        w.start(self.path)
        self.turn_at = w.now + 15.0


class Day:
    """A town's day."""

    def __init__(self, root: str, seed: int) -> None:
        self.world = World(root, workers=4)
        self.rng = random.Random(seed)
        self.workers = [Worker(self, name) for name in NAMES]
        self.queue: list[str] = []
        self.batch: tuple[list[str], float] = ([], 0.0)
        self.members: list[str] = []
        self.given = self.merged = 0
        self.world.put("hq-m1", assignee="overseer", kind="message", labels=("gt:message", "from:mayor"))
        told = ("gt:message", "from:shop/witness", "delivery:acked")
        self.world.put("hq-m2", assignee="mayor/", kind="message", labels=told)

    def look(self) -> TownSnapshot:
        """The town as it is after all that has happened until now."""
        self.pass_time()
        return self.world.town()

    def pass_time(self) -> None:
        w, hour = self.world, (self.world.now % 86400.0) / HOUR
        for worker in self.workers:
            worker.pass_time()
        is_day = 7.0 <= hour < 21.0
        while is_day and len(self.members) - self.given < 6:
            self.members.append(f"gt-{len(self.members)}")
            w.put(self.members[-1])
            w.convoy(*self.members[-16:])
        free = [one for one in self.workers if not one.bead]
        if free and self.given < len(self.members):
            free[0].take(self.members[self.given], self.rng.uniform(5, 100) * MINUTE)
            self.given += 1
        if self.rng.random() < 1 / 400 and any(one.bead and w.now > one.starts_at + 60 for one in self.workers):
            self.rng.choice([one for one in self.workers if one.bead and w.now > one.starts_at + 60]).hand_off()
        self._merge()

    def _merge(self) -> None:
        """One batch at a time; its gates may take half an hour."""
        w = self.world
        beads, ends_at = self.batch
        if beads and w.now >= ends_at:
            for bead in beads:
                w.merge(bead)
            self.merged += len(beads)
            self.batch = ([], 0.0)
            self._engine(IDLE)
        elif not beads and self.queue:
            beads, self.queue = self.queue[:5], self.queue[5:]
            self.batch = (beads, w.now + self.rng.uniform(1, 30) * MINUTE)
            for bead in beads:
                w.put(f"{bead}-mr", IN_PROGRESS, kind="merge-request", labels=(LABEL,))
            self._engine(TESTING)

    def _engine(self, phase: str) -> None:
        state = RefineryState("shop", phase, pid=7, updated_at=self.world.now)
        self.world.facts.refineries["shop"] = RefineryFacts("shop", "/t/shop", state, is_alive=phase != IDLE)
        self.world.facts.landing_version += 1

    def sleep(self, seconds: float) -> None:
        """The lid is closed: the clock goes on, and nobody else."""
        self.world.clock.advance(seconds)
        self.world.facts.woke_at = self.world.now
        for worker in self.workers:
            worker.ends_at += seconds
            worker.turn_at += seconds if worker.turn_at else 0.0
        beads, ends_at = self.batch
        self.batch = (beads, ends_at + seconds if beads else 0.0)


class Housekeeper:
    """Stands in for the orders: does what ends sessions, and notes everything."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.given: Counter[str] = Counter()

    def __call__(self, root: str, order: Order, notify: Callable[[Receipt], None], *, clock: object, by: str) -> bool:
        self.given[order.kind] += 1
        if order.kind == "agent.stop":
            self.day.world.end(order.target)
            self.day.world.facts.said.pop(f"gt-{address(order.target).name}", None)
        notify(Receipt(order.kind, order.target, "done", "as told", ok=True, final=True))
        return True


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_healthy_day_opens_no_incident_and_gives_no_order_but_chores(
    seed: int, rigged: Rigged, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Day(rigged.root, seed)
    hand = Housekeeper(day)
    monkeypatch.setattr(rounds, "perform", hand)
    watched = Watched(rigged.root, day.world.clock, day.look, patrols_of(rigged.root))
    states: Counter[str] = Counter()
    for step in range(round(24 * HOUR / STEP_S)):
        if step == 1000:
            day.sleep(90 * MINUTE)
        watched.pass_time(STEP_S)
        if step % 20 == 0:
            states.update(str(one.health.state) for one in day.world.town().agents)
    assert day.merged > 40 and states[str(Health.WORKING)] > 100
    assert watched.told("incident_opened", "escalation_sent") == []
    assert set(hand.given) <= CHORES, hand.given
    assert hand.given["town.backup"] in (3, 4, 5) and hand.given["agent.stop"] > 0
