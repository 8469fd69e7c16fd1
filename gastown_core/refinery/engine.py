"""The refinery's engine: takes batches from a rig's queue until nothing is left to do, one process per target.

It needs no session, no tmux and no model.  A lock per target (``<rig>/.runtime/locks/merge-<target>.lock``) names the
process that merges; the next run repairs what a killed one left behind.
"""

from __future__ import annotations

import contextlib
import os
import threading
from contextlib import suppress

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError, GitError, SettingsError
from gastown_core.model.refinery import BY_CHOICE, FROZEN, HELD, IDLE, OFF, SETTINGS, RequestLanes
from gastown_core.process_table import lives
from gastown_core.refinery import claims, records
from gastown_core.refinery.collisions import rivals
from gastown_core.refinery.decision import ONE_PLACE
from gastown_core.refinery.foresight import Foresight
from gastown_core.refinery.freeze import BreakOff, frozen, tell_untold
from gastown_core.refinery.held_targets import held_rig, held_targets
from gastown_core.refinery.hold import INFRASTRUCTURE, HoldError, is_worth_a_try, put_on_hold, read_hold, tell
from gastown_core.refinery.integration import land_what_is_ready
from gastown_core.refinery.lost_landings import tell_lost
from gastown_core.refinery.merge_queue import Rivals, least_damage, next_batch, survey, turned_down
from gastown_core.refinery.owed_records import RECORD, keep_owed, owed_targets
from gastown_core.refinery.place import Refinery, merge_lock, slug
from gastown_core.refinery.policy import in_words, of_hours
from gastown_core.refinery.pull_requests import follow, next_look, proposed_targets
from gastown_core.refinery.pushed import unverified
from gastown_core.refinery.quarantine import review
from gastown_core.refinery.reaches import Reaches
from gastown_core.refinery.records import BatchResult
from gastown_core.refinery.recovery import clear_abandoned, open_intents, recover, repair, tell_what_was_lost
from gastown_core.refinery.room import tell_room, why_no_room
from gastown_core.refinery.runway import Runway, size_now
from gastown_core.refinery.sent_back import offer, offer_conflicts_again
from gastown_core.refinery.side_work import aside
from gastown_core.refinery.standstill import brake, has_moved
from gastown_core.refinery.state_file import Board, read_state
from gastown_core.refinery.stowage import Stowage
from gastown_core.refinery.tips import remote_heads
from gastown_core.refinery.untested import untested_targets
from gastown_core.refinery.window import Window
from gastown_core.refinery.worktrees import Worktrees
from gastown_core.town.estop import is_halted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gastown_core.clock import Clock
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.held_targets import HeldTarget
    from gastown_core.refinery.lanes import Reach
    from gastown_core.refinery.merge_queue import MergeQueue
NO_RIVALS = Rivals()
LOOK_S = 0.2
"""How often a waiting engine checks for new requests."""


