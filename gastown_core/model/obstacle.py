"""What keeps a piece of work from being given out by machine (work-pipeline.md section 5.5)."""

from __future__ import annotations

from gastown_core.model.record import Record

MISSING, DELETED, DONE, REVIEW, HELD, GONE, MARKED, SKIP, ASLEEP = (
    "missing deleted done review held gone marked skipped asleep".split()
)
KIND, HOMELESS, PARKED, BLOCKED, ASSIGNED, QUEUED, BROKEN, COOLING = (
    "kind homeless parked blocked assigned queued broken cooling".split()
)
"""Codes of obstacles."""


class Obstacle(Record):
    """Why a bead is not handed out: a code, the words for people, the ids that the words speak of, and what to do."""

    code: str
    text: str
    ids: tuple[str, ...] = ()
    hint: str = ""
