"""Merging two versions of a bead that grew from one: a table, and properties that hold for any three records."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_core.beads.merge_driver import merge_versions, read_version, resolve_conflicts
from gastown_core.beads.merging import merge
from gastown_core.beads.record import encode
from tests.support.stores import edge, raw

T0, T1, T2, T3 = (f"2026-03-0{day}T10:00:00Z" for day in (2, 3, 4, 5))


def bead(at=T0, **keys):
    return raw("gt-1", **{"created_at": T0, "updated_at": at, **keys})


def closed(at, reason="done", **keys):
    return bead(at, status="closed", closed_at=at, close_reason=reason, **keys)


def stone(at):
    return bead(at, status="tombstone", deleted_at=at)


AB, AC, AD = edge("gt-1", "gt-b"), edge("gt-1", "gt-c"), edge("gt-1", "gt-d")
C1, C2 = ({"id": str(n), "author": "a", "text": f"t{n}", "created_at": T1} for n in (1, 2))

TABLE = [
    (
        "each side its own field",
        bead(),
        bead(T1, title="new"),
        bead(T2, assignee="nux"),
        {"title": "new", "assignee": "nux", "updated_at": T2},
    ),
    ("both the same field: the later", bead(), bead(T2, title="late"), bead(T1, title="early"), {"title": "late"}),
    (
        "a removed field stays removed",
        bead(notes="n"),
        bead(T1),
        bead(T2, notes="n", title="x"),
        {"notes": None, "title": "x"},
    ),
    (
        "labels as sets",
        bead(labels=["a", "b"]),
        bead(T1, labels=["b", "c"]),
        bead(T2, labels=["a", "b", "d"]),
        {"labels": ["b", "c", "d"]},
    ),
    ("all labels removed", bead(labels=["a"]), bead(T1), bead(T2, labels=["a", "b"]), {"labels": ["b"]}),
    (
        "edges as sets",
        bead(dependencies=[AB, AC]),
        bead(T1, dependencies=[AC]),
        bead(T2, dependencies=[AB, AC, AD]),
        {"dependencies": [AC, AD]},
    ),
    ("comments as sets", bead(), bead(T1, comments=[C1]), bead(T2, comments=[C2]), {"comments": [C1, C2]}),
    (
        "the same comment twice",
        bead(),
        bead(T1, comments=[C1]),
        bead(T2, comments=[{**C1, "id": "x"}]),
        {"comments": 1},
    ),
    ("the more urgent priority", bead(priority=3), bead(T2, priority=2), bead(T1, priority=1), {"priority": 1}),
    ("notes are joined", bead(notes="n"), bead(T1, notes="one"), bead(T2, notes="two"), {"notes": "one\ntwo"}),
    (
        "a close beats a later edit",
        bead(),
        closed(T1),
        bead(T2, status="in_progress", title="x"),
        {"status": "closed", "closed_at": T1, "title": "x"},
    ),
    (
        "a reopening after the close",
        closed(T0),
        bead(T2),
        closed(T0, title="x", updated_at=T1),
        {"status": "open", "closed_at": None, "title": "x"},
    ),
    ("closed again after the reopening", closed(T0), closed(T3), bead(T2), {"status": "closed", "closed_at": T3}),
    ("reopened after it was closed again", closed(T0), closed(T1), bead(T2), {"status": "open"}),
    ("both closed it", bead(), closed(T1, "one"), closed(T2, "two"), {"close_reason": "two", "closed_at": T2}),
    ("a tombstone beats edits", bead(), stone(T1), bead(T2, title="x"), {"status": "tombstone"}),
    ("made anew after its tombstone", stone(T1), stone(T1), bead(T3, created_at=T2), {"status": "open"}),
    ("both deleted", bead(), stone(T1), stone(T2), {"deleted_at": T2}),
    ("added on one side", None, bead(), None, {"title": "a bead"}),
    (
        "metadata by key",
        bead(metadata={"a": 1}),
        bead(T1, metadata={"a": 1, "b": 2}),
        bead(T2, metadata={"c": 3}),
        {"metadata": {"b": 2, "c": 3}},
    ),
    ("unknown keys too", bead(zebra=1), bead(T1, zebra=2), bead(T2, zebra=1, title="x"), {"zebra": 2}),
    ("started at the earlier moment", bead(), bead(T2, started_at=T2), bead(T1, started_at=T1), {"started_at": T1}),
    (
        "without a common ancestor",
        None,
        bead(T1, labels=["a"], title="old"),
        bead(T2, labels=["b"], title="new"),
        {"labels": ["a", "b"], "title": "new"},
    ),
    ("dropped on one side, untouched on the other", bead(), None, bead(), None),
    ("dropped on one side, edited on the other", bead(), None, bead(T1, title="x"), {"title": "x"}),
]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_merging(base, ours, theirs, expected):
    for one, other in ((ours, theirs), (theirs, ours)):
        found = merge(base, one, other)
        if expected is None:
            assert found is None
            continue
        for key, value in expected.items():
            wanted = len(found[key]) if isinstance(value, int) and key == "comments" else found.get(key)
            assert wanted == value, key


records = st.fixed_dictionaries(
    {
        "id": st.just("gt-1"),
        "title": st.sampled_from("abc"),
        "created_at": st.just(T0),
        "updated_at": st.sampled_from([T0, T1, T2, T3]),
        "status": st.sampled_from(["open", "in_progress", "closed", "tombstone"]),
        "priority": st.integers(0, 4),
    },
    optional={
        "labels": st.lists(st.sampled_from("xyz"), unique=True, min_size=1).map(sorted),
        "notes": st.sampled_from(["n", "m"]),
        "dependencies": st.lists(st.sampled_from([AB, AC, AD]), unique_by=lambda e: e["depends_on_id"], min_size=1),
        "closed_at": st.sampled_from([T1, T2]),
        "deleted_at": st.sampled_from([T1, T2]),
        "metadata": st.dictionaries(st.sampled_from("pq"), st.integers(0, 2)),
    },
)


def canonical(found):
    if found is None:
        return None
    found = dict(found)
    found["dependencies"] = sorted(found.get("dependencies") or [], key=str)
    found["labels"] = sorted(found.get("labels") or [])
    return encode(found)


@settings(max_examples=200, deadline=None)
@given(st.none() | records, records, records)
def test_merging_does_not_depend_on_the_side(base, ours, theirs):
    assert canonical(merge(base, ours, theirs)) == canonical(merge(base, theirs, ours))


@settings(max_examples=100, deadline=None)
@given(records, records)
def test_an_unchanged_side_yields(base, changed):
    if "tombstone" not in (base["status"], changed["status"]) and base["updated_at"] <= changed["updated_at"]:
        found = merge(base, base, changed)
        for key in ("title", "status", "labels", "priority", "notes", "metadata"):
            assert (found.get(key) or None) == (changed.get(key) or None), key


def version(*lines):
    return read_version([line if isinstance(line, bytes) else encode(line) for line in lines])


def test_a_merged_file_is_sorted_and_keeps_what_is_no_bead():
    memory, junk = b'{"_type":"memory","key":"k","value":"v"}', b"junk"
    data, report = merge_versions(version(junk), version(raw("gt-2"), memory), version(raw("gt-1"), junk))
    assert data.splitlines() == [encode(raw("gt-1")), encode(raw("gt-2")), memory]
    assert (report.total, report.both_changed) == (2, 0)


def test_two_beads_that_drew_one_id_are_both_kept():
    one = raw("gt-1", "mine", created_at=T1, created_by="a", dependencies=[AB])
    other = raw("gt-1", "yours", created_at=T0, created_by="b")
    data, report = merge_versions(version(), version(one), version(other))
    assert report.renamed == ("gt-1",)
    found = version(*data.splitlines()).beads
    assert found["gt-1"]["title"] == "yours" and found["gt-1x"]["title"] == "mine"
    assert found["gt-1x"]["dependencies"][0]["issue_id"] == "gt-1x"


@pytest.mark.parametrize("middle", [[], [b"||||||| base", encode(bead())]], ids=["two sides", "with the base"])
def test_conflict_markers_are_resolved_by_field(middle):
    lines = [
        encode(raw("gt-0")),
        b"<<<<<<< HEAD",
        encode(bead(T1, title="new")),
        *middle,
        b"=======",
        encode(bead(T2, labels=["x"])),
        b">>>>>>> b",
        encode(raw("gt-9")),
    ]
    data, _ = resolve_conflicts(b"\n".join(lines) + b"\n")
    found = version(*data.splitlines()).beads
    assert list(found) == ["gt-0", "gt-1", "gt-9"] and found["gt-1"]["labels"] == ["x"]
    assert found["gt-1"]["title"] == ("new" if middle else "a bead")
    assert resolve_conflicts(data) is None