def process(
    root: str,
    rig: str,
    *,
    once: bool = False,
    patient: bool = False,
    clock: Clock = SYSTEM_CLOCK,
    stop: Callable[[], bool] | None = None,
    at: Callable[[str], None] | None = None,
) -> list[BatchResult]:
    """Merge what can be merged now; returns the batches, none where another process merges.

    ``once`` ends after one batch; ``patient`` lets a small batch wait for more requests, as the settings say.  Settings that
    change meanwhile count from the next batch on; it begins when those in flight have ended.  ``stop`` is polled often; once it is true, or the rig is under an emergency stop, or a freeze breaks off, claimed requests go back to
    the queue.  Raises NotFoundError for an unknown rig, SettingsError for invalid gates.
    """
    if is_halted(root, rig):
        return []

    def is_over() -> bool:
        return is_halted(root, rig) or breaks_off() or bool(stop and stop())

    results: list[BatchResult] = []
    while True:
        try:
            place = Refinery(root, rig, clock=clock, stop=is_over, at=at)
        except SettingsError as error:
            with contextlib.suppress(GastownError):
                # what is wrong with the settings is what has to be said
                tell_what_was_lost(Refinery(root, rig, policy=of_hours(root, rig), clock=clock))
            Board(rig, os.path.join(root, rig), clock).rest(hold=in_words(error), kind=SETTINGS)
            raise
        engine = RefineryEngine(place, once=once)
        full = why_no_room(place)
        tell_room(place, full, is_wanted=not full or bool(engine.targets()))
        if full:
            break
        tell_untold(place)
        # made after that: it writes the file of a freeze that began before
        breaks_off = BreakOff(place.path)
        clear_abandoned(place)
        tell_what_was_lost(place)
        engine.run(patient=patient)
        results += engine.results
        if (once and results) or is_over() or not place.is_outdated():
            break
    held = held_rig(place) if patient and not full else None
    if held is not None and held.kind == OFF:
        repair(place)
    elif not results and not full and not is_over():
        engine.redispatch_conflicts()
    engine.rest()
    return results


