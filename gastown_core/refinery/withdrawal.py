"""A merge that is taken back: the request no longer counts as merged, and its work is open again, on its branch.

Every step checks whether it is done, so that a killed run is repaired by doing all of it again.
"""

from __future__ import annotations

from gastown_core.clock import format_micros
from gastown_core.events.log import append_event
from gastown_core.model.merge_request import MERGED_IN, NEEDS_FIX, REVERTED, read_request, with_facts
from gastown_core.model.metadata import REWORK, Rework, with_section
from gastown_core.refinery.tips import existing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery


def withdraw(place: Refinery, request_id: str, revert: str, why: str) -> str:
    """Record that ``revert`` took a request's work off its target; the bead that needs a worker again, empty if none does."""
    bead = place.store.get(request_id)
    if bead is None:
        return ""
    request = read_request(bead)
    _keep_branch(place, request)
    reopened = _reopen(place, request, revert, why)
    if request.close_reason != REVERTED:
        payload = {"mr": request.id, "worker": request.worker, "branch": request.branch, "bead": request.source_issue}
        payload |= {"target": request.target or place.default, "commit": revert, "reason": why}
        append_event(place.root, "merge_reverted", place.actor, payload, clock=place.clock)
        with place.store.write(place.actor) as batch:
            facts = {"close_reason": REVERTED, "withdrawn": revert, "landing_commit": None, "merge_commit": None}
            batch.update(request.id, {"metadata": with_facts(batch.need(request.id), **facts)})
            batch.comment(request.id, f"taken back by {revert[:12]}: {why}")
    return request.source_issue if reopened else ""


def _keep_branch(place: Refinery, request: MergeRequest) -> None:
    """The branch was deleted when it landed: its commits get it back before anything can collect them."""
    ref = f"refs/heads/{request.branch}"
    if not request.branch or place.git.commit_of(ref) or not existing(place.git, [request.commit_sha]):
        return
    place.git.attempt("update-ref", ref, request.commit_sha, "")
    place.git.attempt("push", "--quiet", "origin", f"{request.commit_sha}:{ref}", env={"GT_ROLE": "refinery"})


def _reopen(place: Refinery, request: MergeRequest, revert: str, why: str) -> bool:
    """Open the work again, if it is closed by this merge; whether it is open and nobody's."""
    home = place.ledger.home_of(request.source_issue) if request.source_issue else None
    if home is None:
        return False
    with home.write(place.actor) as batch:
        work = batch.get(request.source_issue)
        if work is None or not work.is_closed or work.text("close_reason") != f"{MERGED_IN}{request.id}":
            return False
        target = request.target or place.default
        note = f"taken back from {target}: {why}"
        rework = Rework(
            request.id,
            request.branch,
            request.retry_count + 1,
            note,
            request.worker,
            target=target,
            onto=revert,
            at=format_micros(place.clock.now()),
        )
        batch.reopen(work.id, note)
        batch.update(
            work.id,
            {
                "assignee": "",
                "labels": sorted({*work.labels, NEEDS_FIX}),
                "metadata": with_section(work, REWORK, rework.as_json()),
            },
        )
    return True
