"""What a person does to requests by hand: submit, retry, reject, and record as merged."""

from __future__ import annotations

from gastown_core.beads.graph import STILL_OPEN
from gastown_core.errors import ConflictError, GitError, NotFoundError, UsageError
from gastown_core.events.channels import emit
from gastown_core.events.log import append_event
from gastown_core.events.told import last_told
from gastown_core.git import worktree
from gastown_core.model.address import OVERSEER
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS, IN_REVIEW, OPEN, is_kind
from gastown_core.model.merge_request import (
    FAILURE_LABELS,
    LABEL,
    REJECTED,
    is_its_worker,
    read_request,
    why_out,
    why_unapproved,
    with_facts,
)
from gastown_core.model.metadata import REWORK, Rework, with_section
from gastown_core.refinery import aftermerge
from gastown_core.refinery.aftermerge import Landed
from gastown_core.refinery.claims import need_request
from gastown_core.refinery.hold import end_rest
from gastown_core.refinery.merge_queue import open_requests
from gastown_core.refinery.place import in_brief
from gastown_core.refinery.recovery import fetch_target, landed_as, read_intent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.git.repo import Git
    from gastown_core.model.bead import Bead
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery
_APPROVALS = ("mr_approved", "mr_unapproved")


def find_request(ledger: TownLedger, request_id: str) -> Bead:
    """A request by id or by an unambiguous part of one. Raises NotFoundError, UsageError."""
    bead = ledger.get(request_id)
    if bead is None:
        store = ledger.store_for(request_id)
        bead = store.get(store.resolve(request_id))
    if bead is None or not is_kind(bead, LABEL):
        raise NotFoundError(f"{request_id} is not a merge request", "", "gt mq list RIG lists them")
    return bead


def retry(place: Refinery, request_id: str, *, actor: str) -> MergeRequest:
    """Retry a request at once: clear its failure labels, claim and waiting time, and let a held queue be tried again.

    One that was taken out of the queue is in it again.
    Reopened work goes back to review.
    Raises ConflictError if it is closed or being pushed.
    """
    with place.store.write(actor) as batch:
        bead = need_request(batch, request_id)
        _check_not_pushed(place, read_request(bead))
        changes: dict[str, object] = {"status": OPEN, "assignee": ""}
        changes["metadata"] = with_facts(bead, not_before=None, tries=None, put_off=None, taken_out=None)
        changes["labels"] = [label for label in bead.labels if label not in FAILURE_LABELS]
        request = read_request(batch.update(request_id, changes))
    _take_into_review(place, request, actor)
    end_rest(place, request.target or place.default)
    append_event(place.root, "mr_retried", actor, _facts(request), clock=place.clock)
    emit(place.root, "refinery", "MQ_SUBMIT", {"rig": place.rig, "mr": request.id}, clock=place.clock)
    return request


def _take_into_review(place: Refinery, request: MergeRequest, actor: str) -> None:
    home = place.ledger.home_of(request.source_issue) if request.source_issue else None
    work = home.get(request.source_issue) if home is not None else None
    if home is None or work is None or work.status != OPEN or request.closes_early:
        return
    with home.write(actor) as batch:
        now = batch.get(work.id)
        if now is not None and now.status == OPEN:
            batch.update(now.id, {"status": IN_REVIEW})


def reject(place: Refinery, name: str, reason: str, *, actor: str, notify: bool = False) -> MergeRequest:
    """Reject a request, named by id or branch; its work reopens with the reason.

    Raises NotFoundError, ConflictError if it is closed, UsageError without a reason.
    """
    if not reason.strip():
        raise UsageError("a rejection needs a reason", "the worker needs to know what to change", "-r REASON")
    request_id = request_named(place, name)
    with place.store.write(actor) as batch:
        bead = need_request(batch, request_id)
        request = read_request(bead)
        _check_not_pushed(place, request)
        batch.update(request_id, {"metadata": with_facts(bead, close_reason=REJECTED), "assignee": ""})
        batch.close(request_id, f"rejected: {reason}", force=True)
    _reopen_work(place, request, reason, actor)
    append_event(place.root, "mr_rejected", actor, {**_facts(request), "reason": reason}, clock=place.clock)
    if actor != OVERSEER:
        from gastown_core.refinery.failure import tell_person

        tell_person(place, request, "was rejected and is open again", f"{reason} ({actor})")
    if notify and request.worker:
        _tell_worker(place, request, reason, actor)
    return request


