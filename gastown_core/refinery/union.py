"""The run that tests together what landed apart: all gates on the target as it is, as a batch without requests.

If they are green, what was noted is tested; if they are red, the target is red like any other, and nobody is blamed.
"""

from __future__ import annotations

from gastown_core.events.log import append_event
from gastown_core.model.refinery import PASS, STACKING
from gastown_core.refinery.hold import HoldError, lift
from gastown_core.refinery.stack import Stacker
from gastown_core.refinery.target_run import TargetRun
from gastown_core.refinery.tips import find_tips
from gastown_core.refinery.untested import are_tested, read_untested

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.fleet import Course


class UnionRun(TargetRun):
    """A run of all gates on the target as it is: a batch without requests."""

    def examine(self) -> Course:
        """All gates on the target; a red union holds the queue."""
        place, owed = self.place, read_untested(self.place, self.target)
        ids = owed.batches if owed is not None else ()
        self.result = self.result._replace(union=ids)
        self.board.phase(STACKING, union=ids)
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
