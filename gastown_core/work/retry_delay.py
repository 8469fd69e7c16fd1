"""Failed dispatches: each failure makes the next try of the same bead wait longer.

Kept in ``.runtime/dispatch-failures.json``; a successful dispatch removes the entry.
"""

from __future__ import annotations

import os

from gastown_core.clock import backoff, format_seconds, parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.model.record import Record

FIRST_S, LONGEST_S = 15.0, 1800.0
"""The first delay, doubled with every failure up to the longest."""
ALARM_AT = 3
"""The number of failures that raises an escalation; tries continue."""


class Cooling(Record):
    """A bead's failed dispatches: their number, the last error, the time of the next try (Unix seconds)."""

    failures: int
    error: str
    until: float


def path_of(root: str) -> str:
    """Return the path of the failures."""
    return os.path.join(root, ".runtime", "dispatch-failures.json")


def read(root: str) -> dict[str, Cooling]:
    """Return bead → its failures; empty if the file cannot be read."""
    try:
        value = read_json(path_of(root)) or {}
    except GastownError:
        return {}
    found: dict[str, Cooling] = {}
    for bead_id, entry in value.items():
        if isinstance(entry, dict):
            failures = entry.get("failures")
            until = parse_moment(entry.get("until")) or 0.0
            found[bead_id] = Cooling(failures if isinstance(failures, int) else 1, str(entry.get("error", "")), until)
    return found


def note(root: str, bead_id: str, error: str, now: float) -> float:
    """Record a failure; return how long the bead waits now, in seconds."""
    wait_s = FIRST_S

    def change(value: dict[str, object]) -> None:
        nonlocal wait_s
        entry = value.get(bead_id)
        before = entry.get("failures", 0) if isinstance(entry, dict) else 0
        failures = (before if isinstance(before, int) else 0) + 1
        wait_s = backoff(FIRST_S, failures, LONGEST_S)
        value[bead_id] = {"failures": failures, "error": error[:300], "until": format_seconds(now + wait_s + 0.999)}

    edit_json(path_of(root), change)
    return wait_s


def forget(root: str, bead_id: str) -> None:
    """Remove a bead's failures, after a dispatch or for another try at once."""
    if os.path.exists(path_of(root)):
        edit_json(path_of(root), lambda value: value.pop(bead_id, None))
