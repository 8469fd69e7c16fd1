"""THE ready rule as a table, over both engines and over the pure functions alone."""

from __future__ import annotations

import pytest

from gastown_core.beads.graph import Graph, find_cycles, path_between, stage_of
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.beads.query import BeadQuery
from gastown_core.model.bead import Bead
from tests.support.stores import NOW, both_kinds, change, close, create, edge, link, raw


def graph_of(*records: dict) -> Graph:
    found = {record["id"]: excerpt_of(Bead(record)) for record in records}

    def children(bead_id):
        return [b.id for b in found.values() if any(e.target == bead_id and e.type == "parent-child" for e in b.edges)]

    return Graph(found.get, children, NOW, is_absent=lambda bead_id: bead_id.startswith("gt-"))


def held(kind: str = "blocks", target: str = "gt-t", **metadata) -> dict:
    return raw("gt-a", dependencies=[edge("gt-a", target, kind, **metadata)])


T = "gt-t"
CLOSED = {"status": "closed", "closed_at": "2026-03-02T10:11:12Z"}
HOLDS = [
    ("an open blocker", [held(), raw(T)], [("gt-t", "open")]),
    ("a blocker in work", [held(), raw(T, status="in_progress")], [("gt-t", "open")]),
    ("a blocker in review", [held(), raw(T, status="in_review")], [("gt-t", "open")]),
    ("a deferred blocker", [held(), raw(T, status="deferred")], [("gt-t", "open")]),
    ("a closed blocker", [held(), raw(T, **CLOSED)], []),
    ("a pinned blocker", [held(), raw(T, status="pinned")], []),
    ("a blocker with the pinned flag", [held(), raw(T, pinned=True)], []),
    ("a deleted blocker", [held(), raw(T, status="tombstone")], []),
    ("a blocker that its own store does not have", [held()], []),
    ("a blocker of a store that is not here", [held(target="dm-1")], [("dm-1", "unresolved")]),
    ("an empty blocker", [held(target="")], []),
    ("a blocker in another dialect", [held("blocked_by"), raw(T)], [("gt-t", "open")]),
    ("a blocker in a third dialect", [held("Depends-On"), raw(T)], [("gt-t", "open")]),
    (
        "a parent in another dialect",
        [held("parent_child"), raw(T, dependencies=[edge(T, "gt-b", "depends_on")]), raw("gt-b")],
        [("gt-t", "parent")],
    ),
    ("a type that nobody knows", [held("inspired_by"), raw(T)], []),
    ("a missing external blocker", [held(target="external:dm:dm-1")], [("dm-1", "unresolved")]),
    ("a condition still open", [held("conditional-blocks"), raw(T)], [("gt-t", "open")]),
    (
        "a condition that succeeded",
        [held("conditional-blocks"), raw(T, close_reason="done", **CLOSED)],
        [("gt-t", "condition")],
    ),
    ("a condition that failed", [held("conditional-blocks"), raw(T, close_reason="Rejected", **CLOSED)], []),
    ("a related bead", [held("related"), raw(T)], []),
    ("a tracked bead", [held("tracks"), raw(T)], []),
    ("an open parent", [held("parent-child"), raw(T)], []),
    (
        "a blocked parent",
        [held("parent-child"), raw(T, dependencies=[edge(T, "gt-b")]), raw("gt-b")],
        [("gt-t", "parent")],
    ),
    (
        "a closed parent that was blocked",
        [held("parent-child"), raw(T, dependencies=[edge(T, "gt-b")], **CLOSED), raw("gt-b")],
        [],
    ),
    (
        "a blocked grandparent",
        [
            held("parent-child"),
            raw(T, dependencies=[edge(T, "gt-g", "parent-child")]),
            raw("gt-g", dependencies=[edge("gt-g", "gt-b")]),
            raw("gt-b"),
        ],
        [("gt-g", "parent")],
    ),
    ("a spawner without children", [held("waits-for"), raw(T)], []),
    ("a spawner that its own store does not have", [held("waits-for")], []),
    ("a spawner of a store that is not here", [held("waits-for", target="dm-1")], [("dm-1", "unresolved")]),
    (
        "a spawner with an open child",
        [held("waits-for"), raw(T), raw("gt-c", dependencies=[edge("gt-c", T, "parent-child")])],
        [("gt-c", "children")],
    ),
    (
        "a spawner with closed children",
        [held("waits-for"), raw(T), raw("gt-c", dependencies=[edge("gt-c", T, "parent-child")], **CLOSED)],
        [],
    ),
    (
        "any child of a spawner closed",
        [
            held("waits-for", metadata='{"gate":"any-children"}'),
            raw(T),
            raw("gt-c", dependencies=[edge("gt-c", T, "parent-child")], **CLOSED),
            raw("gt-d", dependencies=[edge("gt-d", T, "parent-child")]),
        ],
        [],
    ),
    (
        "no child of a spawner closed",
        [
            held("waits-for", metadata='{"gate":"any-children"}'),
            raw(T),
            raw("gt-d", dependencies=[edge("gt-d", T, "parent-child")]),
        ],
        [("gt-d", "children")],
    ),
    (
        "a parent that is its own child",
        [held("parent-child"), raw(T, dependencies=[edge(T, "gt-a", "parent-child")])],
        [],
    ),
]


