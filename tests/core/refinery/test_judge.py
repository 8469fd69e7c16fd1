"""Whole batches judged without git or gates, many seeds each: who is blamed, and above all who is not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from gastown_core.model.refinery import ENVIRONMENT, ERROR, FAIL, GAVE_UP, PASS, RED_TARGET, GateRun
from gastown_core.refinery.bisect import Ask
from gastown_core.refinery.hold import INFRASTRUCTURE, HoldError, QueueHold
from gastown_core.refinery.judge import Judge
from gastown_core.refinery.planner import Rates
from gastown_core.refinery.policy import Policy
from gastown_core.refinery.prober import Verdict
from gastown_core.refinery.stack import Stacked

Truth = Callable[[frozenset[str]], str]


class World:
    """A rig whose gates say ``truth`` of a set of requests, and what chance and their surroundings make of it.

    A green verdict turns red with probability ``flake``; from run number ``dies`` to ``returns`` everything is red.
    """

    def __init__(
        self, truth: Truth, seed: int = 0, *, flake: float = 0.0, dies: float = 1e9, returns: float = 1e9
    ) -> None:
        self.truth = truth
        self.chance = random.Random(seed)
        self.flake = flake
        self.dies = dies
        self.returns = returns
        self.runs: list[tuple[Ask, str]] = []
        self.rounds: list[int] = []
        self.last_base = (0.0, "")
        self._ticks = 0

    def all(self, asks: list[Ask]) -> list[Verdict]:
        """As ``Prober.all``: all asks of a round begin before one ends."""
        self.rounds.append(len(asks))
        begun = [self._tick() for _ in asks]
        return [
            Verdict(self._run(ask), Stacked(str(ask.requests), ""), began=began, ended=self._tick())
            for ask, began in zip(asks, begun, strict=True)
        ]

    def _tick(self) -> int:
        self._ticks += 1
        return self._ticks

    def _run(self, ask: Ask) -> str:
        result = self.truth(frozenset(ask.requests))
        if self.dies <= len(self.runs) < self.returns or (result == PASS and self.chance.random() < self.flake):
            result = FAIL
        self.runs.append((ask, result))
        if not ask.requests:
            self.last_base = (float(len(self.runs)), result)
        return result

    def green_before(self) -> float:
        at, result = self.last_base
        return at if result == PASS else 0.0

    def purposes(self) -> list[str]:
        return [ask.purpose for ask, _ in self.runs]


def drive(rounds: Any, world: World) -> Any:
    """Run what a judge asks for; its answer."""
    reply = None
    while True:
        try:
            reply = world.all(rounds.send(reply))
        except StopIteration as done:
            return done.value


class Case:
    """One batch in a world: the judge, what it let land, and why it held the queue."""

    def __init__(
        self,
        world: World,
        requests: Iterable[str],
        *,
        needs: dict[str, frozenset[str]] | None = None,
        hold: QueueHold | None = None,
        rates: Rates = Rates(0.1, 0.01),  # noqa: B008
        now: float = 100.0,
        is_enough: bool = False,
        **policy: object,
    ) -> None:
        place = SimpleNamespace(
            policy=Policy(**policy),  # type: ignore[arg-type]
            clock=SimpleNamespace(now=lambda: now),
            path="/nowhere",
        )
        board = SimpleNamespace(phase=lambda *_, **__: None, mark=lambda *_: None)
        self.judge = Judge(
            place,  # type: ignore[arg-type]
            "main",
            board,  # type: ignore[arg-type]
            needs or {},
            green_before=world.green_before,
            rates=rates,
        )
        self.judge.is_enough = lambda: is_enough
        self.good: tuple[str, ...] = ()
        self.hold: HoldError | None = None
        try:
            self.good = drive(self.judge.judge(tuple(requests), "base", hold), world)
            drive(self.judge.explain(), world)
        except HoldError as error:
            self.hold = error

    @property
    def blamed(self) -> dict[str, tuple[str, ...]]:
        if self.hold is not None:
            return {}
        return {one.id: one.peers for one in self.judge.culprits if one.result == FAIL}


def names(count: int) -> tuple[str, ...]:
    return tuple(f"r{number}" for number in range(count))


def bad(*culprits: str, pairs: Iterable[tuple[str, str]] = (), how: str = FAIL) -> Truth:
    wrong = [{one} for one in culprits] + [set(pair) for pair in pairs]
    return lambda stack: how if any(one <= stack for one in wrong) else PASS


def a_town(seed: int) -> tuple[tuple[str, ...], set[str], list[tuple[str, str]], random.Random]:
    """A batch of up to nine with some culprits and perhaps a pair of others."""
    chance = random.Random(seed)
    requests = names(chance.randint(1, 9))
    culprits = {one for one in requests if chance.random() < 0.2}
    others = [one for one in requests if one not in culprits]
    pair = sorted(chance.sample(others, 2)) if len(others) > 1 and chance.random() < 0.4 else []
    return requests, culprits, [(pair[0], pair[1])] if pair else [], chance


@pytest.mark.parametrize("width", [1, 3, 8])
def test_with_honest_gates_exactly_the_culprits_are_blamed_and_all_others_land(width: int) -> None:
    for seed in range(600):
        requests, culprits, pairs, _ = a_town(seed)
        world = World(bad(*culprits, pairs=pairs))
        case = Case(world, requests, max_concurrent=width)
        wrong = {**dict.fromkeys(culprits, ()), **{later: (first,) for first, later in pairs}}
        assert case.hold is None and case.blamed == wrong, seed
        assert set(case.good) == set(requests) - set(wrong), seed


@pytest.mark.parametrize("width", [1, 4])
def test_when_the_surroundings_die_nobody_innocent_is_blamed_whenever_it_happens(width: int) -> None:
    blamed = held = 0
    for seed in range(600):
        requests, culprits, pairs, chance = a_town(seed)
        wrong = culprits | {later for _, later in pairs}
        dies = chance.randint(0, 25)
        world = World(bad(*culprits, pairs=pairs), dies=dies)
        case = Case(world, requests, max_concurrent=width)
        assert set(case.blamed) <= wrong, (seed, dies)
        assert not set(case.good) & culprits
        if case.hold is not None:
            held += 1
            assert len(world.runs) >= dies
        blamed += len(case.blamed)
    assert held > 100 and blamed > 100, "neither is always so"


def test_when_the_surroundings_come_back_during_the_batch_nobody_innocent_is_blamed_for_a_few_dead_runs() -> None:
    for seed in range(600):
        requests, culprits, pairs, chance = a_town(seed)
        wrong = culprits | {later for _, later in pairs}
        dies = chance.randint(0, 25)
        case = Case(World(bad(*culprits, pairs=pairs), dies=dies, returns=dies + 1), requests)
        assert set(case.blamed) <= wrong, (seed, dies)


@pytest.mark.parametrize(("flake", "measured"), [(0.03, 0.03), (0.1, 0.1)])
def test_of_flaky_gates_nobody_innocent_is_blamed(flake: float, measured: float) -> None:
    caught = there = 0
    for seed in range(1000):
        requests, culprits, pairs, _ = a_town(seed)
        wrong = culprits | {later for _, later in pairs}
        case = Case(World(bad(*culprits, pairs=pairs), seed, flake=flake), requests, rates=Rates(0.1, measured))
        assert set(case.blamed) <= wrong, seed
        assert not set(case.good) & culprits
        if case.hold is None:
            caught += len(set(case.blamed) & culprits)
            there += len(culprits)
    assert caught > 0.9 * there, "and who is guilty is found all the same"


def test_a_batch_that_was_unlucky_blames_nobody() -> None:
    unlucky = iter([FAIL])
    world = World(lambda stack: next(unlucky, PASS) if stack else PASS)
    case = Case(world, names(4))
    assert case.good == names(3) and not case.blamed and case.judge.is_flaky
    assert list(case.judge.waiting) == ["r3"], "it goes into the next batch"


def test_five_innocents_are_not_blamed_when_the_gates_die_after_a_green_batch() -> None:
    world = World(bad())
    assert Case(world, names(3)).good == names(3)
    world.last_base = (1.0, PASS)
    world.dies = 0
    case = Case(world, [f"n{number}" for number in range(5)])
    assert not case.blamed and case.hold is not None and case.hold.kind == ENVIRONMENT
    assert "so its environment has changed" in case.hold.reason


def test_the_bare_target_is_asked_afresh_before_anyone_is_blamed_and_again_where_most_are_to_blame() -> None:
    world = World(bad("r1"))
    assert Case(world, names(4)).blamed == {"r1": ()}
    assert world.purposes().count("base") == 1
    world = World(bad("r0", "r1", "r2"))
    assert set(Case(world, names(4)).blamed) == {"r0", "r1", "r2"}
    purposes = world.purposes()
    assert "base" in purposes[purposes.index("base") + 1 :], "once before, once after they were red"


def test_another_batch_shows_that_the_surroundings_live_but_not_that_the_target_is_green() -> None:
    class Beside(World):
        def all(self, asks: list[Ask]) -> list[Verdict]:
            return [Verdict(PASS)] if asks[0].shared else super().all(asks)

    def known(*culprits: str) -> World:
        world = Beside(bad(*culprits))
        world.last_base = (1.0, PASS)
        return world

    case = Case(world := known("r0"), names(4), is_enough=True)
    assert case.blamed == {"r0": ()} and "base" not in world.purposes() and not case.judge.is_target_green
    most = Case(world := known("r1", "r2", "r3"), names(4))
    assert set(most.blamed) == {"r1", "r2", "r3"} and "base" in world.purposes(), "then the bare target has to be green"
    single = Case(world := known("r0"), names(1))
    assert single.blamed == {"r0": ()} and "base" in world.purposes()


def cured_by(cure: str, *culprits: str) -> Truth:
    return lambda stack: PASS if cure in stack and not set(culprits) & stack else FAIL


def test_on_a_red_target_the_request_that_makes_it_green_lands_first_and_nobody_is_blamed() -> None:
    case = Case(World(cured_by("r3", "r1")), names(5))
    assert case.good == ("r3",) and not case.blamed and case.hold is None
    assert set(case.judge.waiting) == set(names(5)) - {"r3"}
    assert all("r3 makes it green" in why for why in case.judge.waiting.values())


def test_the_cure_lands_with_what_it_needs_below_it() -> None:
    def truth(stack: frozenset[str]) -> str:
        return PASS if {"r2", "r0"} <= stack and "r1" not in stack else FAIL

    assert Case(World(truth), names(4), needs={"r2": frozenset(["r0"])}).good == ("r0", "r2")


def test_without_a_cure_all_were_tried_and_the_queue_is_held() -> None:
    world = World(lambda _: FAIL)
    case = Case(world, names(3))
    assert case.hold is not None and case.hold.kind == RED_TARGET and case.judge.tried == names(3)
    assert world.purposes() == ["stack", "left", "base", "base", "single", "single"], "the first was its lower part"


def test_while_the_target_is_known_to_be_red_only_what_may_cure_it_is_run() -> None:
    hold = QueueHold(RED_TARGET, "main is red", 0.0, 1000.0, "base", ("r0", "r0", "r1", "r1"))
    world = World(lambda _: FAIL)
    assert Case(world, names(2), hold=hold).hold is not None and not world.runs
    world = World(cured_by("r2", "r1"))
    assert Case(world, names(3), hold=hold).good == ("r2",)
    assert "base" not in world.purposes()


def test_a_hold_of_other_gates_tells_nothing() -> None:
    hold = QueueHold(RED_TARGET, "main is red", 0.0, 1000.0, "base", ("r0", "r0"), rules="other gates")
    assert Case(World(bad()), names(1), hold=hold).good == names(1)


def test_when_it_is_time_the_red_target_is_asked_first_and_green_again_the_batch_is_judged_as_ever() -> None:
    hold = QueueHold(ENVIRONMENT, "main is red", 0.0, 50.0, "base", ("r0", "r0", "r1", "r1"))
    world = World(lambda _: FAIL)
    case = Case(world, names(2), hold=hold)
    assert case.hold is not None and world.purposes() == ["base"]
    world = World(bad("r1"))
    case = Case(world, names(2), hold=hold)
    assert case.good == ("r0",) and set(case.blamed) == {"r1"} and case.judge.is_target_green


def test_a_request_with_which_the_gates_give_up_is_blamed_after_two_runs_on_a_green_target() -> None:
    world = World(bad("r0", how=GAVE_UP))
    assert Case(world, names(1)).blamed == {"r0": ()}
    assert world.purposes() == ["stack", "base", "alone"]
    for place in range(5):
        world = World(bad(f"r{place}", how=GAVE_UP))
        case = Case(world, names(5))
        assert set(case.blamed) == {f"r{place}"} and len(case.good) == 4
        assert [result for _, result in world.runs].count(GAVE_UP) <= 6


def test_gates_that_give_up_on_the_bare_target_blame_nobody_and_may_be_cured() -> None:
    case = Case(World(lambda _: GAVE_UP), names(2))
    assert case.hold is not None and case.hold.kind == ENVIRONMENT and not case.blamed
    case = Case(World(lambda stack: PASS if stack == {"r1"} else GAVE_UP), names(3))
    assert case.good == ("r1",)


def test_gates_that_cannot_be_run_at_all_hold_the_queue_and_nothing_is_tried() -> None:
    world = World(lambda _: ERROR)
    case = Case(world, names(3))
    assert case.hold is not None and case.hold.kind == INFRASTRUCTURE and not case.judge.tried
    assert "single" not in world.purposes()


def test_as_many_probes_as_allowed_run_side_by_side_from_the_first_red_on() -> None:
    world = World(bad("r5"))
    assert set(Case(world, names(8), max_concurrent=8).blamed) == {"r5"}
    assert world.rounds == [1, 1, 2, 1, 1, 1], "whole; lower part; the search in two rounds; the rest; suspect alone"
    world = World(lambda _: FAIL)
    Case(world, names(5), max_concurrent=5)
    assert world.rounds == [1, 1, 1, 1, 5]


def test_a_gate_run_names_itself_in_the_reason() -> None:
    class Named(World):
        def all(self, asks: list[Ask]) -> list[Verdict]:
            gate = GateRun("unit", FAIL, detail="exit 3")
            return [one._replace(gate=gate) for one in super().all(asks)]

    case = Case(Named(lambda _: FAIL), names(1))
    assert case.hold is not None and case.hold.reason == "main at base is red by itself: gate unit failed (exit 3)"
