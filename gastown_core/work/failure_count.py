"""Smart skip: a mountain's member that failed three times is skipped, so that the rest continues.

The count is a label (``mountain:failures:N``); a skipped member is ``blocked`` with ``mountain:skipped``.
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.events.log import append_event
from gastown_core.model.bead import BLOCKED, OPEN
from gastown_core.work.convoys import tracking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
MOUNTAIN, PAUSED = "mountain", "mountain:paused"
SKIPPED = "mountain:skipped"
COUNT = "mountain:failures:"
MOST_FAILURES = 3


def failures_of(labels: Iterable[str]) -> int:
    """Return how often a member failed, by its labels."""
    counts = [label.removeprefix(COUNT) for label in labels if label.startswith(COUNT)]
    return max((int(count) for count in counts if count.isdigit()), default=0)


def count_failure(
    root: str,
    ledger: TownLedger,
    bead_id: str,
    why: str,
    *,
    actor: str = "daemon",
    clock: Clock = SYSTEM_CLOCK,
) -> int:
    """Count a dead worker or a rejected merge against a mountain's member; return the count, 0 outside mountains.

    The third failure skips the member: ``blocked``, with a comment, and a ``mountain_skipped`` event.
    """
    convoys = [convoy.id for convoy in tracking(ledger, bead_id) if MOUNTAIN in convoy.labels]
    if not convoys:
        return 0
    with (ledger.home_of(bead_id) or ledger.store_for(bead_id)).write(actor) as batch:
        bead = batch.get(bead_id)
        if bead is None or bead.is_closed or SKIPPED in bead.labels:
            return failures_of(bead.labels) if bead is not None else 0
        count = failures_of(bead.labels) + 1
        labels = [label for label in bead.labels if not label.startswith(COUNT)] + [f"{COUNT}{count}"]
        skips = count >= MOST_FAILURES
        if skips:
            batch.update(bead_id, {"labels": [*labels, SKIPPED], "status": BLOCKED, "assignee": ""})
            batch.comment(bead_id, f"put aside after {count} failures; the last: {why}")
        else:
            batch.update(bead_id, {"labels": labels})
    if skips:
        payload = {"bead": bead_id, "convoy": convoys[0], "failures": count, "reason": why, "title": bead.title}
        append_event(root, "mountain_skipped", actor, payload, clock=clock)
    return count


def retry(ledger: TownLedger, bead_id: str, *, actor: str) -> bool:
    """Reopen a skipped member and reset its count; return False if it was not skipped."""
    with (ledger.home_of(bead_id) or ledger.store_for(bead_id)).write(actor) as batch:
        bead = batch.get(bead_id)
        if bead is None or SKIPPED not in bead.labels:
            return False
        labels = [label for label in bead.labels if label != SKIPPED and not label.startswith(COUNT)]
        batch.update(bead_id, {"labels": labels, "status": bead.status if bead.is_closed else OPEN})
    return True