@pytest.mark.parametrize(("records", "holds"), [row[1:] for row in HOLDS], ids=[row[0] for row in HOLDS])
def test_what_holds_a_bead(records, holds):
    graph = graph_of(*records)
    assert [tuple(hold) for hold in graph.holds("gt-a")] == holds
    assert graph.blockers("gt-a") == tuple(target for target, _ in holds)
    assert graph.is_ready(graph.bead("gt-a")) is (not holds)


STAGES = [
    ({"status": "closed"}, "done"),
    ({"status": "in_review"}, "review"),
    ({"status": "in_progress"}, "running"),
    ({"status": "hooked"}, "running"),
    ({"status": "blocked"}, "blocked"),
    ({"status": "deferred"}, "deferred"),
    ({"status": "pinned"}, "deferred"),
    ({}, "ready"),
    ({"dependencies": [edge("gt-a", "dm-nosuch")]}, "blocked"),
    ({"status": "deferred", "defer_until": "2026-03-02T10:11:12Z"}, "ready"),
    ({"defer_until": "2036-03-02T10:11:12Z"}, "deferred"),
    ({"status": "tombstone"}, "missing"),
]


@pytest.mark.parametrize(("keys", "stage"), STAGES, ids=str)
def test_the_stage_of_a_member(keys, stage):
    assert graph_of(raw("gt-a", **keys)).stage("gt-a") == stage


def test_an_unknown_member_is_missing():
    assert stage_of(None, graph_of()) == "missing"


def test_a_chain_of_parents_is_walked_without_recursion():
    records = [raw(f"gt-{n}", dependencies=[edge(f"gt-{n}", f"gt-{n + 1}", "parent-child")]) for n in range(3000)]
    top = raw("gt-3000", dependencies=[edge("gt-3000", "dm-nosuch")])
    assert graph_of(*records, top).blockers("gt-0") == ("gt-3000",)


def test_cycles_are_found_with_their_path():
    targets = {"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": [], "e": ["e"], "f": ["a"]}
    assert find_cycles(targets) == [["a", "b", "c", "a"], ["e", "e"]]
    assert find_cycles({"a": ["b", "c"], "b": ["d"], "c": ["d"]}) == []
    chain = {str(n): [str(n + 1)] for n in range(5000)}
    assert find_cycles(chain) == []
    assert len(find_cycles({**chain, "5000": ["0"]})[0]) == 5002
    assert path_between("0", "7", lambda n: chain.get(n, [])) == [str(n) for n in range(8)]
    assert path_between("7", "0", lambda n: chain.get(n, [])) == []


@pytest.fixture(params=["jsonl", "memory"])
def store(request, tmp_path):
    made = both_kinds(tmp_path)[request.param]()
    yield made
    made.close()


def ready(store, now=NOW, **filters):
    return [bead.title for bead in store.ready(BeadQuery(**filters), now)]


