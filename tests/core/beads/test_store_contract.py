"""What every bead store does; one body for all engines."""

from __future__ import annotations

import pytest

from gastown_core.beads.query import BeadQuery
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.model.bead import Bead
from tests.support.stores import NOW, both_kinds, change, close, create, link, raw


@pytest.fixture(params=["jsonl", "memory"])
def store(request, tmp_path):
    made = both_kinds(tmp_path)[request.param]()
    yield made
    made.close()


def titles(beads):
    return [bead.title for bead in beads]


def test_a_new_bead_has_the_defaults_and_a_five_character_id(store):
    bead = store.get(create(store, "  Retry\n push  "))
    assert (bead.title, bead.status, bead.priority, bead.issue_type) == ("Retry push", "open", 2, "task")
    assert bead.raw["created_by"] == "tester" and bead.raw["created_at"] == bead.raw["updated_at"]
    assert bead.raw["created_at"].endswith(".000000Z")
    assert bead.id.startswith("gt-") and len(bead.id) == 8


@pytest.mark.parametrize(
    "fields",
    [
        {"title": ""},
        {"title": " "},
        {"title": "x" * 501},
        {"title": "t", "priority": 5},
        {"title": "t", "priority": "urgent"},
        {"title": "t", "status": "nonsense"},
        {"title": "t", "issue_type": "nonsense"},
        {"title": "t", "due_at": "soon"},
        {"title": "t", "ephemeral": True, "no_history": True},
        {"title": "t", "description": 7},
        {"title": "t", "estimated_minutes": -1},
    ],
    ids=str,
)
def test_bad_fields_are_refused_and_nothing_is_written(store, fields):
    with pytest.raises(UsageError), store.write("me") as batch:
        batch.create({"title": "good"})
        batch.create(fields)
    assert store.count(BeadQuery(include_wisps=True)) == 0


def test_priorities_and_type_aliases_are_understood(store):
    bead = store.get(create(store, priority="P0", issue_type="feat", labels=["b", "a", "b", " "]))
    assert (bead.priority, bead.issue_type, bead.labels) == (0, "feature", ("a", "b"))


def test_a_fixed_id_is_taken_once(store):
    assert create(store, bead_id="hq-mayor") == "hq-mayor"
    with pytest.raises(ConflictError):
        create(store, bead_id="hq-mayor")
    with pytest.raises(UsageError):
        create(store, bead_id="../x y")


def test_kinds_put_an_infix_into_the_id_and_wisps_are_ephemeral(store):
    assert create(store, kind="cv").startswith("gt-cv-")
    wisp = create(store, kind="wisp")
    assert wisp.startswith("gt-wisp-") and store.get(wisp).is_ephemeral
    assert store.count(BeadQuery()) == 1 and store.count(BeadQuery(include_wisps=True)) == 2


def test_children_get_the_next_number_the_edge_and_the_labels(store):
    epic = create(store, issue_type="epic", labels=["ui"])
    first, second = create(store, parent=epic), create(store, parent=epic, labels=["x"])
    assert (first, second) == (f"{epic}.1", f"{epic}.2")
    assert store.get(second).labels == ("ui", "x") and store.get(second).parent == epic
    with store.write("me") as batch:
        batch.delete(second)
    assert create(store, parent=epic) == f"{epic}.3"


def test_status_rules_follow_each_change(store):
    bead_id = create(store)
    started = change(store, bead_id, status="in_progress").raw["started_at"]
    store.clock.advance(60)
    change(store, bead_id, status="open")
    assert change(store, bead_id, status="in_progress").raw["started_at"] == started
    closed = change(store, bead_id, status="closed", close_reason="done")
    assert closed.raw["closed_at"] and closed.raw["close_reason"] == "done"
    again = change(store, bead_id, status="open")
    assert "closed_at" not in again.raw and "close_reason" not in again.raw
    change(store, bead_id, status="pinned", pinned=True)
    assert "pinned" not in change(store, bead_id, status="open").raw


def test_each_change_has_a_later_revision_even_within_a_moment(store):
    bead_id = create(store)
    stamps = [change(store, bead_id, title=f"t{n}").raw["updated_at"] for n in range(5)]
    assert stamps == sorted(set(stamps))


