"""Work that the refinery sends back, and tasks that it files for conflicts: who gets them, and when that is tried again."""

from __future__ import annotations

from gastown_core.model.bead import OPEN
from gastown_core.model.metadata import read_conflict
from gastown_core.refinery.conflicts import FORMULA
from gastown_core.work import retry_delay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.refinery.merge_queue import MergeQueue
    from gastown_core.refinery.place import Refinery


def offer(place: Refinery, beads: Iterable[str]) -> tuple[str, ...]:
    """Dispatch work that was sent back, and say how that went; what cannot be dispatched now stays ready.

    A failure delays the next try of the same bead, and several raise an alarm, as everywhere (``work.retry_delay``).
    """
    from gastown_core.work.request import SlingRequest
    from gastown_core.work.scheduler import dispatch

    said = []
    for bead_id in beads:
        bead = place.ledger.get(bead_id)
        if bead is None or bead.status != OPEN:
            continue
        request = SlingRequest(bead_id, formula=FORMULA if read_conflict(bead) is not None else "", boot=False)
        actor, clock, ledger = place.actor, place.clock, place.ledger
        done = dispatch.dispatch(place.root, ledger, bead_id, place.rig, actor=actor, request=request, clock=clock)
        dispatch.keep_outcome(place.root, ledger, done, bead.title, actor=actor, clock=clock)
        said.append(done.words())
    return tuple(words for words in said if words)


def offer_conflicts_again(place: Refinery, queue: MergeQueue) -> None:
    """Dispatch conflict tasks that no worker took when they were filed, once the delay after a failure is over.

    Each try writes the ledger, and that wakes the refinery: without the delay it would try five times a second.
    """
    waiting = [one.conflict_task_id for one, _ in queue.blocked if one.conflict_task_id]
    if waiting:
        resting, now = retry_delay.read(place.root), place.clock.now()
        offer(place, (one for one in waiting if one not in resting or resting[one].until <= now))
