"""The daemon's own load: what share of a core it uses, and how much slower it looks while that is too much."""

from __future__ import annotations

MOST = 0.10
"""The share of one core that the daemon may use over a window of heartbeats."""
WINDOW = 5
SLOWEST = 8.0


class Budget:
    """Shares of a core between heartbeats; ``slower`` doubles while they are over the budget, and halves again after."""

    def __init__(self, most: float = MOST) -> None:
        self.load = 0.0
        self.slower = 1.0
        self._most = most
        self._marks: list[tuple[float, float]] = []

    def note(self, moment: float, used_s: float) -> str:
        """Take in the processor time used until ``moment``; return what changes, in words, empty if nothing."""
        self._marks = [*self._marks[-WINDOW:], (moment, used_s)]
        (began, before), passed_s = self._marks[0], moment - self._marks[0][0]
        if passed_s <= 0 or moment == began:
            return ""
        self.load = (used_s - before) / passed_s
        if len(self._marks) <= WINDOW:
            return ""
        if self.load > self._most and self.slower < SLOWEST:
            self.slower *= 2
            return f"uses {self.load:.0%} of a core, more than {self._most:.0%}: looks {self.slower:g} times as rarely"
        if self.load < self._most / 2 and self.slower > 1:
            self.slower /= 2
            words = f"looks {self.slower:g} times as rarely" if self.slower > 1 else "looks as often as before"
            return f"uses {self.load:.0%} of a core: {words}"
        return ""
