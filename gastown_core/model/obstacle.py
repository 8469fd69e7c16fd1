"""Why a bead is not dispatched automatically (work-pipeline.md section 5.5)."""

from __future__ import annotations

from gastown_core.model.record import Record

MISSING, DELETED, DONE, REVIEW, HELD, GONE, MARKED, SKIP, ASLEEP = (
    "missing deleted done review held gone marked skipped asleep".split()
)
KIND, HOMELESS, PARKED, BLOCKED, ASSIGNED, QUEUED, BROKEN, COOLING, BUDGET = (
    "kind homeless parked blocked assigned queued broken cooling budget".split()
)
"""Codes of obstacles."""


class Obstacle(Record):
    """A reason against dispatch: a code, its text, the ids the text mentions, and what to do."""

    code: str
    text: str
    ids: tuple[str, ...] = ()
    hint: str = ""
