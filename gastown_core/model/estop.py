"""An emergency stop of the town or of a rig."""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model.record import Record


class Estop(Record):
    """An emergency stop: its rig (empty: the town), whether a person declared it, since when (0: unknown), and why."""

    rig: str
    kind: str = "manual"
    at: float = 0.0
    reason: str = ""

    @property
    def whose(self) -> str:
        """What is stopped, in words."""
        return f"rig {self.rig}" if self.rig else "the town"

    @property
    def command(self) -> str:
        """The command that ends it."""
        return f"gt thaw --rig {self.rig}" if self.rig else "gt thaw"

    def words(self, now: float) -> str:
        """Return ``the town is under an emergency stop for 5m: disk is full``."""
        since = f" for {format_span(max(0.0, now - self.at))}" if self.at else ""
        return f"{self.whose} is under an emergency stop{since}" + (f": {self.reason}" if self.reason else "")