def test_a_change_of_nothing_keeps_the_revision(store):
    bead_id = create(store, labels=["a"])
    before = store.get(bead_id)
    store.clock.advance(5)
    assert change(store, bead_id, title="a bead", labels=["a"], notes="") == before


def test_an_update_on_an_old_revision_is_refused(store):
    bead_id = create(store)
    old = store.get(bead_id).raw["updated_at"]
    change(store, bead_id, title="new")
    with pytest.raises(ConflictError), store.write("me") as batch:
        batch.update(bead_id, {"title": "lost"}, expected_updated_at=old)
    assert store.get(bead_id).title == "new"


def test_a_batch_sees_its_own_changes_and_an_exception_drops_them_all(store):
    with pytest.raises(RuntimeError), store.write("me") as batch:
        made = batch.create({"title": "one"})
        assert batch.get(made.id).title == "one"
        raise RuntimeError
    assert store.get(made.id) is None


def test_claiming_is_a_compare_and_swap(store):
    bead_id = create(store)
    with store.write("nux") as batch:
        batch.claim(bead_id)
        batch.claim(bead_id)
    with pytest.raises(ConflictError, match="already claimed by nux"), store.write("rust") as batch:
        batch.claim(bead_id)
    assert (store.get(bead_id).assignee, store.get(bead_id).status) == ("nux", "in_progress")


def test_field_lines_are_set_and_prose_stays(store):
    bead_id = create(store, description="agent_state: idle\n\nOwner: me said the prose")
    with store.write("me") as batch:
        batch.set_fields(bead_id, {"agent_state": "working", "branch": "b"})
    assert store.get(bead_id).description == "agent_state: working\nbranch: b\n\nOwner: me said the prose"


def test_closing_refuses_what_is_pinned_blocked_or_has_open_children(store):
    blocker, held = create(store), create(store)
    link(store, held, blocker)
    epic = create(store, issue_type="epic")
    child = create(store, parent=epic)
    pinned = create(store, status="pinned")
    for bead_id in (held, epic, pinned):
        with pytest.raises(ConflictError):
            close(store, bead_id, force=False)
        close(store, bead_id, force=True)
        assert store.get(bead_id).is_closed
    close(store, child, force=False)
    close(store, child, force=False)


def test_a_template_is_never_closed_and_an_unready_gate_only_by_force(store):
    template = create(store, is_template=True)
    with pytest.raises(ConflictError):
        close(store, template, force=True)
    gate = create(store, issue_type="gate", await_type="timer", timeout=60 * 10**9)
    with pytest.raises(ConflictError):
        close(store, gate, force=False)
    store.clock.advance(61)
    close(store, gate, force=False)


def test_the_last_step_closes_its_molecule_but_not_an_epic(store):
    molecule, epic = create(store, issue_type="molecule"), create(store, issue_type="epic")
    steps = [create(store, parent=molecule), create(store, parent=molecule), create(store, parent=epic)]
    close(store, steps[0])
    assert not store.get(molecule).is_closed
    close(store, steps[1])
    close(store, steps[2])
    assert store.get(molecule).is_closed and not store.get(epic).is_closed


def test_reopening_keeps_the_reason_as_a_comment(store):
    bead_id = create(store)
    close(store, bead_id)
    with store.write("me") as batch:
        batch.reopen(bead_id, "not done after all")
    bead = store.get(bead_id)
    assert (
        bead.status == "open"
        and bead.comments[0]["text"] == "not done after all"
        and bead.comments[0]["author"] == "me"
    )


def test_deleting_removes_edges_and_marks_mentions(store):
    gone = create(store)
    left = create(
        store,
        description=f"see {gone}, not {gone}.1 nor x{gone}",
        dependencies=[{"depends_on_id": gone, "type": "blocks"}],
    )
    with store.write("me") as batch:
        batch.delete(gone)
    assert store.get(gone) is None and store.get(left).edges == ()
    assert store.get(left).description == f"see [deleted:{gone}], not {gone}.1 nor x{gone}"
    assert store.dependents(gone) == []
    assert create(store, bead_id=gone) == gone


