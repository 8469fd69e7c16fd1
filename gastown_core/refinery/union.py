"""The run that tests together what landed apart: all gates on the target as it is, as a batch without requests.

If they are green, what was noted is tested; if they are red, the target is red like any other, and nobody is blamed.
"""

from __future__ import annotations

from gastown_core.errors import GitError
from gastown_core.events.log import append_event
from gastown_core.model.refinery import PASS, STACKING
from gastown_core.refinery.batch import Batch
from gastown_core.refinery.hold import HoldError, lift
from gastown_core.refinery.place import StoppedError
from gastown_core.refinery.stack import Stacker
from gastown_core.refinery.tips import find_tips
from gastown_core.refinery.untested import are_tested, read_untested

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.fleet import Course


class UnionRun(Batch):
    """A run of all gates on the target as it is: a batch without requests."""

    def course(self) -> Course:
        """The run from begin to end; a red union holds the queue."""
        owed = read_untested(self.place, self.target)
        ids = owed.batches if owed is not None else ()
        self.board.begin(self.id, self.target, [], phase=STACKING)
        self.board.phase(STACKING, union=ids)
        try:
            yield from self._test(ids)
        except StoppedError:
            self.result = self.result._replace(stopped=True)
        except HoldError as error:
            self.hold_queue(error)
        except GitError as error:
            self.hold_queue(HoldError.of_git(error))
        self.result = self.result._replace(
            union=ids,
            secs=round(self.place.clock.now() - self.began, 3),
            probes=len(self.board.state.probes),
            runs=self.gates.count,
            gate_set=self.place.policy.gate_set,
            times=tuple(round(one, 3) for one in self.gates.times),
            base=self.base,
        )

    def _test(self, ids: tuple[str, ...]) -> Course:
        place = self.place
        place.check_stop()
        self.base, _ = find_tips(place.git, self.target, [])
        self.traffic.saw(self.base)
        self.prober.stacker = Stacker(place.git, self.base, {}, self.worktrees, clock=place.clock)
        verdict = yield from self.judge.of_target(self.base)
        payload = {"rig": place.rig, "target": self.target, "batch": self.id, "batches": list(ids)}
        payload["result"] = verdict.result
        append_event(place.root, "union_tested", place.actor, payload, clock=place.clock)
        if verdict.result == PASS:
            are_tested(place, self.target, ids, self.base)
            lift(place, self.target, f"{self.target} is green again at {self.base[:8]}")
            return
        met = ", ".join(ids)
        error = self.judge.red_target(verdict)
        raise HoldError(
            error.kind, f"{error.reason}; landed without a test together with what was there: {met}", error.log
        )
