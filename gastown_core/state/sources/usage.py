"""What agents used today, as a source: the sums that the daemon or ``gt costs`` wrote last."""

from __future__ import annotations

import os

from gastown_core.files.mark import Mark, mark_at
from gastown_core.usage import today

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.state.facts import TownFacts

FILE = os.path.basename(today.today_path(""))


class UsageSource:
    """Keeps ``facts.usage`` true; the file is read when it moved."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self._root = facts.inventory.root
        self.folder = today.folder(self._root)
        self._mark: Mark | None = None

    def poll(self, now: float) -> bool:
        """Look; returns whether the sums are others."""
        mark = mark_at(today.today_path(self._root))
        if mark == self._mark:
            return False
        before, self._mark = self.facts.usage, mark
        self.facts.usage = today.read_today(self._root)
        return before != self.facts.usage
