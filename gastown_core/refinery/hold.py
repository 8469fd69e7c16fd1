"""Holds: a queue that waits through no fault of a request: the target is red, or the infrastructure fails.

No request is rejected.  The hold is escalated once, and lifted automatically when a batch succeeds again.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.clock import backoff, format_seconds, parse_moment
from gastown_core.errors import SettingsError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.messaging.escalation import escalate, settle
from gastown_core.model.record import Record
from gastown_core.model.refinery import ENVIRONMENT, RED_TARGET, TARGET_IS_RED
from gastown_core.model.refinery import INFRASTRUCTURE as INFRASTRUCTURE
from gastown_core.refinery.place import slug
from gastown_core.refinery.room import tell_room, why_no_room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.errors import GitError
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery
PUSH_BY_HAND = "push-by-hand"
"""``red-target``: the target's own content is red.  ``environment``: the gates were green on the same tree before, or
give up on it: something that they need is missing.  ``infrastructure``: git or the engine fails.  ``push-by-hand``: a
green stack waits for a person."""
TRIES = 2
"""How often a request is tried as the fix for a red target while the target does not move."""
FIRST_REST_S, LONGEST_REST_S = 30.0, 900.0


class HoldError(Exception):
    """The batch cannot continue, and no request is at fault."""

    def __init__(self, kind: str, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.log = log

    @classmethod
    def of_git(cls, error: GitError) -> HoldError:
        """A hold for a failed git command, with its hint; git's whole output is the log."""
        return cls(INFRASTRUCTURE, f"{error}; {error.hint}" if error.hint else str(error), error.said)


class QueueHold(Record):
    """Why the queue of a target waits, since when, and until when.

    ``base``, ``requests`` and ``rules`` (``Policy.rules``) are what was tried.  Where the target is red, ``requests``
    names each request as often as it was tried as the fix.
    """

    kind: str
    reason: str
    since: float
    until: float
    base: str = ""
    requests: tuple[str, ...] = ()
    rests: int = 1
    rules: str = ""
    untold: bool = False
    """Whether a run was killed before it had told anybody."""

    @property
    def waits_for_cure(self) -> bool:
        """Whether the target is red, so that one of the requests may fix it."""
        return self.kind in TARGET_IS_RED

    def is_of_red(self, base: str, rules: str) -> bool:
        """Whether the target is red at ``base`` by the gates that the rig has now."""
        return self.waits_for_cure and self.base == base and self.rules in ("", rules)

    def has_tried(self, request_id: str) -> bool:
        """Whether this request was tried often enough."""
        return self.requests.count(request_id) >= TRIES

    def least_tried(self, ready: Iterable[MergeRequest]) -> list[MergeRequest]:
        """The requests that may be the fix, least tried first; all of them if each was tried often enough."""
        ordered = sorted(ready, key=lambda one: self.requests.count(one.id))
        return [one for one in ordered if not self.has_tried(one.id)] or ordered


def read_hold(place: Refinery, target: str) -> QueueHold | None:
    """The hold on a target's queue, None if there is none; a rest that a clock put back made too long is over."""
    try:
        found = read_json(_path(place, target))
    except SettingsError:
        found = None
    if not found:
        return None
    requests, rests = found.get("requests"), found.get("rests")
    until, now = parse_moment(found.get("until")) or 0.0, place.clock.now()
    return QueueHold(
        str(found.get("kind") or INFRASTRUCTURE),
        str(found.get("reason") or ""),
        parse_moment(found.get("since")) or 0.0,
        until if until <= now + max(LONGEST_REST_S, place.policy.recheck_s) else now,
        str(found.get("base") or ""),
        tuple(str(one) for one in requests) if isinstance(requests, list) else (),
        rests if isinstance(rests, int) else 1,
        str(found.get("rules") or ""),
        found.get("untold") is True,
    )


def is_worth_a_try(hold: QueueHold, requests: Iterable[str], base: str, now: float, *, rules: str = "") -> bool:
    """Whether to try again: the time is up, the target moved, or new settings or a new request may be the fix."""
    if now >= hold.until or (hold.rules and hold.rules != rules):
        return True
    if hold.kind == INFRASTRUCTURE:
        return False
    return base != hold.base or bool(set(requests) - set(hold.requests))