def test_edges_are_unique_per_pair_and_metadata_is_refreshed(store):
    one, two = create(store), create(store)
    link(store, one, two, "waits-for")
    link(store, one, two, "waits-for", '{"gate":"any-children"}')
    assert [(e.target, e.metadata) for e in store.get(one).edges] == [(two, '{"gate":"any-children"}')]
    with pytest.raises(ConflictError):
        link(store, one, two, "related")
    with store.write("me") as batch:
        batch.remove_edge(one, two)
    with pytest.raises(NotFoundError), store.write("me") as batch:
        batch.remove_edge(one, two)


def test_self_edges_cycles_and_wrong_kinds_are_refused_with_the_path(store):
    a, b, c = create(store, "a"), create(store, "b"), create(store, "c")
    epic = create(store, issue_type="epic")
    child = create(store, parent=epic)
    link(store, a, b)
    link(store, b, c, "conditional-blocks")
    with pytest.raises(ConflictError) as caught:
        link(store, c, a)
    assert f"{c} → {a} → {b} → {c}" in caught.value.why
    for source, target, kind in (
        (a, a, "related"),
        (child, epic, "blocks"),
        (a, epic, "blocks"),
        (epic, a, "blocks"),
        (epic, child, "parent-child"),
    ):
        with pytest.raises(ConflictError):
            link(store, source, target, kind)
    with pytest.raises(NotFoundError):
        link(store, a, "gt-nosuch")
    link(store, a, "dm-other")
    link(store, c, a, "related")


def test_a_chain_of_a_thousand_is_no_trouble(store):
    with store.write("me") as batch:
        chain = [batch.create({"title": str(n)}).id for n in range(1000)]
        for above, below in zip(chain, chain[1:]):
            bead = batch.get(above)
            batch.put(
                Bead({**bead.raw, "dependencies": [{"issue_id": above, "depends_on_id": below, "type": "blocks"}]})
            )
    with pytest.raises(ConflictError):
        link(store, chain[-1], chain[0])
    assert titles(store.ready(BeadQuery(), NOW)) == ["999"]


def test_a_record_is_put_as_it_is(store):
    with store.write("me") as batch:
        batch.put(Bead(raw("zz-1", strange={"deep": [1]}, status="custom")))
    assert store.get("zz-1").raw["strange"] == {"deep": [1]} and store.get("zz-1").status == "custom"


FILTERS = [
    (BeadQuery(statuses=("open",)), {"a", "b", "e"}),
    (BeadQuery(exclude_statuses=("closed",)), {"a", "b", "c", "e"}),
    (BeadQuery(types=("bug",)), {"b"}),
    (BeadQuery(exclude_types=("bug", "epic")), {"a", "c", "d"}),
    (BeadQuery(labels_all=("x", "y")), {"b"}),
    (BeadQuery(labels_any=("x", "z")), {"a", "b", "c"}),
    (BeadQuery(labels_none=("x",)), {"c", "d", "e"}),
    (BeadQuery(label_pattern="z*"), {"c"}),
    (BeadQuery(assignees=("nux",)), {"c"}),
    (BeadQuery(unassigned=True), {"a", "b", "d", "e"}),
    (BeadQuery(priorities=(0, 4)), {"a", "e"}),
    (BeadQuery(priority_min=1, priority_max=2), {"b", "c", "d"}),
    (BeadQuery(no_parent=True, types=("task",)), {"a", "c"}),
    (BeadQuery(text="HEL"), {"a"}),
    (BeadQuery(due_before=NOW), {"c"}),
    (BeadQuery(closed_since=NOW), {"d"}),
    (BeadQuery(updated_since=NOW + 1), {"d"}),
    (BeadQuery(updated_before=NOW + 1), {"a", "b", "c", "e"}),
    (BeadQuery(created_since=NOW, created_before=NOW + 1), {"a", "b", "c", "d", "e"}),
    (BeadQuery(include_wisps=True, types=("message",)), {"w"}),
    (BeadQuery(types=("message",)), set()),
    (BeadQuery(exclude_templates=True, exclude_types=("task", "bug")), set()),
]


@pytest.mark.parametrize(
    ("query", "expected"), FILTERS, ids=[str({k: v for k, v in q._asdict().items() if v}) for q, _ in FILTERS]
)
def test_filters(store, query, expected):
    create(store, "a hello", priority=0, labels=["x"])
    create(store, "b", issue_type="bug", labels=["x", "y"])
    create(store, "c", assignee="nux", labels=["z1", "z"], status="in_progress", due_at=NOW - 5)
    epic = create(store, "e", issue_type="epic", priority=4, is_template=True)
    store_d = create(store, "d", parent=epic)
    create(store, "w", kind="wisp", issue_type="message")
    store.clock.advance(10)
    close(store, store_d)
    assert {bead.title[0] for bead in store.find(query)} == expected
    assert {bead.title[0] for bead in store.excerpts(query)} == expected
    assert store.count(query) == len(expected)


