"""Incidents: findings grouped under their cause, compared with those that are open; pure.

Findings of one kind with the same cause become one incident.  An incident opens once, and closes when no finding has its
key any more: nothing alarms for longer than it is true.
"""

from __future__ import annotations

from gastown_core.model.incident import Incident
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.patrols.patrol import Finding


class Turn(Record):
    """What one look changes: incidents to open, to close and to update, and all that are open after it."""

    opened: tuple[Incident, ...]
    closed: tuple[Incident, ...]
    standing: tuple[Incident, ...]
    changed: tuple[Incident, ...] = ()
    """Those that were open and have other subjects now."""


def turn_of(patrol: str, findings: Iterable[Finding], known: Iterable[Incident], now: float, *, blind: bool) -> Turn:
    """Compare the findings of one look with the patrol's open incidents.

    ``blind`` says that a source failed: then what is not found is not cured, and nothing closes.
    """
    before = {one.key: one for one in known}
    found: dict[str, list[Finding]] = {}
    for one in findings:
        if not one.is_chore:
            found.setdefault(one.incident_key, []).append(one)
    opened, standing, changed = [], [], []
    for key, group in found.items():
        held = any(one.held for one in group)
        old = before.get(key)
        since = old.since if old is not None else min(one.since or now for one in group)
        subjects = tuple(one.subject for one in group)
        fresh = Incident(key, patrol, group[0].kind, group[0].held or group[0].cause, subjects, since, held)
        # a person is told once: when the incident is held, not at each look
        if old is None or (held and not old.escalated):
            opened.append(fresh)
        elif set(old.subjects) != set(subjects):
            changed.append(fresh._replace(escalated=old.escalated))
        standing.append(fresh._replace(escalated=held or (old is not None and old.escalated)))
    gone = tuple(one for key, one in before.items() if key not in found)
    if blind:
        # nobody is seen to leave, but one who is seen to suffer joins
        joined = tuple(one for one in changed if set(before[one.key].subjects) < set(one.subjects))
        return Turn(tuple(opened), (), (*standing, *gone), joined)
    return Turn(tuple(opened), gone, tuple(standing), tuple(changed))
