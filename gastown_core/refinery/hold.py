"""A queue that waits because of itself, not because of a request: the target is red, or the infrastructure fails.

Nobody is blamed.  A person hears of it once; it is lifted by itself when a batch goes through again.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.clock import backoff, format_seconds, parse_moment
from gastown_core.errors import SettingsError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.messaging.escalate import escalate, settle
from gastown_core.model.record import Record
from gastown_core.refinery.place import slug

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.refinery.place import Refinery

RED_TARGET, INFRASTRUCTURE, PUSH_BY_HAND = "red-target", "infrastructure", "push-by-hand"
FIRST_REST_S, LONGEST_REST_S = 30.0, 900.0


class HoldError(Exception):
    """The batch cannot go on, and that is no request's fault."""

    def __init__(self, kind: str, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.log = log


class Hold(Record):
    """Why the queue of a target waits, since when, and until when; ``base`` and ``requests`` are what it was tried with."""

    kind: str
    reason: str
    since: float
    until: float
    base: str = ""
    requests: tuple[str, ...] = ()
    rests: int = 1


def read_hold(place: Refinery, target: str) -> Hold | None:
    """The hold of a target's queue, None if it goes."""
    try:
        found = read_json(_path(place, target))
    except SettingsError:
        found = None
    if not found:
        return None
    return Hold(
        str(found.get("kind") or INFRASTRUCTURE),
        str(found.get("reason") or ""),
        parse_moment(found.get("since")) or 0.0,
        parse_moment(found.get("until")) or 0.0,
        str(found.get("base") or ""),
        tuple(str(one) for one in found.get("requests") or ()),
        int(found.get("rests") or 1),
    )


def is_worth_a_try(hold: Hold, requests: Iterable[str], base: str, now: float) -> bool:
    """Whether something changed since: time is up, the target moved, or a new request may bring the cure."""
    if now >= hold.until:
        return True
    if hold.kind == INFRASTRUCTURE:
        return False
    return base != hold.base or bool(set(requests) - set(hold.requests))


def put_on_hold(place: Refinery, target: str, error: HoldError, base: str, requests: tuple[str, ...]) -> Hold:
    """Hold the queue; the first time that is an event and an escalation, afterwards only a longer rest."""
    now = place.clock.now()
    before = read_hold(place, target)
    rests = before.rests + 1 if before is not None and before.kind == error.kind else 1
    rest_s = place.policy.recheck_s if error.kind != INFRASTRUCTURE else backoff(FIRST_REST_S, rests, LONGEST_REST_S)
    since = before.since if before is not None and before.kind == error.kind else now
    hold = Hold(error.kind, error.reason, since, now + rest_s, base, requests, rests)
    kept = {**hold._asdict(), "since": format_seconds(since), "until": format_seconds(hold.until)}
    write_json(_path(place, target), {**kept, "requests": list(requests)}, mode=0o600)
    if rests == 1:
        payload = {"rig": place.rig, "target": target, "reason": error.reason, "kind": error.kind}
        append_event(place.root, "queue_held", place.actor, payload, clock=place.clock)
    if rests == 1 and error.kind != PUSH_BY_HAND:
        _tell(place, target, error)
    return hold


def lift(place: Refinery, target: str, why: str) -> bool:
    """Let the queue go again and close the alarm; False if it was not held."""
    hold = read_hold(place, target)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(place, target))
    if hold is None:
        return False
    payload = {"rig": place.rig, "target": target, "reason": why, "kind": hold.kind}
    append_event(place.root, "queue_released", place.actor, payload, clock=place.clock)
    settle(place.root, place.ledger, _key(place, target), why, actor=place.actor, clock=place.clock)
    return True


def _tell(place: Refinery, target: str, error: HoldError) -> None:
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
