"""A batch of merge requests: what it holds, who leaves it and why, and what becomes of those that do not land."""

from __future__ import annotations

from typing import Protocol

from gastown_core.events.log import append_event
from gastown_core.model.merge_request import NEEDS_RETRY, read_request
from gastown_core.model.refinery import FAIL, PASS, POST_MERGE, STACKING, TARGET_IS_RED, BatchEntry, EntryState
from gastown_core.refinery import claims, failure
from gastown_core.refinery.decision import LANE, why_lanes, with_subject
from gastown_core.refinery.hold import HoldError, put_on_hold, read_hold
from gastown_core.refinery.judge import Judge
from gastown_core.refinery.lanes import EVERYTHING, gates_for, reach_of
from gastown_core.refinery.merge_queue import fallen_out
from gastown_core.refinery.prober import Prober
from gastown_core.refinery.records import BatchResult
from gastown_core.refinery.rig_gates import Gates
from gastown_core.refinery.stack import Stacked
from gastown_core.refinery.tips import carried_work, changed_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.lanes import Reach
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.planner import Rates
    from gastown_core.refinery.prober import VerdictCache
    from gastown_core.refinery.state_file import Board
    from gastown_core.refinery.tips import Piece
    from gastown_core.refinery.worktrees import Worktrees


class Traffic(Protocol):
    """What a batch knows of the others in flight."""

    def tip(self) -> str:
        """Where the target is, as far as is known."""

    def saw(self, tip: str) -> None:
        """The target is at this commit now, whoever pushed it."""

    def is_apart(self, base: str, reach: Reach) -> bool:
        """Whether all that has landed since the target was at ``base`` has nothing to do with ``reach``."""

    def few_wait(self) -> bool:
        """Whether the next batch has room for what goes back to the queue, and a place beside this one."""

    def went_back(self, ids: Sequence[str]) -> None:
        """Requests are in the queue again and may be taken at once."""


