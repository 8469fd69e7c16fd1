"""One batch from claim to end: stack, test, bisect if red, push what is green, send back the culprits.

Whatever happens, a request that was neither merged nor sent back is in the queue again afterwards.
"""

from __future__ import annotations

from gastown_core.errors import GitError
from gastown_core.events.log import append_event
from gastown_core.git import worktree
from gastown_core.messaging.mail import send_mail
from gastown_core.model.merge_request import NEEDS_RETRY, read_request, with_facts
from gastown_core.model.refinery import (
    FAIL,
    PASS,
    POST_MERGE,
    PUSHING,
    STACKING,
    BatchEntry,
    EntryState,
)
from gastown_core.refinery import aftermerge, claims, conflicts, failure, kinship
from gastown_core.refinery.aftermerge import Landed
from gastown_core.refinery.approval import offer, waits_for_a_person
from gastown_core.refinery.hold import PUSH_BY_HAND, TARGET_IS_RED, HoldError, lift, put_on_hold, read_hold
from gastown_core.refinery.judge import Judge
from gastown_core.refinery.merge_queue import fallen_out
from gastown_core.refinery.place import StoppedError
from gastown_core.refinery.planner import PRIOR_FLAKE, Rates, failure_rate
from gastown_core.refinery.prober import Prober
from gastown_core.refinery.push import is_on, push_target
from gastown_core.refinery.records import BatchResult, recent
from gastown_core.refinery.recovery import Intent, drop_intent, write_intent
from gastown_core.refinery.rig_gates import Gates
from gastown_core.refinery.stack import Clash, Stacker
from gastown_core.refinery.tips import carried, find_tips, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.judge import Answer, Probes
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.prober import VerdictCache
    from gastown_core.refinery.state_file import Board
    from gastown_core.refinery.tips import Piece
    from gastown_core.refinery.worktrees import Worktrees

PUSHES = 10
"""How often a batch is tested again on a moving target before it gives way; no request is at fault, nothing escalates."""


