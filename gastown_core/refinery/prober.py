"""Probes: a stack, its tree in a worktree of its own, the gates, the verdict.

A known green tree is not run again.  A gate that gives no verdict is run once more at once.  Where the failed gate has a
``fix_cmd``, what that changes becomes a commit on top of the stack, and the gates decide anew.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from gastown_core.errors import GitError
from gastown_core.events.log import append_event
from gastown_core.model.record import Record
from gastown_core.model.refinery import CACHED, ERROR, FAIL, PASS, GateRun
from gastown_core.refinery.gates import GateSet
from gastown_core.refinery.stack import Clash, Stacked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.refinery.bisect import Ask
    from gastown_core.refinery.cache import VerdictCache
    from gastown_core.refinery.gates import Gates
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.stack import Stacker
    from gastown_core.refinery.state_file import Board
    from gastown_core.refinery.worktrees import Worktrees


class Verdict(Record):
    """What a probe came to; ``stacked`` is what may be pushed, ``gate`` the run that decided where it is not green."""

    result: str
    stacked: Stacked | None = None
    clash: Clash | None = None
    gate: GateRun | None = None
    is_known: bool = False


class Prober:
    """Runs the probes of one batch; ``runs`` counts those that ran gates."""

    def __init__(
        self, place: Refinery, batch: str, board: Board, gates: Gates, cache: VerdictCache, worktrees: Worktrees
    ) -> None:
        self.place = place
        self.batch = batch
        self.board = board
        self.gates = gates
        self.cache = cache
        self.worktrees = worktrees
        self.stacker: Stacker | None = None

    def all(self, asks: Sequence[Ask]) -> list[Verdict]:
        """Run the probes, as many side by side as the rig allows; their verdicts in order."""
        self.place.check_stop()
        assert self.stacker is not None
        stacks = [self.stacker.stack(ask.requests) for ask in asks]
        width = min(len(asks), self.place.policy.max_concurrent)
        if width <= 1:
            verdicts = [self._probe(ask, stack) for ask, stack in zip(asks, stacks, strict=True)]
        else:
            with ThreadPoolExecutor(max_workers=width, thread_name_prefix="probe") as pool:
                verdicts = list(pool.map(self._probe, asks, stacks))
        self.place.check_stop()
        return verdicts

    def one(self, ask: Ask) -> Verdict:
        """As ``all``, for one."""
        return self.all([ask])[0]

    def _probe(self, ask: Ask, stack: Stacked | Clash) -> Verdict:
        if isinstance(stack, Clash):
            return Verdict("", clash=stack)
        number = self.board.probe(ask.requests, ask.purpose, ask.parent, stack.tree)
        known = "" if ask.fresh else self._known(ask, stack)
        if known:
            self.board.judged(number, CACHED if known == PASS else known)
            return Verdict(known, stack, is_known=True)
        verdict = self._run(number, stack)
        self.board.judged(number, verdict.result, verdict.stacked.tree if verdict.stacked else "")
        payload = {"batch": self.batch, "mrs": list(ask.requests), "result": verdict.result, "purpose": ask.purpose}
        place = self.place
        append_event(place.root, "bisect_probe", place.actor, payload, visibility="audit", clock=place.clock)
        return verdict

    def _known(self, ask: Ask, stack: Stacked) -> str:
        """A verdict from before: green ones count for every probe, red ones for the bare target while they are young."""
        result, at = self.cache.get(stack.tree)
        if result == PASS or (not self.place.policy.gates and not self.place.policy.setup):
            return PASS
        is_young = self.place.clock.now() - at < self.place.policy.recheck_s
        return result if ask.purpose == "base" and result == FAIL and is_young else ""

    def _run(self, number: int, stack: Stacked) -> Verdict:
        for last_try in (False, True):
            found, fixed = self._in_worktree(number, stack)
            if found.result != ERROR or last_try or self.place.stop():
                break
        now = self.place.clock.now()
        if fixed is not None and found.result == PASS:
            self.cache.put(fixed.tree, PASS, now)
            return Verdict(PASS, fixed)
        if found.result in (PASS, FAIL):
            self.cache.put(stack.tree, found.result, now)
        return Verdict(found.result, stack, gate=found.worst)

    def _in_worktree(self, number: int, stack: Stacked) -> tuple[GateSet, Stacked | None]:
        """One run of the gates; and the stack with the repairs that made it green, if it took any."""
        from gastown_core.refinery.fixer import fix

        def told(run: GateRun) -> None:
            self.board.gate(number, run)

        try:
            with self.worktrees.open(stack.commit) as tree:
                found = self.gates.run(tree, stack.tree, told)
            if found.result != FAIL or self.stacker is None:
                return found, None
            return fix(self.worktrees, self.gates, self.stacker, stack, found, told)
        except (GitError, OSError) as error:
            return GateSet(ERROR, (no_worktree(error),)), None


def no_worktree(error: Exception) -> GateRun:
    """The verdict that there is none, because the tree could not even be laid out."""
    return GateRun("worktree", ERROR, detail=str(error))
