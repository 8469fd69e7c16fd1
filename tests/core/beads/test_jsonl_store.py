"""What the file looks like, and that the index may be lost, wrong or late without anyone noticing."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.beads.compaction import TOMBSTONE_LIFE_S
from gastown_core.beads.index import INDEX_NAME
from gastown_core.beads.ledger_line import encode
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.clock import FixedClock
from gastown_core.errors import ConflictError
from tests.support.stores import NOW, change, close, create, lines_of, link, make_store, raw, write_lines


@pytest.fixture
def store(tmp_path):
    made = make_store(tmp_path)
    yield made
    made.close()


def path_of(store, name="issues.jsonl"):
    return os.path.join(store.beads_dir, name)


def again(store):
    """The same store as another process would open it."""
    return open_store(store.beads_dir, clock=FixedClock(NOW))


def test_every_write_appends_the_full_record(store):
    bead_id = create(store, "one")
    change(store, bead_id, title="two")
    assert [line["title"] for line in lines_of(store)] == ["one", "two"]
    assert store.get(bead_id).title == "two" and again(store).get(bead_id).title == "two"


def test_a_write_that_changes_nothing_appends_nothing(store):
    bead_id = create(store, labels=["x"])
    before = open(path_of(store), "rb").read()
    with store.write("me") as batch:
        batch.update(bead_id, {"title": "a bead", "labels": ["x"]})
        batch.reopen(bead_id)
        batch.put(store.get(bead_id))
    assert open(path_of(store), "rb").read() == before


def test_wisps_live_in_the_ignored_file(store):
    create(store, "noise", kind="wisp")
    assert lines_of(store) == [] and lines_of(store, "wisps.jsonl")[0]["title"] == "noise"
    assert "wisps.jsonl" in open(path_of(store, ".gitignore")).read().split()


def test_junk_is_kept_counted_and_never_fatal(store):
    create(store, "good", bead_id="gt-good")
    write_lines(
        store,
        b"this is no json",
        b'{"_type":"memory","key":"k","value":"v"}',
        raw("gt-after", "after"),
        b"\xff\xfe\x00",
    )
    assert {bead.title for bead in store.find(BeadQuery())} == {"good", "after"}
    assert [(odd[2], odd[3][:8]) for odd in store.oddities()] == [
        ("junk", "not JSON"),
        ("memory", ""),
        ("junk", "not JSON"),
    ]
    change(store, "gt-good", title="better")
    assert store.compact()
    data = open(path_of(store), "rb").read()
    assert b"this is no json\n" in data and b'"memory"' in data and b"\xff\xfe\x00\n" in data
    assert len(store.oddities()) == 3 and not store.compact()


def test_a_torn_last_line_is_ignored_then_closed_off(store):
    create(store, "whole", bead_id="gt-whole")
    with open(path_of(store), "ab") as handle:
        handle.write(b'{"id":"gt-torn","title":"to')
    assert [bead.id for bead in again(store).find(BeadQuery())] == ["gt-whole"]
    assert create(store, "next", bead_id="gt-next")
    assert {bead.id for bead in again(store).find(BeadQuery())} == {"gt-whole", "gt-next"}
    assert [odd[2] for odd in again(store).oddities()] == ["junk"]


def test_a_last_line_without_newline_counts_if_it_is_whole(store):
    with open(path_of(store), "wb") as handle:
        handle.write(json.dumps(raw("gt-edited")).encode())
    assert store.get("gt-edited")
    create(store, bead_id="gt-new")
    assert {bead.id for bead in again(store).find(BeadQuery())} == {"gt-edited", "gt-new"}


def test_compaction_writes_the_canonical_form(store):
    for name in ("gt-c", "gt-a", "gt-b"):
        create(store, name, bead_id=name)
    change(store, "gt-b", zebra=1, title="new")
    with store.write("me") as batch:
        batch.delete("gt-c")
    write_lines(store, b'{"_schema":"beads-jsonl/1"}', b"")
    assert store.compact()
    found = lines_of(store)
    assert [line.get("id", "header") for line in found] == ["header", "gt-a", "gt-b", "gt-c"]
    assert found[3]["status"] == "tombstone" and found[2]["zebra"] == 1
    assert all(
        json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() == encode(line) for line in found[1:]
    )
    before = open(path_of(store), "rb").read()
    assert not store.compact() and open(path_of(store), "rb").read() == before


def test_tombstones_are_forgotten_after_their_time(store):
    create(store, bead_id="gt-x")
    with store.write("me") as batch:
        batch.delete("gt-x")
    store.compact()
    assert len(lines_of(store)) == 1
    store.clock.advance(TOMBSTONE_LIFE_S + 1)
    store.compact()
    assert lines_of(store) == []


def test_compaction_starts_by_itself_when_garbage_outnumbers_the_good(store, monkeypatch):
    monkeypatch.setattr("gastown_core.beads.jsonl_writer.GARBAGE_LEAST", 20)
    bead_id = create(store)
    inode = os.stat(path_of(store)).st_ino
    for number in range(19):
        change(store, bead_id, title=f"t{number}")
    assert os.stat(path_of(store)).st_ino == inode and store.index.garbage() == 19
    change(store, bead_id, title="last")
    assert [line["title"] for line in lines_of(store)] == ["last"] and store.index.garbage() == 0
    assert again(store).get(bead_id).title == "last"


def test_conflict_markers_are_reported_both_sides_kept_and_never_compacted(store):
    create(store, "base", bead_id="gt-base")
    write_lines(
        store, b"<<<<<<< HEAD", raw("gt-ours", "ours"), b"=======", raw("gt-theirs", "theirs"), b">>>>>>> branch"
    )
    assert {bead.id for bead in store.find(BeadQuery())} == {"gt-base", "gt-ours", "gt-theirs"}
    assert [odd[2] for odd in store.oddities()] == ["conflict"] * 3
    with pytest.raises(ConflictError):
        store.compact()
    create(store, "still writable")
    assert b"<<<<<<< HEAD" in open(path_of(store), "rb").read()


def test_position_is_where_a_reader_goes_on(store):
    create(store)
    create(store, kind="wisp")
    for name, position in store.positions().items():
        status = os.stat(path_of(store, name))
        assert tuple(position) == (status.st_dev, status.st_ino, status.st_size)
    with open(path_of(store), "ab") as handle:
        handle.write(b"torn")
    assert store.positions()["issues.jsonl"].offset == os.stat(path_of(store)).st_size - 4


def test_the_index_may_be_deleted_or_damaged_at_any_time(store):
    bead_id = create(store, "kept")
    store.close()
    os.unlink(path_of(store, INDEX_NAME))
    assert again(store).get(bead_id).title == "kept"
    for damage in (b"no database at all" * 100, b""):
        with open(path_of(store, INDEX_NAME), "wb") as handle:
            handle.write(damage)
        assert again(store).get(bead_id).title == "kept"
    assert create(again(store), "after")


@pytest.mark.parametrize("page", range(8))
def test_an_index_with_a_damaged_page_heals_itself(store, page):
    ids = [create(store, f"n{number}", labels=["x"]) for number in range(30)]
    link(store, ids[1], ids[0])
    store.close()
    with open(path_of(store, INDEX_NAME), "r+b") as handle:
        handle.seek(4096 * (page + 1))
        handle.write(b"\xa5" * 4096)
    other = again(store)
    assert set(other.get_many(ids)) == set(ids)
    assert len(other.find(BeadQuery(labels_any=("x",)))) == 30
    assert len(other.ready(BeadQuery(), NOW)) == 29 and other.dependents(ids[0]) == [(ids[1], "blocks")]
    assert create(other, parent=ids[0]) == f"{ids[0]}.1"


def test_an_index_of_another_version_is_made_anew(store, monkeypatch):
    bead_id = create(store)
    store.close()
    monkeypatch.setattr("gastown_core.beads.index.VERSION", 99)
    assert again(store).get(bead_id)


def test_a_file_edited_in_place_is_read_anew(store):
    create(store, "before", bead_id="gt-x")
    again(store).get("gt-x")
    data = open(path_of(store), "rb").read()
    with open(path_of(store), "r+b") as handle:
        handle.write(data.replace(b"before", b"edited"))
    os.utime(path_of(store), ns=(1, 1))
    assert again(store).get("gt-x").title == "edited" and store.get("gt-x").title == "edited"
    with open(path_of(store), "r+b") as handle:
        handle.write(data.replace(b"before", b"EDITED") + encode(raw("gt-y")) + b"\n")
    assert again(store).get("gt-x").title == "EDITED" and again(store).get("gt-y")


def test_a_file_replaced_by_rename_or_cut_is_read_anew(store):
    create(store, bead_id="gt-old")
    assert store.get("gt-old")
    with open(path_of(store, "new"), "wb") as handle:
        handle.write(encode(raw("gt-new")) + b"\n")
    os.rename(path_of(store, "new"), path_of(store))
    assert store.get("gt-old") is None and store.get("gt-new")
    os.truncate(path_of(store), 0)
    assert store.get("gt-new") is None
    os.unlink(path_of(store))
    assert store.find(BeadQuery()) == []
    assert create(store, bead_id="gt-born") and again(store).get("gt-born")


def test_a_batch_of_megabytes_replaces_the_file_in_one_step(store):
    create(store, bead_id="gt-first")
    inode = os.stat(path_of(store)).st_ino
    with store.write("me") as batch:
        for number in range(40):
            batch.create({"title": f"n{number}", "description": "x" * 40_000})
    assert os.stat(path_of(store)).st_ino != inode
    assert store.count(BeadQuery()) == 41 and len(lines_of(store)) == 41


def test_two_stores_on_one_folder_see_each_other(store):
    other = again(store)
    bead_id = create(store, "mine")
    assert other.get(bead_id).title == "mine"
    change(other, bead_id, title="yours")
    assert store.get(bead_id).title == "yours"
    other.compact()
    assert store.get(bead_id).title == "yours"
    link(store, create(store, "third"), bead_id)
    close(other, bead_id)
    assert [bead.title for bead in other.ready(BeadQuery(), NOW)] == ["third"]


def test_labels_edges_and_status_of_an_outdated_line_are_gone_from_the_index(store):
    a, b = create(store, labels=["x"], assignee="nux"), create(store)
    link(store, a, b)
    change(store, a, labels=["y"], dependencies=[], assignee=None)
    assert store.find(BeadQuery(labels_any=("x",))) == [] and store.dependents(b) == []
    assert store.find(BeadQuery(assignees=("nux",))) == []
    assert store.count_by("label", BeadQuery()) == {"y": 1}
    assert store.count_by("status", BeadQuery()) == {"open": 2}


def test_half_a_surrogate_pair_is_written_as_the_replacement_character(store):
    bead_id = create(store, "lone \ud800 and ␛ ünïcode", labels=["lá\ud800bel"])
    assert again(store).get(bead_id).title == "lone \ufffd and ␛ ünïcode"
    assert again(store).excerpts(BeadQuery())[0].title == "lone \ufffd and ␛ ünïcode"


def test_a_missing_folder_is_a_clear_error(tmp_path):
    from gastown_core.errors import StoreError

    with pytest.raises(StoreError, match="no beads in"):
        open_store(str(tmp_path / "nowhere" / ".beads"))


def test_the_index_counts_along_what_there_is(store):
    for number in range(5):
        create(store, bead_id=f"gt-{number}")
    create(store, kind="wisp")
    change(store, "gt-0", title="x")
    change(store, "gt-1", ephemeral=True)
    with store.write("me") as batch:
        batch.delete("gt-2")
    store.index.refresh()
    assert (
        store.writer().root_count()
        == again(store).writer().root_count()
        == store.count(BeadQuery(include_wisps=True))
        == 5
    )
    store.compact()
    assert store.writer().root_count() == 5
    store.index.rebuild()
    assert store.writer().root_count() == 5
