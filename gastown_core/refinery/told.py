"""What the event log says of a request: an act that was killed between its effect and its event tells it when repeated."""

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