class BatchRun:
    """One batch of ``requests``, claimed and in stack order; ``needs`` is the queue's.

    ``others`` are the target's open requests outside the batch, and rejected ones whose work is not done.
    """

    def __init__(
        self,
        place: Refinery,
        target: str,
        requests: Sequence[MergeRequest],
        needs: Mapping[str, frozenset[str]],
        *,
        others: Sequence[MergeRequest] = (),
        batch_id: str,
        board: Board,
        cache: VerdictCache,
        worktrees: Worktrees,
    ) -> None:
        self.place = place
        self.target = target
        self.requests = {one.id: one for one in requests}
        self.needs = dict(needs)
        self.others = others
        self.id = batch_id
        self.board = board
        self.work = place.ledger.get_many(one.source_issue for one in requests if one.source_issue)
        logs = place.file(batch_id)
        self.gates = Gates(place.policy, logs, place.relative, place.stop, place.clock.now)
        self.prober = Prober(place, batch_id, board, self.gates, cache, worktrees)
        self.worktrees = worktrees
        self.base = ""
        self.order: list[str] = list(self.requests)
        self.tips: dict[str, str] = {}
        self.pieces: dict[str, Piece] = {}
        history = recent(place.path, 60)
        flaky = sum(one.flaky for one in history[:20])
        rates = Rates(failure_rate(history, target), max(PRIOR_FLAKE, flaky / 20))
        self.judge = Judge(place, target, board, self.needs, green_before=self.prober.green_before, rates=rates)
        self.later: dict[str, str] = {}
        self.by_hand: HoldError | None = None
        self.result = BatchResult(batch_id, place.rig, target, mrs=tuple(self.requests))

    def run(self) -> BatchResult:
        """Run the batch; no fault of a rig's code, gates or remote raises."""
        began = self.place.clock.now()
        self._begin()
        try:
            self._go()
        except StoppedError:
            self.result = self.result._replace(stopped=True)
        except HoldError as error:
            self._hold(error)
        except GitError as error:
            self._hold(HoldError.of_git(error))
        finally:
            claims.give_back(self.place.store, self.requests, actor=self.place.actor)
            self.worktrees.close()
        secs = round(self.place.clock.now() - began, 3)
        probes = len(self.board.state.probes)
        flaky = self.judge.is_flaky
        self.result = self.result._replace(secs=secs, probes=probes, runs=self.gates.count, base=self.base, flaky=flaky)
        return self.result

    def _begin(self) -> None:
        entries = [
            BatchEntry(one.id, one.branch, one.worker, one.source_issue, self._title(one))
            for one in self.requests.values()
        ]
        self.board.begin(self.id, self.target, entries, phase=STACKING)
        payload = {"batch": self.id, "mrs": list(self.requests), "rig": self.place.rig, "target": self.target}
        self._event("batch_started", payload)
        for one in self.requests.values():
            self._event("merge_started", {**self._names(one), "batch": self.id})

    def _title(self, request: MergeRequest) -> str:
        work = self.work.get(request.source_issue)
        return work.title if work is not None else request.title

    def _names(self, request: MergeRequest) -> dict[str, object]:
        return {
            "mr": request.id,
            "worker": request.worker,
            "branch": request.branch,
            "issue": request.source_issue,
            "bead": request.source_issue,
        }

    def _event(self, kind: str, payload: Mapping[str, object]) -> None:
        append_event(self.place.root, kind, self.place.actor, payload, clock=self.place.clock)

    def _go(self) -> None:
        good = self._land()
        if good and self.by_hand is None:
            self._finish(good)
        self._drive(self.judge.explain())
        self._settle()
        if self.by_hand is not None:
            raise self.by_hand

    def _land(self) -> tuple[str, ...]:
        """Stack, test and push until the green requests are on the target; returns those that landed.

        If the target moved, or a request changed while it was tested, start again from the new state.
        """
        moves = 0
        while self.order:
            self.place.check_stop()
            self._leave_changed()
            self._stack()
            good = self._judged(tuple(self.order)) if self.order else ()
            self.place.at("judged")
            self.order = list(good)
            if self._leave_changed() or self._leave_empty():
                continue
            if not good or self._push(good):
                return tuple(self.order)
            if tuple(self.order) == good:
                moves += 1
                if moves == PUSHES:
                    why = f"{self.target} moved {PUSHES} times while this was tested; the next batch tries again"
                    self.later.update((one, why) for one in self.order)
                    self.board.mark(self.order, EntryState.HELD, why)
                    return ()
        return ()

    def _leave_changed(self) -> bool:
        """Remove requests that were rejected, superseded, withdrawn or blocked since the claim; whether there were any."""
        place = self.place
        taken = {one: self.requests[one] for one in self.order}
        changed = fallen_out(place.ledger, place.prefix, taken, place.clock.now(), actor=place.actor)
        for one, why in changed.items():
            self.later[one] = why
            self._leave(one, EntryState.HELD, why)
        self.result = self.result._replace(left=(*self.result.left, *changed))
        return bool(changed)

    # -- stack ---------------------------------------------------------------------------------------------

    def _stack(self) -> None:
        """Fetch the target and stack the requests that fit on it; the others leave the batch, each with its reason."""
        place = self.place
        self.board.phase(STACKING)
        wanted = [self.requests[one] for one in self.order]
        moved = frozenset(one.id for one in wanted if one.conflict_task_id)
        self.base, tips = find_tips(place.git, self.target, wanted, moved=moved)
        self.tips.update(tips)
        self.board.phase(STACKING, base=self.base)
        for one in wanted:
            if one.id not in tips:
                self._leave_missing(one)
        self._leave_landed([one for one in wanted if one.id in tips])
        here = [self.requests[one] for one in self.order]
        made = pieces(place.git, self.base, here, tips, self.work)
        roots = kinship.landed_roots(place, self.base, made)
        # a culprit that an earlier round found is still explained afterwards
        self.pieces.update((one, piece._replace(roots=roots.get(one, ()))) for one, piece in made.items())
        self._put_on_what_they_were_made_on()
        stacker = self.prober.stacker = Stacker(place.git, self.base, self.pieces, self.worktrees, clock=place.clock)
        while isinstance(clash := stacker.stack(self.order), Clash):
            self._leave_clashing(clash, stacker)
        while self._leave_empty():
            pass
        self.board.mark(self.order, EntryState.STACKED)

    def _put_on_what_they_were_made_on(self) -> None:
        """Place a branch that was made on another request's above it; if that is not in the batch, let it wait for that."""
        for one in list(self.order):
            request = self.requests[one]
            resolved = {known for _, known in carried(request, self.work.get(request.source_issue))}
            below = kinship.missing_below(self.pieces[one], request, [x for x in self.others if x.id not in resolved])
            if below is None or one not in self.order:
                continue
            why = f"was made on {below.branch}, and {below.id} {'has not landed' if below.is_open else 'was rejected'}"
            if claims.wait_for(self.place.store, one, below, why, actor=self.place.actor):
                self.later[one] = why
                self._leave(one, EntryState.HELD, why)
                self.result = self.result._replace(left=(*self.result.left, one))
        for one, found in kinship.stands_on(self.pieces, self.order).items():
            self.needs[one] = self.needs.get(one, frozenset()) | found
        self.order = kinship.in_order(self.order, self.needs)

    def _leave_empty(self) -> bool:
        """Remove the first request that would land as an empty commit; whether there was one."""
        stacker = self.prober.stacker
        assert stacker is not None
        if isinstance(stacker.stack(self.order), Clash) or not (one := stacker.empty(self.order)):
            return False
        request, tip = self.requests[one], self.tips[one]
        above_others = any(below in self.needs.get(one, ()) for below in self.order)
        if above_others or isinstance(stacker.stack((one,)), Clash) or not stacker.empty((one,)):
            self.later[one] = "changes nothing beyond the requests below it; checked again when those have landed"
            self._leave(one, EntryState.HELD, self.later[one])
        elif worktree.changes_nothing(self.place.git, self.base, tip):
            why = f"{request.branch} changes nothing"
            self._leave(one, EntryState.HELD, why)
            what_next = f"gt done --no-changes closes the work without a merge; gt mq reject {one} reopens it"
            failure.set_aside(self.place, request, why, batch_id=self.id, what_next=what_next)
            self.result = self.result._replace(empty=(*self.result.empty, one))
        else:
            note = f"its change is already on {self.target}, at {self.base[:12]}; nothing to merge"
            self._leave_as_landed([Landed(request, self.base, tip, note)])
        return True

    def _leave(self, gone: str, state: str, why: str) -> None:
        """Remove a request from the batch, and with it those that need it."""
        if gone not in self.order:
            return
        self.order.remove(gone)
        self.board.mark([gone], state, why)
        for one in [one for one in self.order if gone in self.needs.get(one, ())]:
            self.later[one] = f"needs {gone}"
            self._leave(one, EntryState.HELD, f"needs {gone}")

    def _leave_missing(self, request: MergeRequest) -> None:
        why = f"the branch {request.branch} is gone from origin, and its commit is not here"
        self._leave(request.id, EntryState.HELD, why)
        if not request.tries:
            subject = f"BRANCH_MISSING {request.branch}"
            body = f"{request.id} ({request.source_issue}) of {self.place.rig} cannot be merged: {why}."
            place = self.place
            send_mail(place.root, place.ledger, "mayor/", subject, body, sender=place.actor, clock=place.clock)
        what_next = "push the branch again, or gt mq reject it; the work itself has no assignee"
        failure.set_aside(self.place, request, why, batch_id=self.id, what_next=what_next)
        self.result = self.result._replace(missing=(*self.result.missing, request.id))

    def _leave_landed(self, wanted: list[MergeRequest]) -> None:
        """Record as merged those requests that somebody merged by hand."""
        there = [one for one in wanted if is_on(self.place.git, self.tips[one.id], self.base)]
        self._leave_as_landed([Landed(one, self.tips[one.id], self.tips[one.id]) for one in there])

    def _leave_as_landed(self, there: list[Landed]) -> None:
        ids = tuple(one.request.id for one in there)
        self.board.mark(ids, EntryState.MERGED, f"already on {self.target}")
        self.order = [one for one in self.order if one not in ids]
        if there:
            aftermerge.finish(self.place, there)
            self.result = self.result._replace(merged=self.result.merged + ids)

    def _leave_clashing(self, clash: Clash, stacker: Stacker) -> None:
        """A conflict with the target itself becomes a task; one with a peer is tried again after the batch."""
        own = [one for one in clash.below if one in self.needs.get(clash.id, ())]
        by_itself = stacker.stack((*own, clash.id))
        if isinstance(by_itself, Clash):
            request = self.requests[clash.id]
            self._leave(clash.id, EntryState.CONFLICT, ", ".join(by_itself.files[:4]))
            conflicts.make_task(self.place, request, by_itself, self.base, self.tips[clash.id], self.id)
            self.result = self.result._replace(conflicts=(*self.result.conflicts, clash.id))
        else:
            why = f"conflicts with {' or '.join(clash.below)} in {', '.join(clash.files[:4]) or 'their changes'}"
            self.later[clash.id] = why
            self._leave(clash.id, EntryState.HELD, why)

    def _judged(self, whole: tuple[str, ...]) -> tuple[str, ...]:
        """The requests of the stack that are green together. Raises HoldError if the target itself is red."""
        hold = read_hold(self.place, self.target)
        good = self._drive(self.judge.judge(whole, self.base, hold))
        if hold is not None and hold.kind != PUSH_BY_HAND and self.judge.is_target_green:
            lift(self.place, self.target, f"{self.target} is green again at {self.base[:8]}")
        return good

    def _drive(self, rounds: Probes[Answer]) -> Answer:
        """Run what the judge asks for to its end; its answer."""
        try:
            asks = next(rounds)
            while True:
                asks = rounds.send(self.prober.all(asks))
        except StopIteration as done:
            answer: Answer = done.value
            return answer

    # -- push ----------------------------------------------------------------------------------------------

    def _push(self, good: tuple[str, ...]) -> bool:
        """Push the tested commit to the target; False if the target has moved. Raises HoldError, GitError."""
        place, head = self.place, self.judge.green[good].commit
        place.check_stop()
        self.board.phase(PUSHING)
        intent = Intent(self.id, self.target, self.base, head, {one: self.tips[one] for one in good})
        if not place.policy.auto_push or place.policy.pull_requests:
            with place.store.write(place.actor) as batch:
                if self._leave_changed():
                    return False
                if offer(place, intent):
                    self._record(batch, good)
            self.by_hand = waits_for_a_person(place, self.target)
            return True
        # under the ledger's lock none of them can be rejected or superseded between the last check and the intent
        with place.store.write(place.actor) as batch:
            if self._leave_changed():
                return False
            self._record(batch, good)
            write_intent(place, intent)
        place.at("before push")
        try:
            is_pushed = push_target(place, self.target, head, self.base)
        except GitError:
            drop_intent(place, self.target)
            raise
        place.at("after push")
        if is_pushed:
            self.result = self.result._replace(head=head)
            place.git.run("update-ref", f"refs/remotes/origin/{self.target}", head)
        else:
            drop_intent(place, self.target)
        return is_pushed

    def _commits(self, good: tuple[str, ...]) -> dict[str, str]:
        """The squash commit of each request of a stack."""
        stacker, out = self.prober.stacker, {}
        assert stacker is not None
        for place, one in enumerate(good):
            made = stacker.stack(good[: place + 1])
            assert not isinstance(made, Clash)
            out[one] = made.commit
        return out

    def _record(self, batch: RuleBatch, good: tuple[str, ...]) -> None:
        """Record in the ledger which commit carries each request: once on the target, it is the proof of the merge."""
        for one, commit in self._commits(good).items():
            bead = batch.get(one)
            if bead is not None:
                batch.update(one, {"metadata": with_facts(bead, landing_commit=commit)})

    def _finish(self, good: tuple[str, ...]) -> None:
        """Record what was pushed, then drop the intent."""
        self.board.phase(POST_MERGE)
        head = self.result.head
        lift(self.place, self.target, f"{self.target} is green again at {head[:8]}")
        commits = self._commits(good)
        landed = [Landed(self.requests[one], commits[one], self.tips[one]) for one in good]
        aftermerge.finish(self.place, landed, batch=self.id)
        drop_intent(self.place, self.target)
        self.board.mark(good, EntryState.MERGED)
        self.result = self.result._replace(merged=self.result.merged + good)

    # -- settle --------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Send the culprits back, postpone requests without a verdict, and record why the others wait."""
        self.board.phase(POST_MERGE)
        rework: list[str] = []
        blamed: list[str] = []
        aside: list[str] = []
        self.later.update(self.judge.waiting)
        gone = self._changed_culprits()
        for one in self.judge.culprits:
            request = self.requests[one.id]
            if one.id in gone:
                continue
            verdict = self.judge.red.get(one.stack)
            gate = verdict.gate if verdict is not None else None
            if one.result == FAIL:
                others = tuple(other for other in self.requests if other != one.id)
                head = self.result.head or self.base
                kinds = {"peers": one.peers, "others": others}
                if failure.send_back(self.place, request, gate, batch_id=self.id, head=head, **kinds):
                    rework.append(request.source_issue)
                blamed.append(one.id)
                self.board.mark([one.id], EntryState.CULPRIT, failure.reason(gate, one.peers))
            elif one.result != PASS:
                why = f"no verdict with it: {gate.name}: {gate.detail}" if gate is not None else "no verdict with it"
                what_next = "read the gate's log; gt mq retry queues the request again, gt mq reject sends it back"
                failure.set_aside(self.place, request, why, batch_id=self.id, what_next=what_next, label=NEEDS_RETRY)
                aside.append(one.id)
                self.board.mark([one.id], EntryState.HELD, why)
        for request_id, why in self.later.items():
            payload = {**self._names(self.requests[request_id]), "reason": why, "batch": self.id}
            self._event("merge_skipped", payload)
        rework += [bead for bead in self._conflict_tasks() if bead]
        self.result = self.result._replace(
            culprits=tuple(blamed),
            set_aside=tuple(aside),
            held=tuple(one for one in self.later if one not in self.result.left),
            rework=tuple(rework),
        )

    def _changed_culprits(self) -> frozenset[str]:
        """Culprits that need no report any more: rejected, superseded or withdrawn meanwhile."""
        place = self.place
        taken = {one.id: self.requests[one.id] for one in self.judge.culprits}
        changed = fallen_out(place.ledger, place.prefix, taken, place.clock.now(), actor=place.actor) if taken else {}
        self.later.update(changed)
        self.board.mark(changed, EntryState.HELD)
        self.result = self.result._replace(left=(*self.result.left, *changed))
        return frozenset(changed)

    def _conflict_tasks(self) -> list[str]:
        beads = self.place.store.get_many(self.result.conflicts)
        return [read_request(bead).conflict_task_id for bead in beads.values()]

    def _hold(self, error: HoldError) -> None:
        tried = self.judge.tried if error.kind in TARGET_IS_RED else tuple(self.requests)
        hold = put_on_hold(self.place, self.target, error, self.base, tried)
        self.result = self.result._replace(hold=hold.reason)
