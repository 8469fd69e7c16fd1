"""The judgement of one batch: which requests of a stack are green together, and who makes it red.

Probes in, verdicts out; what follows from them (push, rework, hold) is the batch's affair.
"""

from __future__ import annotations

import os

from gastown_core.model.refinery import BISECTING, ERROR, FAIL, PASS, TESTING
from gastown_core.refinery import failure
from gastown_core.refinery.bisect import Answer, Ask, Bisection
from gastown_core.refinery.gate_run import tail
from gastown_core.refinery.hold import INFRASTRUCTURE, RED_TARGET, HoldError, read_hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.refinery.bisect import Culprit, Round
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.prober import Prober, Verdict
    from gastown_core.refinery.stack import Stacked
    from gastown_core.refinery.state_file import Board


class Judge:
    """Judges the stacks of one batch for ``target``; ``needs`` as the queue gives it.

    ``green`` and ``red`` hold what was seen of each stack, ``culprits`` who is to blame, ``waiting`` (request → why) who
    waits for a culprit; ``is_flaky`` says that a stack was red and then green.
    """

    def __init__(
        self, place: Refinery, target: str, prober: Prober, board: Board, needs: Mapping[str, frozenset[str]]
    ) -> None:
        self.place = place
        self.target = target
        self.prober = prober
        self.board = board
        self.needs = needs
        self.base = ""
        self.green: dict[tuple[str, ...], Stacked] = {}
        self.red: dict[tuple[str, ...], Verdict] = {}
        self.culprits: list[Culprit] = []
        self.waiting: dict[str, str] = {}
        self.is_flaky = False
        self._bisections: list[Bisection] = []

    def judge(self, whole: tuple[str, ...], base: str) -> tuple[str, ...]:
        """The requests of the stack that are green together. Raises HoldError if the target is to blame."""
        self.base = base
        self.board.phase(TESTING)
        self.board.mark(whole, "testing")
        verdicts = [self._probe(Ask(whole, "stack"))]
        is_held = read_hold(self.place, self.target) is not None
        if is_held and verdicts[0].result != PASS:
            self._check_target()
        if verdicts[0].result == FAIL and self.place.policy.retry_batch:
            verdicts.append(self._probe(Ask(whole, "again", fresh=True, parent=whole)))
        if verdicts[-1].result == PASS:
            self.is_flaky = self.is_flaky or len(verdicts) > 1
            return whole
        if not is_held:
            self._check_target()
        return self._bisect(whole, [one.result for one in verdicts])

    def _bisect(self, whole: tuple[str, ...], runs: list[str]) -> tuple[str, ...]:
        """Take the red stack apart; the requests of it that are green together."""
        self.board.phase(BISECTING)
        policy = self.place.policy
        bisection = Bisection(whole, self.needs, runs=runs, width=policy.max_concurrent, reruns=policy.reruns)
        self._bisections.append(bisection)
        self._drive(bisection.isolate())
        self.culprits += bisection.culprits
        self.board.mark([one.id for one in bisection.culprits if one.result == FAIL], "culprit")
        held = {one: f"needs {culprit}" for one, culprit in bisection.held.items()}
        held.update((one, f"does not stack without {culprit}") for one, culprit in bisection.aside.items())
        self.waiting.update(held)
        self.board.mark(held, "held")
        return bisection.good

    def explain(self) -> None:
        """What is good has landed; now there is time to ask with whom a culprit fails."""
        for bisection in self._bisections:
            if any(one.result == FAIL and one.below for one in bisection.culprits):
                self.board.phase(BISECTING)
                self._drive(bisection.explain())
        self.culprits = [one for bisection in self._bisections for one in bisection.culprits]

    def _probe(self, ask: Ask) -> Verdict:
        return self._note([ask], self.prober.all([ask]))[0]

    def _note(self, asks: list[Ask], verdicts: list[Verdict]) -> list[Verdict]:
        for ask, verdict in zip(asks, verdicts, strict=True):
            if verdict.result == PASS and verdict.stacked is not None:
                self.green[ask.requests] = verdict.stacked
            elif verdict.result == FAIL or ask.requests not in self.red:
                self.red[ask.requests] = verdict
        return verdicts

    def _drive(self, rounds: Round) -> None:
        """Run the probes that a bisection asks for until it asks no more."""
        try:
            asks = next(rounds)
            while True:
                verdicts = self._note(asks, self.prober.all(asks))
                asks = rounds.send([Answer(one.result, one.clash.id if one.clash else "") for one in verdicts])
        except StopIteration:
            return

    def _check_target(self) -> None:
        """Before anyone is blamed: is the bare target green?"""
        verdict = self._probe(Ask((), "base"))
        if verdict.result == FAIL and not verdict.is_known:
            # an unlucky run must not stop everybody
            verdict = self._probe(Ask((), "base", fresh=True))
        if verdict.result == PASS:
            return
        gate = verdict.gate
        log = tail(os.path.join(self.place.path, gate.log), 20) if gate is not None and gate.log else ""
        if verdict.result == ERROR:
            said = f"gate {gate.name}: {gate.detail}" if gate is not None else "the gates give no verdict"
            raise HoldError(INFRASTRUCTURE, said, log)
        what = failure.reason(gate)
        raise HoldError(RED_TARGET, f"{self.target} at {self.base[:8]} is red by itself: {what}", log)
