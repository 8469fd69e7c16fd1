from __future__ import annotations

import pytest

from gastown_core.clock import FixedClock
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.town.crew import add_crew
from gastown_core.work import convoys, death_count
from gastown_core.work.done.assign import assign, close_beads, ready_as_json, ready_everywhere, release
from gastown_core.work.hook.unsling import put_on_hook


def test_assigned_work_hangs_on_the_hook_from_the_start(rigged):
    entry = add_crew(rigged.root, "shop", "ana")
    bead = assign(rigged.root, rigged.ledger, entry, "Look", prefix="sh", actor="mayor", priority=1, labels=("ops",))
    now = rigged.bead(bead.id)
    assert (now.status, now.assignee, now.priority, now.labels) == ("hooked", "shop/crew/ana", 1, ("ops",))
    assert len(rigged.events("hook")) == 1


def test_released_work_is_open_with_a_note_and_unknown_ids_release_nothing(rigged):
    result = rigged.sling(rigged.file().id).result
    with pytest.raises(NotFoundError, match="sh-zzzzz"):
        release(rigged.root, rigged.ledger, [result.bead, "sh-zzzzz"], actor="x")
    assert rigged.bead(result.bead).status == "hooked"
    free = rigged.file().id
    assert release(rigged.root, rigged.ledger, [result.bead, free], actor="x", reason="ill") == [result.bead]
    now = rigged.bead(result.bead)
    assert (now.status, now.assignee) == ("open", "")
    assert now.comments[-1]["text"] == f"released from {result.agent}: ill"


def test_closing_the_last_member_lands_its_convoy(rigged):
    one, two = rigged.file("one").id, rigged.file("two").id
    made = convoys.create_convoy(rigged.root, rigged.ledger, "Mine", [one, two], owner="x")
    assert close_beads(rigged.root, rigged.ledger, [one], actor="x") == [one]
    assert rigged.bead(made.id).status == "open"
    close_beads(rigged.root, rigged.ledger, [two], actor="x", reason="done")
    assert rigged.bead(made.id).status == "closed"
    assert rigged.bead(two).text("close_reason") == "done"


def test_cascade_closes_children_before_parents(rigged):
    epic = rigged.file("epic", issue_type="epic").id
    with rigged.ledger.store_for("sh-x").write("x") as batch:
        child = batch.create({"title": "child"}, parent=epic).id
        grandchild = batch.create({"title": "grandchild"}, parent=child).id
    with pytest.raises(ConflictError):
        close_beads(rigged.root, rigged.ledger, [epic], actor="x")
    assert close_beads(rigged.root, rigged.ledger, [epic], actor="x", cascade=True) == [grandchild, child, epic]


def test_ready_work_is_told_by_ledger_without_the_towns_own_records(rigged):
    mine = rigged.file("mine", priority=1)
    rigged.file("step", labels=["gt:step"])
    rigged.file("epic", issue_type="epic")
    with rigged.ledger.store_for("hq-x").write("x") as batch:
        town = batch.create({"title": "town"}).id
        batch.create({"title": "wisp", "ephemeral": True}, kind="wisp")
    told = ready_as_json(rigged.root, ready_everywhere(rigged.ledger, FixedClock(4e9).now()))
    found = {source["name"]: [bead["id"] for bead in source["issues"]] for source in told["sources"]}
    assert found == {"town": [town], "shop": [mine.id]}
    assert told["summary"] | {"total": 2, "p1_count": 1, "p2_count": 1} == told["summary"]


def test_a_bare_hook_is_replaced_and_begun_work_is_not(rigged):
    from gastown_core.model.address import parse_address

    entry, me = rigged.entry("mayor"), parse_address("overseer")

    def put(bead, **options):
        return put_on_hook(rigged.root, rigged.ledger, rigged.bead(bead), entry, actor="x", me=me, **options)

    first, second = rigged.file("first").id, rigged.file("second").id
    assert put(first)[1] and not put(first)[1]
    assert put(second)[0].assignee == "mayor"
    assert rigged.bead(first).status == "open"


def test_the_breaker_counts_dead_workers_and_a_merge_resets_it(rigged):
    for _ in range(3):
        death_count.check(rigged.root, "sh-1")
        death_count.note(rigged.root, "sh-1")
    with pytest.raises(ConflictError, match="3 workers died on"):
        death_count.check(rigged.root, "sh-1")
    death_count.check(rigged.root, "sh-2")
    assert death_count.reset(rigged.root, "sh-1") and not death_count.reset(rigged.root, "sh-1")
    death_count.check(rigged.root, "sh-1")