def test_parent_means_all_descendants(store):
    epic = create(store, issue_type="epic")
    child = create(store, "child", parent=epic)
    create(store, "grandchild", parent=child)
    create(store, "stranger")
    assert set(titles(store.find(BeadQuery(parent=epic)))) == {"child", "grandchild"}


@pytest.mark.parametrize(
    ("sort", "reverse", "expected"),
    [
        ("priority", False, "cba"),
        ("priority", True, "abc"),
        ("created", False, "cba"),
        ("oldest", False, "abc"),
        ("title", True, "cba"),
        ("updated", False, "acb"),
        ("id", False, "bac"),
        ("assignee", False, "bca"),
        ("hybrid", False, "cba"),
        ("status", False, "bca"),
        ("type", False, "cba"),
    ],
)
def test_orders(store, sort, reverse, expected):
    create(store, "a", bead_id="gt-2", assignee="z", status="open", priority=3)
    store.clock.advance(1)
    create(store, "b", bead_id="gt-1", status="in_progress", issue_type="task", priority=2)
    store.clock.advance(1)
    create(store, "c", bead_id="gt-3", assignee="x", status="open", issue_type="bug", priority=1)
    store.clock.advance(1)
    change(store, "gt-2", notes="touched")
    assert "".join(titles(store.find(BeadQuery(sort=sort, reverse=reverse)))) == expected
    assert titles(store.find(BeadQuery(sort=sort, reverse=reverse, limit=2))) == list(expected[:2])
    with pytest.raises(UsageError):
        store.find(BeadQuery(sort="nonsense"))


def test_ids_resolve_from_parts(store):
    bead_id = create(store, bead_id="gt-x7k2m")
    assert store.resolve("x7k2m") == store.resolve("7k2") == store.resolve(bead_id) == bead_id
    with pytest.raises(NotFoundError, match="no bead gt-x7k2n") as caught:
        store.resolve("gt-x7k2n")
    assert "gt-x7k2m" in caught.value.hint
    create(store, bead_id="gt-x7k3p")
    with pytest.raises(UsageError):
        store.resolve("x7k")


def test_tallies_count_blocking_edges_comments_and_name_the_parent(store):
    epic = create(store, issue_type="epic")
    one, two = create(store, parent=epic), create(store)
    link(store, one, two)
    with store.write("me") as batch:
        batch.comment(one, "hm")
    found = store.tallies([one, two])
    assert tuple(found[one]) == (1, 0, 1, epic) and tuple(found[two]) == (0, 1, 0, "")


def test_a_promoted_wisp_is_one_lasting_bead_and_back(store):
    bead_id = create(store, kind="wisp")
    change(store, bead_id, ephemeral=None)
    assert store.count(BeadQuery()) == 1 and store.count(BeadQuery(include_wisps=True)) == 1
    change(store, bead_id, ephemeral=True, title="again")
    assert store.count(BeadQuery()) == 0 and store.get(bead_id).title == "again"


def test_deferral_goes_with_its_date(store):
    bead_id = create(store, defer_until=NOW + 60)
    assert store.get(bead_id).status == "deferred"
    assert change(store, bead_id, defer_until="").status == "open"
    assert change(store, bead_id, defer_until=NOW + 60).status == "deferred"
    assert "defer_until" not in change(store, bead_id, status="open").raw


def test_of_several_parents_every_reader_names_the_same_one(store):
    with store.write("ana") as batch:
        first, second, child = (batch.create({"title": name}, bead_id=f"gt-{name}") for name in ("a1a", "b2b", "c3c"))
        batch.add_edge(child.id, second.id, "parent-child")
        batch.add_edge(child.id, first.id, "parent-child")
    assert store.get(child.id).parent == first.id
    assert store.tallies([child.id])[child.id].parent == first.id
    assert store.tallies([child.id, first.id, second.id])[child.id].parent == first.id
