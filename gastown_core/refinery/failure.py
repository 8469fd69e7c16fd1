"""Failed work: a culprit goes back to its worker with the gate's output, a few times; then to a person.

One write closes the request as rejected and reopens the bead with ``metadata.rework``; the next hand-in makes a new
request that continues the count.
"""

from __future__ import annotations

import os

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import backoff, format_micros, format_seconds
from gastown_core.events.log import append_event
from gastown_core.events.told import last_told
from gastown_core.messaging import protocol
from gastown_core.messaging.escalation import escalate
from gastown_core.messaging.mail import Letter, write_mail
from gastown_core.messaging.message import MESSAGE
from gastown_core.model.address import OVERSEER
from gastown_core.model.bead import BLOCKED, HOOKED, IN_PROGRESS, OPEN
from gastown_core.model.merge_request import (
    LONGEST_REST_S,
    NEEDS_FIX,
    NEEDS_PERSON,
    NEEDS_REBASE,
    NEEDS_RETRY,
    OLD_IN_REVIEW,
    REJECTED,
    read_request,
    with_facts,
)
from gastown_core.model.metadata import REWORK, Rework, metadata_of, read_rework, with_section
from gastown_core.model.refinery import FAIL
from gastown_core.refinery import claims
from gastown_core.refinery.gate_run import tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.model.bead import Bead
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.model.refinery import GateRun
    from gastown_core.refinery.place import Refinery

LOG_LINES = 60
SHORT = 3500
"""How many characters of a log go into the bead; the rest is in the log."""
LOUD_TRIES = 3
"""Tries without a verdict before the request is escalated."""


def send_back(
    place: Refinery,
    request: MergeRequest,
    gate: GateRun | None,
    *,
    batch_id: str,
    head: str,
    peers: tuple[str, ...] = (),
    others: tuple[str, ...] = (),
    why: str = "",
) -> bool:
    """Reject a culprit and reopen its work; False if that was its last attempt, which is escalated.

    ``peers`` are those without which it passes, ``others`` all that were in the batch, ``head`` where the target is now,
    ``why`` the reason if it is a conflict and no gate's.
    """
    work = place.ledger.get(request.source_issue) if request.source_issue else None
    attempt, may_go_on = attempts(request, work) + 1, not is_last_attempt(place, request, work)
    label, why = NEEDS_REBASE if why else NEEDS_FIX, why or reason(gate, peers)
    note = _note(place, gate, why, peers, others, attempt)
    rework = Rework(
        request.id,
        request.branch,
        attempt,
        note[-SHORT:],
        request.worker,
        log=gate.log if gate is not None else "",
        gate=gate.name if gate is not None else "",
        peers=peers,
        target=request.target or place.default,
        onto=head,
        at=format_micros(place.clock.now()),
    )
    if not may_go_on:
        # first, so that a kill here leaves a request that is tried and told again, not blocked work that nobody hears of
        escalate_work(place, request, work, note, attempt)
    home = place.ledger.home_of(request.source_issue) if work is not None else None
    if home is not None and home is not place.store:
        with home.write(place.actor) as batch:
            _reopen(batch, request.source_issue, rework, note, label, may_go_on)
    with place.store.write(place.actor) as batch:
        if home is place.store:
            _reopen(batch, request.source_issue, rework, note, label, may_go_on)
        _reject(batch, request.id, attempt, why, note, label, gate.log if gate is not None else "")
    _tell(place, request, why, batch_id, rework)
    _count(place, request, why)
    return may_go_on and work is not None


def attempts(request: MergeRequest, work: Bead | None) -> int:
    """How often the request, or its work before it, could not be merged."""
    return max(request.retry_count, attempts_of(work))


def is_last_attempt(place: Refinery, request: MergeRequest, work: Bead | None) -> bool:
    """Whether a failure now is one too many (``max_retry_count``): a person has to see to it."""
    return attempts(request, work) + 1 >= place.policy.max_retry_count


