"""One batch from claim to end: stack, test, bisect if red, push what is green, send back the culprits.

Whatever happens, a request that was neither merged nor sent back is in the queue again afterwards.
"""

from __future__ import annotations

from gastown_core.errors import GitError
from gastown_core.git import worktree
from gastown_core.messaging.mail import send_mail
from gastown_core.model.merge_request import with_facts
from gastown_core.model.refinery import BISECTING, POST_MERGE, PUSHING, STACKING, EntryState, places_used
from gastown_core.refinery import aftermerge, claims, conflicts, failure, kinship
from gastown_core.refinery.aftermerge import Landed
from gastown_core.refinery.approval import offer, waits_for_a_person
from gastown_core.refinery.batch import Batch
from gastown_core.refinery.fleet import Pushed, Ready, ToppledError, Turn
from gastown_core.refinery.freeze import frozen
from gastown_core.refinery.hold import PUSH_BY_HAND, HoldError, lift, read_hold
from gastown_core.refinery.lanes import reach_of
from gastown_core.refinery.place import StoppedError
from gastown_core.refinery.pull_requests import propose
from gastown_core.refinery.push import is_on, push_target
from gastown_core.refinery.recovery import Intent, drop_intent, note_ahead
from gastown_core.refinery.salvage import Salvage
from gastown_core.refinery.stack import Clash, Stacked, Stacker
from gastown_core.refinery.tips import carried, changed_files, find_tips, pieces
from gastown_core.refinery.untested import is_tested, note_untested

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.fleet import Course, Step
    from gastown_core.refinery.prober import Verdict
    from gastown_core.refinery.records import BatchResult

PUSHES = 10
"""How often a batch is tested again on a moving target before it gives way; no request is at fault, nothing escalates."""


