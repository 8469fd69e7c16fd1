"""The verdict on one batch: which requests of a stack are green together, and which make it red.

It asks for probes and gives verdicts; the batch acts on them (push, rework, hold).  ``judge`` and ``explain`` are
generators that yield rounds of probes and receive their verdicts, so that several batches can be judged at once.  No
request is a culprit without a green run after the request was first red: a broken environment (a service, the disk) fails
every request.  If the target itself is red, there is no culprit; the requests are then tried one by one, since one of
them may fix it.
"""

from __future__ import annotations

import os

from gastown_core.clock import format_seconds
from gastown_core.model.refinery import (
    BISECTING,
    ENVIRONMENT,
    ERROR,
    FAIL,
    GAVE_UP,
    PASS,
    RED_TARGET,
    TESTING,
    EntryState,
)
from gastown_core.refinery import failure
from gastown_core.refinery.bisect import RED, Ask, Bisection, ProbeAnswer
from gastown_core.refinery.gate_run import tail
from gastown_core.refinery.hold import INFRASTRUCTURE, HoldError
from gastown_core.refinery.planner import Rates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from typing import TypeVar

    from gastown_core.refinery.bisect import Culprit, Round
    from gastown_core.refinery.hold import QueueHold
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.prober import Verdict
    from gastown_core.refinery.stack import Stacked
    from gastown_core.refinery.state_file import Board

    Answer = TypeVar("Answer")
    Probes = Generator[list[Ask], list[Verdict], Answer]


