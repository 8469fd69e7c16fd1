"""Addresses of events: an event has no id of its own, so its link holds its moment and what tells it from its neighbours."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from gastown_core.model.sha256 import sha256
from gastown_core.state.rows import EventFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.state.rows import EventRow

FIELDS = ("rig", "type", "agent", "bead", "category", "text")


def event_id(row: EventRow) -> str:
    """Return the id of an event in an address: ``1764288000123-3fa2c9d1``."""
    about = "\0".join((row.type, row.actor.path, row.bead, row.text))
    return f"{int(min(max(row.ts, 0.0), 1e11) * 1000)}-{sha256(about.encode('utf-8', 'replace')).hex()[:8]}"


def moment_of(name: str) -> float | None:
    """Return the moment in an event's id, None if it is none."""
    digits, dash, mark = name.partition("-")
    if not (dash and len(mark) == 8 and digits.isascii() and digits.isdigit() and len(digits) < 16):
        return None
    return int(digits) / 1000


def filter_of(query: str) -> EventFilter:
    """Return the filter that a query string describes; unknown fields are left out."""
    given = dict(parse_qsl(query))
    return EventFilter(**{field: given[field][:200] for field in FIELDS if given.get(field)})  # type: ignore[arg-type]


def query_of(given: Mapping[str, str]) -> str:
    """Return a filter as a query string in one spelling."""
    return urlencode({field: given[field][:200] for field in FIELDS if given.get(field)}, errors="replace")
