"""The batches of one target on real git: begins them, runs their probes in threads, and ends when none is left.

Everything but the gates happens in the calling thread: stacks are built, requests claimed and commits pushed one after
the other, whatever number of batches is in flight.
"""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from gastown_core.errors import GitError
from gastown_core.model.merge_request import score
from gastown_core.model.record import Record
from gastown_core.refinery import planner, records
from gastown_core.refinery.decision import OUTDATED, WHY_VERIFIED, Scene, why_batch, why_no_place, why_none, why_union
from gastown_core.refinery.flakes import flake_rate
from gastown_core.refinery.fleet import Fleet, Flight
from gastown_core.refinery.freeze import frozen
from gastown_core.refinery.gate_slots import free_places
from gastown_core.refinery.hold import INFRASTRUCTURE, HoldError, read_hold
from gastown_core.refinery.merge_batch import BatchRun
from gastown_core.refinery.place import StoppedError
from gastown_core.refinery.prober import VerdictCache
from gastown_core.refinery.pushed import read_push
from gastown_core.refinery.room import why_no_room
from gastown_core.refinery.side_work import aside
from gastown_core.refinery.target_run import TargetRun
from gastown_core.refinery.union import UnionRun
from gastown_core.refinery.untested import read_untested
from gastown_core.refinery.verification import VerificationRun

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.batch import Batch
    from gastown_core.refinery.lanes import Reach
    from gastown_core.refinery.merge_queue import MergeQueue
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.prober import Verdict
    from gastown_core.refinery.records import BatchResult
    from gastown_core.refinery.state_file import Board
    from gastown_core.refinery.worktrees import Worktrees

RECENT = 60
"""How many of the rig's last batches tell what is measured on a target."""
LOOK_S = 0.5
"""How often new requests are looked for while gates run and a place is free."""


if TYPE_CHECKING:
    Claim = Callable[
        [int, frozenset[str], frozenset[str] | None], tuple[MergeQueue, list[MergeRequest], Sequence[MergeRequest]]
    ]


class Plan(Record):
    """The next batch: its requests (None: the best), the batch on which it stands, whether its lanes are tested by nobody."""

    ids: frozenset[str] | None = None
    on: Flight | None = None
    is_apart: bool = False


