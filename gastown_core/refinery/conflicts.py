"""A request that does not merge onto its target: a task to resolve the conflict; when it is done the request returns.

The task names its request and its branch.  If the task's own work is merged, that proves the request too
(``tips.carried``).
"""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.events.log import append_event
from gastown_core.messaging import protocol
from gastown_core.model.address import WITNESS
from gastown_core.model.bead import BLOCKS, CLOSED, OPEN, usable_priority
from gastown_core.model.merge_request import NEEDS_REBASE, with_facts
from gastown_core.model.metadata import CONFLICT, REWORK, Conflict, Rework
from gastown_core.refinery import failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.bead import Bead
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.stack import Clash

FORMULA = "mol-polecat-conflict-resolve"
LABEL = "gt:conflict-task"
TITLE = "Resolve merge conflicts: "


def make_task(place: Refinery, request: MergeRequest, clash: Clash, base: str, tip: str, batch_id: str) -> str:
    """File the task and make the request wait for it, in one write; returns the task's id.

    What a task hands in continues the count of the request that it resolves. The last attempt is no task any more:
    the request is rejected, its work blocked and escalated, and the id is empty.
    """
    target = request.target or place.default
    work = place.ledger.get(request.source_issue) if request.source_issue else None
    why = f"does not merge onto {target}@{base[:12]}" + (f": {', '.join(clash.files[:8])}" if clash.files else "")
    if failure.is_last_attempt(place, request, work) and not _waits_for_task(place, request):
        failure.send_back(place, request, None, batch_id=batch_id, head=base, why=why)
        return ""
    with place.store.write(place.actor) as batch:
        bead = batch.get(request.id)
        known = batch.get(request.conflict_task_id) if request.conflict_task_id else None
        if known is not None and known.status != CLOSED:
            return known.id
        made = batch.create(_task(place, request, clash, base, target, work, why))
        if bead is not None:
            facts = with_facts(
                bead, conflict_task_id=made.id, last_conflict_sha=tip, retry_count=failure.attempts(request, work) + 1
            )
            labels = sorted({*bead.labels, NEEDS_REBASE})
            batch.update(request.id, {"status": OPEN, "assignee": "", "metadata": facts, "labels": labels})
            batch.add_edge(request.id, made.id, BLOCKS)
            batch.comment(request.id, f"{why}; task {made.id} resolves it")
    payload = {"mr": request.id, "worker": request.worker, "branch": request.branch, "issue": request.source_issue}
    payload.update(batch=batch_id, reason=f"conflict; task {made.id}", task=made.id)
    append_event(place.root, "merge_failed", place.actor, payload, clock=place.clock)
    failure.tell_person(place, request, "does not merge", f"{why}; task {made.id} resolves it")
    facts = {"Branch": request.branch, "Issue": request.source_issue, "Polecat": request.worker, "Rig": place.rig}
    facts |= {"Target": target, "Requested-At": format_seconds(place.clock.now()), "Task": made.id}
    facts |= {"Conflict-Files": ", ".join(clash.files)}
    witness, name = f"{place.rig}/{WITNESS}", request.worker or request.id
    protocol.tell(
        place.root, place.ledger, witness, protocol.REWORK_REQUEST, name, facts, sender=place.actor, clock=place.clock
    )
    return made.id


def _waits_for_task(place: Refinery, request: MergeRequest) -> bool:
    """Whether a task for its conflict is not closed yet."""
    known = place.ledger.get(request.conflict_task_id) if request.conflict_task_id else None
    return known is not None and not known.is_closed


def _task(
    place: Refinery, request: MergeRequest, clash: Clash, base: str, target: str, work: Bead | None, why: str
) -> dict[str, object]:
    title = work.title if work is not None else request.title
    lines = [
        f"Branch {request.branch} {why}.",
        "",
        f"- merge request: {request.id}",
        f"- work: {request.source_issue} {title}",
        f"- branch: {request.branch}",
        f"- target: {target}@{base}",
        f"- tries so far: {failure.attempts(request, work) + 1}",
        *(f"- in conflict: {name}" for name in clash.files),
        "",
        f"Start from the branch, merge {target} into it, resolve, test, and hand in with gt done.",
    ]
    conflict = Conflict(request.id, request.source_issue, request.branch, target, base, tuple(clash.files))
    rework = Rework(request.id, request.branch, failure.attempts(request, work) + 1, why, request.worker)
    return {
        "title": f"{TITLE}{_work_title(title)}"[:500],
        "description": "\n".join(lines),
        "issue_type": "task",
        "priority": usable_priority(request.priority),
        "labels": [LABEL],
        "metadata": {CONFLICT: conflict.as_json(), REWORK: rework.as_json()},
    }


def _work_title(title: str) -> str:
    """Return the title of the work itself: what a conflict task hands in may conflict again, also several times over."""
    while title.startswith(TITLE):
        title = title.removeprefix(TITLE)
    return title