def put_on_hold(place: Refinery, target: str, error: HoldError, base: str, requests: tuple[str, ...]) -> QueueHold:
    """Hold the queue; the first time with an event and an escalation, afterwards only for longer."""
    now = place.clock.now()
    before = read_hold(place, target)
    is_same_red = before is not None and before.is_of_red(base, place.policy.rules)
    if before is not None and is_same_red and before.kind == ENVIRONMENT and error.kind == RED_TARGET:
        # other gates, of which less is known, are red in the same surroundings: those may be back soon
        error = HoldError(before.kind, before.reason, error.log)
    same = before if before is not None and before.kind == error.kind else None
    rules, rests, since, until = place.policy.rules, 1, now, 0.0
    if same is not None:
        # another possible fix is tried at once, and counts as the same attempt
        is_same_look = same.is_of_red(base, rules) and now < same.until
        rests, since = same.rests + (not is_same_look), same.since
        until = same.until if is_same_look else 0.0
    if before is not None and before.is_of_red(base, rules) and error.kind in TARGET_IS_RED:
        requests = before.requests + requests
    until = until or now + _rest_s(place, error.kind, rests)
    untold = same is None or same.untold
    hold = QueueHold(error.kind, error.reason, since, until, base, requests, rests, rules, untold)
    if error.kind == INFRASTRUCTURE and (full := why_no_room(place)):
        # the whole rig is held for that, as long as it lasts
        tell_room(place, full)
        return hold
    _keep(place, target, hold)
    return tell(place, target, hold, error.log)


def tell(place: Refinery, target: str, hold: QueueHold, log: str = "") -> QueueHold:
    """Tell of a hold that nobody was told of, with an event and an escalation; the hold as it is then."""
    if not hold.untold:
        return hold
    payload = {"rig": place.rig, "target": target, "reason": hold.reason, "kind": hold.kind}
    append_event(place.root, "queue_held", place.actor, payload, clock=place.clock)
    if hold.kind != PUSH_BY_HAND:
        _escalate(place, target, HoldError(hold.kind, hold.reason, log))
    told = hold._replace(untold=False)
    _keep(place, target, told)
    return told


def _rest_s(place: Refinery, kind: str, rests: int) -> float:
    if kind in (INFRASTRUCTURE, ENVIRONMENT):
        return backoff(FIRST_REST_S, rests, LONGEST_REST_S)
    return place.policy.recheck_s


def end_rest(place: Refinery, target: str) -> QueueHold | None:
    """Let a held queue be tried at once, every request and the target itself; the hold, None if there is none."""
    hold = read_hold(place, target)
    if hold is None:
        return None
    _keep(place, target, hold._replace(until=place.clock.now() - 1.0, requests=()))
    return hold


def lift(place: Refinery, target: str, why: str) -> bool:
    """Lift the hold and close its escalation; False if there was none."""
    hold = read_hold(place, target)
    if hold is not None:
        # before the hold is gone: a run that is killed in between does it again
        settle(place.root, place.ledger, _key(place, target), why, actor=place.actor, clock=place.clock)
        payload = {"rig": place.rig, "target": target, "reason": why, "kind": hold.kind}
        append_event(place.root, "queue_released", place.actor, payload, clock=place.clock)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(place, target))
    return hold is not None


def tell_more(place: Refinery, target: str, error: HoldError) -> None:
    """Add to a hold and its escalation what was found out since."""
    hold = read_hold(place, target)
    if hold is not None and hold.kind == error.kind and hold.reason != error.reason:
        _escalate(place, target, error)
        _keep(place, target, hold._replace(reason=error.reason))


def _keep(place: Refinery, target: str, hold: QueueHold) -> None:
    moments = {"since": format_seconds(hold.since), "until": format_seconds(hold.until)}
    kept = {**hold._asdict(), **moments, "requests": list(hold.requests)}
    write_json(_path(place, target), kept, mode=0o600)


def _escalate(place: Refinery, target: str, error: HoldError) -> None:
    subject = (
        f"{target} of {place.rig} is red: nothing is merged until it is green"
        if error.kind == RED_TARGET
        else f"merging in {place.rig} waits: {error.reason}"
    )
    reason = error.reason + (f"\n\n{error.log}" if error.log else "")
    escalate(
        place.root,
        place.ledger,
        "high",
        subject,
        sender=place.actor,
        reason=reason,
        about=place.rig,
        key=_key(place, target),
        clock=place.clock,
    )


def _key(place: Refinery, target: str) -> str:
    return f"refinery-hold:{place.rig}:{target}"


def _path(place: Refinery, target: str) -> str:
    return place.file(f"hold-{slug(target)}.json")
