"""The brake for a batch in which nothing moves: the same requests, taken again and again without a run, a landing or a change.

No cause is known beforehand: it is a fault somewhere, and without a brake the queue would spin on it for ever.  The requests
are put off, each time for longer, a person is told once, and the others go on.
"""

from __future__ import annotations

from gastown_core.messaging.escalation import escalate
from gastown_core.model.merge_request import read_request
from gastown_core.refinery import failure, records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.refinery import BatchRecord
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.records import BatchResult

MOST = 3
"""How many such batches in a row are too many."""
NOTHING_CAME = "times without a test, a landing or a change"
"""Of the reason why a request is put off: the brake did that."""
LOOK_BACK = 50
"""Among how many of the rig's last batches they are looked for."""


def has_moved(result: BatchResult) -> bool:
    """Whether a batch took anything out of the queue, so that another one may find work."""
    out = result.merged or result.culprits or result.conflicts or result.missing or result.set_aside
    return bool(out or result.empty or result.left)


def stood_still(place: Refinery, result: BatchResult) -> int:
    """How many batches in a row, of which this recorded one is the last, had the same requests and came to nothing."""
    if has_moved(result) or result.hold or result.stopped or result.runs or not result.mrs:
        return 0
    mine, count = set(result.mrs), 0
    for one in records.recent(place.path, LOOK_BACK):
        if one.target != result.target or mine.isdisjoint(one.mrs):
            continue
        if mine != set(one.mrs) or _did_something(one):
            break
        count += 1
    return count


def _did_something(one: BatchRecord) -> bool:
    return bool(one.killed or one.runs or one.merged or one.culprits or one.conflicts or one.hold)


def brake(place: Refinery, result: BatchResult) -> bool:
    """Put the requests of a batch off that stands still, and tell a person the first time; whether it did."""
    count = stood_still(place, result)
    if count < MOST:
        return False
    why = f"began {count} {NOTHING_CAME}"
    what_next = "gt mq explain RIG REQUEST says what keeps it; gt mq retry tries it at once, gt mq dequeue takes it out"
    beads = place.store.get_many(result.mrs)
    waiting = [one for one in map(read_request, beads.values()) if one.is_open and not one.is_claimed]
    if not waiting:
        return False
    # first, and again where a kill came between: what is put off and told to nobody would never be told
    if count == MOST or not any(NOTHING_CAME in one.put_off for one in waiting):
        _tell(place, result, f"{why}: this is a fault of the queue or of its surroundings. {what_next}")
    failure.set_aside(place, waiting, why, batch_id=result.id, what_next=what_next)
    return True


def _tell(place: Refinery, result: BatchResult, reason: str) -> None:
    escalate(
        place.root,
        place.ledger,
        "high",
        f"{place.rig}: the same batch begins again and again and nothing comes of it: {', '.join(result.mrs[:4])}",
        sender=place.actor,
        reason=reason,
        about=result.mrs[0],
        key=f"no-verdict:{result.mrs[0]}",
        clock=place.clock,
    )