def attempts_of(work: Bead | None) -> int:
    """How often the work was sent back before."""
    return metadata_of(work).section(REWORK).number("attempt") if work is not None else 0


def reason(gate: GateRun | None, peers: tuple[str, ...] = ()) -> str:
    """The reason, in one line."""
    if gate is None:
        reason = "the gates are red"
    elif gate.result == FAIL:
        reason = f"gate {gate.name} failed" + (f" ({gate.detail})" if gate.detail else "")
    else:
        reason = f"gate {gate.name} gives no verdict ({gate.detail})"
    return reason + (f", only together with {' and '.join(peers)}" if peers else "")


def _note(
    place: Refinery, gate: GateRun | None, why: str, peers: tuple[str, ...], others: tuple[str, ...], attempt: int
) -> str:
    lines = [f"not merged, attempt {attempt}: {why}"]
    if peers:
        lines.append("It passes without them, and they are merged or about to be: merge the target and adapt.")
    if others:
        lines.append(f"In the same batch: {', '.join(others)}")
    if gate is not None and gate.log:
        lines += [f"End of the log {gate.log}:", "", tail(os.path.join(place.path, gate.log), LOG_LINES)]
    return "\n".join(lines)


def _reopen(batch: RuleBatch, bead_id: str, rework: Rework, note: str, label: str, may_go_on: bool) -> None:
    bead = batch.get(bead_id)
    if bead is None or bead.is_closed:
        return
    changes: dict[str, object] = {"metadata": with_section(bead, REWORK, rework.as_json())}
    changes["labels"] = labels_of(bead, label, may_go_on)
    # an agent that has taken it up again meanwhile keeps it
    if bead.status not in (HOOKED, IN_PROGRESS) or not may_go_on:
        changes.update(status=OPEN if may_go_on else BLOCKED, assignee="")
    batch.update(bead_id, changes)
    batch.comment(bead_id, note)


def labels_of(work: Bead, label: str, may_go_on: bool) -> list[str]:
    """The labels of work that comes back: what is the matter with it, and whether a person has to see to it."""
    labels = {*work.labels, label} - {OLD_IN_REVIEW, NEEDS_PERSON}
    return sorted(labels if may_go_on else labels | {NEEDS_PERSON})


def _reject(batch: RuleBatch, request_id: str, attempt: int, why: str, note: str, label: str, log: str) -> None:
    bead = batch.get(request_id)
    if bead is None or bead.is_closed:
        return
    facts = with_facts(bead, close_reason=REJECTED, retry_count=attempt, log=log or None)
    batch.update(request_id, {"metadata": facts, "labels": sorted({*bead.labels, label}), "assignee": ""})
    batch.comment(request_id, note)
    batch.close(request_id, f"rejected: {why}", force=True)


def tell_what_was_lost(place: Refinery, ids: Iterable[str], batch_id: str) -> None:
    """Tell of the requests that a killed run had sent back before it could tell anybody."""
    for bead in place.store.get_many(ids).values():
        request = read_request(bead)
        work = place.ledger.get(request.source_issue) if request.close_reason == REJECTED else None
        rework = read_rework(work) if work is not None else None
        if (
            rework is None
            or rework.mr != request.id
            or last_told(place.root, "mr", request.id, "merge_failed", "mr_rejected")
        ):
            continue
        why = bead.text("close_reason").removeprefix("rejected: ")
        _tell(place, request, why, batch_id, rework)
        _count(place, request, why)


