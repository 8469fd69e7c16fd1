"""A console that is open for a busy day: its memory and its latency stay. A few hours here, 24 in ``make drill``."""

from __future__ import annotations

import gc
import os
import statistics
import time

import pytest

from gastown_core.beads.store import BeadStore
from gastown_core.events.log import append_event
from gastown_core.state.live import LiveTown
from gastown_tui.app import FeedApp
from gastown_tui.core_calls import CoreCalls
from gastown_tui.preferences import Preferences
from tests.support.paper import Paper

HOURS = 24 if os.environ.get("GT_DRILL") == "long" else 1
MINUTE = 60.0
EVENTS, CHANGES = 10, 4
"""What happens in each minute."""
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_mb() -> float:
    gc.collect()
    with open("/proc/self/statm") as handle:
        return int(handle.read().split()[1]) * PAGE / 1e6


def minute(paper: Paper, store: BeadStore, beads: list[str], number: int) -> None:
    """One minute of a busy town: agents tell, beads move."""
    paper.clock.advance(MINUTE)
    for event in range(EVENTS):
        payload = {"bead": beads[event % len(beads)], "message": f"step {number}.{event}"}
        append_event(paper.root, "step", "shop/polecats/opal", payload, clock=paper.clock)
    with store.write("tester") as batch:
        for change in range(CHANGES):
            batch.update(beads[(number + change) % len(beads)], {"title": f"Title {number}.{change}"})


@pytest.mark.timeout(3600)
async def test_a_busy_day_costs_neither_memory_nor_latency(paper: Paper) -> None:
    os.makedirs(os.path.join(paper.root, "shop", "polecats", "opal"))
    beads = [paper.file(f"Work {number}") for number in range(20)]
    store = paper.ledger.store_for(beads[0])
    app = FeedApp(
        lambda: LiveTown(paper.root, clock=paper.clock),
        calls=CoreCalls(paper.root),
        preferences=Preferences(),
        environ={},
    )
    memory: list[float] = []
    spent: list[float] = []
    async with app.run_test(size=(160, 45)) as pilot:
        for number in range(HOURS * 60):
            end = app.live.stream.end
            minute(paper, store, beads, number)
            cpu = time.process_time()
            while app.live.stream.end < end + EVENTS:
                await pilot.pause(0.005)
            app.live.recheck()
            app.feed.tick(changed=True)
            spent.append(time.process_time() - cpu)
            if number % 30 == 29:
                # as a person does: leave the digest of the last half hour, look into the views, and go back
                await pilot.press("p")
                while app.screen is app.feed:
                    await pilot.pause(0.005)
                await pilot.press("escape", "p", "p", "i", "i", "m", "m", "3", "G", "g", "1")
                assert app.screen is app.feed and app.feed.view == "feed"
                memory.append(resident_mb())
        assert not app.faults.entries
    early, late = statistics.median(spent[5:30]), statistics.median(spent[-25:])
    print(f"memory {memory} MB, an update {early * 1e3:.1f} → {late * 1e3:.1f} ms of the processor")
    assert late < 2 * early + 0.02
    if HOURS >= 24:
        # caches have their bounds, and are full by noon; what is left is eight bytes a row of the events, and the ledger's rows
        afternoon = memory[len(memory) // 2 :]
        assert (afternoon[-1] - afternoon[0]) / (HOURS / 2) < 1.0, memory
