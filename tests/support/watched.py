"""A town under its real patrols and a clock of ours: time passes in steps, each patrol looks when its period is over."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from gastown_core.clock import FixedClock
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.patrols.memory import Incident
from gastown_core.patrols.patrol import CODE, Limits
from gastown_core.patrols.round import RoundReport, Watch
from gastown_core.patrols.table import PatrolRow

STEP_S = 5.0
Look = Callable[[], TownSnapshot]
Cure = Callable[[], object]


class Watched:
    """The patrols ``rows`` over whatever ``look`` shows; every report is kept."""

    def __init__(
        self, root: str, clock: FixedClock, look: Look, rows: list[PatrolRow], limits: Limits | None = None
    ) -> None:
        self.root = root
        self.clock = clock
        self.look = look
        self.rows = rows
        self.limits = limits or Limits()
        self.watch = Watch(root, clock)
        self.reports: list[RoundReport] = []
        self.passed = 0.0
        """The time that has passed, whatever the clock shows."""
        self._due: dict[str, float] = {}

    def pass_time(self, seconds: float = STEP_S) -> None:
        """Let so much time pass, and every patrol that is due then look."""
        self.clock.advance(seconds)
        self.passed += seconds
        town = None
        for row in self.rows:
            if self.passed < self._due.get(row.patrol.name, 0.0):
                continue
            self._due[row.patrol.name] = self.passed + row.patrol.period_s
            town = self.look() if town is None else town
            report = self.watch.run(row.patrol, town, self.limits, mode=row.mode or CODE)
            if report.opened or report.closed or report.acted:
                self.reports.append(report)

    def open(self) -> list[Incident]:
        """The incidents that are open."""
        return list(self.watch.memory.open.values())

    def words(self) -> str:
        """Every open incident, one a line."""
        return "\n".join(f"{one.kind} {', '.join(one.subjects)}: {one.cause}" for one in self.open())

    def takes(self, true: Callable[[], bool], most_s: float) -> float | None:
        """How long it takes until that is so, None if it is not within ``most_s``."""
        passed = 0.0
        while passed < most_s:
            self.pass_time()
            passed += STEP_S
            if true():
                return passed
        return None

    def told(self, *kinds: str) -> list[dict[str, object]]:
        """The events of these kinds in the log."""
        path = os.path.join(self.root, ".events.jsonl")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as handle:
            return [event for event in map(json.loads, handle) if event["type"] in kinds]
