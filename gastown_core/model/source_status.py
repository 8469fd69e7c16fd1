"""When a source of data answered last, and what is wrong with it: what makes a panel stale instead of wrong."""

from __future__ import annotations

from gastown_core.model.record import Record


class SourceStatus(Record):
    """One source of data: ``events``, ``tmux``, ``heartbeats``, ``beads:town``, ``beads:<rig>``, ``git:<rig>`` …"""

    name: str
    good_at: float | None
    error: str = ""
