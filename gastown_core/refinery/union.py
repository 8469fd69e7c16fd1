"""The run that tests together what landed apart: all gates on the target as it is, as a batch without requests.

If they are green, what was noted is tested; if they are red, the target is red like any other, and nobody is blamed.  Then the
gate that failed is run on what landed, until it is known which landings do not go together.
"""

from __future__ import annotations

from gastown_core.errors import GitError
from gastown_core.events.log import append_event
from gastown_core.model.refinery import BISECTING, ENVIRONMENT, FAIL, PASS, STACKING
from gastown_core.refinery import records
from gastown_core.refinery.hold import HoldError, lift, tell_more
from gastown_core.refinery.lanes import with_needs
from gastown_core.refinery.stack import Stacker
from gastown_core.refinery.target_run import TargetRun
from gastown_core.refinery.tips import find_tips
from gastown_core.refinery.union_search import UnionSearch
from gastown_core.refinery.untested import Untested, are_tested, read_untested

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.fleet import Course
    from gastown_core.refinery.prober import Verdict

SEARCHED = 200
"""In how many of the last batches a landing is looked for."""


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
        # whether what landed apart goes together is what is asked here
        self.prober.trusts_lanes = False
        verdict = yield from self.judge.of_target(self.base)
        if verdict.result == PASS:
            are_tested(place, self.target, ids, self.base)
            lift(place, self.target, f"{self.target} is green again at {self.base[:8]}")
            self._tell(verdict.result)
            return
        if self._is_out_of_date(ids):
            return
        error = self.judge.red_target(verdict)
        said = f"{error.reason}; landed without a test together with what was there: {', '.join(ids)}"
        error = HoldError(error.kind, said, error.log)
        if owed is not None and verdict.result == FAIL and error.kind != ENVIRONMENT:
            # nothing is to land meanwhile, and a person need not wait for the search
            self.hold_queue(error)
            yield from self._search(owed, verdict)
            if self.result.met:
                error = HoldError(error.kind, f"{error.reason}; {self.result.met}", error.log)
                tell_more(place, self.target, error)
        self._tell(verdict.result)
        if not self._is_out_of_date(ids):
            raise error

    def _is_out_of_date(self, ids: tuple[str, ...]) -> bool:
        """Whether these landings were green together meanwhile: a request that was tested beside this run has mended the target."""
        owed = read_untested(self.place, self.target)
        return bool(ids) and (owed is None or owed.batches[: len(ids)] != ids)

    def _search(self, owed: Untested, verdict: Verdict) -> Course:
        """Find out which landings do not go together, with the gate that failed and what that needs."""
        place, policy = self.place, self.place.policy
        landed = {one: batch.id for batch in reversed(records.recent(place.path, SEARCHED)) for one in batch.merged}
        search = UnionSearch(place.git, self.worktrees, owed, self.base, landed, width=self.judge.width)
        if verdict.gate is None or not search.is_possible:
            return
        self.board.phase(BISECTING)
        gates = with_needs([verdict.gate.name], policy.gates)
        self.gates.policy = policy._replace(gates=tuple(gate._replace(fix_cmd="") for gate in gates))
        self.prober.stacker = search
        try:
            found = yield from search.find()
        except GitError as error:
            # the target is red all the same: that is why the queue waits, not what is wrong here
            self.result = self.result._replace(met=f"which landings do not go together is not known: {error}")
            return
        place.check_stop()
        if found is not None:
            self.result = self.result._replace(met=found.words(), pair=(found.later, *found.earlier))

    def _tell(self, result: str) -> None:
        place, found = self.place, self.result
        payload = {"rig": place.rig, "target": self.target, "batch": self.id, "batches": list(found.union)}
        payload |= {"result": result, "reason": found.met, "requests": list(found.pair)}
        append_event(place.root, "union_tested", place.actor, payload, clock=place.clock)
