"""A source that answered without news until a moment ago was well until then: no alarm takes it for older."""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.patrols import dam
from gastown_core.patrols.lookout import Lookout
from gastown_core.patrols.patrol import Limits, Patrol
from gastown_core.patrols.round import Watch
from tests.support.rigged import Rigged


def test_a_ledger_that_just_broke_after_a_quiet_hour_is_new_and_not_escalated_at_once(
    rigged: Rigged, without_tmux: None
) -> None:
    rigged.file("Wait here")
    clock = FixedClock(SYSTEM_CLOCK.now())
    began = clock.now()
    watch, lookout = Watch(rigged.root, clock), Lookout(rigged.root, clock)
    patrol, held = Patrol("dam", "dam", "", dam.look), []
    try:
        for _ in range(6):
            assert lookout.look().source_error("beads") is None
            clock.advance(600)
        last_good = clock.now() - 600
        path = os.path.join(rigged.root, "shop", ".beads", "issues.jsonl")
        os.rename(path, path + ".kept")
        os.mkdir(path)
        for _ in range(4):
            town = lookout.look()
            failed = town.source_error("beads")
            assert failed is not None and failed.good_at is not None
            assert began < last_good <= failed.good_at, "the last answer counts, whether or not it was news"
            held += [one.escalated for one in watch.run(patrol, town, Limits(dam_escalate_s=900.0)).opened]
            clock.advance(60)
        assert held == [False]
        clock.advance(900)
        assert [one.escalated for one in watch.run(patrol, lookout.look(), Limits(dam_escalate_s=900.0)).opened] == [
            True
        ]
    finally:
        lookout.close()