def dequeue(place: Refinery, name: str, reason: str, *, actor: str) -> MergeRequest:
    """Take a request, named by id or branch, out of the queue; its work stays in review on its branch.

    A batch that tests it goes on without it.  ``retry`` puts it back; so does handing in another commit.
    Raises NotFoundError, ConflictError if it is closed, being pushed or out already.
    """
    request_id = request_named(place, name)
    with place.store.write(actor) as batch:
        bead = need_request(batch, request_id)
        request = read_request(bead)
        _check_not_pushed(place, request)
        was_out = request.taken_out
        if not was_out:
            why = ": ".join(filter(None, (actor, in_brief(reason))))
            changes = {"metadata": with_facts(bead, taken_out=why), "status": OPEN, "assignee": ""}
            request = read_request(batch.update(request_id, changes))
    if not was_out or last_told(place.root, "mr", request.id, "mr_dequeued", "mr_retried") != "mr_dequeued":
        by, _, why = request.taken_out.partition(": ")
        append_event(place.root, "mr_dequeued", by, {**_facts(request), "reason": why}, clock=place.clock)
    if was_out:
        raise ConflictError(f"{request_id} is out of the queue", why_out(request))
    return request


def approve(place: Refinery, name: str, *, actor: str, commit: str = "") -> MergeRequest:
    """Approve the commit that a request, named by id or branch, hands in: another one needs another approval.

    ``commit`` is what was read, as a hash or its beginning.  Raises NotFoundError, ConflictError if the request is closed,
    hands in another commit, or is the approver's own work.
    """
    request_id = request_named(place, name)
    with place.store.write(actor) as batch:
        bead = need_request(batch, request_id)
        request = read_request(bead)
        if not request.commit_sha or not request.commit_sha.startswith(commit.lower()):
            here = request.commit_sha[:12] or "no commit"
            raise ConflictError(
                f"{request_id} hands in {here}, not {commit}", "", "read what changed since, then approve that"
            )
        if is_its_worker(request, actor):
            raise ConflictError(f"{actor} cannot approve {request_id}", "nobody approves work of their own")
        # whoever approved it first stands
        was_approved = not why_unapproved(request)
        if not was_approved:
            facts = with_facts(bead, approved=request.commit_sha, approved_by=actor)
            request = read_request(batch.update(request_id, {"metadata": facts}))
    if was_approved and last_told(place.root, "mr", request.id, *_APPROVALS) == "mr_approved":
        return request
    facts = {**_facts(request), "commit": request.commit_sha}
    append_event(place.root, "mr_approved", request.approved_by, facts, clock=place.clock)
    emit(place.root, "refinery", "MQ_SUBMIT", {"rig": place.rig, "mr": request.id}, clock=place.clock)
    return request


def withdraw_approval(place: Refinery, name: str, *, actor: str) -> MergeRequest:
    """Withdraw the approval of a request, named by id or branch; a batch that tests it goes on without it.

    Raises NotFoundError, ConflictError if it is closed, being pushed or not approved.
    """
    request_id = request_named(place, name)
    with place.store.write(actor) as batch:
        bead = need_request(batch, request_id)
        request = read_request(bead)
        _check_not_pushed(place, request)
        if request.approved:
            batch.update(request_id, {"metadata": with_facts(bead, approved=None, approved_by=None)})
    if request.approved or last_told(place.root, "mr", request.id, *_APPROVALS) == "mr_approved":
        facts = {**_facts(request), "commit": request.approved or request.commit_sha}
        append_event(place.root, "mr_unapproved", actor, facts, clock=place.clock)
    if not request.approved:
        raise ConflictError(f"{request_id} is not approved")
    return request


def _facts(request: MergeRequest) -> dict[str, object]:
    """What every event of a request tells."""
    return {"mr": request.id, "worker": request.worker, "branch": request.branch, "bead": request.source_issue}


