"""The catalogue of event kinds by name, and the sentence and target of an event.

An event whose type is not in the table is shown as ``actor: type`` (feed-and-events.md sections 1, 3 and 4.2).
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
"""Kinds that report a change to a bead's record; readers of the ledger derive the same ones."""


def kind_of(event_type: str) -> EventKind:
    """Return the catalogue row of a type; an unknown type gets a generic row of category ``system``."""
    kind = CATALOGUE.get(event_type)
    if kind is not None:
        return kind
    return EventKind(
        event_type, SYSTEM, "•", "*", INFO, DEFAULT_TTL_S, (), lambda p: text_of(p, "message") or event_type
    )


def describe(event: TownEvent) -> str:
    """Return the sentence of an event without its actor; the bare type if the payload has an unexpected shape."""
    kind = kind_of(event.type)
    try:
        return kind.sentence(event.payload) or event.type
    except (TypeError, ValueError, KeyError, AttributeError):
        return event.type


def target_of(event: TownEvent) -> str:
    """Return the bead, convoy, merge request or agent that an event is about; empty if none."""
    for key in ("bead", "convoy", "mr", "target", "escalation_id"):
        value = event.payload.get(key)
        if isinstance(value, str) and value:
            return value
    return ""
