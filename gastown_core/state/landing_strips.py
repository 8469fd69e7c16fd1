"""The landing strip of each convoy member, from proofs, requests and the refineries' verdicts; pure.

Nothing is guessed: a step without proof is *not yet*, a step that could not be checked is *unknown*, and a fault is
reported only if git was asked after the ledger last changed.
"""

from __future__ import annotations

from gastown_core.model.bead import CLOSED, IN_REVIEW
from gastown_core.model.landing import (
    CLOSED_NOT_LANDED,
    FAILED,
    GATED,
    LANDED,
    LANDED_NOT_CLOSED,
    NO,
    NOW,
    PUSHED,
    QUEUED,
    SKIPPED,
    UNKNOWN,
    WRITTEN,
    YES,
    LandingStep,
    LandingStrip,
)
from gastown_core.model.merge_request import CONFLICT, MERGED, MERGED_IN, REJECTED
from gastown_core.model.refinery import (
    BISECTING,
    CACHED,
    HELD,
    IDLE,
    PASS,
    POST_MERGE,
    PUSHING,
    STACKING,
    TESTING,
    EntryState,
)
from gastown_core.state.facts import Proof
from gastown_core.state.request_views import requests_by_work, rests_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.convoy import ConvoyView, MemberView
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.state.facts import RefineryFacts, TownFacts
AT_WORK = (STACKING, TESTING, BISECTING)
COMMITTING = (PUSHING, POST_MERGE)
UNASKED = "git has not been asked yet"


def with_landings(convoys: tuple[ConvoyView, ...], facts: TownFacts, now: float) -> tuple[ConvoyView, ...]:
    """The convoys with the strip of every examined member; unchanged convoys stay the same objects."""
    requests = requests_by_work(facts)
    out = []
    for convoy in convoys:
        members = tuple(_with_strip(one, facts, requests.get(one.bead_id, ()), now) for one in convoy.members)
        out.append(convoy if members == convoy.members else convoy._replace(members=members))
    return tuple(out)


def _with_strip(member: MemberView, facts: TownFacts, requests: tuple[MergeRequest, ...], now: float) -> MemberView:
    proof = facts.proofs.get(member.bead_id)
    if proof is None:
        return member if member.landing is None else member._replace(landing=None)
    found = facts.bead(member.bead_id)
    is_fresh = found is not None and found[1].updated_at == proof.stamp
    refinery = facts.refineries.get(member.rig)
    rests = rests_of(facts, requests[0], now) if requests else ""
    strip = strip_of(member.status, proof, requests, refinery, is_fresh=is_fresh, rests=rests)
    return member if strip == member.landing else member._replace(landing=strip)


def strip_of(
    status: str,
    proof: Proof,
    requests: tuple[MergeRequest, ...],
    refinery: RefineryFacts | None = None,
    *,
    is_fresh: bool = True,
    rests: str = "",
) -> LandingStrip:
    """The strip of a bead in ``status``; ``is_fresh``: the proof was collected after its record last changed.

    ``rests`` says why its request must not be merged now.
    """
    request = requests[0] if requests else None
    landed = _landed(status, proof, request, is_fresh)
    has_landed = landed.state == YES
    gated = _gated(request, refinery, has_landed)
    steps = (
        _written(proof, request, has_landed),
        _pushed(proof, request, has_landed),
        _queued(proof, request, has_landed, rests),
        gated,
        landed,
    )
    fault, why = _fault(status, proof, request, refinery, has_landed) if is_fresh else ("", "")
    return LandingStrip(steps, proof.branch, request.id if request else proof.by, proof.target, fault, why)


# the steps


def _written(proof: Proof, request: MergeRequest | None, has_landed: bool) -> LandingStep:
    if proof.ahead:
        return LandingStep(WRITTEN, YES, f"{_commits(proof.ahead)} on {proof.branch}")
    if has_landed:
        return LandingStep(WRITTEN, YES, "it is part of what landed")
    if request is not None and request.commit_sha and not proof.error:
        return LandingStep(WRITTEN, YES, f"commit {request.commit_sha[:8]} was handed in")
    if proof.error:
        return LandingStep(WRITTEN, UNKNOWN, proof.error)
    if proof.branch and (proof.local or proof.remote):
        return LandingStep(WRITTEN, NO, f"no commit on {proof.branch} yet")
    return LandingStep(
        WRITTEN, NO, f"the branch {proof.branch} is gone" if proof.branch else "no branch was made for it"
    )


def _pushed(proof: Proof, request: MergeRequest | None, has_landed: bool) -> LandingStep:
    if has_landed:
        return LandingStep(PUSHED, YES, "it is part of what landed")
    if proof.error:
        return LandingStep(PUSHED, UNKNOWN, proof.error)
    if not proof.remote:
        if request is not None and request.commit_sha:
            return LandingStep(PUSHED, NO, f"origin has no branch {proof.branch} any more")
        return LandingStep(PUSHED, NO, "origin does not have it yet")
    if proof.unpushed:
        return LandingStep(PUSHED, NO, f"{_commits(proof.unpushed)} not pushed yet")
    if not proof.ahead:
        return LandingStep(PUSHED, NO, "origin has the branch, without a commit of its own")
    return LandingStep(PUSHED, YES, f"origin has {proof.remote[:8]}")


