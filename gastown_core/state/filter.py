"""What rows of the event stream a person wants to see; pure."""

from __future__ import annotations

from gastown_core.model.record import record_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from gastown_core.model.address import Address

    class EventRow(NamedTuple):
        """One row of the stream, ready to show; ``source`` is ``log`` or ``ledger``, ``repeat`` counts like rows folded in."""

        ts: float
        type: str
        category: str
        tone: str
        symbol: str
        ascii: str
        actor: Address
        rig: str
        text: str
        bead: str
        source: str

    class EventFilter(NamedTuple):
        """A filter; an empty field does not filter. ``since`` is Unix seconds, ``text`` is matched without case."""

        rig: str = ""
        role: str = ""
        category: str = ""
        type: str = ""
        agent: str = ""
        bead: str = ""
        text: str = ""
        since: float = 0.0
else:
    EventRow = record_type("EventRow", "ts type category tone symbol ascii actor rig text bead source")
    EventFilter = record_type(
        "EventFilter", "rig role category type agent bead text since", defaults=("", "", "", "", "", "", "", 0.0)
    )

NO_FILTER = EventFilter()


def matches(row: EventRow, wanted: EventFilter) -> bool:
    """Whether the row passes every field that is set."""
    if wanted.since and row.ts < wanted.since:
        return False
    if wanted.rig and row.rig != wanted.rig:
        return False
    if wanted.role and row.actor.role != wanted.role:
        return False
    if wanted.category and row.category != wanted.category:
        return False
    if wanted.type and row.type != wanted.type:
        return False
    if wanted.agent and row.actor.path != wanted.agent:
        return False
    if wanted.bead and row.bead != wanted.bead:
        return False
    if wanted.text:
        needle = wanted.text.casefold()
        if not any(needle in text for text in (row.text.casefold(), row.bead, row.actor.path.casefold(), row.type)):
            return False
    return True


def describe_filter(wanted: EventFilter, now: float) -> str:
    """The filter in words for a header: ``rig shop · work · since 1h``; ``all`` if nothing is filtered."""
    from gastown_core.clock import format_age

    parts = [f"{name} {value}" for name, value in (("rig", wanted.rig), ("role", wanted.role)) if value]
    parts += [value for value in (wanted.category, wanted.type, wanted.agent, wanted.bead) if value]
    if wanted.text:
        parts.append(f"“{wanted.text}”")
    if wanted.since:
        parts.append(f"since {format_age(max(0.0, now - wanted.since))}")
    return " · ".join(parts) or "all"
