"""The scheduler told to people and programs, and its queue cleared by hand."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.model.record import Record
from gastown_core.town.liveness import live_sessions
from gastown_core.town.settings import load_settings
from gastown_core.work.scheduler import cooling
from gastown_core.work.scheduler.capacity import SCHEDULER_KEY, read_capacity
from gastown_core.work.scheduler.contexts import CLEARED, close_contexts, open_contexts
from gastown_core.work.scheduler.queue_view import read_queue
from gastown_core.work.scheduler.scheduler import read_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.work.scheduler.capacity import Capacity
    from gastown_core.work.scheduler.queue_view import Queue
    from gastown_core.work.scheduler.scheduler import SchedulerState


class Report(Record):
    """State, queue and room of one moment; ``failing`` are beads whose dispatch failed again and again."""

    state: SchedulerState
    queue: Queue
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
    """Look at all of it once."""
    return Report(
        read_state(root),
        read_queue(root, ledger, clock.now()),
        read_capacity(root, ledger, live=live_sessions(root), clock=clock),
        int(load_settings(root).lenient(SCHEDULER_KEY)),
        tuple(bead for bead, one in cooling.read(root).items() if one.failures >= cooling.ALARM_AT),
    )


def clear(root: str, ledger: TownLedger, bead_id: str = "", *, actor: str, dry_run: bool = False) -> list[str]:
    """Take every sling, or that of one bead, out of the queue; the beads. What rests after failures may be tried at once."""
    resting = cooling.read(root)
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
        cooling.forget(root, bead)
    return beads