def _queued(proof: Proof, request: MergeRequest | None, has_landed: bool, rests: str) -> LandingStep:
    if request is None:
        if has_landed:
            known = LandingStep(QUEUED, YES, f"as {proof.by}") if proof.by else None
            return known or LandingStep(QUEUED, SKIPPED, "landed without a merge request")
        return LandingStep(QUEUED, NO, "no merge request yet")
    if request.is_open:
        return LandingStep(QUEUED, YES, f"as {request.id}" + (f", which is on hold: {rests}" if rests else ""))
    if request.close_reason in (REJECTED, CONFLICT) or request.close_reason.startswith(REJECTED):
        return LandingStep(QUEUED, FAILED, f"{request.id} was closed: {request.close_reason}")
    return LandingStep(QUEUED, YES, f"as {request.id}, {request.close_reason or 'closed'}")


def _gated(request: MergeRequest | None, refinery: RefineryFacts | None, has_landed: bool) -> LandingStep:
    verdict = _verdict(request.id, refinery) if request is not None and refinery is not None else None
    if verdict is not None:
        return verdict
    if has_landed:
        return LandingStep(GATED, SKIPPED, "landed; the verdict of its gates is not kept here")
    return LandingStep(GATED, NO, "no gate has run on it yet")


def _verdict(request_id: str, refinery: RefineryFacts) -> LandingStep | None:
    """The result in the running batch, else in the newest batch that had it."""
    state = refinery.state
    if state is not None and state.phase != IDLE:
        entry = next((one for one in state.requests if one.id == request_id), None)
        if entry is not None:
            return _entry_step(entry.state, entry.why, refinery)
    for batch in refinery.history:
        if request_id in batch.merged:
            return LandingStep(GATED, YES, f"its gates were green in {batch.id}")
        if request_id in batch.culprits:
            return LandingStep(GATED, FAILED, f"its gates were red in {batch.id}")
        if request_id in batch.conflicts:
            return LandingStep(GATED, FAILED, f"it conflicted in {batch.id}")
        if request_id in batch.mrs:
            return LandingStep(GATED, NO, f"{batch.id} gave no verdict on it")
    return None


def _entry_step(word: str, why: str, refinery: RefineryFacts) -> LandingStep:
    state = refinery.state
    assert state is not None
    if word in (EntryState.GOOD, EntryState.MERGED):
        return LandingStep(GATED, YES, f"its gates are green in {state.batch}")
    if word in (EntryState.CULPRIT, EntryState.CONFLICT):
        return LandingStep(GATED, FAILED, why or f"{word} in {state.batch}")
    if word == EntryState.HELD:
        return LandingStep(GATED, NO, why or f"held back in {state.batch}")
    if state.phase == HELD:
        return LandingStep(GATED, NO, f"the queue is held: {state.hold_reason}")
    if not refinery.is_alive:
        return LandingStep(GATED, NO, f"{state.batch} stopped before its verdict: the engine is gone")
    probe = state.probes[-1] if state.probes else None
    if probe is None or state.phase not in AT_WORK:
        return LandingStep(GATED, NOW, f"in {state.batch}")
    passed = sum(gate.result in (PASS, CACHED) for gate in probe.gates)
    return LandingStep(GATED, NOW, f"gates {passed}/{len(probe.gates)} in {state.batch}")


def _landed(status: str, proof: Proof, request: MergeRequest | None, is_fresh: bool) -> LandingStep:
    where = f"origin/{proof.target}" if proof.target else "its target"
    if proof.error:
        return LandingStep(LANDED, UNKNOWN, proof.error)
    if proof.landed:
        if request is not None and request.is_open and proof.by and proof.by != request.id:
            return LandingStep(LANDED, NO, f"an earlier part landed as {proof.by}, {request.id} has not")
        return LandingStep(LANDED, YES, proof.how)
    if not is_fresh and status == CLOSED:
        return LandingStep(LANDED, UNKNOWN, UNASKED)
    return LandingStep(LANDED, NO, f"no commit of it is on {where}")


# the faults


def _fault(
    status: str, proof: Proof, request: MergeRequest | None, refinery: RefineryFacts | None, has_landed: bool
) -> tuple[str, str]:
    """(fault, sentence); empty if git was not asked, and while the engine is between push and close."""
    if proof.error:
        return "", ""
    is_open = request is not None and request.is_open
    if status == CLOSED and not has_landed and (is_open or _claims_merged(proof, request)):
        what = f"{request.id} is still open" if request is not None and is_open else _claim(proof, request)
        return CLOSED_NOT_LANDED, f"the bead is closed ({what}), but origin/{proof.target} has no commit of it"
    if has_landed and status != CLOSED and (is_open or status == IN_REVIEW):
        if request is not None and _is_being_closed(request.id, refinery):
            return "", ""
        return LANDED_NOT_CLOSED, f"{proof.how}, but the bead is {status.replace('_', ' ')}"
    return "", ""


def _claims_merged(proof: Proof, request: MergeRequest | None) -> bool:
    return proof.close_reason.startswith(MERGED_IN) or (request is not None and request.close_reason == MERGED)


def _claim(proof: Proof, request: MergeRequest | None) -> str:
    return proof.close_reason or (f"{request.id} says merged" if request is not None else "")


def _is_being_closed(request_id: str, refinery: RefineryFacts | None) -> bool:
    """Whether a live engine has pushed the request and is about to close it."""
    if refinery is None or refinery.state is None or not refinery.is_alive:
        return False
    return refinery.state.phase in COMMITTING and any(one.id == request_id for one in refinery.state.requests)


def _commits(count: int) -> str:
    return f"{count} commit" if count == 1 else f"{count} commits"