class BatchRun(Batch):
    """One batch on its course; ``hangar`` is where batches in flight leave the green requests that another one takes."""

    hangar: dict[str, Batch]
    salvage: Salvage

    def course(self, hangar: dict[str, Batch]) -> Course:
        """The batch from begin to end, as the fleet drives it; no fault of a rig's code, gates or remote raises."""
        self.hangar = hangar
        self.begin()
        try:
            yield from self._go()
        except StoppedError:
            self.result = self.result._replace(stopped=True)
        except ToppledError:
            self._cut_off()
        except HoldError as error:
            self.hold_queue(error)
        except GitError as error:
            self.hold_queue(HoldError.of_git(error))
        finally:
            claims.give_back(self.place.store, self.requests, actor=self.place.actor)
        self.result = self._so_far(self.result.merged)

    def _so_far(self, merged: tuple[str, ...]) -> BatchResult:
        """The result as it is now, with these as merged."""
        return self.result._replace(
            merged=merged,
            mrs=tuple(self.requests),
            secs=round(self.place.clock.now() - self.began, 3),
            probes=len(self.board.state.probes),
            # a gate that is cut off has not been counted yet
            gate_set=self.place.policy.gate_set,
            times=tuple(round(one, 3) for one in self.gates.times),
            runs=self.gates.count + (places_used(self.board.state.probes) if self.is_cut_off else 0),
            base=self.base,
            why=self.why,
            flaky=self.judge.is_flaky,
        )

    def _go(self) -> Course:
        good = yield from self._land()
        if good and self.by_hand is None:
            self._finish(good)
            yield Pushed(self.result.head, reach=self.reach)
        yield from self.judge.explain()
        self.settle()
        if self.by_hand is not None:
            raise self.by_hand

    def _land(self) -> Generator[Step, list[Verdict] | Turn | None, tuple[str, ...]]:
        """Stack, test and push until the green requests are on the target; returns those that landed.

        If the target moved, or a request changed while it was tested, start again from the new state.
        """
        moves = 0
        while self.order:
            self.place.check_stop()
            self._leave_changed()
            self._stack()
            if not self.order:
                return ()
            whole = tuple(self.order)
            self.aim()
            salvage = self.salvage = self._salvage(whole)
            good = yield from self._judged(whole, salvage)
            self.below = ""
            self.place.at("judged")
            new, back = salvage.left(good)
            self.order = list(new)
            self._give_back(back)
            if self._leave_changed() or self._leave_empty(salvage.ahead):
                continue
            if not new:
                return ()
            self.board.waits_to_land(new)
            turn = yield Ready(new, salvage.base, reach=self.reach)
            assert isinstance(turn, Turn)
            if turn.given:
                self._give(new)
                return ()
            self._adopt(turn)
            if not turn.land:
                continue
            if self._is_frozen() or self._has_met_a_hold():
                return ()
            if turn.over and not (good := self._carry(good)):
                continue
            if self._push(good):
                return good
            moves += tuple(self.order) == new
            if moves == PUSHES:
                self._put_off(f"{self.target} moved {PUSHES} times while this was tested; the next batch tries again")
                return ()
        return ()

    def _put_off(self, why: str) -> None:
        """Leave all requests to a later batch."""
        self.later.update((one, why) for one in self.order)
        self.board.mark(self.order, EntryState.HELD, why)

    def _salvage(self, whole: tuple[str, ...]) -> Salvage:
        traffic = self.traffic
        return Salvage(
            self.judge,
            whole,
            tip=traffic.tip,
            few_wait=traffic.few_wait,
            is_apart=lambda base: traffic.is_apart(base, self.reach),
        )

    def _has_met_a_hold(self) -> bool:
        """Whether the target was found red while this was tested, by gates that this batch did not run."""
        hold = read_hold(self.place, self.target)
        if hold is None or not hold.waits_for_cure or self.runs_all_gates:
            return False
        self._put_off(hold.reason)
        return True

    def _carry(self, good: tuple[str, ...]) -> tuple[str, ...]:
        """Stack what is green on an older commit on the newest one, where it lands without another run.

        None of it if that is not what was judged, or git shows that what has landed since may have to do with it.
        """
        git, policy, tested, stacker = self.place.git, self.place.policy, self.judge.green[good], self.prober.stacker
        assert stacker is not None
        new, before, tip = tuple(self._new(good)), self.salvage.base, self.traffic.tip()
        # what a gate's fixer added is not in the stack
        if tested != stacker.stack(good) or self._is_held_as_red():
            return ()
        mine = reach_of(changed_files(git, before, tested.commit), policy.lanes, policy.gates)
        self._stack()
        if not self.order or self.base != tip or tuple(self.order) != new:
            return ()
        theirs = reach_of(changed_files(git, before, tip), policy.lanes, policy.gates)
        made = self.prober.stacker.stack(new) if self.prober.stacker is not None else None
        if theirs.meets(mine) or not isinstance(made, Stacked):
            return ()
        self.salvage = self._salvage(new)
        self.judge.lands_over(tip, new, made)
        note_untested(self.place, self.target, tip, self.id, tested=before)
        self.result = self.result._replace(untested=True)
        return new

    def _is_frozen(self) -> bool:
        """Whether merging was frozen while this was tested; then the requests go back, known to be green."""
        freeze = frozen(self.place)
        if freeze is not None:
            self._put_off(freeze.reason)
        return freeze is not None

    def _give(self, good: Sequence[str]) -> None:
        """Leave the green requests, with their claims, to the batch that lands them."""
        for one in good:
            self.hangar[one] = self
            self.given[one] = self.requests.pop(one)
        self.order = []

    def _adopt(self, turn: Turn) -> None:
        """Take green requests of other batches on top of one's own, to be tested once more."""
        if not turn.land:
            self.board.lands_next()
        others = [one for one in dict.fromkeys(turn.others) if one in self.hangar and one not in self.requests]
        for one in others:
            owner = self.hangar.pop(one)
            self.requests[one] = owner.given.pop(one)
            self.work.update(owner.work)
            if one in owner.needs:
                self.needs[one] = owner.needs[one]
            self.order.append(one)
        self.board.join(self.entry(self.requests[one]) for one in others)

    # -- stack ---------------------------------------------------------------------------------------------

    def _stack(self) -> None:
        """Fetch the target and stack the requests that fit on it; the others leave the batch, each with its reason."""
        place = self.place
        self.board.phase(STACKING)
        wanted = [self.requests[one] for one in self.order]
        moved = frozenset(one.id for one in wanted if one.conflict_task_id)
        self.base, tips = find_tips(place.git, self.target, wanted, moved=moved)
        self.tips.update(tips)
        self.traffic.saw(self.base)
        self.base = self.below or self.base
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
            resolved = {known for _, known in carried(request, self.work)}
            below = kinship.missing_below(self.pieces[one], request, [x for x in self.others if x.id not in resolved])
            if below is None or one not in self.order:
                continue
            why = f"was made on {below.branch}, and {below.id} {'has not landed' if below.is_open else 'was rejected'}"
            if claims.wait_for(self.place.store, one, below, why, actor=self.place.actor):
                self.later[one] = why
                self._leave(one, EntryState.HELD, why)
                self.result = self.result._replace(left=(*self.result.left, one))
        for one, found in kinship.stands_on(self.pieces, self.order).items():
            # what resolves a conflict is made on the branch in conflict, which waits for it: it lands first
            first = {other for other in found if one not in kinship.all_needs(other, self.needs)}
            self.needs[one] = self.needs.get(one, frozenset()) | first
        self.order = kinship.in_order(self.order, self.needs)

    def _leave_empty(self, ahead: tuple[str, ...] = ()) -> bool:
        """Remove the first request that would land as an empty commit on top of ``ahead``; whether there was one."""
        stacker, whole = self.prober.stacker, (*ahead, *self.order)
        assert isinstance(stacker, Stacker)
        if isinstance(stacker.stack(whole), Clash) or not (one := stacker.empty(whole)):
            return False
        request, tip = self.requests[one], self.tips[one]
        above_others = any(below in self.needs.get(one, ()) for below in whole)
        if self.is_standing or above_others or isinstance(stacker.stack((one,)), Clash) or not stacker.empty((one,)):
            self.later[one] = "changes nothing beyond the requests below it; checked again when those have landed"
            self._leave(one, EntryState.HELD, self.later[one])
        elif worktree.changes_nothing(self.place.git, self.base, tip):
            why = f"{request.branch} changes nothing"
            self._leave(one, EntryState.HELD, why)
            what_next = f"gt done --no-changes closes the work without a merge; gt mq reject {one} reopens it"
            failure.set_aside(self.place, [request], why, batch_id=self.id, what_next=what_next)
            self.result = self.result._replace(empty=(*self.result.empty, one))
        else:
            note = f"its change is already on {self.target}, at {self.base[:12]}; nothing to merge"
            self._leave_as_landed([Landed(request, self.base, tip, note)])
        return True

    def _leave_missing(self, request: MergeRequest) -> None:
        why = f"the branch {request.branch} is gone from origin, and its commit is not here"
        self._leave(request.id, EntryState.HELD, why)
        if not request.tries:
            subject = f"BRANCH_MISSING {request.branch}"
            body = f"{request.id} ({request.source_issue}) of {self.place.rig} cannot be merged: {why}."
            place = self.place
            send_mail(place.root, place.ledger, "mayor/", subject, body, sender=place.actor, clock=place.clock)
        what_next = "push the branch again, or gt mq reject it; the work itself has no assignee"
        failure.set_aside(self.place, [request], why, batch_id=self.id, what_next=what_next)
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
        if isinstance(by_itself, Clash) and self.is_standing:
            why = f"conflicts with {self.on} in {', '.join(by_itself.files[:4]) or 'its changes'}"
            self.later[clash.id] = why
            self._leave(clash.id, EntryState.HELD, why)
        elif isinstance(by_itself, Clash):
            request = self.requests[clash.id]
            self._leave(clash.id, EntryState.CONFLICT, ", ".join(by_itself.files[:4]))
            conflicts.make_task(self.place, request, by_itself, self.base, self.tips[clash.id], self.id)
            self.result = self.result._replace(conflicts=(*self.result.conflicts, clash.id))
        else:
            why = f"conflicts with {' or '.join(clash.below)} in {', '.join(clash.files[:4]) or 'their changes'}"
            self.later[clash.id] = why
            self._leave(clash.id, EntryState.HELD, why)

    def _judged(
        self, whole: tuple[str, ...], salvage: Salvage
    ) -> Generator[Step, list[Verdict] | Turn | None, tuple[str, ...]]:
        """The requests of the stack that are green together. Raises HoldError if the target itself is red."""
        hold = read_hold(self.place, self.target)
        rounds = self.judge.judge(whole, self.base, hold)
        try:
            asks = next(rounds)
            while True:
                yield from self._land_early(salvage)
                self._give_back(salvage.goes_back())
                self.board.searched(self.judge.clean, self.judge.window, self.judge.suspects)
                verdicts = yield asks
                assert isinstance(verdicts, list)
                asks = rounds.send(verdicts)
        except StopIteration as done:
            good: tuple[str, ...] = done.value
        finally:
            rounds.close()
        if hold is not None and hold.kind != PUSH_BY_HAND and self.judge.is_target_green:
            lift(self.place, self.target, f"{self.target} is green again at {self.base[:8]}")
        return good

    # -- push ----------------------------------------------------------------------------------------------

    def _land_early(self, salvage: Salvage) -> Course:
        """Push what is green from the bottom up of a red stack, if the target is still where it was tested."""
        stack, policy, stacker = salvage.lands_ahead(), self.place.policy, self.prober.stacker
        if not stack or not policy.auto_push or policy.pull_requests or frozen(self.place) is not None:
            return
        # what a gate's fixer added is not below the rest of the stack: then all of it lands together
        assert stacker is not None
        if self.judge.green[stack] != stacker.stack(stack):
            return
        turn = yield Ready(tuple(one for one in stack if one not in salvage.ahead), salvage.base, is_early=True)
        if isinstance(turn, Turn) and turn.land and self._push(stack):
            self._finish(stack)
            salvage.landed(stack, self.result.head)
            self.board.phase(BISECTING, base=self.result.head)
            yield Pushed(self.result.head, is_early=True, reach=self.reach)

    def _push(self, good: tuple[str, ...]) -> bool:
        """Push the tested commit to the target; False if the target has moved. Raises HoldError, GitError."""
        place, head, base = self.place, self.judge.green[good].commit, self.salvage.base
        place.check_stop()
        self.board.phase(PUSHING)
        intent = Intent(self.id, self.target, base, head, {one: self.tips[one] for one in self._new(good)})
        if not place.policy.auto_push or place.policy.pull_requests:
            with place.store.write(place.actor) as batch:
                if self._leave_changed():
                    return False
                if offer(place, intent):
                    self._record(batch, good)
            by_host = place.policy.auto_push and place.policy.pull_requests
            self.by_hand = (
                propose(place, self.target, intent.requests) if by_host else waits_for_a_person(place, self.target)
            )
            return True
        # under the ledger's lock none of them can be rejected or superseded between the last check and the intent
        with place.store.write(place.actor) as batch:
            if self._leave_changed():
                return False
            self._record(batch, good)
            note_ahead(place, intent, self._so_far((*self.result.merged, *intent.requests)))
        place.at("before push")
        try:
            is_pushed = push_target(place, self.target, head, base)
        except GitError:
            drop_intent(place, self.target)
            raise
        place.at("after push")
        if is_pushed:
            self.result = self.result._replace(head=head)
            place.git.run("update-ref", f"refs/remotes/origin/{self.target}", head)
        else:
            self.result = self.result._replace(untested=False)
            drop_intent(place, self.target)
        return is_pushed

    def _new(self, good: tuple[str, ...]) -> list[str]:
        """The requests of a stack that have not landed ahead of the others."""
        return [one for one in good if one not in self.salvage.ahead]

    def _commits(self, good: tuple[str, ...]) -> dict[str, str]:
        """The squash commit of each request of a stack that has not landed yet."""
        stacker, out = self.prober.stacker, {}
        assert stacker is not None
        for place, one in enumerate(good):
            made = stacker.stack(good[: place + 1])
            assert not isinstance(made, Clash)
            out[one] = made.commit
        return {one: out[one] for one in self._new(good)}

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
        self.prober.establish(self.judge.green[good].tree)
        if self.runs_all_gates and not self.result.untested:
            is_tested(self.place, self.target)
        commits = self._commits(good)
        landed = [Landed(self.requests[one], commit, self.tips[one]) for one, commit in commits.items()]
        aftermerge.finish(self.place, landed, batch=self.id)
        drop_intent(self.place, self.target)
        if self.place.policy.looks_at_paths:
            before = self.place.git.run("rev-parse", f"{self.salvage.base}^{{tree}}")
            self.prober.inherit(before, self.judge.green[good].tree)
        self.board.mark(commits, EntryState.MERGED)
        self.result = self.result._replace(merged=(*self.result.merged, *commits))