def open_request(place: Refinery, name: str) -> MergeRequest:
    """The open request of this id or branch. Raises NotFoundError, ConflictError if it is closed."""
    bead = find_request(place.ledger, request_named(place, name))
    if bead.status == CLOSED:
        raise ConflictError(f"{bead.id} is closed", read_request(bead).close_reason or bead.text("close_reason"))
    return read_request(bead)


def request_named(place: Refinery, name: str) -> str:
    """The id of the open request of a branch, else the name itself."""
    found = [one.id for one in open_requests(place.ledger, place.prefix, place.rig) if one.branch == name]
    return found[0] if found else name


def _check_not_pushed(place: Refinery, request: MergeRequest) -> None:
    """Raise ConflictError if the engine is pushing the request now, or was killed while doing so."""
    target = request.target or place.default
    intent = read_intent(place, target)
    if intent is not None and request.id in intent.requests:
        raise ConflictError(
            f"{request.id} is being pushed to {target}",
            f"batch {intent.batch} is green with it",
            f"gt mq status {request.id} shows whether it landed; gt refinery process {place.rig} finishes an interrupted push",
        )


def _reopen_work(place: Refinery, request: MergeRequest, reason: str, actor: str) -> None:
    from gastown_core.refinery.failure import attempts_of

    home = place.ledger.home_of(request.source_issue) if request.source_issue else None
    if home is None:
        return
    with home.write(actor) as batch:
        work = batch.get(request.source_issue)
        if work is None or work.is_closed:
            return
        why = f"rejected by {actor}: {reason}"
        rework = Rework(request.id, request.branch, attempts_of(work), why, request.worker)
        changes: dict[str, object] = {"metadata": with_section(work, REWORK, rework.as_json())}
        if work.status not in (HOOKED, IN_PROGRESS):
            changes.update(status=OPEN, assignee="")
        batch.update(work.id, changes)
        batch.comment(work.id, f"{request.id} was rejected by {actor}: {reason}")


def _tell_worker(place: Refinery, request: MergeRequest, reason: str, actor: str) -> None:
    from gastown_core.messaging.mail import send_mail

    body = f"{request.branch}\n\n{reason}\n\n{request.source_issue} is open again."
    subject = f"{request.id} was rejected: {request.source_issue}"
    send_mail(place.root, place.ledger, f"{place.rig}/{request.worker}", subject, body, sender=actor, clock=place.clock)


def note_merged(place: Refinery, request_id: str, *, keep_branch: bool = False) -> MergeRequest:
    """Record a request as merged that git proves to be on its target, with all that follows.

    Raises NotFoundError, ConflictError if it is closed or not on the target, GitError.
    """
    bead = find_request(place.ledger, request_id)
    request = read_request(bead)
    if bead.status == CLOSED:
        raise ConflictError(f"{request.id} is closed", request.close_reason or bead.text("close_reason"))
    target = request.target or place.default
    tip = fetch_target(place, target)
    if not tip:
        raise GitError(f"origin has no branch {target}")
    commit = landed_as(place, request, tip)
    if not commit:
        raise ConflictError(
            f"{request.id} is not on {target}",
            "its squash, its own commit and its change are all missing there",
            f"gt refinery process {place.rig} merges it",
        )
    if keep_branch:
        place.policy = place.policy._replace(delete_branches=False)
    aftermerge.finish(place, [Landed(request, commit, request.commit_sha)])
    return request


def submit(
    place: Refinery,
    git: Git,
    *,
    actor: str,
    worker: str = "",
    branch: str = "",
    issue: str = "",
    epic: str = "",
    priority: int | None = None,
    skip_deps: bool = False,
    resubmit: bool = False,
) -> tuple[str, bool]:
    """Submit the current branch (or ``branch``), pushed if necessary; returns the request's id and whether it is new.

    Older requests of the same work are superseded.  Raises UsageError, NotFoundError, ConflictError, GitError.
    """
    from gastown_core.work import convoys
    from gastown_core.work.sling import bases

    branch = branch or git.branch()
    work = _work_on(place, branch, issue, resubmit=resubmit)
    if not skip_deps:
        _check_steps(place, work)
    commit = git.commit_of(f"refs/heads/{branch}") or git.commit_of(branch)
    if not commit:
        raise NotFoundError(f"no branch {branch} in this repository")
    target = _target_of(place, epic) if epic else bases.base_of(place.root, place.ledger, work, place.rig, "").branch
    target = target or place.default
    if worktree.changes_nothing(git, f"origin/{target}", commit):
        raise ConflictError(
            f"the commits of {branch} change nothing",
            "there is nothing to merge",
            f"bd close {work.id} if nothing had to be changed",
        )
    _push(git, branch, commit)
    facts = {
        "branch": branch,
        "target": target,
        "source_issue": work.id,
        "worker": worker,
        "rig": place.rig,
        "commit_sha": commit,
        "convoy_id": next((convoy.id for convoy in convoys.tracking(place.ledger, work.id)), ""),
    }
    return _file(place, work, facts, actor=actor, worker=worker, priority=priority)


