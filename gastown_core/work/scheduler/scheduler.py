"""The scheduler: dispatches queued slings as polecats become free.

One cycle at a time per town, under a lock; a second one does not wait.  A queue left over when
``scheduler.max_polecats`` returns to -1 is emptied as fast as the town's own limit allows.
"""

from __future__ import annotations

import os
import time

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import ConflictError, GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.model.record import Record
from gastown_core.town import estop
from gastown_core.town.liveness import live_sessions
from gastown_core.town.settings import load_settings
from gastown_core.town.settings_table import SCHEDULER_KEY
from gastown_core.work import retry_delay
from gastown_core.work.deferred import CLEARED, DISPATCHED, close_contexts, note_failure, open_contexts
from gastown_core.work.scheduler.dispatch import keep_outcome, sling_now
from gastown_core.work.scheduler.sling_queue import Enqueued, Waiting, enqueue, is_deferred, read_queue
from gastown_core.work.workers import read_capacity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.work.scheduler.dispatch import Dispatched
    from gastown_core.work.scheduler.sling_queue import SlingQueue
    from gastown_core.work.workers import Capacity
__all__ = ["Cycle", "Enqueued", "SchedulerState", "cycle", "enqueue", "is_deferred", "pause", "read_state", "resume"]
ACTOR = "scheduler"
CLOSE_TRIES = 3
LOCKED, PAUSED, CAPACITY, BATCH, READY, NONE = "locked", "paused", "capacity", "batch", "ready", "none"
HALTED = "halted"
"""What ended a cycle: an emergency stop, another cycle, a pause, no room, a full batch, all ready ones dispatched, nothing to do."""
_WHY = {
    LOCKED: "another cycle is at work",
    PAUSED: "paused",
    HALTED: "an emergency stop is in force; gt thaw ends it",
    CAPACITY: "no more room",
    BATCH: "the batch is full",
    READY: "everything that was ready",
    NONE: "nothing is ready",
}


class SchedulerState(Record):
    """The contents of ``.runtime/scheduler-state.json``; times as written there."""

    paused: bool = False
    paused_by: str = ""
    paused_at: str = ""
    last_dispatch_at: str = ""
    last_dispatch_count: int = 0


class Cycle(Record):
    """The result of a cycle; ``reason`` is what ended it, ``cleaned`` are (bead, reason) of removed contexts."""

    reason: str
    dispatched: tuple[Dispatched, ...] = ()
    failed: tuple[Dispatched, ...] = ()
    cleaned: tuple[tuple[str, str], ...] = ()
    would: tuple[tuple[str, str], ...] = ()
    """In a dry run: (bead, rig) that would be dispatched."""
    ready: int = 0
    capacity: int = 0
    is_empty: bool = False
    """Whether nothing is queued at all."""

    def words(self) -> str:
        """Return what it did in words, empty if nothing."""
        told = [one.words() for one in (*self.dispatched, *self.failed) if one.words()]
        told += [f"took {bead} out of the queue ({reason})" for bead, reason in self.cleaned]
        return "; ".join(told)

    @property
    def why(self) -> str:
        """The reason in words."""
        return _WHY[self.reason]

    def as_json(self) -> dict[str, object]:
        """The cycle as ``gt scheduler run --json`` prints it."""
        return {
            "reason": self.reason,
            "dispatched": [one.as_json() for one in self.dispatched],
            "failed": [one.as_json() for one in self.failed],
            "cleaned": [{"bead": bead, "reason": reason} for bead, reason in self.cleaned],
            "would_dispatch": [{"bead": bead, "rig": rig} for bead, rig in self.would],
            "ready": self.ready,
            "capacity": self.capacity,
        }


def state_path(root: str) -> str:
    """Return the path of the scheduler's state."""
    return os.path.join(root, ".runtime", "scheduler-state.json")


def read_state(root: str) -> SchedulerState:
    """Return the state; defaults if it is missing or unreadable."""
    try:
        value = read_json(state_path(root)) or {}
    except GastownError:
        value = {}
    count = value.get("last_dispatch_count")
    texts = {key: str(value.get(key) or "") for key in ("paused_by", "paused_at", "last_dispatch_at")}
    return SchedulerState(
        value.get("paused") is True, last_dispatch_count=count if isinstance(count, int) else 0, **texts
    )


