"""In which of its two files a bead lives, and what becomes of its id when it moves."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

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


def both_files(tmp_path):
    """A store whose bead was promoted elsewhere: this clone's wisps have it too."""
    store = make_store(tmp_path)
    write_lines(store, raw("gt-1", "promoted"))
    assert store.get("gt-1").title == "promoted"
    write_lines(store, raw("gt-1", "wisp", ephemeral=True), raw("gt-2", "other", ephemeral=True), name="wisps.jsonl")
    return store


def test_an_id_in_both_files_is_the_ledgers_whichever_was_written_last(tmp_path):
    store = both_files(tmp_path)
    assert [store.get("gt-1").title, reopened(store).get("gt-1").title] == ["promoted", "promoted"]
    write_lines(store, raw("gt-1", "later wisp", ephemeral=True), name="wisps.jsonl")
    assert [store.get("gt-1").title, reopened(store).get("gt-1").title] == ["promoted", "promoted"]
    change(store, "gt-1", title="changed")
    assert lines_of(store)[-1]["title"] == "changed" and lines_of(store, "wisps.jsonl")[-1]["title"] == "later wisp"
    assert [store.get("gt-1").title, reopened(store).get("gt-1").title] == ["changed", "changed"]


def test_a_promoted_wisp_is_the_ledgers_also_if_its_old_line_stays(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, raw("gt-1", "wisp", ephemeral=True), name="wisps.jsonl")
    assert store.get("gt-1").title == "wisp"
    write_lines(store, raw("gt-1", "promoted"))
    assert [store.get("gt-1").title, reopened(store).get("gt-1").title] == ["promoted", "promoted"]


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_covered_wisp_is_seen_when_the_ledger_lets_go_of_its_id(tmp_path, how):
    store = both_files(tmp_path)
    assert store.get("gt-1").title == "promoted"
    if how == "deleted":
        stone = {"status": "tombstone", "deleted_at": "2026-11-20T10:00:00Z"}
        write_lines(store, raw("gt-1", "promoted", **stone))
    else:
        os.unlink(store.path())
        write_lines(store, raw("gt-3", "another branch"))
    assert [store.get("gt-1").title, reopened(store).get("gt-1").title] == ["wisp", "wisp"]
    write_lines(store, raw("gt-1", "newer", ephemeral=True), name="wisps.jsonl")
    assert [store.get("gt-1").title, reopened(store).get("gt-1").title] == ["newer", "newer"]


def test_a_covered_wisp_that_is_deleted_stays_so(tmp_path):
    store = both_files(tmp_path)
    assert store.get("gt-1").title == "promoted"
    stone = {"status": "tombstone", "deleted_at": "2026-11-20T10:00:00Z"}
    write_lines(store, raw("gt-1", "wisp", ephemeral=True, **stone), name="wisps.jsonl")
    write_lines(store, raw("gt-1", "promoted", **stone))
    assert [store.get("gt-1"), reopened(store).get("gt-1")] == [None, None]


@pytest.mark.parametrize("ephemeral", [True, False], ids=["to the wisps", "to the ledger"])
def test_a_bead_that_changes_sides_is_never_in_neither_wherever_a_kill_comes(tmp_path, ephemeral):
    program = (
        "import sys; from gastown_core.beads.opening import open_store\n"
        "with open_store(sys.argv[1]).write('x') as batch: batch.update('gt-1', {'ephemeral': sys.argv[2] == 'True'})"
    )
    for number in range(1, 9):
        store = make_store(tmp_path / str(number))
        create(store, "moves", bead_id="gt-1", kind="" if ephemeral else "wisp")
        words = [sys.executable, "-c", program, store.beads_dir, str(ephemeral)]
        done = subprocess.run(words, env={**os.environ, "GT_KILL_AT": str(number)}, capture_output=True, text=True)
        found = [open_store(store.beads_dir).get("gt-1"), reopened(store).get("gt-1")]
        assert all(bead is not None and bead.title == "moves" for bead in found), (number, done.stderr)
        if done.returncode == 0:
            assert number > 2 and found[0].is_ephemeral is ephemeral
            return
    raise AssertionError("the act never came to its end")
