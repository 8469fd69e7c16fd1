"""In which of its two files a bead lives, and what becomes of its id when it moves."""

from __future__ import annotations

import json
import os

from gastown_core.beads.compaction import TOMBSTONE_LIFE_S
from gastown_core.beads.index import INDEX_NAME
from gastown_core.beads.opening import open_store
from gastown_core.clock import FixedClock
from tests.support.stores import NOW, change, close, create, lines_of, make_store, raw, write_lines


def delete(store, *bead_ids):
    with store.write("tester") as batch:
        for bead_id in bead_ids:
            batch.delete(bead_id)


def reopened(store, later=0.0):
    os.unlink(os.path.join(store.beads_dir, INDEX_NAME))
    return open_store(store.beads_dir, clock=FixedClock(NOW + later))


def test_a_wisp_that_lives_among_the_issues_stays_there(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, raw("gt-wisp-1", ephemeral=True), raw("gt-wisp-2", wisp=True), raw("gt-wisp-3", no_history=True))
    for bead_id in ("gt-wisp-1", "gt-wisp-2", "gt-wisp-3"):
        change(store, bead_id, title="changed")
        close(store, bead_id)
    assert not os.path.exists(store.path(1)) or lines_of(store, "wisps.jsonl") == []
    assert not [line for line in lines_of(store) if line["status"] == "tombstone"]
    assert {bead.title for bead in store.get_many(["gt-wisp-1", "gt-wisp-2", "gt-wisp-3"]).values()} == {"changed"}


def test_deleting_a_wisp_deletes_it_where_it_lives(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, raw("gt-wisp-1", ephemeral=True))
    wisp = create(store, kind="wisp")
    delete(store, "gt-wisp-1", wisp)
    assert [line["id"] for line in lines_of(store) if line["status"] == "tombstone"] == ["gt-wisp-1"]
    assert [line["id"] for line in lines_of(store, "wisps.jsonl") if line["status"] == "tombstone"] == [wisp]
    assert not reopened(store).get_many(["gt-wisp-1", wisp])


def test_a_bead_changes_sides_only_when_it_is_told_to(tmp_path):
    store = make_store(tmp_path)
    wisp = create(store, kind="wisp")
    change(store, wisp, ephemeral=False)
    assert [line["id"] for line in lines_of(store)] == [wisp]
    change(store, wisp, ephemeral=True)
    assert lines_of(store)[-1]["status"] == "tombstone" and lines_of(store, "wisps.jsonl")[-1]["status"] == "open"
    assert reopened(store).get(wisp).is_ephemeral


def test_the_number_of_a_child_is_never_given_twice(tmp_path):
    store = make_store(tmp_path)
    epic, other = create(store, "epic", issue_type="epic"), create(store, "other", issue_type="epic")
    moved, promoted, gone = (create(store, name, parent=epic) for name in ("moved", "promoted", "gone"))
    with store.write("tester") as batch:
        batch.remove_edge(moved, epic)
        batch.add_edge(moved, other, "parent-child")
    change(store, promoted, ephemeral=True)
    change(store, promoted, ephemeral=False)
    delete(store, promoted, gone)
    assert create(store, "next", parent=epic) == f"{epic}.4"
    delete(store, f"{epic}.4")
    # the stone of the wisps' side must not hide the one among the issues
    write_lines(store, raw("gt-wisp-9", ephemeral=True), name="wisps.jsonl")
    store.compact()
    assert create(store, "next", parent=epic) == f"{epic}.5"
    delete(store, f"{epic}.5")
    store = reopened(store, TOMBSTONE_LIFE_S + 86400)
    store.compact()
    assert create(store, "after a month", parent=epic) == f"{epic}.6"
    assert create(store, "under the other", parent=other) == f"{other}.1"


def test_tombstones_of_other_beads_are_forgotten_in_time(tmp_path):
    store = make_store(tmp_path)
    bead_id = create(store)
    epic = create(store, "epic", issue_type="epic")
    child = create(store, parent=epic)
    delete(store, bead_id, child, epic)
    store = reopened(store, TOMBSTONE_LIFE_S + 86400)
    store.compact()
    assert [json.loads(line) for line in open(store.path(), "rb")] == []


def test_a_rewritten_file_holds_one_line_of_a_memory_and_every_other_line(tmp_path):
    store = make_store(tmp_path)
    one, two = ({"_type": "memory", "key": "k", "value": value} for value in ("old", "new"))
    write_lines(store, one, b"junk", two, b"junk", {"_type": "memory", "key": "other", "value": "x"})
    store.compact()
    lines = open(store.path(), "rb").read().splitlines()
    assert lines.count(b"junk") == 2 and [json.loads(x)["value"] for x in lines if x != b"junk"] == ["new", "x"]
