from __future__ import annotations

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.work import convoys
from tests.support.towns import reference_town


def test_the_reference_towns_convoy_is_read_with_its_members(tmp_path):
    found = convoys.list_convoys(TownLedger(reference_town(tmp_path)))
    assert len(found) == 1
    told = convoys.as_json(found[0])
    assert (told["id"], told["title"], told["owner"], told["notify"]) == (
        "hq-cv-ml8y3",
        "Demo convoy",
        "overseer",
        "mayor/",
    )
    assert [(one["id"], one["title"], one["status"]) for one in told["tracked"]] == [
        ("dm-7aw", "Task 3 for demo", "open"),
        ("dm-9d8", "Task 1 for demo", "hooked"),
        ("dm-k3f", "Task 2 for demo", "open"),
    ]
    assert found[0].progress == (3, 0, 0, 1, 0)


def test_members_in_a_rig_are_written_as_external_edges(rigged):
    bead = rigged.file()
    made = convoys.create_convoy(rigged.root, rigged.ledger, "Auth", [bead.id], owner="mayor", notify="overseer")
    raw = rigged.bead(made.id).raw
    assert made.id.startswith("hq-cv-")
    assert [edge["depends_on_id"] for edge in raw["dependencies"]] == [f"external:sh:{bead.id}"]
    assert made.fields["owner"] == "mayor"
    assert rigged.events("convoy_created")[0]["payload"]["members"] == [bead.id]


def test_progress_follows_the_members_own_stores(rigged):
    one, two, three = (rigged.file(title) for title in "abc")
    made = convoys.create_convoy(rigged.root, rigged.ledger, "Three", [one.id, two.id, three.id], owner="mayor")
    store = rigged.ledger.store_for(one.id)
    with store.write("x") as batch:
        batch.update(one.id, {"status": "in_review"})
        batch.close(two.id)
        batch.update(three.id, {"status": "hooked", "assignee": "shop/opal"})
    assert convoys.get_convoy(rigged.ledger, made.id).progress == (3, 1, 1, 1, 0)
    with store.write("x") as batch:
        batch.delete(three.id)
    gone = convoys.get_convoy(rigged.ledger, made.id)
    assert gone.progress == (3, 1, 1, 0, 1)
    assert convoys.as_json(gone)["tracked"][2]["status"] == "missing"


def test_an_empty_convoy_is_fine_and_grows(rigged):
    made = convoys.create_convoy(rigged.root, rigged.ledger, "Later", [], owner="overseer")
    bead = rigged.file()
    assert convoys.add_to_convoy(rigged.root, rigged.ledger, made.id, [bead.id, bead.id], actor="x") == [bead.id]
    assert convoys.add_to_convoy(rigged.root, rigged.ledger, made.id, [bead.id], actor="x") == []
    assert [one.id for one in convoys.tracking(rigged.ledger, bead.id)] == [made.id]
    assert len(rigged.events("convoy_added")) == 1


def test_adding_to_a_closed_convoy_opens_it(rigged):
    made = convoys.create_convoy(rigged.root, rigged.ledger, "Over", [], owner="overseer")
    with rigged.ledger.store_for(made.id).write("x") as batch:
        batch.close(made.id)
    convoys.add_to_convoy(rigged.root, rigged.ledger, made.id, [rigged.file().id], actor="x")
    assert rigged.bead(made.id).status == "open"


def test_an_unknown_bead_makes_nothing(rigged):
    with pytest.raises(NotFoundError, match="sh-nope"):
        convoys.create_convoy(rigged.root, rigged.ledger, "Bad", ["sh-nope"], owner="x")
    with pytest.raises(UsageError):
        convoys.create_convoy(rigged.root, rigged.ledger, "  ", [], owner="x")
    assert convoys.list_convoys(rigged.ledger, statuses=()) == []


def test_show_without_an_id_means_the_open_one_touched_last(rigged):
    assert convoys.current_convoy(rigged.ledger) is None
    first = convoys.create_convoy(rigged.root, rigged.ledger, "First", [], owner="x")
    convoys.create_convoy(rigged.root, rigged.ledger, "Second", [], owner="x")
    convoys.add_to_convoy(rigged.root, rigged.ledger, first.id, [rigged.file().id], actor="x")
    current = convoys.current_convoy(rigged.ledger)
    assert current is not None and current.bead.id == first.id


def test_a_bead_that_is_no_convoy_is_refused(rigged):
    with pytest.raises(NotFoundError):
        convoys.get_convoy(rigged.ledger, "hq-mayor")
