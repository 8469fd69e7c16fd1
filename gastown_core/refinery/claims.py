"""Claims: which engine or person works on which request, so that no two take the same one."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK, format_micros
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.model.bead import IN_PROGRESS, MERGE_BLOCKS, OPEN, is_kind
from gastown_core.model.merge_request import LABEL, read_request, with_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.model.merge_request import MergeRequest


MOST_WORDS = 300
"""How much of why a request waits is kept with it, in characters."""


def take(store: BeadStore, wanted: Iterable[MergeRequest], *, actor: str) -> list[str]:
    """Claim those of the requests that have not changed since they were read, in one write. Returns their ids."""
    taken = []
    with store.write(actor) as batch:
        for request in wanted:
            bead = batch.get(request.id)
            if bead is None or bead.is_closed or bead.updated_at != request.updated_at:
                continue
            batch.update(request.id, {"status": IN_PROGRESS, "assignee": actor})
            taken.append(request.id)
    return taken


def give_back(store: BeadStore, ids: Iterable[str], *, actor: str) -> None:
    """Return requests that ``actor`` has claimed to the queue."""
    with store.write(actor) as batch:
        for one in ids:
            bead = batch.get(one)
            if bead is not None and bead.status == IN_PROGRESS and bead.assignee == actor:
                batch.update(one, {"status": OPEN, "assignee": ""})


def give_back_later(
    store: BeadStore, later: Iterable[tuple[MergeRequest, float]], why: str, *, actor: str, label: str = ""
) -> None:
    """Return requests to the queue that must not be tried before a given time each, with the reason; one more try each.

    It is one write, so that a kill never leaves one of them behind without the others.
    """
    with store.write(actor) as batch:
        for request, until in later:
            bead = batch.get(request.id)
            if bead is None or bead.is_closed:
                continue
            changes: dict[str, object] = {"status": OPEN, "assignee": ""}
            facts = {"not_before": format_micros(until), "tries": request.tries + 1}
            changes["metadata"] = with_facts(bead, **facts, put_off=" ".join(why.split())[:MOST_WORDS])
            if label:
                changes["labels"] = sorted({*bead.labels, label})
            batch.update(request.id, changes)
            batch.comment(request.id, why)


def wait_for(store: BeadStore, request_id: str, other: MergeRequest, why: str, *, actor: str) -> bool:
    """Make a request wait until another one's work is merged, with the reason; False if that one waits for it already."""
    try:
        with store.write(actor) as batch:
            batch.add_edge(request_id, other.source_issue or other.id, MERGE_BLOCKS)
            batch.comment(request_id, f"{why}; it waits until that is merged")
    except ConflictError:
        return False
    return True


def claim(
    store: BeadStore, request_id: str, who: str, *, stale_s: float = 1800.0, clock: Clock = SYSTEM_CLOCK
) -> tuple[Bead, str]:
    """Claim one request by hand; returns the bead, and whose stale claim was taken over.

    Raises NotFoundError, or ConflictError while another claim is fresh.
    """
    with store.write(who) as batch:
        bead = need_request(batch, request_id)
        before = bead.assignee if bead.status == IN_PROGRESS else ""
        if before == who:
            return bead, ""
        if before and clock.now() - bead.updated_at < stale_s:
            raise ConflictError(
                f"{request_id} is claimed by {before}",
                f"for {int(clock.now() - bead.updated_at)} s",
                f"gt refinery release {request_id} frees it",
            )
        return batch.update(request_id, {"status": IN_PROGRESS, "assignee": who}), before


def release(store: BeadStore, request_id: str, who: str) -> bool:
    """Release a claim, no matter whose; False if there is none. Raises NotFoundError, ConflictError if it is closed."""
    with store.write(who) as batch:
        bead = need_request(batch, request_id)
        if bead.status != IN_PROGRESS:
            return False
        batch.update(request_id, {"status": OPEN, "assignee": ""})
    return True


def need_request(batch: RuleBatch, request_id: str) -> Bead:
    """An open request within ``batch``. Raises NotFoundError, ConflictError if it is closed."""
    bead = batch.get(request_id)
    if bead is None or not is_kind(bead, LABEL):
        raise NotFoundError(f"{request_id} is not a merge request", "", "gt mq list RIG lists them")
    if bead.is_closed:
        raise ConflictError(f"{request_id} is closed", read_request(bead).close_reason or bead.text("close_reason"))
    return bead
