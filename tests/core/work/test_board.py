from __future__ import annotations

import json
import os

import pytest

from gastown_core.work.board import Board


def hold_of(paper, bead_id, **options):
    return Board(paper.root, paper.ledger, paper.clock.now(), **options).hold(bead_id)


def code_of(paper, bead_id, **options):
    found = hold_of(paper, bead_id, **options)
    return found.code if found is not None else "ready"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "ready"),
        ({"issue_type": "bug"}, "ready"),
        ({"issue_type": "epic"}, "kind"),
        ({"issue_type": "decision"}, "kind"),
        ({"status": "deferred"}, "asleep"),
        ({"status": "blocked"}, "marked"),
        ({"status": "pinned"}, "marked"),
        ({"status": "in_review", "assignee": "shop/polecats/opal"}, "review"),
        ({"status": "hooked", "assignee": "mayor"}, "held"),
        ({"assignee": "overseer"}, "assigned"),
        ({"status": "blocked", "labels": ["mountain:skipped"]}, "skipped"),
        ({"labels": ["mountain:skipped"]}, "skipped"),
        ({"rig": "town"}, "homeless"),
    ],
    ids=str,
)
def test_what_holds_a_bead_back(paper, fields, code):
    assert code_of(paper, paper.file(**fields)) == code


@pytest.mark.parametrize(
    ("live", "status", "code"),
    [
        (frozenset(), "hooked", "gone"),
        (frozenset(["sh-opal"]), "in_progress", "held"),
        (None, "hooked", "held"),
        (frozenset(), "open", "ready"),
        (frozenset(["sh-opal"]), "open", "held"),
        (None, "open", "assigned"),
    ],
)
def test_a_holder_counts_while_it_lives_and_where_nobody_knows(paper, live, status, code):
    os.makedirs(os.path.join(paper.root, "shop", "polecats", "opal"))
    bead = paper.file(status=status, assignee="shop/polecats/opal")
    assert code_of(paper, bead, live=live) == code


@pytest.mark.parametrize(
    ("kind", "reason", "code"),
    [
        ("blocks", None, "blocked"),
        ("blocks", "done", "ready"),
        ("merge-blocks", None, "blocked"),
        ("merge-blocks", "done by hand", "blocked"),
        ("merge-blocks", "Merged in bi-mr1", "ready"),
        ("conditional-blocks", "done", "blocked"),
        ("conditional-blocks", "failed: red", "ready"),
        ("parent-child", None, "ready"),
        ("related", None, "ready"),
    ],
)
def test_blockers_of_another_rig(paper, kind, reason, code):
    other = paper.file("first", rig="billing")
    bead = paper.file("then")
    paper.link(bead, other, kind)
    if reason is not None:
        paper.close(other, reason)
    assert code_of(paper, bead) == code


def test_a_blocked_parent_does_not_hold_its_child(paper):
    gate = paper.file("gate", issue_type="epic")
    epic = paper.file("epic", issue_type="epic", after=(gate,))
    assert code_of(paper, paper.file("child", parent=epic)) == "ready"


def test_the_words_name_blockers_with_status_and_worker(paper):
    one = paper.file("one", status="in_progress", assignee="shop/polecats/opal")
    bead = paper.file("two", after=(one,))
    assert hold_of(paper, bead).text == f"waits for {one} (in progress, shop/opal)"


def test_missing_deleted_closed_and_deferred_beads(paper):
    bead = paper.file()
    assert code_of(paper, "sh-zzzzz") == "missing"
    paper.change(bead, defer_until="2026-11-21T14:00:00Z")
    assert hold_of(paper, bead).text.startswith("deferred for another 1h5")
    paper.clock.advance(3 * 3600)
    assert code_of(paper, bead) == "ready"
    paper.close(bead)
    assert code_of(paper, bead) == "done"
    paper.delete(bead)
    assert code_of(paper, bead) == "deleted"


def test_a_parked_rig_takes_nothing(paper):
    bead = paper.file()
    paper.park("shop")
    assert hold_of(paper, bead).text == "rig shop is parked"


def test_a_circle_of_beads_that_wait_for_each_other_is_named_with_the_way_out(paper):
    one = paper.file("one")
    two = paper.file("two", after=(one,))
    three = paper.file("three", after=(two,))
    # as a merge of two branches leaves it: no single write makes a circle
    path = os.path.join(paper.root, "shop", ".beads", "issues.jsonl")
    with open(path, encoding="utf-8") as handle:
        last = next(json.loads(line) for line in reversed(handle.readlines()) if json.loads(line)["id"] == one)
    last["dependencies"] = [{"issue_id": one, "depends_on_id": three, "type": "blocks"}]
    with open(path, "a", encoding="utf-8") as handle:
        handle.write(json.dumps(last) + "\n")
    hold = Board(paper.root, paper.ledger, paper.clock.now()).hold(one)
    assert hold is not None and hold.code == "blocked"
    knot = hold.text.partition("; they wait for each other: ")[2].split(" → ")
    assert set(knot) == {one, two, three} and knot[0] == knot[-1]
    assert hold.hint == f"bd dep remove {knot[0]} {knot[1]} unties it"