class Judge:
    """Judges the stacks of one batch for ``target``; ``needs`` is the queue's.

    ``green_before`` tells when the bare target was last green (0: unknown), ``rates`` what was measured on it,
    ``width`` how many probes of a red stack may run in parallel now, ``is_enough`` (set by ``Salvage``) whether the search
    in a red stack ends with its first culprit.

    ``green`` and ``red`` hold the results per stack, ``culprits`` the requests at fault, ``waiting`` (request → why) those
    that wait for another; ``is_flaky``: a stack was red and then green; ``is_target_green``: the bare target was green
    when it was tested; ``tried`` names those that do not make a red target green.
    """

    def __init__(
        self,
        place: Refinery,
        target: str,
        board: Board,
        needs: Mapping[str, frozenset[str]],
        *,
        green_before: Callable[[], float],
        rates: Rates = Rates(),  # noqa: B008  a default that is never modified
        width: Callable[[], int] | None = None,
    ) -> None:
        self.place = place
        self.target = target
        self.board = board
        self.needs = needs
        self.base = ""
        self.green: dict[tuple[str, ...], Stacked] = {}
        self.red: dict[tuple[str, ...], Verdict] = {}
        self.culprits: list[Culprit] = []
        self.waiting: dict[str, str] = {}
        self.tried: tuple[str, ...] = ()
        self.is_flaky = False
        self.is_target_green = False
        self.green_before = green_before
        self.rates = rates
        self.width = width or (lambda: place.policy.max_concurrent)
        self.is_enough: Callable[[], bool] = lambda: False
        self._bisections: list[Bisection] = []
        self._searched: Bisection | None = None
        self._size = 0
        self._green_before = self._green_with = 0.0
        """When the bare target was last green, and when requests on it were, in this batch; 0 if never."""
        self._first_red: dict[tuple[str, ...], int] = {}
        self._last_green = self._last_green_target = 0
        self._doubt: dict[tuple[str, ...], float] = {}
        """How often chance makes red what made a stack red."""
        self._proven: set[tuple[tuple[str, ...], bool]] = set()

    @property
    def clean(self) -> tuple[str, ...]:
        """What is green from the bottom up of the red stack that is searched now."""
        return self._searched.clean if self._searched is not None else ()

    @property
    def window(self) -> tuple[str, ...]:
        """The requests among which the culprit of the red stack is, while it is searched."""
        return self._searched.window if self._searched is not None else ()

    @property
    def is_cut_short(self) -> bool:
        """Whether the last search ended with its first culprit, and what was above it is not judged."""
        return self._searched is not None and self._searched.is_cut_short

    @property
    def suspects(self) -> set[str]:
        """All requests that were singled out so far, and those that wait for one of them."""
        found = {one.id for search in self._bisections for one in search.culprits}
        return found.union(*({*search.held, *search.aside} for search in self._bisections))

    def judge(self, whole: tuple[str, ...], base: str, hold: QueueHold | None = None) -> Probes[tuple[str, ...]]:
        """The requests of the stack that are green together; ``hold`` is the hold that the queue was under until now.

        Raises HoldError if no request is at fault because the target is red too, or the gates give no verdict.
        """
        self.base = base
        self._size = max(self._size, len(whole))
        self.is_target_green = False
        self._searched = None
        self._green_before, self._green_with = self.green_before(), 0.0
        self._first_red.clear()
        self.board.phase(TESTING)
        self.board.mark(whole, EntryState.TESTING)
        if hold is not None and hold.is_of_red(base, self.place.policy.rules):
            good = yield from self._on_red_target(whole, hold)
            if good:
                return good
        [first] = yield from self._probe([Ask(whole, "stack")])
        return whole if first.result == PASS else (yield from self._take_apart(whole, first.result))

    def lands_over(self, base: str, stack: tuple[str, ...], made: Stacked) -> None:
        """The stack lands on another commit than the one it was judged on, without another run."""
        self.base = base
        self.green[stack] = made

    def of_target(self, base: str) -> Probes[Verdict]:
        """The gates' result on the bare target now, red only if it is so twice."""
        self.base = base
        self._green_before = self.green_before()
        self.board.phase(TESTING)
        return (yield from self._ask_target())

    def _take_apart(self, whole: tuple[str, ...], first: str) -> Probes[tuple[str, ...]]:
        """The green part of a red stack, if the bare target is not red, too."""
        runs, target = [first], None
        # the target of a batch that stood on another is known since that one was green
        self._green_before = self._green_before or self.green_before()
        is_known = self.is_target_green or bool(self._green_before)
        if self._is_worth_another_run(whole, first):
            asks = [Ask(whole, "again", fresh=True, parent=whole)]
            if self.width() > 1 and not is_known:
                asks.append(Ask((), "base", fresh=True))
            again, *beside = yield from self._probe(asks)
            runs.append(again.result)
            target = beside[0] if beside else None
            if again.result == PASS:
                self.is_flaky = True
                return whole
        half = whole[: len(whole) // 2] if not is_known and target is None else ()
        seen = {half: (yield from self._probe([Ask(half, "left", parent=whole)]))[0].result} if half else {}
        # what is green on the target says enough of it
        if not is_known and seen.get(half) != PASS:
            target = yield from self._ask_target(target)
            if target.result != PASS:
                return (yield from self._cure(whole, self.red_target(target)))
        return (yield from self._bisect(whole, runs, seen))

    def _is_worth_another_run(self, whole: tuple[str, ...], first: str) -> bool:
        """Whether to run a red stack again before it is taken apart: where its redness is rather chance than content.

        Tests that are known to change their mind count with their own rate.  A gate that gave up takes long to do so again; the suspect's own probe will show it.
        """
        if not self.place.policy.retry_batch or first != FAIL:
            return False
        return max(self.rates.flake, self._doubt.get(whole, 0.0)) > len(whole) * self.rates.bad

    # -- the bare target -----------------------------------------------------------------------------------

    def _ask_target(self, first: Verdict | None = None, *, shared: bool = False) -> Probes[Verdict]:
        """The gates' result on the bare target now; a single red run (``first``, if given) is repeated before it counts.

        ``shared``: another batch may answer instead, if it is green.
        """
        for last in (False, True):
            ask = Ask((), "base", fresh=True, shared=shared and not last)
            verdict = first or (yield from self._probe([ask]))[0]
            if verdict.result == PASS or last:
                break
            first = None
        return verdict

    def red_target(self, verdict: Verdict) -> HoldError:
        """Return why no request is at fault: the bare target is red, or there is no verdict."""
        gate = verdict.gate
        log = tail(os.path.join(self.place.path, gate.log), 20) if gate is not None and gate.log else ""
        said = failure.reason(gate)
        if verdict.result == ERROR:
            return HoldError(INFRASTRUCTURE, said, log)
        what = f"{self.target} at {self.base[:8]} is red by itself: {said}"
        before = self._green_before or verdict.green_at
        at, how = (before, "") if before else (self._green_with, " with requests on it")
        if at:
            what += f"; it was green{how} at {format_seconds(at)}, so its environment has changed"
        is_around = bool(at) or verdict.result == GAVE_UP
        return HoldError(ENVIRONMENT if is_around else RED_TARGET, what, log)

    def _on_red_target(self, whole: tuple[str, ...], hold: QueueHold) -> Probes[tuple[str, ...]]:
        """Return the requests that make a red target green; none if it turned green without them. Raises HoldError if it is not."""
        error = HoldError(hold.kind, hold.reason)
        if self.place.clock.now() >= hold.until:
            [verdict] = yield from self._probe([Ask((), "base", fresh=True)])
            if verdict.result == PASS:
                return ()
            fresh = self.red_target(verdict)
            error = fresh if fresh.kind == INFRASTRUCTURE else HoldError(hold.kind, hold.reason, fresh.log)
        if all(hold.has_tried(one) for one in whole):
            raise error
        [first] = yield from self._probe([Ask(whole, "stack")])
        return whole if first.result == PASS else (yield from self._cure(whole, error))

    def _cure(self, whole: tuple[str, ...], error: HoldError) -> Probes[tuple[str, ...]]:
        """The first request, with what it needs, that is green on the red target. Raises ``error`` if there is none."""
        if error.kind == INFRASTRUCTURE:
            raise error
        self.board.phase(BISECTING)
        # what was red already in this search needs no second run
        stacks = [one for one in (self._with_needs(one, whole) for one in whole) if one not in self._first_red]
        width = max(1, self.width())
        for begin in range(0, len(stacks), width):
            asks = [Ask(stack, "single", parent=whole) for stack in stacks[begin : begin + width]]
            for ask, verdict in zip(asks, (yield from self._probe(asks)), strict=True):
                if verdict.result == PASS:
                    why = f"{self.target} is red by itself; {ask.requests[-1]} makes it green and lands first"
                    self._wait({one: why for one in whole if one not in ask.requests})
                    return ask.requests
        self.tried = whole
        raise error

    def _with_needs(self, request: str, whole: tuple[str, ...]) -> tuple[str, ...]:
        wanted = {request}
        for one in reversed(whole):
            if one in wanted:
                wanted |= self.needs.get(one, frozenset())
        return tuple(one for one in whole if one in wanted)

    # -- culprits ------------------------------------------------------------------------------------------

    def _bisect(
        self, whole: tuple[str, ...], runs: list[str], seen: Mapping[tuple[str, ...], str]
    ) -> Probes[tuple[str, ...]]:
        """Bisect the red stack, of which parts were ``seen``; the requests of it that are green together."""
        self.board.phase(BISECTING)
        bisection = Bisection(
            whole,
            self.needs,
            runs=runs,
            width=self.width,
            reruns=self.place.policy.reruns,
            flake=max(self.rates.flake, self._doubt.get(whole, 0.0)),
            is_enough=self.is_enough,
            seen=seen,
        )
        self._bisections.append(bisection)
        self._searched = bisection
        yield from self._drive(bisection.isolate(), bisection)
        self.culprits += bisection.culprits
        self.board.mark([one.id for one in bisection.culprits if one.result == FAIL], EntryState.CULPRIT)
        self._wait({one: f"needs {culprit}" for one, culprit in bisection.held.items()})
        self._wait({one: f"does not stack without {culprit}" for one, culprit in bisection.aside.items()})
        return bisection.good

    def explain(self) -> Probes[None]:
        """After the green requests have landed, confirm the culprits and find out with which peers they fail.

        Raises HoldError if the gates are no longer green on the bare target: then no request is at fault.
        """
        yield from self._see_life(self.culprits, is_late=True)
        for bisection in self._bisections:
            if bisection.culprits:
                self.board.phase(BISECTING)
                yield from self._drive(bisection.explain(), bisection)
        self.culprits = [one for bisection in self._bisections for one in bisection.culprits]
        yield from self._see_life(self.culprits, is_late=True)
        cleared = [one.id for one in self.culprits if one.result == PASS]
        self._wait(dict.fromkeys(cleared, "was red once and then green: no request is at fault, it is retried"))

    def _see_life(self, culprits: Sequence[Culprit], *, is_late: bool = False) -> Probes[None]:
        """Check that something was green after each culprit was first red; the bare target, if they are more than half.

        ``is_late``: nobody waits for it, so it may be another batch that shows it.  Raises HoldError if it is not.
        """
        blamed = [one.stack for one in culprits if one.result == FAIL]
        by_target = 2 * len(blamed) > self._size
        wanted = {(stack, by_target) for stack in blamed} - self._proven
        since = max((self._first_red.get(stack, 0) for stack, _ in wanted), default=0)
        if since > (self._last_green_target if by_target else self._last_green):
            verdict = yield from self._ask_target(shared=is_late and not by_target)
            if verdict.result != PASS:
                self._wait(dict.fromkeys([one.id for one in culprits], "the target is red too: no request is at fault"))
                self.culprits = []
                raise self.red_target(verdict)
        self._proven |= wanted

    def _wait(self, requests: Mapping[str, str]) -> None:
        self.waiting.update(requests)
        for one, why in requests.items():
            self.board.mark([one], EntryState.HELD, why)

    # -- probes --------------------------------------------------------------------------------------------

    def _drive(self, rounds: Round, bisection: Bisection) -> Probes[None]:
        """Run the probes that a bisection asks for until it ends."""
        try:
            asks = next(rounds)
            while True:
                verdicts = yield from self._probe(asks)
                bisection.flake = max(bisection.flake, *(one.doubt for one in verdicts))
                asks = rounds.send([ProbeAnswer(one.result, one.clash.id if one.clash else "") for one in verdicts])
                # a probe of this round may prove the newest culprit
                yield from self._see_life([one for one in bisection.culprits if one.result == FAIL][:-1])
        except StopIteration:
            return
        finally:
            self.is_flaky = self.is_flaky or bisection.is_flaky

    def _probe(self, asks: list[Ask]) -> Probes[list[Verdict]]:
        """Ask for the probes and remember their verdicts."""
        verdicts = yield asks
        for ask, verdict in zip(asks, verdicts, strict=True):
            if verdict.result == PASS and verdict.stacked is not None:
                self.green[ask.requests] = verdict.stacked
                self._last_green = max(self._last_green, verdict.began)
                self._green_with = self.place.clock.now()
                if not ask.requests:
                    self.is_target_green = True
                    self._green_before = self.place.clock.now()
                    self._last_green_target = max(self._last_green_target, verdict.began)
            elif verdict.result in RED:
                self._first_red.setdefault(ask.requests, verdict.ended)
            if verdict.result in RED:
                self._doubt[ask.requests] = verdict.doubt
            if verdict.result in RED or (verdict.result != PASS and ask.requests not in self.red):
                self.red[ask.requests] = verdict
        return verdicts