class Runway:
    """The batches of ``target`` in flight, of a process that holds its lock.

    ``waiting`` gives the requests that could be taken, but for some, and what they affect; ``claim`` takes the next batch of
    at most so many out of the queue, but for some, or from some only; ``ended`` is told each batch's result; ``why_alone`` tells why no batch may begin beside others now;
    ``foresee`` is called now and then while nothing is to be done.
    """

    def __init__(
        self,
        place: Refinery,
        target: str,
        board: Board,
        worktrees: Worktrees,
        *,
        waiting: Callable[[frozenset[str]], Sequence[tuple[MergeRequest, Reach]]],
        claim: Claim,
        ended: Callable[[BatchResult], None],
        why_alone: Callable[[], str],
        foresee: Callable[[], None] = lambda: None,
    ) -> None:
        self.place = place
        self.target = target
        self.board = board
        self.worktrees = worktrees
        self.waiting = waiting
        self.claim = claim
        self.ended = ended
        self.why_alone = why_alone
        self.foresee = foresee
        self.fleet = Fleet()
        self.cache = VerdictCache(os.path.join(place.path, ".runtime"), place.policy.gate_set)
        self.places = place.policy.max_concurrent
        self._runs: dict[Flight, Batch] = {}
        self._union_was_red = False
        self._cannot_verify = False
        self._hangar: dict[str, Batch] = {}
        self._running: dict[Future[Verdict], tuple[Flight, int]] = {}
        self._was_quiet: bool | None = None
        self._tried: dict[str, str] = {}
        """Request → where the target was when it was last taken."""

    def run(self) -> None:
        """Begin a batch, others beside it while that is worth it, and drive them all to their end."""
        with ThreadPoolExecutor(max_workers=max(1, self.places), thread_name_prefix="probe") as pool:
            try:
                if not self._verify() or self.sight().free:
                    self._begin()
                while self.fleet.flights or self._verify() or (not self._is_worth_another() and self._test_union()):
                    self._verify()
                    while not self.is_alone() and self._is_worth_another() and self._begin():
                        pass
                    self._test_union()
                    self._start_probes(pool)
                    self._gather()
            finally:
                for flight in self._runs:
                    flight.course.close()
                # what was cut off still has its worktree
                wait(self._running)
                self.worktrees.close()

    def is_alone(self) -> bool:
        """Whether no batch may begin beside others now."""
        return bool(self.why_alone())

    def sight(self, waiting: int = 0) -> planner.Sight:
        """What the planner sees now."""
        free, slots = self.places - self.fleet.running, self.place.policy.gate_slots
        if slots and free > 0 and self.fleet.flights:
            # a run that would wait for a place of the town beside others had better wait for company
            free = min(free, free_places(self.place.root, slots))
        return planner.Sight(waiting, self.fleet.fresh, max(0, free - self.fleet.asked))

    # -- what a batch knows of the others --------------------------------------------------------------------

    def tip(self) -> str:
        """Where the target is, as far as is known."""
        return self.fleet.tip

    def saw(self, tip: str) -> None:
        """The target is at this commit now, whoever pushed it."""
        self.fleet.moved(tip)

    def is_apart(self, base: str, reach: Reach) -> bool:
        """Whether all that has landed since the target was at ``base`` has nothing to do with ``reach``."""
        return self.fleet.is_apart(base, reach)

    def few_wait(self) -> bool:
        """Whether the next batch has room for what goes back to the queue, and a place beside the batch that asks."""
        if self.is_alone() or self.place.stop():
            return False
        waiting = _count(self.waiting(self._just_tried()))
        size = size_now(self.place, self.target)
        return planner.has_room(self.sight(waiting), size, self.places, is_quiet=self._is_quiet())

    def _is_quiet(self) -> bool:
        """Whether no other batch is in flight, and hardly a request comes to share its run; looked up once a batch."""
        if len(self.fleet.flights) > 1:
            return False
        if self._was_quiet is None:
            batches = records.recent(self.place.path, RECENT)
            self._was_quiet = planner.is_quiet(batches, self.target, self.place.clock.now())
        return self._was_quiet

    def went_back(self, ids: Sequence[str]) -> None:
        """Requests are in the queue again and may be taken at once."""
        for one in ids:
            self._tried.pop(one, None)

    # -- batches -------------------------------------------------------------------------------------------

    def _is_worth_another(self) -> bool:
        if self.place.stop():
            return False
        if ends := OUTDATED if self.place.is_outdated() else why_no_room(self.place):
            self.board.show_next(ends)
            return False
        if not self.sight().free:
            wanted = sum(len(one.asks) - len(one.verdicts) for one in self.fleet.flights)
            begins = sum(len(one.asks) - one.started for one in self.fleet.flights) if wanted >= self.places else 0
            self.board.show_next(why_no_place(is_own=wanted >= self.places, begins=min(begins, self.places)))
            return False
        alone = next((one.id for run in self._runs.values() for one in run.requests.values() if one.alone), "")
        is_planned = not alone and self._plan(self._just_tried()) is not None
        why = f"{alone} merges with nothing beside it" if alone else ""
        if not is_planned and not why:
            sight = self.sight(len(self.waiting(frozenset())))
            why = why_none(sight.waiting, sight.fresh, size_now(self.place, self.target))
        self.board.show_next("" if is_planned else why)
        return is_planned

    def _begins_nothing(self) -> bool:
        """Whether this engine is about to end: it was asked to, its settings are no longer those of the rig, or the disk is full."""
        return self.place.stop() or self.place.is_outdated() or bool(why_no_room(self.place))

    def _plan(self, skip: frozenset[str]) -> Plan | None:
        """The next batch; None if none begins now."""
        waiting, size = self.waiting(skip), size_now(self.place, self.target)
        if not self.place.policy.lanes or (waiting and waiting[0][0].alone):
            sight = self.sight(_count(waiting))
            below = self._below(sight)
            return Plan(None, below) if below is not None or planner.begins(sight, size) else None
        wanted = [(one.id, reach) for one, reach in waiting if not one.alone]
        reaches = [reach for _, reach in wanted]
        fresh = [self._runs[one].reach for one in self.fleet.flights if one.is_fresh]
        taken = planner.takes_off(reaches, fresh, size, self.sight().free)
        if taken:
            is_apart = not any(reaches[one].meets(other) for one in taken for other in fresh)
            return Plan(frozenset(wanted[one][0] for one in taken), is_apart=is_apart)
        mine = frozenset(name for name, reach in wanted if reaches[0].holds(reach))
        below = self._below(self.sight(len(mine)))
        return Plan(mine, below) if below is not None else None

    def _below(self, sight: planner.Sight) -> Flight | None:
        """The batch on which the next one stands, if that is worth it now."""
        chain = self.fleet.chain
        below = sum(len(self._runs[one].order) for one in chain)
        size = size_now(self.place, self.target)
        return chain[-1] if planner.chains(sight, size, below, rates_now(self.place, self.target)) else None

    def _just_tried(self) -> frozenset[str]:
        """Requests that a batch took since the target last moved: nothing has changed for them."""
        return frozenset(one for one, tip in self._tried.items() if tip == self.fleet.tip)

    def _begin(self) -> bool:
        """Begin a batch; False if there is none to begin."""
        skip, size = self._just_tried(), size_now(self.place, self.target)
        while True:
            alone = self.why_alone()
            ids, on, is_apart = (None if alone else self._plan(skip)) or Plan()
            queue, chosen, others = self.claim(size, skip, ids)
            if chosen or not ids:
                break
            # none of these can be taken now; those of other lanes may
            skip |= ids
        if not chosen:
            return False
        before = {*self._tried, *(name for one in records.recent(self.place.path) for name in one.mrs)}
        self._tried.update((one.id, self.fleet.tip) for one in chosen)
        run = BatchRun(
            self.place,
            self.target,
            chosen,
            queue.needs,
            others=others,
            batch_id=records.new_batch_id(self.place),
            board=self.board.beside(),
            cache=self.cache,
            worktrees=self.worktrees,
            rates=rates_now(self.place, self.target),
            width=lambda: planner.search_width(self.sight()),
            traffic=self,
            below=self._runs[on] if on is not None else None,
        )
        by_lane = ids is not None and bool(self.place.policy.lanes)
        taken = [one.id for one in chosen]

        def say() -> tuple[str, ...]:
            scene = self._scene(queue, skip, alone, on)._replace(by_lane=by_lane, is_apart=is_apart)
            return why_batch(scene, taken)

        run.why = aside(self.place, "the reasons of a batch", say, ())
        run.again = frozenset(one.id for one in chosen if one.id in before)
        self._take_off(Flight(run.id, run.course(self._hangar), on=on, base=run.below), run)
        return True

    def _scene(self, queue: MergeQueue, skip: frozenset[str], alone: str, on: Flight | None) -> Scene:
        """What was there to decide the batch by."""
        place, now = self.place, self.place.clock.now()
        ready = [one for one in queue.ready if one.target == self.target and one.id not in skip]
        hold = read_hold(place, self.target)
        return Scene(
            tuple(one.id for one in ready),
            size_now(place, self.target),
            scores={one.id: score(one, now, queue.level_s) for one in ready},
            needs=queue.needs,
            floor=place.policy.min_batch_size,
            ceiling=place.policy.max_batch_size,
            rates=rates_now(place, self.target),
            others=len(self.fleet.flights),
            fresh=self.fleet.fresh,
            places=self.places,
            alone=alone,
            on=self._runs[on].id if on is not None else "",
            below=sum(len(self._runs[one].order) for one in self.fleet.chain) if on is not None else 0,
            is_cure=hold is not None and hold.waits_for_cure,
            merges_alone=frozenset(one.id for one in ready if one.alone),
        )

    def _take_off(self, flight: Flight, run: Batch) -> None:
        self._runs[flight] = run
        self._was_quiet = None
        self.fleet.add(flight)
        flight.base = run.base
        self._end_batches()

    def _test_union(self) -> bool:
        """Begin a run of all gates on what landed without a common test, if one is due; whether it did."""
        owed = read_untested(self.place, self.target) if self.place.policy.lanes or not self.fleet.flights else None
        if owed is None or self._begins_nothing() or any(isinstance(one, UnionRun) for one in self._runs.values()):
            return False
        if (
            self._union_was_red
            or self._is_known_red()
            or not planner.owes_union(len(owed.batches), self.fleet.fresh, self.sight().free)
        ):
            return False
        run = self._of_target(UnionRun)
        run.why = why_union(len(owed.batches), is_due=len(owed.batches) >= planner.MOST_UNTESTED)
        self._take_off_late(run, is_urgent=len(owed.batches) >= planner.MOST_UNTESTED)
        return True

    def _is_known_red(self) -> bool:
        """Whether the target is held as red, and what may mend it is tested now, or it need not be looked at again yet."""
        place, hold = self.place, read_hold(self.place, self.target)
        if hold is None or not hold.waits_for_cure:
            return False
        return bool(self._runs) or (
            hold.is_of_red(self.fleet.tip, place.policy.rules) and place.clock.now() < hold.until
        )

    def _verify(self) -> bool:
        """Begin to verify what was pushed, if anything was; whether it did."""
        if read_push(self.place, self.target) is None or self._cannot_verify or self._begins_nothing():
            return False
        if any(isinstance(one, VerificationRun) for one in self._runs.values()) or frozen(self.place) is not None:
            return False
        run = self._of_target(VerificationRun)
        run.why = WHY_VERIFIED
        self._take_off_late(run, is_urgent=True)
        return True

    def _of_target(self, kind: type[TargetRun]) -> TargetRun:
        """A run on what is on the target."""
        return kind(
            self.place,
            self.target,
            (),
            {},
            batch_id=records.new_batch_id(self.place),
            board=self.board.beside(),
            cache=self.cache,
            worktrees=self.worktrees,
            rates=rates_now(self.place, self.target),
            width=lambda: planner.search_width(self.sight()),
            traffic=self,
        )

    def _take_off_late(self, run: TargetRun, *, is_urgent: bool) -> None:
        flight = Flight(run.id, run.course())
        flight.is_late, flight.is_urgent = True, is_urgent
        self._take_off(flight, run)

    def _end_batches(self) -> None:
        for flight in [one for one in self._runs if one.is_over]:
            run = self._runs.pop(flight)
            self._union_was_red = self._union_was_red or (isinstance(run, UnionRun) and bool(run.result.hold))
            self._cannot_verify |= isinstance(run, VerificationRun) and bool(run.result.hold)
            last = None
            if not isinstance(run, TargetRun) or run.says_something:
                self.ended(run.result)
                last = {**run.result.as_json(), "at": self.place.clock.now()}
            run.board.rest(last, hold=run.result.hold, kind=run.hold_kind)

    # -- probes --------------------------------------------------------------------------------------------

    def _start_probes(self, pool: ThreadPoolExecutor) -> None:
        for flight, number, ask in self.fleet.take(self.places):
            prober, ran = self._runs[flight].prober, self._runs[flight].gates.policy.gate_set
            flight.gates = "" if ran == self.place.policy.gate_set else ran
            try:
                if full := why_no_room(self.place):
                    raise HoldError(INFRASTRUCTURE, full)
                stack = prober.stack(ask)
            except (GitError, StoppedError, HoldError) as error:
                self._break_off(flight, error)
                continue
            self._running[pool.submit(prober.probe, ask, stack)] = (flight, number)

    def _break_off(self, flight: Flight, error: Exception) -> None:
        """End a batch whose probes cannot be run: what still runs for it is ignored."""
        self.fleet.fail(flight, error)
        self._end_batches()

    def _gather(self) -> None:
        """Wait until a probe has ended, or it is time to look for new requests, and let the batches go on."""
        if not self._running:
            return
        done, _ = wait(self._running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        for future in done:
            flight, number = self._running.pop(future)
            if flight.is_over:
                continue
            if self.place.stop():
                self._break_off(flight, StoppedError())
                continue
            self.fleet.answer(flight, number, future.result())
        self._end_batches()
        if not done:
            self.foresee()


def _count(waiting: Sequence[tuple[MergeRequest, Reach]]) -> int:
    return sum(not one.alone for one, _ in waiting)


def rates_now(place: Refinery, target: str) -> planner.Rates:
    """What was measured on a target so far."""
    return planner.Rates(planner.failure_rate(records.recent(place.path, RECENT), target), flake_rate(place.path))


def size_now(place: Refinery, target: str) -> int:
    """How many requests a batch of a target takes now."""
    policy = place.policy
    return planner.batch_size(rates_now(place, target), policy.min_batch_size, policy.max_batch_size)
