"""A line of the event log; ``model.event`` describes the kinds, which writers of the log do not need."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class TownEvent(Record):
    """One line of the event log; ``ts`` in Unix seconds (0 if unreadable), ``offset`` in bytes, -1 if unknown."""

    ts: float
    type: str
    actor: str
    payload: Mapping[str, Any]
    visibility: str
    offset: int

    @property
    def latest(self) -> float:
        """The last moment at which it may have happened: stamps are cut, to a millisecond, by other tools to a second."""
        return self.ts + (1.0 if self.ts == int(self.ts) else 0.001)