def pause(root: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Stop dispatch until ``resume``; return False if already paused (the record of who paused is kept)."""
    return _set_paused(root, True, actor, clock)


def resume(root: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Resume dispatch; return False if it was not paused."""
    return _set_paused(root, False, actor, clock)


def _set_paused(root: str, paused: bool, actor: str, clock: Clock) -> bool:
    changed = False

    def change(value: dict[str, object]) -> None:
        nonlocal changed
        changed = (value.get("paused") is True) != paused
        if changed:
            stamp = format_seconds(clock.now()) if paused else ""
            value.update(paused=paused, paused_by=actor if paused else "", paused_at=stamp)

    edit_json(state_path(root), change)
    if changed:
        append_event(root, "scheduler_paused" if paused else "scheduler_resumed", actor, {}, clock=clock)
    return changed


def cycle(
    root: str,
    *,
    clock: Clock = SYSTEM_CLOCK,
    batch: int | None = None,
    dry_run: bool = False,
    actor: str = ACTOR,
    sleep: Callable[[float], None] = time.sleep,
) -> Cycle:
    """Clean the queue, then dispatch the oldest ready slings while there is room; at most ``batch`` of them.

    A dry run changes nothing.  If another cycle runs, or the scheduler is paused, nothing is done.
    """
    if dry_run:
        return _Run(root, clock, batch, actor, sleep).look()
    lock = FileLock(os.path.join(root, ".runtime", "scheduler-dispatch.lock"), timeout_s=0.0, name_holder=True)
    private_folder(os.path.dirname(lock.path))
    try:
        lock.__enter__()
    except ConflictError:
        return Cycle(LOCKED)
    try:
        return _Run(root, clock, batch, actor, sleep).go()
    finally:
        lock.__exit__(None, None, None)


class _Run:
    """One cycle under the lock."""

    def __init__(self, root: str, clock: Clock, batch: int | None, actor: str, sleep: Callable[[float], None]) -> None:
        from gastown_core.beads.ledger import TownLedger

        self.root = root
        self.clock = clock
        self.actor = actor
        self.sleep = sleep
        self.ledger: TownLedger = TownLedger(root)
        settings = load_settings(root)
        self.delay_s = settings.seconds("scheduler.spawn_delay")
        size = int(settings.lenient("scheduler.batch_size"))
        # the left-over queue of a town that no longer queues is emptied in one cycle
        self.batch = batch if batch is not None else size if is_deferred(root) else 1_000_000

    def look(self) -> Cycle:
        """Return what ``go`` would do."""
        if estop.is_set(self.root):
            return Cycle(HALTED)
        if read_state(self.root).paused:
            return Cycle(PAUSED)
        queue = read_queue(self.root, self.ledger, self.clock.now())
        if not queue.waiting and not queue.stale:
            return Cycle(NONE)
        capacity = self._capacity()
        picked = self._pick(queue, capacity)
        stale = tuple((one.bead, one.reason) for one in queue.stale)
        would = tuple((one.context.bead, one.context.rig) for one in picked)
        return Cycle(
            self._limit(queue, capacity, len(picked)),
            cleaned=stale,
            would=would,
            ready=len(queue.ready),
            capacity=capacity.room,
        )

    def go(self) -> Cycle:
        """Run the cycle."""
        if estop.is_set(self.root):
            return Cycle(HALTED)
        if read_state(self.root).paused:
            return Cycle(PAUSED)
        queue = read_queue(self.root, self.ledger, self.clock.now())
        if not queue.waiting and not queue.stale:
            return Cycle(NONE, is_empty=True)
        for stale in queue.stale:
            close_contexts(stale.store, [stale.context_id], stale.reason, actor=self.actor)
        capacity = self._capacity()
        picked = self._pick(queue, capacity)
        done: list[Dispatched] = []
        reason = self._limit(queue, capacity, len(picked))
        for number, waiting in enumerate(picked):
            if number and self.delay_s:
                self.sleep(self.delay_s)
            if estop.is_set(self.root) or read_state(self.root).paused:
                reason = HALTED if estop.is_set(self.root) else PAUSED
                break
            done.append(self._hand_out(waiting))
        started = tuple(one for one in done if one.ok)
        if started:
            self._note(len(started))
        return Cycle(
            reason,
            started,
            tuple(one for one in done if not one.ok),
            tuple((one.bead, one.reason) for one in queue.stale),
            ready=len(queue.ready),
            capacity=capacity.room,
        )

    def _capacity(self) -> Capacity:
        return read_capacity(self.root, self.ledger, live=live_sessions(self.root), clock=self.clock)

    def _pick(self, queue: SlingQueue, capacity: Capacity) -> list[Waiting]:
        """Return the oldest ready slings that fit the town's, the rigs' and the batch's limits."""
        picked: list[Waiting] = []
        for waiting in queue.ready:
            if len(picked) == self.batch or capacity.room <= 0:
                break
            if capacity.room_in(waiting.context.rig) > 0 and not estop.is_halted(self.root, waiting.context.rig):
                capacity = capacity.taken(waiting.context.rig)
                picked.append(waiting)
        return picked

    def _limit(self, queue: SlingQueue, capacity: Capacity, picked: int) -> str:
        if not queue.ready:
            return NONE
        if picked == len(queue.ready):
            return READY
        return BATCH if picked == self.batch and picked < capacity.room else CAPACITY

    def _hand_out(self, waiting: Waiting) -> Dispatched:
        context = waiting.context
        done = sling_now(self.root, self.ledger, context.request, context.rig, actor=self.actor, clock=self.clock)
        keep_outcome(self.root, self.ledger, done, waiting.title, actor=self.actor, clock=self.clock)
        payload = {"bead": context.bead, "rig": context.rig}
        if done.ok:
            polecat = done.agent.rpartition("/")[2]
            append_event(self.root, "scheduler_dispatch", self.actor, {**payload, "polecat": polecat}, clock=self.clock)
            self._close(waiting, payload | {"polecat": polecat})
            return done
        append_event(
            self.root, "scheduler_dispatch_failed", self.actor, {**payload, "error": done.error}, clock=self.clock
        )
        note_failure(waiting.store, context, done.error, actor=self.actor)
        return done

    def _close(self, waiting: Waiting, payload: dict[str, str]) -> None:
        """Close the context of a finished sling; if that fails it is stale, since its bead is hooked."""
        for left in range(CLOSE_TRIES - 1, -1, -1):
            try:
                close_contexts(waiting.store, [waiting.context.id], DISPATCHED, actor=self.actor)
                return
            except GastownError as error:
                if left:
                    append_event(self.root, "scheduler_close_retry", self.actor, payload, clock=self.clock)
                    continue
                told = {**payload, "error": f"dispatch-close-failed: {error}"}
                append_event(self.root, "scheduler_dispatch_failed", self.actor, told, clock=self.clock)

    def _note(self, count: int) -> None:
        stamp = format_seconds(self.clock.now())
        edit_json(state_path(self.root), lambda value: value.update(last_dispatch_at=stamp, last_dispatch_count=count))


class Report(Record):
    """State, queue and capacity at one moment; ``failing`` are beads whose dispatch failed repeatedly."""

    state: SchedulerState
    queue: SlingQueue
    capacity: Capacity
    most: int
    failing: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As ``gt scheduler status --json`` prints it."""
        state, capacity = self.state, self.capacity
        return {
            "mode": "deferred" if self.most > 0 else "draining" if self.queue.waiting else "direct",
            "max_polecats": self.most,
            "paused": state.paused,
            "paused_by": state.paused_by,
            "paused_at": state.paused_at,
            "queued_total": len(self.queue.waiting),
            "queued_ready": len(self.queue.ready),
            "active_polecats": capacity.working,
            "limit": capacity.limit,
            "room": capacity.room,
            "last_dispatch_at": state.last_dispatch_at,
            "last_dispatch_count": state.last_dispatch_count,
            "failing": list(self.failing),
            "beads": [one.as_json() for one in self.queue.waiting],
        }


def read_report(root: str, ledger: TownLedger, *, clock: Clock = SYSTEM_CLOCK) -> Report:
    """Read the report."""
    return Report(
        read_state(root),
        read_queue(root, ledger, clock.now()),
        read_capacity(root, ledger, live=live_sessions(root), clock=clock),
        int(load_settings(root).lenient(SCHEDULER_KEY)),
        tuple(bead for bead, one in retry_delay.read(root).items() if one.failures >= retry_delay.ALARM_AT),
    )


def clear(root: str, ledger: TownLedger, bead_id: str = "", *, actor: str, dry_run: bool = False) -> list[str]:
    """Remove all slings, or those of one bead, from the queue; return the beads. Their retry delays are deleted."""
    resting = retry_delay.read(root)
    found = [
        one for one in open_contexts(ledger) if not bead_id or (one.context is not None and one.context.bead == bead_id)
    ]
    beads = [one.context.bead if one.context is not None else one.bead.id for one in found]
    beads += [one for one in resting if one not in beads and (not bead_id or one == bead_id)]
    if dry_run:
        return beads
    for one in found:
        close_contexts(one.store, [one.bead.id], CLEARED, actor=actor)
    for bead in beads:
        retry_delay.forget(root, bead)
    return beads
