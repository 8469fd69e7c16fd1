"""Where a merge request stands in its rig's queue: THE words for it, in every list, page, view and JSON answer."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

READY, MERGING, HELD, TO_APPROVE, BLOCKED, CLOSED = "ready", "merging", "held", "to approve", "blocked", "closed"
MEANINGS = {
    READY: "may be merged, and waits for its turn",
    MERGING: "in a batch that is stacked, tested or pushed now",
    HELD: "may be merged, but nothing is merged into its target now: a freeze, a queue that is switched off, a parked rig, a red target, wrong settings, a fault",
    TO_APPROVE: "waits only for somebody to approve its commit",
    BLOCKED: "waits for other work, was taken out of the queue, or rests before another try",
    CLOSED: "merged, rejected, or replaced by another request",
}
"""State → what it means, in the order in which they are counted."""
OLDER = {"active": MERGING, "unapproved": TO_APPROVE, "to-approve": TO_APPROVE}
"""Other names that a person may write for them."""


def counted(words: Iterable[str]) -> str:
    """How many requests are in each state, as ``2 ready, 1 to approve``; empty if there are none."""
    found = list(words)
    return ", ".join(f"{found.count(one)} {one}" for one in MEANINGS if one in found)
