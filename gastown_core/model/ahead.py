"""Conflicts ahead as the faces show them: two branches that do not merge with one another, before either has landed."""

from __future__ import annotations

from gastown_core.clock import parse_moment
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

AHEAD_FILE = ".runtime/refinery/forewarned.json"
"""What was told of and still conflicts, relative to the rig's folder."""
LONGEST, MOST = 500, 1000
"""Characters of a sentence, and pairs, that are read."""
MOST_SHOWN = 3
"""How many of them a list names."""


class ConflictAhead(Record):
    """A pair: the sentence, the branches, their beads and (while they are in the queue) their requests, since when it is known."""

    reason: str
    branches: tuple[str, ...] = ()
    beads: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    since: float = 0.0


def read_ahead(value: object) -> tuple[ConflictAhead, ...]:
    """The pairs in the file's JSON value; what is none is left out."""
    rows = value.get("ahead") if isinstance(value, dict) else None
    found = []
    for row in rows[:MOST] if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("reason"), str) and row["reason"]:
            branches, beads, requests = (_texts(row.get(key)) for key in ("branches", "beads", "requests"))
            since = parse_moment(row.get("since")) or 0.0
            found.append(ConflictAhead(row["reason"][:LONGEST], branches, beads, requests, since))
    return tuple(found)


def still_ahead(found: Sequence[ConflictAhead], waiting: Collection[str]) -> tuple[ConflictAhead, ...]:
    """Those of which no request has left the queue, by the ids of those that wait."""
    return tuple(one for one in found if all(name in waiting for name in one.requests))


def in_brief(found: Sequence[ConflictAhead], rig: str) -> list[str]:
    """The sentences of the first few, and how many more there are."""
    more = len(found) - MOST_SHOWN
    left = [f"{more} more pair{'s' if more > 1 else ''} of branches: gt mq conflicts {rig}"] if more > 0 else []
    return [f"conflict: {one.reason}" for one in found[:MOST_SHOWN]] + left


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str) and one) if isinstance(value, list) else ()
