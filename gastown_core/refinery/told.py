"""What the event log says of an act that was killed between its effect and its event, so that it is told once."""

from __future__ import annotations

from gastown_core.events.log import log_path, newest_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.place import Refinery

LOOK_BACK = 2000
"""How many events to search for one that was written before."""


def last_told(place: Refinery, request_id: str, *kinds: str) -> str:
    """The kind of the newest event of a request among these kinds; empty if the last events have none."""
    for number, event in enumerate(newest_events(log_path(place.root))):
        if event.type in kinds and event.payload.get("mr") == request_id:
            return event.type
        if number >= LOOK_BACK:
            break
    return ""


def was_told(place: Refinery, kind: str, since: float) -> bool:
    """Whether the log has an event of this kind about the rig as a whole that was written at ``since`` (Unix seconds) or later."""
    for number, event in enumerate(newest_events(log_path(place.root))):
        # the log's clock has milliseconds
        if event.ts < since - 0.001 or number >= LOOK_BACK:
            return False
        if event.type == kind and event.payload.get("rig") == place.rig:
            return True
    return False
