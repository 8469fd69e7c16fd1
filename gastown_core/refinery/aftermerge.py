"""After a merge: close the bead, delete the branch, check the convoys, and close the request last.

Every step first checks whether it is already done, so running all steps again repairs a run that was killed midway.
An open request whose work is provably on its target is the mark of such a run.  Work that was handed in again while it
was pushed stays in review until the newer request has landed too.
"""

from __future__ import annotations

import contextlib

from gastown_core.clock import format_seconds
from gastown_core.errors import GastownError
from gastown_core.events.channels import emit
from gastown_core.events.log import append_event
from gastown_core.events.told import last_told
from gastown_core.messaging import protocol
from gastown_core.model.address import WITNESS
from gastown_core.model.bead import CLOSED
from gastown_core.model.merge_request import (
    FAILURE_LABELS,
    MERGED,
    MERGED_IN,
    OLD_IN_REVIEW,
    SUPERSEDED,
    read_request,
    with_facts,
)
from gastown_core.model.metadata import REWORK, metadata_of, with_section
from gastown_core.model.record import Record
from gastown_core.refinery.push import drop_branches
from gastown_core.refinery.tips import carried, carried_work
from gastown_core.work import merge_requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.model.bead import Bead
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery


class Landed(Record):
    """A request whose work is on its target: the commit that brought it, and the one that was handed in.

    ``note`` becomes a comment on the work where there is more to say than that it was merged.
    """

    request: MergeRequest
    commit: str
    tip: str
    note: str = ""


def finish(place: Refinery, landed: Iterable[Landed], *, batch: str = "", again: bool = False) -> list[str]:
    """Do what follows a merge for each; ``again`` means after a crash. Returns the beads that are done."""
    everything = _with_resolved(place, list(landed))
    beads = [one.request.source_issue for one in everything if one.request.source_issue]
    for one in everything:
        _close_work(place, one.request, one.note)
        place.at(f"work closed {one.request.id}")
        _clear_agent(place, one.request)
    drop_branches(place, {one.request.branch: (one.tip, one.commit) for one in everything})
    place.at("branches dropped")
    for bead in beads:
        _forget_deaths(place, bead)
    for one in everything:
        _announce(place, one, batch, again)
        place.at(f"told {one.request.id}")
    _check_convoys(place, beads)
    for one in everything:
        _close_request(place, one)
        place.at(f"request closed {one.request.id}")
    return beads


def _with_resolved(place: Refinery, landed: list[Landed]) -> list[Landed]:
    """The landed ones and the requests whose conflict they resolved."""
    known = {one.request.id for one in landed}
    work = carried_work(place.ledger, (one.request.source_issue for one in landed))
    out = list(landed)
    for one in landed:
        for _, request_id in carried(one.request, work)[1:]:
            bead = place.store.get(request_id) if request_id not in known else None
            if bead is not None and not bead.is_closed:
                request = read_request(bead)
                out.append(Landed(request, one.commit, request.commit_sha))
    return out


def _close_work(place: Refinery, request: MergeRequest, note: str) -> None:
    home = place.ledger.home_of(request.source_issue) if request.source_issue else None
    if home is None or _was_resubmitted(place, request):
        return
    with home.write(place.actor) as batch:
        bead = batch.get(request.source_issue)
        if bead is None or bead.is_closed:
            return
        if not metadata_of(bead).section(REWORK).is_absent:
            batch.update(bead.id, {"metadata": with_section(bead, REWORK, None)})
        labels = [label for label in bead.labels if label not in (*FAILURE_LABELS, OLD_IN_REVIEW)]
        if labels != list(bead.labels):
            batch.update(bead.id, {"labels": labels})
        if note:
            batch.comment(bead.id, note)
        batch.close(bead.id, f"{MERGED_IN}{request.id}", force=True)


def _was_resubmitted(place: Refinery, request: MergeRequest) -> bool:
    """Whether the work was handed in again meanwhile, so that the newer request decides how it ends."""
    bead = place.store.get(request.id)
    if bead is None or read_request(bead).close_reason != SUPERSEDED:
        return False
    return bool(merge_requests.requests_for(place.store, request.source_issue))


def _is_recorded_as_merged(bead: Bead | None) -> bool:
    """Whether the ledger records the merge (or has lost the request); one closed for another reason has still landed."""
    return bead is None or (bead.status == CLOSED and read_request(bead).close_reason == MERGED)


def _clear_agent(place: Refinery, request: MergeRequest) -> None:
    home = place.ledger.home_of(request.agent_bead) if request.agent_bead else None
    if home is None:
        return
    with home.write(place.actor) as batch:
        agent = batch.get(request.agent_bead)
        if agent is not None and agent.fields.get("active_mr") == request.id:
            batch.set_fields(agent.id, {"active_mr": "null"})


def _forget_deaths(place: Refinery, bead: str) -> None:
    from gastown_core.work import death_count

    with contextlib.suppress(GastownError):
        death_count.reset(place.root, bead, clock=place.clock)


def _check_convoys(place: Refinery, beads: list[str]) -> None:
    from gastown_core.work.convoy.landing import check_convoys

    if beads:
        check_convoys(place.root, place.ledger, beads, actor=place.actor, clock=place.clock)


def _announce(place: Refinery, one: Landed, batch: str, again: bool) -> None:
    request = one.request
    if _is_recorded_as_merged(place.store.get(request.id)):
        return
    if again and last_told(place.root, "mr", request.id, "merged"):
        return
    payload = {
        "mr": request.id,
        "worker": request.worker,
        "branch": request.branch,
        "issue": request.source_issue,
        "bead": request.source_issue,
        "target": request.target or place.default,
        "commit": one.commit,
        "batch": batch,
    }
    append_event(place.root, "merged", place.actor, payload, clock=place.clock)
    facts = {"Branch": request.branch, "Issue": request.source_issue, "Polecat": request.worker, "Rig": place.rig}
    facts |= {"Target": request.target or place.default, "Merge-Commit": one.commit}
    facts |= {"Merged-At": format_seconds(place.clock.now())}
    witness, name = f"{place.rig}/{WITNESS}", request.worker or request.id
    protocol.tell(
        place.root, place.ledger, witness, protocol.MERGED, name, facts, sender=place.actor, clock=place.clock
    )
    if request.convoy_id:
        fed = {"ConvoyID": request.convoy_id, "SourceIssue": request.source_issue, "Rig": place.rig}
        protocol.tell_deacon(place.root, place.ledger, request.convoy_id, fed, sender=place.actor, clock=place.clock)
    announced = {"rig": place.rig, "mr": request.id, "bead": request.source_issue, "convoy": request.convoy_id}
    with contextlib.suppress(GastownError):
        emit(place.root, "deacon", "CONVOY_NEEDS_FEEDING", announced, clock=place.clock)


def _close_request(place: Refinery, one: Landed) -> None:
    with place.store.write(place.actor) as batch:
        bead = batch.get(one.request.id)
        if bead is None or _is_recorded_as_merged(bead):
            return
        changes: dict[str, object] = {"merge_commit": one.commit, "close_reason": MERGED}
        changes |= dict.fromkeys(("landing_commit", "not_before", "tries", "put_off"))
        facts = with_facts(bead, **changes, **({"commit_sha": one.tip} if one.tip else {}))
        labels = [label for label in bead.labels if label not in FAILURE_LABELS]
        batch.update(bead.id, {"metadata": facts, "labels": labels, "assignee": ""})
        if not bead.is_closed:
            batch.close(bead.id, "merged", force=True)
