"""The event itself, and its place in the catalogue of kinds (``event_kinds``).

A kind that is not in the table still shows, as ``actor: type`` (feed-and-events.md sections 1, 3 and 4.2).
"""

from __future__ import annotations

from gastown_core.model.event_kinds import (
    AGENT,
    BAD,
    CATEGORIES,
    COMMS,
    DAY,
    DEFAULT_TTL_S,
    DONE,
    GOOD,
    INFO,
    SYSTEM,
    TONES,
    WARN,
    WORK,
    EventKind,
    text_of,
)
from gastown_core.model.event_table import TABLE
from gastown_core.model.town_event import TownEvent

__all__ = [
    "AGENT",
    "BAD",
    "BEAD_CHANGES",
    "CATALOGUE",
    "CATEGORIES",
    "COMMS",
    "DAY",
    "DEFAULT_TTL_S",
    "DONE",
    "GOOD",
    "INFO",
    "SYSTEM",
    "TONES",
    "WARN",
    "WORK",
    "EventKind",
    "TownEvent",
    "describe",
    "kind_of",
    "target_of",
]

CATALOGUE: dict[str, EventKind] = {kind.name: kind for kind in TABLE}

BEAD_CHANGES = frozenset(("create", "update", "complete", "reopen", "fail", "delete", "pin"))
"""Kinds that tell of a change to a bead's record; readers of the ledger itself derive the same ones."""


def kind_of(event_type: str) -> EventKind:
    """The catalogue row of a type; an unknown type gets a plain row of category ``system``."""
    kind = CATALOGUE.get(event_type)
    if kind is not None:
        return kind
    return EventKind(
        event_type, SYSTEM, "•", "*", INFO, DEFAULT_TTL_S, (), lambda p: text_of(p, "message") or event_type
    )


def describe(event: TownEvent) -> str:
    """The sentence of an event, without its actor; never fails, whatever the payload holds."""
    kind = kind_of(event.type)
    try:
        return kind.sentence(event.payload) or event.type
    except (TypeError, ValueError, KeyError, AttributeError):
        return event.type


def target_of(event: TownEvent) -> str:
    """The bead, convoy, request or agent that an event is about; empty if none."""
    for key in ("bead", "convoy", "mr", "target", "escalation_id"):
        value = event.payload.get(key)
        if isinstance(value, str) and value:
            return value
    return ""
