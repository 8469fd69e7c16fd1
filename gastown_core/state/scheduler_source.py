"""The scheduler as a source: whether giving out is paused, from the state file that its commands write."""

from __future__ import annotations

import os

from gastown_core.clock import parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json
from gastown_core.model.snapshot import SchedulerView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.state.facts import TownFacts

FILE = "scheduler-state.json"


class SchedulerSource:
    """Keeps ``facts.scheduler`` true, but for the count of what waits: that is the ledger's to say."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self.folder = os.path.join(facts.inventory.root, ".runtime")
        self._mark: tuple[int, int, int] | None = None

    def poll(self, now: float) -> bool:
        """Take in the file if it changed; returns whether anything changed."""
        path = os.path.join(self.folder, FILE)
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            changed = self._mark is not None
            self._mark = None
            if self.facts.error_of("scheduler"):
                self.facts.good("scheduler", now)
            self.facts.scheduler = SchedulerView()
            return changed
        mark = (status.st_mtime_ns, status.st_size, status.st_ino)
        if mark == self._mark:
            return False
        self._mark = mark
        try:
            value = read_json(path) or {}
        except GastownError as error:
            self.facts.failed("scheduler", str(error))
            return True
        if self.facts.error_of("scheduler"):
            self.facts.good("scheduler", now)
        paused_at = parse_moment(value.get("paused_at")) or 0.0
        self.facts.scheduler = SchedulerView(
            0, value.get("paused") is True, str(value.get("paused_by") or ""), paused_at
        )
        return True
