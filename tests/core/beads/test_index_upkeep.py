"""Who is held and how many there are of a kind: kept up with every change, it is what an index made anew says."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import Counter
from typing import Any

import pytest

from gastown_core.beads import index_intake
from gastown_core.beads.filters import matches
from gastown_core.beads.index_holds import ASKED, FREE, HELD
from gastown_core.beads.index_sql import select
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.clock import FixedClock, format_micros
from gastown_core.model.bead import kind_labels
from tests.support.stores import NOW, edge, make_store, raw

IDS = [f"gt-{number}" for number in range(40)]
WISPS = [f"gt-wisp-{number}" for number in range(10)]
STATUSES = "open open open hooked deferred pinned closed closed".split()
KINDS = "blocks blocks parent-child parent-child parent-child conditional-blocks merge-blocks waits-for related".split()
TYPES = "task task bug epic message".split()


def record_of(rng: random.Random, bead_id: str) -> dict[str, Any]:
    """A bead of any kind, as another tool may write it: circles, unknown targets and dates included."""
    bead = raw(bead_id, status=rng.choice(STATUSES), issue_type=rng.choice(TYPES), priority=rng.randrange(3))
    if bead["status"] == "closed":
        closed_at = format_micros(NOW + rng.randrange(-5, 50_000))
        bead |= {"closed_at": closed_at, "close_reason": rng.choice(["done", "failed"])}
    if rng.random() < 0.15:
        bead["defer_until"] = format_micros(NOW + rng.choice((-50, 50)))
    for key, odds in (("pinned", 0.05), ("is_template", 0.05)):
        if rng.random() < odds:
            bead[key] = True
    if rng.random() < 0.3:
        bead["assignee"] = rng.choice(["nux", "toast"])
    if rng.random() < 0.2:
        bead["labels"] = ["red"]
    targets = rng.sample([*IDS, *WISPS, "gt-gone", "zz-foreign"], rng.choice((0, 1, 1, 2)))
    bead["dependencies"] = [edge(bead_id, target, rng.choice(KINDS)) for target in targets]
    return bead


def write(store: Any, rng: random.Random) -> None:
    """Any change to either file: lines appended, wisps replaced, all replaced, compaction."""
    deed = rng.randrange(12)
    if deed == 9:
        store.compact()
        return
    is_wisp, is_replaced = deed in (6, 7), deed in (7, 8)
    lines = []
    for bead_id in rng.sample(WISPS if is_wisp else IDS, 10 if is_replaced else rng.choice((1, 1, 2, 10))):
        stone = {**raw(bead_id), "status": "tombstone"}
        bead = stone if rng.random() < 0.2 else record_of(rng, bead_id)
        lines.append(json.dumps({**bead, "ephemeral": is_wisp}))
    name = "wisps.jsonl" if is_wisp else "issues.jsonl"
    path = os.path.join(store.beads_dir, name)
    if is_replaced:
        with open(path + ".new", "w", encoding="utf-8") as handle:
            handle.writelines(line + "\n" for line in lines)
        os.replace(path + ".new", path)
        return
    with open(path, "a", encoding="utf-8") as handle:
        handle.writelines(line + "\n" for line in lines)


def derived(store: Any) -> tuple[dict[str, int], set[tuple[Any, ...]]]:
    with store.index.snapshot() as db:
        return (
            dict(db.execute("SELECT id, hold FROM beads")),
            set(db.execute("SELECT * FROM census WHERE n <> 0").fetchall()),
        )


def anew(store: Any, place: str) -> Any:
    """The same files under an index that never saw them change."""
    other = os.path.join(place, ".beads")
    shutil.copytree(store.beads_dir, other, ignore=shutil.ignore_patterns(".cache"))
    return open_store(other, clock=FixedClock(NOW))


@pytest.mark.parametrize("ways", [(2 << 20,), (0,), (0, 2 << 20)], ids=["bead by bead", "at the end", "in turns"])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_up_is_what_a_new_index_says(
    tmp_path: Any, seed: int, ways: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    store = make_store(tmp_path / "store")
    seen: set[int] = set()
    for number in range(25):
        write(store, rng)
        monkeypatch.setattr(index_intake, "LARGE", rng.choice(ways))
        kept = derived(store)
        monkeypatch.setattr(index_intake, "LARGE", 2 << 20)
        fresh = anew(store, str(tmp_path / str(number)))
        assert derived(fresh) == kept
        fresh.close()
        check_against_the_graph(store)
        seen.update(kept[0].values())
    assert seen == {FREE, HELD, ASKED}


def check_against_the_graph(store: Any) -> None:
    graph = store.graph(NOW)
    with store.index.snapshot() as db:
        for bead_id, hold in db.execute("SELECT id, hold FROM beads"):
            assert hold == ASKED or bool(graph.holds(bead_id)) is (hold == HELD), bead_id


QUERIES = [
    BeadQuery(),
    BeadQuery(include_wisps=True),
    BeadQuery(only_wisps=True, include_wisps=True),
    BeadQuery(statuses=("open",), awake_at=NOW),
    BeadQuery(statuses=("open",)),
    BeadQuery(exclude_statuses=("closed", "deferred"), awake_at=NOW),
    BeadQuery(types=("bug", "epic"), unassigned=True),
    BeadQuery(priorities=(0, 1), exclude_types=("message",)),
    BeadQuery(priority_min=1, labels_none=("red",)),
    BeadQuery(labels_all=("red",)),
    BeadQuery(assignees=("nux",)),
    BeadQuery(text="gt-1"),
]


@pytest.mark.parametrize("seed", range(4))
def test_numbers_are_those_of_the_lists(tmp_path: Any, seed: int) -> None:
    rng = random.Random(seed)
    store = make_store(tmp_path)
    for _ in range(12):
        write(store, rng)
    everything = store.excerpts(BeadQuery(include_wisps=True))
    for query in QUERIES:
        found = store.excerpts(query)
        assert {bead.id for bead in found} == {bead.id for bead in everything if matches(bead, query)}
        assert store.count(query) == len(found)
        for column in ("status", "priority", "issue_type", "assignee"):
            assert store.count_by(column, query) == Counter(str(getattr(bead, column)) for bead in found)
        assert store.count_by("label", query) == Counter(label for bead in found for label in kind_labels(bead))
        assert store.count_ready(query, NOW) == len(store.ready(query, NOW))
        assert store.count_blocked(query, NOW) == len(store.blocked(query, NOW))
        spans = [b.closed_at - b.created_at for b in found if b.status == "closed" and b.closed_at > b.created_at]
        if not query.statuses and "closed" not in query.exclude_statuses:
            assert store.lead_time(query) == pytest.approx(sum(spans) / len(spans) if spans else 0.0, abs=0.001)


def test_a_write_to_a_parent_does_not_judge_its_children(tmp_path: Any) -> None:
    store = make_store(tmp_path)
    with store.write("me") as batch:
        parent = batch.create({"title": "parent"}).id
        for number in range(50):
            batch.create({"title": f"child {number}"}, parent=parent)
    asked: list[str] = []
    store.index.db.set_trace_callback(asked.append)
    with store.write("me") as batch:
        batch.comment(parent, "still at it")
    assert not any(f"{parent}.7" in sql for sql in asked)
    with store.write("me") as batch:
        batch.add_edge(parent, "zz-far")
        batch.add_edge(parent, batch.create({"title": "first"}).id)
    assert any(f"{parent}.7" in sql for sql in asked)
    assert store.count_blocked(BeadQuery(), NOW) == 51


def test_what_was_closed_lately_is_found_by_the_moment_of_its_closing(tmp_path):
    store = make_store(tmp_path)
    closed = [raw(one, status="closed", closed_at=format_micros(NOW)) for one in IDS]
    with open(store.path(0), "a") as handle:
        handle.write("".join(json.dumps(one) + "\n" for one in closed))
    query = BeadQuery(statuses=("closed",), closed_since=NOW - 9, include_wisps=True)
    sql, values = select("id", query, NOW)
    with store.index.snapshot() as db:
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert any("by_closing" in step for step in plan), plan
    assert len(store.find(query)) == len(IDS)
