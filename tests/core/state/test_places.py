"""The header's polecats at work are the scheduler's: one count, whoever asks."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from gastown_core.clock import FixedClock
from gastown_core.state.collect import Sources
from gastown_core.state.reduce import reduce_town
from gastown_core.work.workers import read_capacity

STATES = "spawning working idle done stuck nuked".split()


def employ(paper: Any, rng: random.Random) -> None:
    """Six polecats of two rigs: with and without work in hand, with records of every state, and one that is gone."""
    for rig, prefix in (("shop", "sh"), ("billing", "bi")):
        for name in ("opal", "ruby", "jade"):
            os.makedirs(os.path.join(paper.root, rig, "polecats", name))
            work = paper.file(f"{rig} {name}", rig=rig)
            if rng.random() < 0.4:
                paper.change(work, status=rng.choice(["hooked", "in_progress"]), assignee=f"{rig}/polecats/{name}")
            elif rng.random() < 0.3:
                paper.close(work)
            said = f"role_type: polecat\nrig: {rig}\nagent_state: {rng.choice(STATES)}\nhook_bead: {work}"
            with paper.ledger.store_for("hq-x").write("op") as batch:
                made = {"title": name, "issue_type": "agent", "labels": ["gt:agent"], "description": said}
                batch.create(made, bead_id=f"{prefix}-{rig}-polecat-{name}")
    if rng.random() < 0.5:
        paper.file("left behind", status="hooked", assignee="shop/polecats/gone")
    paper.file("a person's", status="in_progress", assignee="shop/crew/ana")


@pytest.mark.parametrize("later_s", [1.0, 3600.0])
@pytest.mark.parametrize("seed", range(12))
def test_the_snapshot_counts_polecats_at_work_as_the_scheduler_does(paper: Any, seed: int, later_s: float) -> None:
    employ(paper, random.Random(seed))
    paper.set("scheduler.max_polecats", "5")
    clock = FixedClock(paper.clock.now() + later_s)
    known = read_capacity(paper.root, paper.ledger, live=frozenset(), clock=clock)
    sources = Sources(paper.root)
    sources.ledger.load(clock.now())
    sources.facts.panes = {}
    try:
        found = reduce_town(sources.facts, clock.now()).scheduler
        again = reduce_town(sources.facts, clock.now(), reduce_town(sources.facts, clock.now())).scheduler
    finally:
        sources.close()
    assert (found.working, found.limit) == (known.working, known.limit) == (again.working, again.limit)
    assert known.limit == 5
