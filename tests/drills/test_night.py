"""A night in which workers crash, hang and hit limits and the daemon is killed: in the morning nothing is lost or left over.

``make drill`` runs thirty agents for an hour (GT_DRILL_AGENTS, GT_DRILL_MINUTES, GT_DRILL_BEADS, GT_DRILL_SEED), everything else a few agents for a few
strikes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from gastown_core.daemon import starting
from gastown_core.town import sessions
from tests.drills.drilled import LONG
from tests.drills.night import Night
from tests.support.cli import gt
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux, until

MINUTES = float(os.environ.get("GT_DRILL_MINUTES", "60")) if LONG else 0.0
AGENTS = int(os.environ.get("GT_DRILL_AGENTS", "30")) if LONG else 3
BEADS = int(os.environ.get("GT_DRILL_BEADS", str(AGENTS * max(4, round(MINUTES / 3))))) if LONG else 8
STRIKES = 8
pytestmark = [needs_tmux, pytest.mark.timeout(3600 + 60 * MINUTES if LONG else 900)]


@pytest.fixture
def night(sessions_too: Rigged) -> Iterator[Night]:
    pace, seed = "2.0" if LONG else "0.1", int(os.environ.get("GT_DRILL_SEED", "7"))
    made = Night(sessions_too, agents=AGENTS, beads=BEADS, pace=pace, seed=seed)
    yield made
    starting.stop(made.root)


def test_in_the_morning_every_bead_has_landed_or_is_escalated_once_and_nothing_is_left(night: Night) -> None:
    night.begin()
    ends = time.monotonic() + 60 * MINUTES
    for number in range(1_000_000):
        if time.monotonic() > ends and number >= STRIKES:
            break
        night.strike()
        pause = time.monotonic() + (night.rng.uniform(3.0, 12.0) if LONG else 0.5)
        until(lambda pause=pause: (night.triage(), time.monotonic() >= pause)[1], "the night passes", 60.0)

    def is_morning() -> bool:
        night.triage()
        return not night.unsettled()

    try:
        until(is_morning, "every bead lands or is escalated", timeout_s=1800.0 if LONG else 600.0)
    finally:
        print(night.story(), night.unsettled())
    gt("down", "--all", cwd=night.root)
    until(lambda: not sessions.server_of(night.root).is_running(), "the town's server ends")
    assert night.faults() == []
    _report(night)


def _report(night: Night) -> None:
    path = os.environ.get("GT_DRILL_REPORT")
    if path:
        with open(path, "a", encoding="utf-8") as handle:
            handle.write(f"a night of {MINUTES:g} minutes with {AGENTS} agents\n{night.story()}\n")