def _tell(place: Refinery, request: MergeRequest, why: str, batch_id: str, rework: Rework) -> None:
    payload: dict[str, object] = {
        "mr": request.id,
        "worker": request.worker,
        "branch": request.branch,
        "issue": request.source_issue,
        "bead": request.source_issue,
        "reason": why,
        "batch": batch_id,
        "attempt": rework.attempt,
        "log": rework.log,
    }
    if rework.peers:
        payload["peers"] = list(rework.peers)
    # before the event, from which the next run knows after a kill that all was told
    tell_person(place, request, "was not merged and is open again", why)
    append_event(place.root, "merge_failed", place.actor, payload, clock=place.clock)
    if request.worker:
        facts = {"Branch": request.branch, "Issue": request.source_issue, "Polecat": request.worker, "Rig": place.rig}
        facts |= {"Failed-At": format_seconds(place.clock.now()), "Failure-Type": rework.gate}
        facts |= {"Error": why, "MR-Bead-ID": request.id, "Attempt-Number": str(rework.attempt)}
        to = f"{place.rig}/polecats/{request.worker}"
        protocol.tell(
            place.root,
            place.ledger,
            to,
            protocol.FIX_NEEDED,
            request.worker,
            facts,
            sender=place.actor,
            clock=place.clock,
        )


def tell_person(place: Refinery, request: MergeRequest, what: str, why: str) -> None:
    """Tell the person who handed work in themselves what became of it, once; a worker is told in other ways."""
    bead = place.store.get(request.id)
    if request.worker or bead is None or bead.text("created_by") != OVERSEER:
        return
    subject = f"{request.source_issue or request.id} {what}"
    body = f"{request.id}, {request.branch}: {why}"
    store, label = place.ledger.store_for("hq-x"), f"request:{request.id}"
    same = BeadQuery(labels_all=(MESSAGE, label), include_wisps=True)
    with store.write(place.actor) as batch:
        if any((one.title, one.description) == (subject, body) for one in store.find(same)):
            return
        write_mail(batch, OVERSEER, Letter(place.actor, subject, body), (label,))
    append_event(place.root, "mail", place.actor, {"to": OVERSEER, "subject": subject}, clock=place.clock)


def _count(place: Refinery, request: MergeRequest, why: str) -> None:
    from gastown_core.work.failure_count import count_failure

    if request.source_issue:
        count_failure(place.root, place.ledger, request.source_issue, why, actor=place.actor, clock=place.clock)


def escalate_work(place: Refinery, request: MergeRequest, work: Bead | None, note: str, attempt: int) -> None:
    """Escalate work that has had its last attempt; once for each work, however often it is called."""
    title = work.title if work is not None else request.title
    escalate(
        place.root,
        place.ledger,
        "high",
        f"{request.source_issue or request.id} could not be merged in {attempt} attempts: {title}",
        sender=place.actor,
        reason=note,
        about=request.source_issue or request.id,
        key=f"merge:{request.source_issue or request.id}",
        clock=place.clock,
    )


def set_aside(
    place: Refinery,
    requests: Sequence[MergeRequest],
    why: str,
    *,
    batch_id: str,
    what_next: str,
    label: str = NEEDS_RETRY,
) -> None:
    """Postpone requests that gave no verdict, all in one write, each time for longer; the third time, escalate them.

    They are not rejected.
    """
    now = place.clock.now()
    for request in requests:
        # first, so that a kill here leaves a request that is tried and told again
        if request.tries + 1 == LOUD_TRIES:
            _escalate_no_verdict(place, request, why, what_next)
    later = [(one, now + backoff(60.0, one.tries + 1, LONGEST_REST_S)) for one in requests]
    claims.give_back_later(place.store, later, why, actor=place.actor, label=label)
    for one in requests:
        payload = {"mr": one.id, "worker": one.worker, "branch": one.branch, "issue": one.source_issue}
        payload |= {"reason": why, "batch": batch_id}
        append_event(place.root, "merge_skipped", place.actor, payload, clock=place.clock)


def _escalate_no_verdict(place: Refinery, request: MergeRequest, why: str, what_next: str) -> None:
    escalate(
        place.root,
        place.ledger,
        "medium",
        f"{request.id} ({request.source_issue}) cannot be judged: {why}",
        sender=place.actor,
        reason=what_next,
        about=request.id,
        key=f"no-verdict:{request.id}",
        clock=place.clock,
    )
