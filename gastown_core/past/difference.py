"""What differs between the town at two moments; pure.

Only what both moments can tell is compared: a state that is unknown at one of them is no difference.
"""

from __future__ import annotations

from gastown_core.model.agent import HEALTH_SYMBOLS, Health
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, TypeVar

    from gastown_core.model.convoy import ConvoyView
    from gastown_core.model.snapshot import AgentView, RequestView, TownSnapshot

    T = TypeVar("T")

AGENT, CONVOY, REQUEST, ESCALATION, RIG, TOWN = "agent", "convoy", "request", "escalation", "rig", "town"


class Change(Record):
    """One difference: what it is about, its name, and the change in words."""

    kind: str
    id: str
    words: str

    def as_json(self) -> dict[str, Any]:
        """Return it as ``gt at TIME diff --json`` prints it."""
        return self._asdict()


def difference(before: TownSnapshot, after: TownSnapshot) -> tuple[Change, ...]:
    """Return what has changed from one moment to the other, in the order of the town."""
    return tuple(_changes(before, after))


def _changes(before: TownSnapshot, after: TownSnapshot) -> Iterator[Change]:
    yield from _town(before, after)
    rigs = _paired(before.rigs, after.rigs, lambda one: one.name)
    for name, old_rig, new_rig in rigs:
        if old_rig is None or new_rig is None:
            yield Change(RIG, name, "added" if old_rig is None else "removed")
        elif old_rig.state != new_rig.state:
            yield Change(RIG, name, f"{old_rig.state} → {new_rig.state}")
    for key, old, new in _paired(before.agents, after.agents, lambda one: one.key):
        words = list(_agent(old, new))
        if words:
            name = (new or old).address.short if (new or old) is not None else key  # type: ignore[union-attr]
            yield Change(AGENT, name, ", ".join(words))
    for key, was, now in _paired(before.convoys, after.convoys, lambda one: one.id):
        words = list(_convoy(was, now))
        if words:
            yield Change(CONVOY, key, ", ".join(words))
    for key, asked, asks in _paired(before.requests, after.requests, lambda one: one.id):
        told = _request(asked, asks)
        if told:
            yield Change(REQUEST, key, told)
    for key, raised, raises in _paired(before.escalated, after.escalated, lambda one: one.bead_id):
        one = raises or raised
        if one is not None and (raised is None or raises is None):
            yield Change(ESCALATION, key, f"{'raised' if raised is None else 'closed'}: {one.title}")
        elif raised is not None and raises is not None and raised.is_acked != raises.is_acked:
            yield Change(ESCALATION, key, f"{'taken on' if raises.is_acked else 'open again'}: {raises.title}")


def _paired(
    before: Iterable[T], after: Iterable[T], key: Callable[[T], str]
) -> Iterator[tuple[str, T | None, T | None]]:
    """Yield (key, before, after) of everything that is there at either moment: what is there now first, then what has gone."""
    old: Mapping[str, T] = {key(one): one for one in before}
    new: Mapping[str, T] = {key(one): one for one in after}
    for name in dict.fromkeys((*new, *old)):
        yield name, old.get(name), new.get(name)


def _town(before: TownSnapshot, after: TownSnapshot) -> Iterator[Change]:
    if before.scheduler.is_paused != after.scheduler.is_paused:
        words = f"dispatch paused by {after.scheduler.paused_by}" if after.scheduler.is_paused else "dispatch resumed"
        yield Change(TOWN, before.name, words)
    held = {one.rig: one for one in before.refineries if one.is_held}
    holds = {one.rig: one for one in after.refineries if one.is_held}
    for rig in sorted(held.keys() ^ holds.keys()):
        reason = holds[rig].state.hold_reason if rig in holds else ""
        words = f"merging held: {reason}" if rig in holds else "merging resumed"
        yield Change(RIG, rig, words)


def _agent(old: AgentView | None, new: AgentView | None) -> Iterator[str]:
    if old is None or new is None:
        yield "came" if old is None else "gone"
        return
    if None not in (old.running, new.running) and old.running != new.running:
        yield "session started" if new.running else "session ended"
    had = old.work.bead_id if old.work is not None else ""
    has = new.work.bead_id if new.work is not None else ""
    if had != has:
        title = f" {new.work.title}" if new.work is not None else ""
        yield f"works on {has}{title}" if has and not had else f"{had} → {has}{title}" if has else f"no longer on {had}"
    states = (old.health.state, new.health.state)
    if states[0] is not states[1] and Health.UNKNOWN not in states:
        yield f"{HEALTH_SYMBOLS[states[0]][2]} → {HEALTH_SYMBOLS[states[1]][2]}"


def _convoy(old: ConvoyView | None, new: ConvoyView | None) -> Iterator[str]:
    if old is None or new is None:
        one = new if new is not None else old
        title, total = (one.title, one.total) if one is not None else ("", 0)
        # an older one leaves the view a day after it has landed
        yield f"new: {title}, {total} beads" if old is None else f"no longer in view: {title}"
        return
    if (old.done, old.in_review, old.total) != (new.done, new.in_review, new.total):
        yield f"{old.done}·{old.in_review}/{old.total} → {new.done}·{new.in_review}/{new.total} {new.title}"
    if (old.closed_at is None) != (new.closed_at is None):
        yield f"landed: {new.title}" if new.closed_at is not None else f"open again: {new.title}"
    stages = {member.bead_id: member.stage for member in old.members}
    moved = [one for one in new.members if one.bead_id in stages and stages[one.bead_id] != one.stage]
    yield from (f"{one.bead_id} {stages[one.bead_id]} → {one.stage}" for one in moved)


def _request(old: RequestView | None, new: RequestView | None) -> str:
    if new is None:
        return f"left the queue: {old.title or old.branch}" if old is not None else ""
    if old is None:
        return f"{new.state}: {new.title or new.branch}"
    return f"{old.state} → {new.state}: {new.title or new.branch}" if old.state != new.state else ""
