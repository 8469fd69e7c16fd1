"""Rows of the attention list about merge queues: what holds one, what will conflict in it, what waits for an approval; pure."""

from __future__ import annotations

from gastown_core.attention import item as kinds
from gastown_core.attention.held import held_up
from gastown_core.attention.item import BEAD, RIG, Item, Subject
from gastown_core.model.refinery import SETTINGS
from gastown_core.model.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.model.snapshot import EscalationView, RefineryView, TownSnapshot

SAID_CHARS = 160
"""So much of what a gate said stands in a row."""
MOST_TOLD = 12
"""How many conflicts ahead a row tells as its evidence."""


def tells_of_hold(one: EscalationView, queue: RefineryView) -> bool:
    """Whether an escalation is that of this queue's hold; it may go on with what the gate said."""
    reason = " ".join(queue.state.hold_reason.split())
    return queue.is_held and one.about == queue.rig and bool(reason) and one.reason.startswith(reason)


def queues(town: TownSnapshot) -> Iterator[Item]:
    """A row for each queue that is held by a fault."""
    for one in town.refineries:
        if one.is_held and not one.is_by_choice:
            yield _held(town, one)


def conflicts(town: TownSnapshot) -> Iterator[Item]:
    """A row for each rig in which branches will conflict: their agents were told, a person may want to know."""
    for one in town.refineries:
        if one.ahead:
            told = tuple(pair.reason for pair in one.ahead)
            more = f", and {len(told) - 1} more" if len(told) > 1 else ""
            yield Item(
                kinds.CONFLICT,
                Subject(RIG, one.rig, one.rig),
                f"{told[0]}{more}",
                min(pair.since for pair in one.ahead),
                sha256("\n".join(sorted(told)).encode()).hex()[:12],
                rig=one.rig,
                hint=f"gt mq conflicts {one.rig}",
                evidence=told[:MOST_TOLD],
                informs=True,
            )


def _held(town: TownSnapshot, one: RefineryView) -> Item:
    waits = [request for request in town.requests if request.rig == one.rig]
    holds, convoys = held_up(town, [request.bead_id for request in waits])
    reason = one.state.hold_reason or "the merge queue is held"
    told = (raised.reason for raised in town.escalated if tells_of_hold(raised, one))
    said = next(told, "")[len(" ".join(reason.split())) :].strip()
    return Item(
        kinds.QUEUE,
        Subject(RIG, one.rig, one.rig),
        f"{reason}: {said[:SAID_CHARS]}" if said else reason,
        one.hold_since,
        reason,
        rig=one.rig,
        holds=tuple(dict.fromkeys([*(request.bead_id for request in waits if request.bead_id), *holds])),
        convoys=convoys,
        orders=("mq.process",),
        hint=f"gt {'rig settings show' if one.state.hold_kind == SETTINGS else 'refinery process'} {one.rig}",
        evidence=(said,) if said else (),
    )


def approvals(town: TownSnapshot) -> Iterator[Item]:
    """Requests that are not merged before a person has read and approved their commit."""
    for one in town.requests:
        if not one.awaits_approval:
            continue
        holds, convoys = held_up(town, [one.bead_id])
        yield Item(
            kinds.APPROVAL,
            Subject(BEAD, one.id, one.id),
            f"{one.title or one.branch}: {one.rests.partition(';')[0]}",
            one.created_at,
            one.commit,
            bead=one.id,
            rig=one.rig,
            work=one.bead_id,
            holds=tuple(dict.fromkeys([*([one.bead_id] if one.bead_id else []), *holds])),
            convoys=convoys,
            orders=("mq.approve", "mq.reject", "mq.dequeue"),
            hint=f"gt mq approve {one.id} --commit {one.commit[:12]}",
            evidence=(f"{one.worker} handed in {one.branch}",) if one.worker else (),
            urgency=1 if one.priority <= 1 else 2,
        )