def test_only_open_work_is_ready(store):
    for status in ("open", "in_progress", "hooked", "in_review", "blocked", "pinned", "closed", "deferred"):
        create(store, status, status=status)
    for kind in ("merge-request", "gate", "molecule", "message", "agent", "role", "rig", "epic"):
        create(store, kind, issue_type=kind)
    create(store, "flagged", pinned=True)
    create(store, "template", is_template=True)
    create(store, "wisp", kind="wisp")
    assert sorted(ready(store)) == ["epic", "open"]
    assert sorted(ready(store, include_wisps=True)) == ["epic", "open", "wisp"]
    assert ready(store, types=("message",)) == ["message"]


def test_deferred_work_wakes_by_the_clock_alone(store):
    create(store, "later", defer_until=NOW + 1)
    epic = create(store, "epic", issue_type="epic", defer_until=NOW + 1)
    create(store, "child", parent=epic)
    create(store, "some day", status="deferred")
    assert ready(store) == []
    assert sorted(ready(store, NOW + 2)) == ["child", "later"]


def test_blocked_work_is_listed_with_what_holds_it(store):
    one, two, three = create(store, "one"), create(store, "two"), create(store, "three", priority=1)
    link(store, two, one)
    link(store, three, "dm-far")
    assert [(bead.title, ids) for bead, ids in store.blocked(BeadQuery(), NOW)] == [
        ("three", ("dm-far",)),
        ("two", (one,)),
    ]
    close(store, one)
    assert ready(store) == ["two"]
    assert [bead.title for bead, _ in store.blocked(BeadQuery(limit=1), NOW)] == ["three"]


def test_ready_takes_filters_order_and_limit(store):
    epic = create(store, "epic", issue_type="epic", priority=4)
    for number in range(6):
        store.clock.advance(1)
        create(
            store,
            f"n{number}",
            priority=number % 3,
            assignee="nux" if number == 3 else "",
            parent=epic if number < 2 else "",
            labels=["x"] if number % 2 else [],
        )
    assert ready(store, limit=3) == ["n3", "n0", "n4"]
    assert ready(store, unassigned=True, limit=2) == ["n0", "n4"]
    assert ready(store, parent=epic) == ["n0", "n1"]
    assert ready(store, labels_all=("x",), sort="oldest") == ["n1", "n3", "n5"]
    assert ready(store, statuses=("closed",), assignees=("nux",)) == ["n3"]


def test_a_foreign_blocker_really_blocks(store):
    far = {"dm-1": excerpt_of(Bead(raw("dm-1")))}
    store.foreign = far.get
    create(store, "here", bead_id="gt-here")
    link(store, "gt-here", "dm-1")
    assert ready(store) == [] and store.graph(NOW).holds("gt-here")[0].reason == "open"
    far["dm-1"] = excerpt_of(Bead(raw("dm-1", status="closed")))
    assert ready(store) == ["here"]
    change(store, "gt-here", title="still")


def test_the_cycle_that_holds_a_bead_up_is_named_from_afar_too():
    chain = [raw(f"gt-c{n}", dependencies=[edge(f"gt-c{n}", f"gt-c{n + 1}")]) for n in range(2000)]
    knot = [
        raw("gt-c2000", dependencies=[edge("gt-c2000", "gt-x")]),
        raw("gt-x", dependencies=[edge("gt-x", "gt-p", "parent-child")]),
        raw("gt-p", dependencies=[edge("gt-p", "gt-c2000")]),
        raw("gt-free", dependencies=[edge("gt-free", "gt-end")]),
        raw("gt-end"),
    ]
    graph = graph_of(*chain, *knot)
    ring = ["gt-c2000", "gt-x", "gt-p", "gt-c2000"]
    assert graph.cycle_behind("gt-c1000") == ring and graph.cycle_behind("gt-c0") == ring
    assert graph.cycle_behind("gt-x") == ring
    assert graph.cycle_behind("gt-free") == [] and graph.cycle_behind("gt-end") == []


def test_an_epic_is_ready_once_no_child_of_it_is_open():
    epic = raw("gt-e", issue_type="epic")
    child = raw("gt-e.1", dependencies=[edge("gt-e.1", "gt-e", "parent-child")])
    for records, ready in (((epic,), True), ((epic, child), False), ((epic, {**child, **CLOSED}), True)):
        graph = graph_of(*records)
        assert graph.is_ready(graph.bead("gt-e")) is ready
    assert graph_of(epic, child).is_ready(graph.bead("gt-e"), types=("epic",))
