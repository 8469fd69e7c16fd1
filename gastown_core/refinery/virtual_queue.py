"""The merge queue in virtual time: the real planner, fleet, judge and bisection, on requests that arrive and fail by chance.

Only git, the ledger and the gates are played: a gate takes its time, is red on what is bad, and now and then by chance.
``bench/queue_figures.py`` measures the queue with it, ``gt mq forecast`` plays the queue as it is now many times.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from types import SimpleNamespace

from gastown_core.model.refinery import FAIL, PASS, BatchRecord
from gastown_core.refinery import planner
from gastown_core.refinery.bisect import Ask
from gastown_core.refinery.fleet import Fleet, Flight, Pushed, Ready, ToppledError, Turn
from gastown_core.refinery.hold import HoldError
from gastown_core.refinery.judge import Judge
from gastown_core.refinery.lanes import NOTHING, Reach, together
from gastown_core.refinery.policy import Policy
from gastown_core.refinery.prober import Verdict
from gastown_core.refinery.salvage import Salvage
from gastown_core.refinery.stack import Stacked
from gastown_core.refinery.virtual_flights import Aloft
from gastown_core.refinery.virtual_target import BEFORE, VirtualTarget, number_of
from gastown_core.refinery.virtual_world import Airborne, Figures, Request, World, arrivals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from gastown_core.refinery.fleet import Course, Step
    from gastown_core.refinery.judge import Answer, Probes

WARM_S = 3600.0
"""Requests of the first hour count in no wait."""


class Simulation:
    """One queue from an empty start to the end of its hours."""

    def __init__(
        self,
        world: World,
        seed: int,
        *,
        floor: int = 1,
        ceiling: int = 20,
        requests: Sequence[Request] = (),
        airborne: Sequence[Airborne] = (),
        rates: planner.Rates | None = None,
    ) -> None:
        self.world = world
        self.aloft = Aloft(airborne)
        self.measured = rates
        times = world.gates_s or (world.gate_s,)
        self._mean_gate_s = sum(times) / len(times)
        self.limits = floor, ceiling
        self.chance = random.Random(seed + 1000)
        self.requests = list(requests) or arrivals(world, seed)
        self.now = 0.0
        self.runs = 0
        self.landed: dict[int, float] = {}
        self.blamed: dict[int, float] = {}
        self.waiting: deque[int] = deque()
        self.fleet = Fleet(BEFORE)
        self.fleet.moved("0")
        self.batches: list[BatchRecord] = []
        self.target = VirtualTarget(self.requests)
        self._ticks = 0
        self._ends: list[tuple[float, int, Flight, int, Verdict]] = []
        self._count = 0
        self._stacks: dict[Flight, tuple[str, ...]] = {}
        self._came = 0
        self._reaches: dict[Flight, Reach] = {}
        self._salvages: dict[str, Salvage] = {}
        self._has_lanes = any(not one.reach.is_wide for one in self.requests)
        self._ran_since: dict[Flight, float] = {}

    def run(self, until: Callable[[], bool] = lambda: False, *, stop_at: float = float("inf")) -> Figures:
        """Play it to its end, until ``until`` says so, or to a moment; then it can be played on."""
        end = self.world.hours * 3600.0
        if not self._count:
            self._take_off()
        while self.now < end and not until():
            came = self._come()
            self._start_batches()
            self._test_union()
            self._start_probes()
            moments = [self._ends[0][0]] if self._ends else []
            if came < len(self.requests):
                moments.append(self.requests[came].at)
            if not moments:
                break
            self.now = max(self.now, min(*moments, stop_at))
            if self.now == stop_at:
                break
            while self._ends and self._ends[0][0] <= self.now:
                _, _, flight, number, verdict = heapq.heappop(self._ends)
                self.fleet.answer(flight, number, verdict._replace(ended=self._tick()))
        return self.figures()

    def _come(self) -> int:
        """Put what has been handed in by now into the queue; how many there were in all."""
        while self._came < len(self.requests) and self.requests[self._came].at <= self.now:
            self.waiting.append(self._came)
            self._came += 1
        return self._came

    def _take_off(self) -> None:
        """Begin the batches that are in flight already, with the first requests."""
        self._come()
        ages: dict[Flight, int] = {}
        for age, known, mine in self.aloft.take_off(list(self.waiting)):
            on = self.fleet.chain[-1] if known.is_on and self.fleet.chain else None
            flight = self._begin(mine, on, known) if known.size else self._explain(mine, known)
            ages[flight] = age
            self._answer_known(flight)
            self._start_probes()
        self.fleet.flights.sort(key=lambda one: ages.get(one, len(ages)))

    # -- batches -------------------------------------------------------------------------------------------

    def _sight(self) -> planner.Sight:
        free = max(0, self.world.places - self.fleet.running - self.fleet.asked - self.aloft.grounded)
        return planner.Sight(len(self.waiting), self.fleet.fresh, free)

    def _rates(self) -> planner.Rates:
        return self.measured or planner.Rates(
            planner.failure_rate(reversed(self.batches[-60:]), "main"), self.world.flake
        )

    def _start_batches(self) -> None:
        size = planner.batch_size(self._rates(), *self.limits)
        while plan := self._plan(size):
            self._begin(*plan)

    def _plan(self, size: int) -> tuple[list[int], Flight | None] | None:
        """The requests of the next batch and the batch on which it stands; None if none begins now."""
        waiting, sight = list(self.waiting), self._sight()
        if not waiting or not sight.free:
            return None
        mine = waiting
        if self._has_lanes:
            reaches = [self.requests[one].reach for one in waiting]
            fresh = [self._reaches[one] for one in self.fleet.flights if one.is_fresh]
            if taken := planner.takes_off(reaches, fresh, size, sight.free):
                return [waiting[one] for one in taken], None
            mine = [one for one in waiting if reaches[0].holds(self.requests[one].reach)]
        below = sum(len(self._stacks[one]) for one in self.fleet.chain)
        if planner.chains(sight._replace(waiting=len(mine)), size, below, self._rates()):
            return mine[:size], self.fleet.chain[-1]
        return (waiting[:size], None) if not self._has_lanes and planner.begins(sight, size) else None

    def _begin(self, taken: list[int], on: Flight | None, known: Airborne | None = None) -> Flight:
        mine = set(taken)
        self.waiting = deque(one for one in self.waiting if one not in mine)
        base = self.target.commit(on.base, self._stacks[on]) if on is not None else self.target.tip
        base = BEFORE if known is not None and known.is_stale else base
        name = f"b{self._count}"
        landing = taken[: known.size] if known is not None else taken
        suspects = tuple(f"r{number}" for number in taken[len(landing) :])
        flight = Flight(name, self._course(name, landing, base, suspects), on=on, base=base)
        self._stacks[flight] = tuple(f"r{number}" for number in landing)
        self._reaches[flight] = together(self.requests[one].reach for one in taken)
        if known is not None:
            self.aloft.put(flight, known)
            if known.is_next:
                self.fleet.lander, flight.reach = flight, self._reaches[flight]
        self.fleet.add(flight)
        self._count += 1
        return flight

    def _explain(self, taken: list[int], known: Airborne) -> Flight:
        """A batch of which only the explanation of its suspects is left, or one of none: a run of the target."""
        mine = set(taken)
        self.waiting = deque(one for one in self.waiting if one not in mine)
        flight = Flight(f"x{self._count}", self._alone(tuple(f"r{number}" for number in taken), runs=not taken))
        flight.is_late = True
        self._stacks[flight], self._reaches[flight] = (), NOTHING
        self.aloft.put(flight, known)
        self.fleet.add(flight)
        self._count += 1
        return flight

    def _alone(self, suspects: tuple[str, ...], *, runs: bool = False) -> Course:
        """Test those alone that were singled out before the play began; who is green once more is in the queue again."""
        asks = [Ask((one,), "alone", fresh=True, parent=(self.target.tip,)) for one in suspects]
        asks += [Ask((), "base", fresh=True, parent=(self.target.tip,))] if runs else []
        verdicts = (yield asks) if asks else []
        assert isinstance(verdicts, list)
        told = dict(zip(suspects, verdicts, strict=False))
        green = [one for one, verdict in told.items() if verdict.result == PASS]
        if green:
            # their stack is run again, and green
            yield [Ask((), "again", fresh=True, parent=(self.target.tip,)) for _ in green]
        self.blamed.update((number_of(one), self.now) for one in suspects if one not in green)
        self._give_back(green)

    def _test_union(self) -> None:
        """Begin a run of all gates on what landed without a common test, if one is due and none is on its way."""
        sight, untested = self._sight(), self.target.landed_over - self.target.tested_over
        if planner.owes_union(untested, sight.fresh, sight.free) and not any(
            one.name.startswith("u") for one in self.fleet.flights
        ):
            flight = Flight(f"u{self._count}", self._union_course(self.target.landed_over))
            flight.is_late, flight.is_urgent = True, untested >= planner.MOST_UNTESTED
            self._stacks[flight], self._reaches[flight] = (), NOTHING
            self.fleet.add(flight)
            self._count += 1

    def _union_course(self, landings: int) -> Course:
        asks = [Ask((), "base", fresh=True, parent=(self.target.tip,))]
        verdicts = yield asks
        if isinstance(verdicts, list) and verdicts[0].result != PASS:
            yield asks
        self.target.tested_over = max(self.target.tested_over, landings)

    def _course(self, name: str, taken: list[int], base: str, suspects: tuple[str, ...]) -> Course:
        """A batch as the engine runs it, without git."""
        mine = {f"r{number}": number for number in taken}
        judge = self._judge()
        landed: tuple[str, ...] = ()
        try:
            order = tuple(mine)
            while order:
                reach = together(self.requests[number].reach for number in mine.values())
                salvage = self._salvages[name] = self._salvage(judge, order, reach)
                good = yield from self._probed(judge.judge(order, base), judge, salvage)
                landed += salvage.ahead
                order, back = salvage.left(good)
                self._give_back(back)
                for one in salvage.back:
                    del mine[one]
                turn = (yield Ready(order, salvage.base, reach=reach)) if order else None
                assert turn is None or isinstance(turn, Turn)
                if turn is None or turn.given:
                    for one in order:
                        del mine[one]
                    self._now_has(name, mine)
                    break
                if turn.land:
                    landed += order
                    yield self._push(order, self.target.tip if turn.over else salvage.base, reach, over=turn.over)
                    break
                mine.update((one, number_of(one)) for one in turn.others)
                self._now_has(name, mine)
                order, base = order + turn.others, self.target.tip
            yield from self._alone(suspects)
            yield from self._probed(judge.explain(), judge)
            culprits = [one.id for one in judge.culprits if one.result == FAIL]
        except (HoldError, ToppledError):
            culprits = []
        self.blamed.update((mine[one], self.now) for one in culprits)
        self._give_back([one for one in mine if one not in landed and one not in culprits])
        done = BatchRecord("", "main", merged=landed, culprits=tuple(culprits), at=self.now, times=(self._mean_gate_s,))
        self.batches.append(done)

    def _now_has(self, name: str, requests: Iterable[str]) -> None:
        """A batch took requests of others, or left its own to another."""
        for flight in self.fleet.flights:
            if flight.name == name:
                self._stacks[flight] = tuple(requests)

    def _salvage(self, judge: Judge, order: tuple[str, ...], reach: Reach) -> Salvage:
        return Salvage(
            judge,
            order,
            tip=lambda: self.target.tip,
            few_wait=self._few_wait,
            is_apart=lambda base: self.fleet.is_apart(base, reach),
        )

    def _few_wait(self) -> bool:
        # what is in flight when the play begins has not gone back when it could
        size = planner.batch_size(self._rates(), *self.limits)
        return self.now > 0.0 and planner.has_room(self._sight(), size, self.world.places, is_quiet=self._is_quiet())

    def _is_quiet(self) -> bool:
        if len(self.fleet.flights) > 1 or self.waiting:
            return False
        if self.now < planner.QUIET_S:
            # nothing has been measured yet
            return self.world.per_hour / 3600.0 * self._mean_gate_s < planner.QUIET_LOAD
        return planner.is_quiet(reversed(self.batches), "main", self.now)

    def _give_back(self, requests: Sequence[str]) -> None:
        self.waiting = deque(sorted([*self.waiting, *(number_of(one) for one in requests)]))

    def _judge(self) -> Judge:
        place = SimpleNamespace(policy=Policy(), clock=SimpleNamespace(now=lambda: self.now), path="/nowhere")
        board = SimpleNamespace(phase=lambda *_, **__: None, mark=lambda *_: None)
        judge = Judge(
            place,  # type: ignore[arg-type]
            "main",
            board,  # type: ignore[arg-type]
            {},
            green_before=lambda: float(self.target.is_known_green(judge.base, ())),
            rates=self._rates(),
            width=lambda: planner.search_width(self._sight()),
        )
        return judge

    def _push(self, good: tuple[str, ...], base: str, reach: Reach, *, over: bool = False) -> Pushed:
        self.target.land(good, base, over=over)
        self.landed.update((number_of(one), self.now) for one in good)
        return Pushed(self.target.tip, reach=reach)

    # -- gates ---------------------------------------------------------------------------------------------

    def _probed(
        self, rounds: Probes[Answer], judge: Judge, salvage: Salvage | None = None
    ) -> Generator[Step, list[Verdict] | Turn | None, Answer]:
        """A judge's rounds, each tried on the target as it was when the round began."""
        try:
            asks = next(rounds)
            while True:
                if salvage is not None:
                    yield from self._land_early(salvage)
                    self._give_back(salvage.goes_back())
                verdicts = yield [ask._replace(parent=(judge.base, *ask.parent)) for ask in asks]
                assert isinstance(verdicts, list)
                asks = rounds.send(verdicts)
        except StopIteration as done:
            answer: Answer = done.value
            return answer

    def _land_early(self, salvage: Salvage) -> Course:
        stack = salvage.lands_ahead()
        new = tuple(one for one in stack if one not in salvage.ahead)
        turn = (yield Ready(new, salvage.base, is_early=True)) if new else None
        if isinstance(turn, Turn) and turn.land:
            pushed = self._push(new, salvage.base, together(self.requests[number_of(one)].reach for one in new))
            salvage.landed(stack, pushed.head)
            yield pushed._replace(is_early=True)

    def _start_probes(self) -> None:
        # what runs already goes on where fewer places are assumed than there were
        running = 0 if self.now else self.aloft.running
        while taken := self.fleet.take(max(self.world.places, running)):
            for flight, number, ask in taken:
                base, stacked = ask.parent[0], Stacked(str(ask.requests), "")
                if not ask.fresh and self.target.is_known_green(base, ask.requests):
                    self.fleet.answer(flight, number, Verdict(PASS, stacked))
                    continue
                if self._known_before(flight, ask):
                    self.fleet.answer(flight, number, self._verdict_before(flight, ask))
                    continue
                self.runs += 1
                verdict = Verdict(self._result(base, ask), stacked, began=self._tick())
                self._ticks += 1
                heapq.heappush(self._ends, (self.now + self._gate_time(flight), self._ticks, flight, number, verdict))

    def _answer_known(self, flight: Flight) -> None:
        """Give a batch the verdicts that it had before the play began: they take no place."""
        while (asks := list(flight.next_asks())) and all(self._known_before(flight, ask) for _, ask in asks):
            for number, ask in asks:
                flight.started += 1
                self.fleet.answer(flight, number, self._verdict_before(flight, ask))

    def _verdict_before(self, flight: Flight, ask: Ask) -> Verdict:
        result, stacked = self._known_before(flight, ask), Stacked(str(ask.requests), "")
        return Verdict(result, stacked, began=self._tick(), ended=self._tick())

    def _known_before(self, flight: Flight, ask: Ask) -> str:
        return self.aloft.result(flight, ask, self._stacks[flight])

    def _gate_time(self, flight: Flight) -> float:
        self._ran_since[flight] = self.now
        times = self.world.gates_s or (self.world.gate_s,)
        return self.aloft.gate_s(flight, times, self.chance, is_begin=not self.now)

    def _result(self, base: str, ask: Ask) -> str:
        is_dead = self.world.dead[0] <= self.now < self.world.dead[1]
        if is_dead or self.target.is_red(ask.requests, base) or self.chance.random() < self.world.flake:
            return FAIL
        self.target.saw_green(base, ask.requests)
        return PASS

    def _tick(self) -> int:
        self._ticks += 1
        return self._ticks

    def in_flight(self) -> tuple[list[int], list[Airborne]]:
        """The requests of the batches in flight, in each of them last those that were singled out; and those batches."""
        ids, found = list[int](), list[Airborne]()
        gone = {*self.landed, *self.blamed, *self.waiting}
        for flight in self.fleet.flights:
            salvage = self._salvages.get(flight.name)
            judge = salvage.judge if salvage is not None else None
            suspects = judge.suspects if judge is not None else set()
            mine = [one for one in self._stacks[flight] if one not in suspects and number_of(one) not in {*gone, *ids}]
            probes = flight.started - len(flight.verdicts)
            ran_s = self.now - self._ran_since.get(flight, self.now) if probes else 0.0
            singled_out = [one for one in self._stacks[flight] if one in suspects and number_of(one) not in gone]
            if not mine and flight.asks:
                found.append(Airborne(0, ran_s, suspects=len(singled_out), probes=probes))
            if mine:
                clean = [one for one in mine if judge is not None and one in judge.clean]
                window = [one for one in mine if judge is not None and one in judge.window]
                rest = [one for one in mine if one not in clean and one not in window]
                is_red = bool(flight.asks) and flight.asks[0].purpose not in ("stack", "final")
                is_stale = salvage is not None and flight.on is None and salvage.is_void
                is_on, is_green, back = flight.on is not None, bool(flight.ready), len(singled_out)
                is_next = flight is self.fleet.lander
                made = Airborne(len(mine), ran_s, is_red, is_on, 0, 0, is_stale, is_green, back, is_next, probes)
                found.append(made._replace(clean=len(clean), window=len(window)) if is_red else made)
                ids += [number_of(one) for one in (*clean, *window, *rest)]
            if mine or flight.asks:
                ids += [number_of(one) for one in singled_out]
        return ids, found

    # -- figures -------------------------------------------------------------------------------------------

    def waits_of(self, count: int) -> list[float]:
        """Seconds until each of the first so many requests had landed; infinite for those that went back."""
        return [self.landed.get(one, float("inf")) - self.requests[one].at for one in range(count)]

    def is_clean(self, number: int) -> bool:
        """Whether the request fails neither alone nor with a neighbour."""
        after = self.requests[number + 1] if number + 1 < len(self.requests) else None
        one = self.requests[number]
        return not (one.is_bad or one.is_later_of_pair or (after is not None and after.is_later_of_pair))

    def figures(self) -> Figures:
        """Waits, throughput, runs and blame so far."""
        waits = sorted(
            (at - self.requests[one].at) / 60 for one, at in self.landed.items() if self.requests[one].at > WARM_S
        )
        clean = [one for one in (*self.landed, *self.blamed) if self.is_clean(one)]
        wrong = [one for one in self.blamed if self.is_clean(one)]
        count = len(waits)
        return Figures(
            waits[count // 2] if waits else 0.0,
            waits[int(count * 0.95)] if waits else 0.0,
            len(self.landed) / (self.now / 3600.0) if self.now else 0.0,
            self.runs / max(1, len(self.landed)),
            len(wrong) / max(1, len(clean)),
        )
