"""Work that no waiting sets free is named with its convoy, on every face."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from gastown_core.beads.graph import stage_of
from gastown_core.beads.query import Excerpt
from gastown_core.clock import FixedClock, parse_moment
from gastown_core.model.bead import Edge
from gastown_core.model.convoy import ConvoyView
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.state.collect import collect
from gastown_core.state.convoy_views import TownGraph, convoy_views, standstills, stuck_words
from gastown_core.state.ledger_facts import LedgerFacts
from gastown_core.state.live import LiveTown
from gastown_core.town.inventory import Inventory
from gastown_core.work import death_count
from tests.support.towns import reference_town

NOW = parse_moment("2026-11-21T05:30:00Z") or 0.0
THREE, NINE, K = "dm-7aw", "dm-9d8", "dm-k3f"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    return reference_town(tmp_path)


def change(root: str, bead_id: str, **changes: Any) -> None:
    path = Path(root, "demo", ".beads", "issues.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [row | changes if row["id"] == bead_id else row for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def waits(bead_id: str, *targets: str) -> list[dict[str, str]]:
    return [{"issue_id": bead_id, "depends_on_id": target, "type": "blocks"} for target in targets]


def look(root: str) -> TownSnapshot:
    return collect(root, clock=FixedClock(NOW))


def told(root: str) -> list[tuple[str, str]]:
    (convoy,) = look(root).convoys
    return [(one.bead_id, one.why) for one in convoy.standstills]


def test_work_that_waits_for_work_that_moves_or_may_begin_stands_not_still(root: str) -> None:
    change(root, THREE, dependencies=waits(THREE, NINE, K))
    assert told(root) == []
    assert look(root).stuck(NOW) == []


def test_a_circle_is_named_and_so_is_what_waits_for_it(root: str) -> None:
    change(root, K, dependencies=waits(K, "dm-621"))
    change(root, "dm-621", dependencies=waits("dm-621", K))
    change(root, THREE, dependencies=waits(THREE, K))
    (first, why), (second, behind) = told(root)
    assert (first, second) == (K, THREE)
    assert why.startswith("they wait for each other: ") and behind.startswith(f"waits for {K} (")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "deferred"}, "deferred without a date"),
        ({"status": "blocked", "labels": ["needs-fix"]}, "sent back too often, gates were red"),
        ({"status": "blocked"}, "its status is blocked"),
    ],
    ids=["deferred", "sent-back", "marked"],
)
def test_what_only_a_person_sets_free_holds_its_convoy_up(root: str, changes: dict[str, Any], why: str) -> None:
    change(root, K, **changes)
    assert told(root) == [(K, why)]
    change(root, K, status="deferred", defer_until="2026-11-22T00:00:00Z", labels=[])
    assert told(root) == []


def test_a_chain_of_thousands_is_followed_to_its_end(root: str) -> None:
    path = Path(root, "demo", ".beads", "issues.jsonl")
    names = [K, *(f"dm-c{number}" for number in range(3000))]
    row = {"title": "link", "status": "open", "priority": 2, "issue_type": "task", "created_at": "2026-11-21T05:00:00Z"}
    rows = [
        row | {"id": here, "dependencies": waits(here, there)}
        for here, there in zip(names[1:], names[2:], strict=False)
    ]
    rows.append(row | {"id": names[-1], "status": "deferred"})
    change(root, K, dependencies=waits(K, names[1]))
    with open(path, "a") as ledger:
        ledger.write("".join(json.dumps(one) + "\n" for one in rows))
    assert told(root) == [(K, f"waits for {names[1]}")]


def test_work_that_cost_too_many_workers_is_stuck_until_its_count_begins_anew(root: str) -> None:
    for _ in range(2):
        death_count.note(root, K, clock=FixedClock(NOW))
    assert told(root) == []
    death_count.note(root, K, clock=FixedClock(NOW))
    assert told(root) == [(K, "3 workers died on it (operational.witness.max_bead_respawns)")]
    death_count.reset(root, K, clock=FixedClock(NOW))
    assert told(root) == []


async def test_the_live_picture_hears_of_a_worker_that_died(root: str) -> None:
    os.mkdir(os.path.join(root, "witness"))
    town = LiveTown(root)
    await town.start()
    try:
        death_count.note(root, K, by=3)
        async for update in town.updates():
            if update.snapshot.stuck(update.snapshot.taken_at) and update.snapshot.convoys[0].standstills:
                break
        assert [one.bead_id for one in update.snapshot.convoys[0].standstills] == [K]
    finally:
        await town.close()


def test_the_words_name_what_stands_still_before_what_lies_idle(root: str) -> None:
    change(root, K, status="deferred")
    (convoy,) = look(root).convoys
    assert stuck_words(convoy, NOW) == [f"cannot finish: {K} deferred without a date"]
    lain: ConvoyView = convoy._replace(stalled_since=NOW - 60)
    assert stuck_words(lain, NOW)[1] == f"stalled 1m: 1 bead is ready but nobody is on it: {THREE}"


STATUSES = ("open", "closed", "hooked", "in_progress", "in_review", "deferred", "blocked", "pinned", "waiting for rain")
LATER, EARLIER = NOW + 3600.0, NOW - 3600.0


def excerpts(draw: random.Random) -> dict[str, Excerpt]:
    """Nine beads of any status that wait for each other or for one that is gone."""
    names = [f"dm-{number}" for number in range(9)]
    found = {}
    for name in names:
        edges = tuple(
            Edge(draw.choice([*names, "dm-gone"]), "blocks", "", "", "") for _ in range(draw.choice((0, 0, 0, 1, 2)))
        )
        moment = draw.choice((0.0, 0.0, EARLIER, LATER))
        found[name] = Excerpt(
            *(name, name, draw.choice(STATUSES), 2, "task", "", NOW, NOW, 0.0, moment, (), edges, False, False),
            is_failed=draw.random() < 0.2,
        )
    return found


@pytest.mark.parametrize("seed", range(200))
def test_members_that_are_left_out_of_the_search_are_never_stuck(seed: int) -> None:
    draw = random.Random(seed)
    facts = LedgerFacts(Inventory("t", "/t", (), ()))
    beads = excerpts(draw)
    facts.died = {name: 3 for name in beads if draw.random() < 0.1}
    convoy = Excerpt("hq-cv-1", "All", "open", 2, "convoy", "", NOW, NOW, 0.0, 0.0, (), (), False, False)
    tracked = tuple(Edge(name, "tracks", "", "", "") for name in beads)
    facts.ledger = {"town": {convoy.id: convoy._replace(edges=tracked)}, "demo": beads}
    (view,) = convoy_views(facts, NOW)
    town = TownGraph(facts, NOW)
    assert view.standstills == standstills(beads, town.graph, facts.died)
    assert [one.stage for one in view.members] == [stage_of(beads[one.bead_id], town.graph) for one in view.members]