def _push(git: Git, branch: str, commit: str) -> None:
    """Push a branch that a person hands in; of one that was amended or rebased only they know whether it may be replaced."""
    try:
        git.run("push", "--quiet", "origin", f"{commit}:refs/heads/{branch}", timeout_s=120.0)
    except GitError as error:
        if "non-fast-forward" not in error.said and "fetch first" not in error.said:
            raise
        why = "it was amended or rebased after it was pushed, or somebody else has pushed to it"
        hint = f"git push --force-with-lease origin {branch} replaces what is there, git pull --rebase takes it in; then hand in again"
        raise GitError(f"{branch} at origin has commits that are not in yours", why, hint, said=error.said) from error


def _file(
    place: Refinery, work: Bead, facts: dict[str, str], *, actor: str, worker: str, priority: int | None
) -> tuple[str, bool]:
    """File the request and put its work in review; the request's id and whether it is new."""
    from gastown_core.work import merge_requests

    branch, commit = facts["branch"], facts["commit_sha"]
    merge_requests.keep_commit(place.root, place.rig, branch, commit)
    known = merge_requests.requests_for(place.store, work.id)
    with place.store.write(actor) as batch:
        made, is_new = merge_requests.submit(batch, known, work, facts, priority=priority)
    home = place.ledger.home_of(work.id) or place.store
    with home.write(actor) as batch:
        batch.update(work.id, {"status": IN_REVIEW})
        if is_new:
            batch.comment(work.id, f"handed in as {made}: {branch} at {commit[:12]}")
    if is_new:
        payload = {"mr": made, "worker": worker or actor, "branch": branch, "bead": work.id}
        append_event(place.root, "mr_queued", actor, payload, clock=place.clock)
        emit(place.root, "refinery", "MQ_SUBMIT", {"rig": place.rig, "mr": made}, clock=place.clock)
    return made, is_new


def _work_on(place: Refinery, branch: str, issue: str, *, resubmit: bool) -> Bead:
    """The bead of a branch: ``issue`` if given, else read from its name. Raises UsageError, NotFoundError, ConflictError."""
    from gastown_core.town.branches import bead_of_branch

    if not branch or branch == place.default:
        raise UsageError(f"{branch or 'a detached commit'} cannot be submitted", "", "git switch -c NAME")
    issue = issue or bead_of_branch(branch)
    work = place.ledger.get(issue) if issue else None
    if work is None:
        raise NotFoundError(
            f"no bead {issue}" if issue else f"{branch} names no bead", "", "name the work with --issue ID"
        )
    if work.is_closed and not resubmit:
        raise ConflictError(f"{work.id} is closed", work.text("close_reason"), f"bd reopen {work.id}, or --resubmit")
    return work


def _check_steps(place: Refinery, work: Bead) -> None:
    """Raise ConflictError while a step before the bead, in its own molecule, is open."""
    home = place.ledger.home_of(work.id) or place.store
    holds = [hold.id for hold in home.graph(place.clock.now()).holds(work.id) if hold.reason == STILL_OPEN]
    if holds:
        raise ConflictError(
            f"{work.id} waits for {', '.join(holds)}",
            "the work before it is not done",
            "--skip-deps submits it anyway",
        )


def _target_of(place: Refinery, epic: str) -> str:
    from gastown_core.work.sling.bases import branch_of_epic

    bead = place.ledger.get(epic)
    if bead is None:
        raise NotFoundError(f"no bead {epic}")
    branch = branch_of_epic(bead)
    if not branch:
        raise ConflictError(f"{epic} has no integration branch", "", f"gt mq integration create {epic}")
    return branch
