"""The scheduler as a source: whether giving out is paused, and which work has cost workers, from its two state files."""

from __future__ import annotations

import os

from gastown_core.clock import parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json
from gastown_core.files.mark import Mark, mark_of
from gastown_core.model.snapshot import SchedulerView
from gastown_core.state.facts import Failed
from gastown_core.town import accounts, host_load
from gastown_core.work import death_count, retry_delay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.state.facts import TownFacts
FILE = "scheduler-state.json"
FILES = (FILE, os.path.basename(death_count.path_of("")), os.path.basename(retry_delay.path_of("")))


class SchedulerSource:
    """Keeps ``facts.scheduler``, ``died``, ``failures`` and ``host`` true, but for the count of what waits: that is the ledger's to say."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        root = facts.inventory.root
        self.folder = os.path.join(root, ".runtime")
        self.folders = (self.folder, os.path.dirname(death_count.path_of(root)))
        self._mark: Mark | None = None
        self._has_looked = False

    def poll(self, now: float) -> bool:
        """Take in the files if they changed; returns whether anything changed."""
        root = self.facts.inventory.root
        died = death_count.counts(root)
        is_other = died != self.facts.died
        if is_other:
            self.facts.died = died
            self.facts.ledger_version += 1
        failures = {bead: Failed(one.failures, one.error) for bead, one in retry_delay.read(root).items()}
        is_other = is_other or failures != self.facts.failures
        self.facts.failures = failures
        host = host_load.refusal(root)
        if host != self.facts.host:
            if not host or not self.facts.host:
                # what was so at the first look may have been so for long
                self.facts.host_since = now if host and self._has_looked else 0.0
            self.facts.host = host
            is_other = True
        quota = accounts.refusal(root, now)
        if quota != self.facts.quota:
            self.facts.quota, self.facts.quota_since, is_other = quota, now if self._has_looked else 0.0, True
        self._has_looked = True
        return self._poll_state(now) or is_other

    def _poll_state(self, now: float) -> bool:
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
        mark = mark_of(status)
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