class Batch:
    """A batch of ``requests``, claimed and in stack order; ``needs`` is the queue's.

    ``others`` are the target's open requests outside the batch, and rejected ones whose work is not done; ``traffic`` is
    what flies beside it, ``below`` the batch in its first run on whose stack this one is tested.
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
        rates: Rates,
        width: Callable[[], int],
        traffic: Traffic,
        below: Batch | None = None,
    ) -> None:
        self.place = place
        self.target = target
        self.requests = {one.id: one for one in requests}
        self.given: dict[str, MergeRequest] = {}
        """Green requests that another batch lands: their claims are its own to return."""
        self.needs = dict(needs)
        self.others = others
        self.id = batch_id
        self.board = board
        self.began = place.clock.now()
        self.work = carried_work(place.ledger, (one.source_issue for one in requests))
        logs = place.file(batch_id)
        self.is_cut_off = False
        """Whether its gates end at once, since nothing comes of them any more."""
        self.gates = Gates(place.policy, logs, place.relative, self._is_stopped, place.clock.now)
        self.prober = Prober(place, batch_id, board, self.gates, cache, worktrees)
        self.worktrees = worktrees
        self.traffic = traffic
        self.on = below.id if below is not None else ""
        self.below = below.head if below is not None else ""
        """The commit that the batch below makes of the target, until this one is judged."""
        self.base = ""
        self.files: frozenset[str] = frozenset()
        """What the batch changed in any of its rounds, where the settings ask for it."""
        self.reach = EVERYTHING
        self.order: list[str] = list(self.requests)
        self.tips: dict[str, str] = {}
        self.pieces: dict[str, Piece] = {}
        self.judge = Judge(
            place, target, board, self.needs, green_before=self.prober.green_before, rates=rates, width=width
        )
        self.why: tuple[str, ...] = ()
        """Why it is as it is (``decision``)."""
        self.again: frozenset[str] = frozenset()
        """Those of its requests that were in a batch before."""
        self.later: dict[str, str] = {}
        self.by_hand: HoldError | None = None
        self.hold_kind = ""
        self.result = BatchResult(batch_id, place.rig, target, mrs=tuple(self.requests))

    def entry(self, request: MergeRequest) -> BatchEntry:
        """The request as the state file shows it."""
        return BatchEntry(request.id, request.branch, request.worker, request.source_issue, self._title(request))

    def begin(self) -> None:
        """Show the batch and say that it has begun."""
        entries = [self.entry(one) for one in self.requests.values()]
        self.board.begin(self.id, self.target, entries, phase=STACKING, on=self.on, why=self.why)
        payload = {"batch": self.id, "mrs": list(self.requests), "rig": self.place.rig, "target": self.target}
        self._event("batch_started", payload)
        for one in self.requests.values():
            again = {"again": True} if one.id in self.again else {}
            self._event("merge_started", {**self._names(one), "batch": self.id, **again})

    def _is_stopped(self) -> bool:
        return self.is_cut_off or self.place.stop()

    @property
    def head(self) -> str:
        """The commit that the whole batch makes of the target. Raises GitError."""
        stacker = self.prober.stacker
        made = stacker.stack(self.order) if stacker is not None else None
        return made.commit if isinstance(made, Stacked) else ""

    @property
    def is_standing(self) -> bool:
        """Whether it is tested on a batch that has not landed."""
        return self.below not in ("", self.traffic.tip())

    def aim(self) -> None:
        """Work out what the stack affects, and choose its gates; on a red target all of them run. Raises GitError."""
        policy = self.place.policy
        if not policy.looks_at_paths:
            return
        self.files |= changed_files(self.place.git, self.base, self.head)
        self.reach = reach_of(self.files, policy.lanes, policy.gates)
        is_red = self._is_held_as_red()
        self.gates.policy = policy._replace(
            gates=policy.gates if is_red else gates_for(self.files, policy.gates, policy.lanes)
        )
        lanes = self.reach.names([one.name for one in policy.lanes])
        if policy.lanes:
            self.why = with_subject(self.why, LANE, why_lanes(lanes, is_wide=self.reach.is_wide))
        self.board.phase(STACKING, lanes=lanes, why=self.why)
        self.result = self.result._replace(lanes=lanes)

    @property
    def runs_all_gates(self) -> bool:
        """Whether no gate of the rig is left out for what the batch changes."""
        return self.gates.policy.gates == self.place.policy.gates

    def _is_held_as_red(self) -> bool:
        hold = read_hold(self.place, self.target)
        return hold is not None and hold.waits_for_cure

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

    def _leave_changed(self) -> bool:
        """Remove requests that were rejected, superseded, withdrawn or blocked since the claim; whether there were any."""
        place = self.place
        taken = {one: self.requests[one] for one in self.order}
        changed = fallen_out(
            place.ledger,
            place.prefix,
            taken,
            place.clock.now(),
            actor=place.actor,
            needs_approval=place.policy.needs_approval,
        )
        for one, why in changed.items():
            self.later[one] = why
            self._leave(one, EntryState.HELD, why)
        self.result = self.result._replace(left=(*self.result.left, *changed))
        return bool(changed)

    def _leave(self, gone: str, state: str, why: str) -> None:
        """Remove a request from the batch, and with it those that need it."""
        if gone not in self.order:
            return
        self.order.remove(gone)
        self.board.mark([gone], state, why)
        for one in [one for one in self.order if gone in self.needs.get(one, ())]:
            self.later[one] = f"needs {gone}"
            self._leave(one, EntryState.HELD, f"needs {gone}")

    def _give_back(self, ids: Sequence[str]) -> None:
        """Return requests to the queue that the next batch tests; they are no longer of this one."""
        if not ids:
            return
        why = "nothing speaks against it; the next batch tests it on the target as it is then"
        self.board.mark(ids, EntryState.HELD, why)
        for one in ids:
            payload = {**self._names(self.requests.pop(one)), "reason": why, "batch": self.id}
            self._event("merge_skipped", payload)
        self.order = [one for one in self.order if one not in ids]
        claims.give_back(self.place.store, ids, actor=self.place.actor)
        self.traffic.went_back(ids)

    def _cut_off(self) -> None:
        """Return all requests to the queue, since the batch below did not land as it was tested."""
        self.is_cut_off = True
        why = f"{self.on}, on which it was tested, did not land as it was; the next batch takes it"
        self.board.mark(self.requests, EntryState.HELD, why)
        for one in self.requests.values():
            self._event("merge_skipped", {**self._names(one), "reason": why, "batch": self.id})
        self.result = self.result._replace(held=tuple(self.requests))
        self.traffic.went_back(tuple(self.requests))

    def settle(self) -> None:
        """Send the culprits back, postpone requests without a verdict, and record why the others wait."""
        self.board.phase(POST_MERGE)
        rework: list[str] = []
        blamed: list[str] = []
        aside: list[str] = []
        self.later.update((one, why) for one, why in self.judge.waiting.items() if one in self.requests)
        gone = self._changed_culprits()
        for one in self.judge.culprits:
            request = self.requests[one.id]
            if one.id in gone:
                continue
            verdict = self.judge.red.get(one.stack)
            gate = verdict.gate if verdict is not None else None
            if one.result == FAIL:
                others = tuple(other for other in self.requests if other != one.id)
                made = {"batch_id": self.id, "head": self.result.head or self.base}
                if failure.send_back(self.place, request, gate, peers=one.peers, others=others, **made):
                    rework.append(request.source_issue)
                blamed.append(one.id)
                self.board.mark([one.id], EntryState.CULPRIT, failure.reason(gate, one.peers))
            elif one.result != PASS:
                why = f"no verdict with it: {gate.name}: {gate.detail}" if gate is not None else "no verdict with it"
                what_next = "read the gate's log; gt mq retry queues the request again, gt mq reject sends it back"
                failure.set_aside(self.place, [request], why, batch_id=self.id, what_next=what_next, label=NEEDS_RETRY)
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
        changed = (
            fallen_out(
                place.ledger,
                place.prefix,
                taken,
                place.clock.now(),
                actor=place.actor,
                needs_approval=place.policy.needs_approval,
            )
            if taken
            else {}
        )
        self.later.update(changed)
        self.board.mark(changed, EntryState.HELD)
        self.result = self.result._replace(left=(*self.result.left, *changed))
        return frozenset(changed)

    def _conflict_tasks(self) -> list[str]:
        beads = self.place.store.get_many(self.result.conflicts)
        return [read_request(bead).conflict_task_id for bead in beads.values()]

    def hold_queue(self, error: HoldError) -> None:
        """Put the target's queue on hold."""
        tried = self.judge.tried if error.kind in TARGET_IS_RED else tuple(self.requests)
        hold = put_on_hold(self.place, self.target, error, self.base, tried)
        self.hold_kind = hold.kind
        self.result = self.result._replace(hold=hold.reason)
