"""A merge that is taken back: the request no longer counts as merged, and its work is open again, on its branch.

Every step checks whether it is done, so that a killed run is repaired by doing all of it again.
"""

from __future__ import annotations

from gastown_core.clock import format_micros
from gastown_core.events.log import append_event
from gastown_core.model.bead import BLOCKED
from gastown_core.model.merge_request import MERGED_IN, NEEDS_FIX, REVERTED, read_request, with_facts
from gastown_core.model.metadata import REWORK, Rework, with_section
from gastown_core.refinery import failure
from gastown_core.refinery.tips import existing
from gastown_core.work.convoy.landing import open_again

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.bead import Bead
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
    if request.source_issue:
        open_again(place.root, place.ledger, request.source_issue, actor=place.actor, clock=place.clock)
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
    """Open the work again, if it is closed by this merge; whether a worker can take it up.

    After the last attempt nobody does: it is blocked and escalated.
    """
    home = place.ledger.home_of(request.source_issue) if request.source_issue else None
    found = home.get(request.source_issue) if home is not None else None
    if home is None or not _is_closed_by(found, request):
        return False
    target, may_go_on = request.target or place.default, not failure.is_last_attempt(place, request, found)
    note, attempt = f"taken back from {target}: {why}", failure.attempts(request, found) + 1
    if not may_go_on:
        # first, as with a culprit: work that is blocked has been told to a person
        failure.escalate_work(place, request, found, note, attempt)
    at = format_micros(place.clock.now())
    rework = Rework(request.id, request.branch, attempt, note, request.worker, target=target, onto=revert, at=at)
    with home.write(place.actor) as batch:
        work = batch.get(request.source_issue)
        if work is None or not _is_closed_by(work, request):
            return False
        batch.reopen(work.id, note)
        changes: dict[str, object] = {"assignee": "", "labels": failure.labels_of(work, NEEDS_FIX, may_go_on)}
        changes["metadata"] = with_section(work, REWORK, rework.as_json())
        batch.update(work.id, changes if may_go_on else changes | {"status": BLOCKED})
    return may_go_on


def _is_closed_by(work: Bead | None, request: MergeRequest) -> bool:
    """Whether the merge of this request closed the work."""
    return work is not None and work.is_closed and work.text("close_reason") == f"{MERGED_IN}{request.id}"