class RefineryEngine:
    """One call of ``process``: the batches of one rig, target by target."""

    def __init__(self, place: Refinery, *, once: bool = False) -> None:
        self.place = place
        self.once = once
        self.board = Board(place.rig, place.path, place.clock)
        policy = place.policy
        self.board.state = self.board.state._replace(
            level_s=policy.level_s, places=policy.max_concurrent, needs_approval=policy.needs_approval
        )
        self.results: list[BatchResult] = []
        self._recovered: set[str] = set()
        self._reaches = Reaches(place)
        self._seen: dict[str, set[str]] = {}
        """Target → the requests of its last batch that changed nothing."""

    def run(self, *, patient: bool) -> None:
        """Serve all targets until nothing is due, or the settings have changed; one batch only if ``once`` was asked for."""
        while targets := self.due(patient=patient):
            for target in targets:
                self.take_turn(target)
                if (self.once and self.results) or self.place.is_outdated():
                    return
            if self.once:
                return

    def queue(self) -> MergeQueue:
        """The queue now."""
        place = self.place
        now = place.clock.now()
        stale_s, level_s = place.policy.stale_claim_s, place.policy.level_s
        return survey(
            place.ledger,
            place.prefix,
            place.rig,
            now,
            default=place.default,
            stale_s=stale_s,
            level_s=level_s,
            needs_approval=place.policy.needs_approval,
        )

    def targets(self) -> list[str]:
        """Branches that have requests, or that a killed run was pushing to."""
        queue = self.queue()
        left = [one.target for one in queue.claimed if one.assignee == self.place.actor]
        found = [*queue.targets(), *left, *open_intents(self.place), *unverified(self.place)]
        found += [*untested_targets(self.place), *proposed_targets(self.place), *owed_targets(self.place)]
        return list(dict.fromkeys(found))

    def due(self, *, patient: bool) -> list[str]:
        """Targets to serve now; a patient engine, the daemon's, returns when some batch is full or has waited long enough, and
        serves none where the rig's queue is switched off.

        While one target's batch waits for more requests, the others proceed.  A target where nothing could be done is
        served again when it has new requests, or when another target's batch changed something.
        """
        if patient and not self.place.policy.is_enabled:
            return []
        pause, window = threading.Event(), Window(self.place)
        while not self.place.stop() and not self.place.is_outdated():
            waiting = {one: self._ready(one) for one in self.targets() if not self._is_idle(one)}
            now = self.place.clock.now()
            moments = {one: window.due_at(ready, size_now(self.place, one)) for one, ready in waiting.items()}
            due = [one for one, moment in moments.items() if not patient or moment is None or moment <= now]
            if due or not waiting:
                return due
            pause.wait(LOOK_S)
        return []

    def _ready(self, target: str) -> list[MergeRequest]:
        return [one for one in self.queue().ready if one.target == target]

    def _is_idle(self, target: str) -> bool:
        seen = self._seen.get(target)
        return seen is not None and {one.id for one in self._ready(target)} <= seen

    def take_turn(self, target: str) -> None:
        """Serve a target, and remember whether that changed anything."""
        before, seen = len(self.results), {one.id for one in self._ready(target)}
        self.serve(target)
        if any(has_moved(result) or self.has_more_to_try(result) for result in self.results[before:]):
            self._seen.clear()
        else:
            self._seen[target] = seen

    def serve(self, target: str) -> None:
        """Run one batch for ``target``, unless it has none or another process merges into it."""
        lock = merge_lock(self.place, target)
        try:
            lock.__enter__()
        except ConflictError:
            return
        before = len(self.results)
        try:
            self._batches(target)
        finally:
            lock.__exit__(None, None, None)
        if any(result.merged for result in self.results[before:]):
            with suppress(GastownError):
                land_what_is_ready(self.place, target)

    def _ended(self, result: BatchResult) -> None:
        """A batch is over: record it, and dispatch the work that it sends back."""
        self.results.append(result)
        place = self.place
        aside(place, RECORD, lambda: records.keep(place, result), False)
        brake(place, result)
        self._show_quarantine()
        notes = aside(place, "the dispatch of work that was sent back", lambda: self.dispatch(result.rework), ())
        self.results[-1] = result._replace(notes=notes)

    def _show_quarantine(self) -> None:
        """End and begin quarantines, and show those that there are."""
        tests = aside(self.place, "the quarantine of flaky tests", lambda: review(self.place), None)
        if tests is not None:
            self.board.show_quarantine(tests)

    def _batches(self, target: str) -> None:
        """Run batches for ``target`` until none is in flight; the caller holds its lock."""
        place = self.place
        stowage = Stowage(os.path.join(place.folder, "kept", slug(target)), place.policy.cache_paths)
        worktrees = Worktrees(place.git, os.path.join(place.folder, "trees", slug(target)), stowage)
        try:
            if target not in self._recovered:
                recover(place, target, worktrees)
                follow(place, target, self._standing)
                aside(place, RECORD, lambda: keep_owed(place, target), 0)
                aside(place, "the look for landings that are gone", lambda: tell_lost(place, target), 0)
                self._recovered.add(target)
            self._show_quarantine()
            if not self._may_try(target):
                return
        except GitError as error:
            waiting = tuple(one.id for one in self.queue().ready if one.target == target)
            hold = put_on_hold(place, target, HoldError.of_git(error), "", waiting)
            self.board.rest(hold=hold.reason, kind=hold.kind, target=target)
            return
        Runway(
            place,
            target,
            self.board,
            worktrees,
            waiting=lambda skip: self._waiting(target, skip),
            claim=lambda size, skip, ids: self._take_out(target, size, skip, ids),
            ended=self._ended,
            why_alone=lambda: self._told_why_alone(target),
            foresee=Foresight(place, target, self.board, self.queue).look,
        ).run()

    def _told_why_alone(self, target: str) -> str:
        """Why batches of the target run one after the other, shown beside them; empty if they need not."""
        held = held_targets(self.place, [target]).get(target)
        self.board.show_hold(held.kind if held is not None else "", held.reason if held is not None else "")
        why = self._why_alone(target, held)
        self.board.show_alone(why or (ONE_PLACE if self.place.policy.max_concurrent <= 1 else ""))
        return why

    def _why_alone(self, target: str, held: HeldTarget | None) -> str:
        policy = self.place.policy
        if self.once:
            return "only one batch was asked for"
        if not policy.auto_push or policy.pull_requests:
            return "its pushes are not the engine's (merge_queue.auto_push, merge_strategy)"
        if held is not None:
            return "merging is frozen" if held.kind == FROZEN else f"{target} is on hold, and this batch may end that"
        other = next((one for one in self.queue().targets() if one != target and not self._is_idle(one)), "")
        return f"{other} waits for its turn" if other else ""

    def _waiting(self, target: str, skip: frozenset[str]) -> list[tuple[MergeRequest, Reach]]:
        """The requests that a batch could take, best first, and what each affects."""
        queue = self.queue()
        ready = [one for one in queue.ready if one.target == target and one.id not in skip]
        if self.place.policy.lanes:
            shown = [*queue.claimed, *queue.ready]
            self.board.show_reaches(RequestLanes(one.id, self._reaches.names(one)) for one in shown)
        return self._reaches.of_all(ready, queue.needs)

    def _take_out(
        self, target: str, size: int, skip: frozenset[str], ids: frozenset[str] | None = None
    ) -> tuple[MergeQueue, list[MergeRequest], Sequence[MergeRequest]]:
        """Claim the target's next batch, from ``ids`` only if they are given; also the queue, and the target's requests
        outside the batch."""
        queue = self.queue()
        if ids is not None:
            skip |= {one.id for one in queue.ready if one.id not in ids}
        chosen = self._chosen(queue, target, size, skip, self._rivals(queue, target))
        chosen = self._claim(chosen, queue.needs) if chosen else []
        others = [one for one in (*queue.open(), *self._turned_down()) if one.target == target and one not in chosen]
        return queue, chosen, others

    def _standing(self) -> set[str]:
        """Requests that a pull request may still bring: none where the rig merges by itself again."""
        queue = self.queue()
        return {one.id for one in (*queue.ready, *queue.claimed)} if self.place.policy.pull_requests else set()

    def _claim(self, chosen: list[MergeRequest], needs: Mapping[str, frozenset[str]]) -> list[MergeRequest]:
        """Claim the chosen requests; those claimed together with all that they need, in stack order."""
        store, actor = self.place.store, self.place.actor
        taken = claims.take(store, chosen, actor=actor)
        kept: list[MergeRequest] = []
        for one in chosen:
            if one.id in taken and needs.get(one.id, frozenset()) <= {below.id for below in kept}:
                kept.append(one)
        spare = set(taken) - {one.id for one in kept}
        if spare:
            claims.give_back(store, spare, actor=actor)
        return kept

    def has_more_to_try(self, result: BatchResult) -> bool:
        """Whether the target is red and requests outside the batch may fix it."""
        hold = read_hold(self.place, result.target) if result.hold and not result.stopped else None
        if hold is None or not hold.waits_for_cure or set(hold.requests).isdisjoint(result.mrs):
            return False
        return any(one.id not in hold.requests for one in self._chosen(self.queue(), result.target))

    def _turned_down(self) -> list[MergeRequest]:
        place = self.place
        return turned_down(place.ledger, place.prefix, place.rig, place.clock.now())

    def _chosen(
        self,
        queue: MergeQueue,
        target: str,
        size: int = 0,
        skip: frozenset[str] = frozenset(),
        rivals: Rivals = NO_RIVALS,
    ) -> list[MergeRequest]:
        """The target's next batch; on a red target, requests that were not tried as its fix come first.

        Of ``rivals`` one is taken, none while another is tested.
        """
        ready: Sequence[MergeRequest] = [one for one in queue.ready if one.target == target and one.id not in skip]
        hold = read_hold(self.place, target)
        if hold is not None and hold.waits_for_cure:
            ready = hold.least_tried(ready)
        else:
            tested = {one.id for one in queue.claimed}
            ready = [one for one in ready if tested.isdisjoint(rivals.apart.get(one.id, ()))]
            ready = least_damage(queue, ready, rivals, self.place.clock.now())
        return next_batch(ready, queue.needs, size or size_now(self.place, target), rivals.apart)

    def _rivals(self, queue: MergeQueue, target: str) -> Rivals:
        """Which requests of a target do not merge with one another."""
        count = sum(one.target == target for one in (*queue.ready, *queue.claimed))
        if count < 2:
            return NO_RIVALS
        return aside(self.place, "the look for conflicts ahead", lambda: rivals(self.place, target), NO_RIVALS)

    def _may_try(self, target: str) -> bool:
        """Whether nothing is frozen, and the target's queue has no hold or something changed since it was held. Raises GitError."""
        freeze = frozen(self.place)
        if freeze is not None:
            self.board.rest(hold=freeze.reason, kind=FROZEN)
            return False
        hold = read_hold(self.place, target)
        if hold is None:
            return True
        ready = [one.id for one in self._chosen(self.queue(), target)]
        now = self.place.clock.now()
        base = remote_heads(self.place.git).get(target, "") if now < hold.until and hold.kind != INFRASTRUCTURE else ""
        if is_worth_a_try(hold, ready, base, now, rules=self.place.policy.rules):
            return True
        tell(self.place, target, hold)
        self.board.rest(hold=hold.reason, kind=hold.kind, target=target)
        return False

    def dispatch(self, beads: Iterable[str]) -> tuple[str, ...]:
        """Dispatch work that was sent back, and say how that went."""
        return offer(self.place, beads)

    def redispatch_conflicts(self) -> None:
        """Dispatch conflict tasks again that no worker took when they were filed."""
        offer_conflicts_again(self.place, self.queue())

    def rest(self) -> None:
        """Show the engine as idle when nothing is left to do, also over the stale state of a killed run or a past hold."""
        state, kept_back = read_state(self.place.path), held_rig(self.place)
        tells_approval = (state is not None and state.needs_approval) == self.place.policy.needs_approval
        is_mine = state is None or state.pid == os.getpid() or not lives(state.pid, state.pid_start)
        if kept_back is not None and (state is None or state.phase in (IDLE, HELD) or is_mine):
            if state is None or (state.phase, state.hold_reason) != (HELD, kept_back.reason) or not tells_approval:
                self.board.rest(hold=kept_back.reason, kind=kept_back.kind)
            return
        waits = [one for one in self.targets() if one]
        if state is None or state.phase == IDLE:
            if not self._rest_on(waits) and not tells_approval:
                self.board.rest()
            return
        targets = [*waits, *(one for one in (state.target, self.place.default) if one)]
        if state.phase == HELD and any(read_hold(self.place, one) is not None for one in targets):
            if state.hold_kind in (*BY_CHOICE, SETTINGS):
                self._rest_on(targets)
            return
        if is_mine:
            self.board.rest()

    def _rest_on(self, targets: Sequence[str]) -> bool:
        """Show the hold of the first of the targets that has one, also where another's batch ended after it; whether there is one."""
        for target in targets:
            if (hold := read_hold(self.place, target)) is not None:
                self.board.rest(hold=hold.reason, kind=hold.kind, target=target)
                return True
        return False


def next_wake(root: str, rig: str, *, clock: Clock = SYSTEM_CLOCK) -> float | None:
    """When the engine next has work: a time that may have passed, or None if nothing waits."""
    place = Refinery(root, rig, clock=clock)
    engine = RefineryEngine(place)
    queue = engine.queue()
    moments = []
    for target in engine.targets():
        hold = read_hold(place, target)
        ready = [one for one in queue.ready if one.target == target]
        due = Window(place).due_at(ready, size_now(place, target))
        is_held = hold is not None and hold.rules in ("", place.policy.rules)
        moments.append(max(due or 0.0, hold.until if hold is not None and is_held else 0.0))
        look = next_look(place, target)
        if look is not None:
            moments.append(look)
    freeze = frozen(place)
    if freeze is not None:
        # what waits is looked at when it ends; without an end, whoever ends it wakes the engine
        return freeze.until or None
    moments += [request.not_before for request, _ in queue.blocked if request.not_before > clock.now()]
    return min(moments, default=None)
