"""Whether the log tells of an act already: one that was killed between its effect and its event is told once by the next."""

from __future__ import annotations

from itertools import islice

from gastown_core.events.log import log_path, newest_events

LOOK_BACK = 2000
"""How many events to search for one that was written before."""


def last_told(root: str, key: str, about: str, *kinds: str) -> str:
    """The kind of the newest event among these whose payload has ``about`` under ``key``; empty if the last events have none."""
    for event in islice(newest_events(log_path(root)), LOOK_BACK):
        if event.type in kinds and event.payload.get(key) == about:
            return event.type
    return ""


def was_told(root: str, kind: str, rig: str, since: float) -> bool:
    """Whether the log has an event of this kind about a rig that was written at ``since`` (Unix seconds) or later."""
    for event in islice(newest_events(log_path(root)), LOOK_BACK):
        # the log's clock has milliseconds
        if event.ts < since - 0.001:
            return False
        if event.type == kind and event.payload.get("rig") == rig:
            return True
    return False
