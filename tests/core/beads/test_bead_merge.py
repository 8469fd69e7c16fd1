"""Merging two versions of a bead that grew from one: a table, and properties that hold for any three records."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_core.beads.bead_merge import merge
from gastown_core.beads.ledger_line import CONFLICT_MARKERS, encode
from gastown_core.beads.merge_driver import merge_files, merge_versions, read_version, resolve_conflicts
from gastown_core.errors import StoreError
from tests.support.stores import edge, raw

T0, T1, T2, T3 = (f"2026-03-0{day}T10:00:00Z" for day in (2, 3, 4, 5))


def bead(at=T0, **keys):
    return raw("gt-1", **{"created_at": T0, "updated_at": at, **keys})


def closed(at, reason="done", **keys):
    return bead(at, **{"status": "closed", "closed_at": at, "close_reason": reason, **keys})


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
    (
        "an open bead keeps its close reason",
        bead(close_reason="once"),
        bead(T1, close_reason="once", title="x"),
        bead(T2, close_reason="once", assignee="nux"),
        {"status": "open", "close_reason": "once"},
    ),
    (
        "a close reason that one side edited",
        closed(T0, "one"),
        closed(T0, "better", updated_at=T1),
        closed(T0, "one", updated_at=T2, title="x"),
        {"close_reason": "better", "title": "x"},
    ),
    (
        "comments in the order of their moments",
        bead(),
        bead(T1, comments=[{**C1, "created_at": "2026-03-03T10:00:00.5Z"}]),
        bead(T2, comments=[{**C2, "created_at": "2026-03-03T10:00:00Z"}]),
        {"comments": [{**C2, "created_at": "2026-03-03T10:00:00Z"}, {**C1, "created_at": "2026-03-03T10:00:00.5Z"}]},
    ),
    (
        "counts that the lines carry",
        bead(comment_count=0, dependency_count=0),
        bead(T1, comments=[C1], comment_count=1, dependency_count=0),
        bead(T2, dependencies=[AB], comment_count=0, dependency_count=1),
        {"comment_count": 1, "dependency_count": 1},
    ),
    ("a deleted bead with the id of another", None, stone(T3), bead(T2, created_at=T1, title="x"), {"status": "open"}),
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
    assert merge(base, base, changed) == changed == merge(base, changed, base)


@settings(max_examples=300, deadline=None)
@given(records, records, records)
def test_a_merge_makes_no_value_up_and_changes_nothing_that_no_side_changed(base, ours, theirs):
    found = merge(base, ours, theirs)
    for key in {*base, *ours, *theirs, *found} - {"labels", "dependencies", "notes", "metadata"}:
        sides = (ours.get(key), theirs.get(key))
        assert found.get(key) in sides, key
        if found["status"] != "tombstone" and "tombstone" not in (base["status"], ours["status"], theirs["status"]):
            assert base.get(key) not in sides or found.get(key) in sides
            if sides == (base.get(key), base.get(key)) and ours["status"] == theirs["status"]:
                assert found.get(key) == base.get(key), key


def version(*lines):
    return read_version([line if isinstance(line, bytes) else encode(line) for line in lines])


def test_a_merged_file_is_sorted_and_keeps_what_is_no_bead():
    memory, junk = b'{"_type":"memory","key":"k","value":"v"}', b"junk"
    data, report = merge_versions(version(junk), version(raw("gt-2"), memory), version(raw("gt-1"), junk))
    assert data.splitlines() == [encode(raw("gt-1")), encode(raw("gt-2")), memory]
    assert (report.total, report.both_changed) == (2, 0)


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


def test_a_line_that_one_side_changed_or_none_keeps_its_bytes():
    odd = b'{"id": "gt-1",  "title": "spaced", "status": "open", "dependent_count": 3}'
    new = b'{"id": "gt-2",  "title": "changed", "status": "open"}'
    old = b'{"id": "gt-2",  "title": "old", "status": "open"}'
    data, _ = merge_versions(version(odd, old), version(odd, new), version(odd, old, raw("gt-3")))
    assert data.splitlines() == [odd, new, encode(raw("gt-3"))]


MARKED = [b"<<<<<<< HEAD", encode(bead(T1, title="new")), b"=======", encode(bead(T2, labels=["x"])), b">>>>>>> b"]


@pytest.mark.parametrize("side", ["ours", "theirs", "base"])
def test_a_side_with_conflict_markers_is_merged_in_itself(tmp_path, side):
    files = {name: tmp_path / name for name in ("base", "ours", "theirs")}
    for name, path in files.items():
        lines = MARKED if name == side else [encode(bead(T0))]
        path.write_bytes(b"".join(line + b"\n" for line in [*lines, encode(raw(f"gt-{name}"))]))
    report = merge_files(*(str(files[name]) for name in ("base", "ours", "theirs")))
    data = files["ours"].read_bytes()
    assert not any(line[:7] in CONFLICT_MARKERS for line in data.splitlines())
    found = read_version(data.splitlines())
    assert found.others == [] and report.total == len(found.beads)
    assert found.beads["gt-1"].get("labels") == (["x"] if side != "base" else None)


@pytest.mark.parametrize("side", ["base", "ours", "theirs"])
def test_a_side_with_records_of_several_lines_is_no_deletion(side):
    lines = {name: encode(bead(T0)) for name in ("base", "ours", "theirs")}
    lines[side] = json.dumps([bead(T0)], indent=2).encode()
    data, _ = merge_versions(*(read_version(lines[name].splitlines()) for name in ("base", "ours", "theirs")))
    assert [json.loads(line) for line in data.splitlines()] == [bead(T0)]


def memory(value, key="k", **more):
    return encode({"_type": "memory", "key": key, "value": value, **more})


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("a", "b", "a", ["b"]),
        ("a", "b", "c", ["b\nc"]),
        (None, "b", "c", ["b\nc"]),
        ("a", "a and b", "a", ["a and b"]),
        ("a", "a and b", "b", ["a and b"]),
        ("a", None, "a", []),
        ("a", None, "b", ["b"]),
    ],
)
def test_a_memory_stays_one_line_whoever_changed_it(base, ours, theirs, expected):
    sides = [version(*([memory(text)] if text else [])) for text in (base, ours, theirs)]
    for one, other in (sides[1:], sides[:0:-1]):
        data, _ = merge_versions(sides[0], one, other)
        assert [json.loads(line)["value"] for line in data.splitlines()] == expected


def test_a_missing_side_is_an_error_and_no_deletion(tmp_path):
    (tmp_path / "ours").write_bytes(encode(bead()) + b"\n")
    with pytest.raises(StoreError):
        merge_files(str(tmp_path / "base"), str(tmp_path / "ours"), str(tmp_path / "theirs"))
    assert (tmp_path / "ours").read_bytes() == encode(bead()) + b"\n"
