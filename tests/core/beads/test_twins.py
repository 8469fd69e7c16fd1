"""Two beads that drew one id: one keeps it, the other gets a new one with all that means it, wherever they meet."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_core.beads.ids import is_valid
from gastown_core.beads.ledger_line import encode
from gastown_core.beads.merge_driver import merge_versions, read_version, resolve_conflicts
from gastown_core.beads.sync import sync_store
from gastown_core.beads.twins import FORMER
from tests.support.stores import create, edge, lines_of, make_store, raw, write_lines

T0, T1, T2, T3 = (f"2026-03-02T10:00:0{second}Z" for second in range(4))
EPIC = raw("gt-e", "epic", issue_type="epic")


def version(*records):
    return read_version([line if isinstance(line, bytes) else encode(line) for line in records])


def merged(base, ours, theirs):
    data, report = merge_versions(base, ours, theirs)
    swapped, same = merge_versions(base, theirs, ours)
    assert data == swapped and report == same
    return read_version(data.splitlines()), report


def titled(found, title):
    (only,) = [bead_id for bead_id, bead in found.beads.items() if bead["title"] == title]
    return only


def child(title, at, **keys):
    return raw("gt-e.1", title, created_at=at, dependencies=[edge("gt-e.1", "gt-e", "parent-child")], **keys)


OLD, YOUNG = child("older", T0), child("younger", T1, assignee="demo/polecats/nux", status="hooked")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (child("a", T0, created_by="x"), child("b", T1, created_by="y")),
        (child("a", T0, created_by="x"), child("b", T1, created_by="x")),
        ({**child("a", T0), "created_by": None}, child("b", T1)),
        (child("a", T0), child("a", T1)),
        (child("a", T0), child("b", T0)),
    ],
    ids=["everything differs", "one author", "author absent", "moment alone", "title alone"],
)
def test_two_beads_are_both_kept_whatever_tells_them_apart(one, other):
    found, report = merged(version(EPIC), version(EPIC, one), version(EPIC, other))
    assert len(found.beads) == 3
    (twin,) = report.parted
    assert twin.old == "gt-e.1" and is_valid(twin.new) and twin.new.startswith("gt-") and "." not in twin.new
    assert found.beads["gt-e.1"]["title"] == one["title"] and found.beads[twin.new]["title"] == other["title"]
    assert found.beads[twin.new]["metadata"] == {FORMER: "gt-e.1"}
    assert [e["issue_id"] for e in found.beads[twin.new]["dependencies"]] == [twin.new]
    (said,) = [line for line in report.sentences() if twin.new in line]
    assert "gt-e.1" in said and repr(one["title"]) in said and repr(other["title"]) in said


def test_one_bead_as_two_writers_keep_it_and_a_thing_with_a_name_are_no_twins():
    precise = {**OLD, "created_at": "2026-03-02T10:00:00.123456Z"}
    agent = raw("gt-demo-witness", "Witness", issue_type="agent", created_at=T0)
    found, report = merged(
        version(), version(OLD, agent), version(precise, {**agent, "created_at": T1, "title": "Witness of demo"})
    )
    assert report.parted == () and sorted(found.beads) == ["gt-demo-witness", "gt-e.1"]


REQUEST = raw(
    "gt-mr1",
    "Merge: gt-e.1",
    labels=["gt:merge-request"],
    metadata={"mr": {"source_issue": "gt-e.1", "branch": "polecat/nux/gt-e.1", "worker": "demo/nux"}},
    description="branch: gt-e.1\nsource_issue: gt-e.1",
)
AGENT = raw("gt-demo-polecat-nux", "nux", issue_type="agent", description="nux\n\nhook_bead: gt-e.1\nrig: demo")
EVENT = raw("gt-ev1", "state", issue_type="event", status="closed", closed_at=T1, target="gt-e.1", actor="nux")
CONVOY = raw("gt-cv-1", "convoy", dependencies=[edge("gt-cv-1", "external:gt:gt-e.1", "tracks")])
NEXT = raw("gt-n", "next", dependencies=[edge("gt-n", "gt-e.1")], notes="after gt-e.1, not gt-e.10 or gt-e.1.2.")
CONTEXT = raw("gt-ctx", "sling", description=json.dumps({"work_bead_id": "gt-e.1"}))


def test_everything_that_means_the_younger_follows_it_and_nothing_else_does():
    theirs = [YOUNG, REQUEST, AGENT, EVENT, CONVOY, NEXT, CONTEXT]
    mine = raw("gt-m", "mine", dependencies=[edge("gt-m", "gt-e.1")], notes="about gt-e.1")
    found, report = merged(version(EPIC), version(EPIC, OLD, mine), version(EPIC, *theirs))
    new = report.parted[0].new
    beads = found.beads
    assert beads["gt-m"] == mine and beads["gt-e"] == EPIC
    mr = beads["gt-mr1"]
    assert mr["metadata"]["mr"] == {"source_issue": new, "branch": "polecat/nux/gt-e.1", "worker": "demo/nux"}
    assert mr["description"] == f"branch: gt-e.1\nsource_issue: {new}" and mr["title"] == f"Merge: {new}"
    assert f"hook_bead: {new}\n" in beads["gt-demo-polecat-nux"]["description"]
    assert beads["gt-ev1"]["target"] == new
    assert beads["gt-cv-1"]["dependencies"][0]["depends_on_id"] == f"external:gt:{new}"
    assert beads["gt-n"]["dependencies"][0]["depends_on_id"] == new
    assert beads["gt-n"]["notes"] == f"after {new}, not gt-e.10 or gt-e.1.2."
    assert json.loads(beads["gt-ctx"]["description"]) == {"work_bead_id": new}
    assert beads[new]["assignee"] == "demo/polecats/nux" and beads[new]["status"] == "hooked"


def test_who_knew_only_the_younger_goes_on_with_it_after_the_merge():
    start, first = version(EPIC), version(EPIC, OLD)
    second = version(EPIC, YOUNG)
    both, report = merged(start, first, second)
    new = report.parted[0].new
    later = version(EPIC, {**YOUNG, "priority": 0, "updated_at": T3}, NEXT)
    found, _ = merged(second, both, later)
    assert found.beads["gt-e.1"] == OLD
    assert found.beads[new]["priority"] == 0 and found.beads[new]["title"] == "younger"
    assert found.beads["gt-n"]["dependencies"][0]["depends_on_id"] == new
    # and who knew only the older one sees no change in it
    again, _ = merged(first, found, version(EPIC, {**OLD, "priority": 1, "updated_at": T3}))
    assert again.beads["gt-e.1"]["priority"] == 1 and again.beads[new] == found.beads[new]


def test_clones_that_merge_in_any_order_come_to_one_result():
    start = version(EPIC)
    third = raw("gt-e.1", "youngest", created_at=T2, dependencies=[edge("gt-e.1", "gt-e", "parent-child")])
    sides = [version(EPIC, OLD), version(EPIC, YOUNG, NEXT), version(EPIC, third)]
    results = set()
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        half, _ = merged(start, sides[a], sides[b])
        data, _ = merge_versions(start, half, sides[c])
        results.add(data)
    assert len(results) == 1
    found = read_version(results.pop().splitlines())
    assert found.beads["gt-e.1"]["title"] == "older" and len(found.beads) == 5
    assert found.beads["gt-n"]["dependencies"][0]["depends_on_id"] == titled(found, "younger")


def test_conflict_markers_lead_to_the_same_result_as_the_driver():
    start, ours, theirs = ([encode(one) for one in beads] for beads in ([EPIC], [EPIC, OLD], [EPIC, YOUNG, NEXT]))
    text = [
        encode(EPIC),
        b"<<<<<<< a",
        encode(OLD),
        b"||||||| b",
        b"=======",
        encode(YOUNG),
        encode(NEXT),
        b">>>>>>> c",
    ]
    data, report = resolve_conflicts(b"\n".join(text) + b"\n")
    assert data == merge_versions(read_version(start), read_version(ours), read_version(theirs))[0]
    assert len(report.parted) == 1
    without_base, _ = resolve_conflicts(b"\n".join(line for line in text if line[:1] != b"|") + b"\n")
    assert without_base == data


@st.composite
def sides(draw, who):
    """Children of one epic, each with an edge to another child of its side, whose own tag it keeps beside it."""
    taken = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True))
    tags = {f"gt-e.{number}": f"{who}{number}" for number in taken}
    out = []
    for bead_id, tag in tags.items():
        target = draw(st.sampled_from(sorted(tags)))
        title, at = draw(st.sampled_from([("same", {"ours": T0, "theirs": T1}[who]), (f"by {who}", T2), (tag, T3)]))
        tie = edge(bead_id, target, "related")
        out.append(raw(bead_id, title, created_at=at, dependencies=[tie], spec_id=tag, design=tags[target]))
    return out


@settings(max_examples=200, deadline=None)
@given(sides("ours"), sides("theirs"))
def test_no_bead_is_lost_and_every_edge_means_what_it_meant(ours, theirs):
    found, report = merged(version(EPIC), version(EPIC, *ours), version(EPIC, *theirs))
    made = {bead["spec_id"] for bead in [*ours, *theirs]}
    assert {bead["spec_id"] for bead in found.beads.values() if bead != EPIC} == made
    assert len(found.beads) == 1 + len(made)
    for bead in found.beads.values():
        for tie in bead.get("dependencies", ()):
            assert found.beads[tie["depends_on_id"]]["spec_id"] == bead["design"] and tie["issue_id"] == bead["id"]
    assert len({twin.new for twin in report.parted}) == len(report.parted)
    # nothing is left to do for a second merge, from either side
    for side in (ours, theirs):
        again, more = merged(version(EPIC, *side), found, version(EPIC, *side))
        assert again.beads == found.beads and more.parted == ()


def test_both_sides_of_a_conflict_kept_by_hand_lose_no_bead(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, EPIC, {**OLD, "notes": "first"}, YOUNG, {**YOUNG, "priority": 0})
    wisp = create(store, "means what was seen", kind="wisp", description="source_issue: gt-e.1")
    done = sync_store(store, commit=False)
    (twin,) = done.parted
    assert twin.old == "gt-e.1" and twin.new in done.sentence()
    assert store.get("gt-e.1").title == "older" and store.get("gt-e.1").text("notes") == "first"
    assert store.get(twin.new).title == "younger" and store.get(twin.new).priority == 0
    create(store, "anything")
    assert store.get(wisp).fields == {"source_issue": twin.new}
    assert sync_store(store, commit=False).parted == ()


def test_later_versions_of_one_bead_and_one_made_anew_after_its_deletion_are_no_twins(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, OLD, {**OLD, "title": "renamed"}, {**OLD, "title": "renamed", "created_at": T3})
    stone = {"id": "gt-e.2", "status": "tombstone", "deleted_at": T2, "created_at": T1}
    write_lines(store, {**OLD, "id": "gt-e.2"}, stone, {**YOUNG, "id": "gt-e.2"})
    assert sync_store(store, commit=False).parted == ()
    assert len(lines_of(store)) == 2
