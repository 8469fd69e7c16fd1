from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from gastown_core.beads.import_export import export_lines, import_file
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import StoreError
from tests.support.stores import change, create, edge, make_store, raw, write_lines

DATA = Path(__file__).parents[2] / "data" / "reference-town"
ALL = BeadQuery(sort="id", include_wisps=True)


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "town", "hq")


def put(path: Path, *records) -> str:
    path.write_bytes(b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records))
    return str(path)


def run(store, source, **options):
    return import_file(store, source, actor="me", **options)


@pytest.mark.parametrize("name", ["hq.issues.jsonl", "demo/issues.jsonl"])
def test_the_sample_of_a_real_town_comes_back_without_a_loss(store, name):
    report = run(store, str(DATA / name))
    given = {line["id"]: line for line in map(json.loads, (DATA / name).read_bytes().splitlines())}
    assert len(report.created) == len(given) and report.junk == []
    exported = list(export_lines(store, ALL))
    assert exported == list(export_lines(store, ALL))
    for line in map(json.loads, exported):
        wanted = given[line["id"]]
        counts = {"dependent_count": wanted["dependent_count"], "dependency_count": wanted["dependency_count"]}
        assert {key: value for key, value in line.items() if key != "_type"} | counts == wanted
    assert run(store, str(DATA / name)).unchanged == len((DATA / name).read_bytes().splitlines())


def test_the_sample_is_read_in_place_as_well(tmp_path):
    store = make_store(tmp_path, "dm")
    shutil.copy(DATA / "demo" / "issues.jsonl", store.path())
    assert store.get("dm-9d8").fields["attached_molecule"] == "dm-wisp-2b36"
    assert store.graph(0.0).blockers("dm-9d8") == ("dm-wisp-2b36",)


def test_an_older_record_is_skipped_and_a_newer_one_replaces_all(store, tmp_path):
    write_lines(
        store,
        raw(
            "hq-1",
            labels=["a"],
            dependencies=[edge("hq-1", "hq-2")],
            due_at="2026-05-01T00:00:00Z",
            updated_at="2026-03-03T00:00:00Z",
        ),
    )
    report = run(store, put(tmp_path / "f", raw("hq-1", "older", updated_at="2026-03-02T00:00:00Z")))
    assert report.stale == ["hq-1"] and store.get("hq-1").title == "a bead"
    report = run(store, put(tmp_path / "f", raw("hq-1", "newer", updated_at="2026-03-04T00:00:00Z")))
    bead = store.get("hq-1")
    assert report.updated == ["hq-1"] and (bead.title, bead.labels, bead.edges, bead.text("due_at")) == (
        "newer",
        (),
        (),
        "",
    )


def test_comments_are_joined_by_author_time_and_text(store, tmp_path):
    comment = {"id": 1, "author": "a", "text": "t", "created_at": "2026-03-02T10:00:00Z"}
    write_lines(store, raw("hq-1", comments=[comment, {**comment, "text": "mine"}]))
    given = raw(
        "hq-1",
        comments=[{**comment, "id": "other", "created_at": "2026-03-02T10:00:00.5Z"}, {**comment, "text": "theirs"}],
        updated_at="2026-04-01T00:00:00Z",
    )
    run(store, put(tmp_path / "f", given))
    assert sorted(c["text"] for c in store.get("hq-1").comments) == ["mine", "t", "theirs"]


def test_gaps_are_filled_and_bad_edges_reported(store, tmp_path):
    report = run(
        store,
        put(
            tmp_path / "f",
            {"title": "only a title"},
            {
                "id": "hq-1",
                "title": "shut",
                "status": "closed",
                "created_at": "2026-03-02T10:00:00Z",
                "updated_at": "2026-03-02T11:00:00Z",
            },
            raw(
                "hq-2",
                issue_type="weird",
                priority=0,
                dependencies=[{"type": "blocks"}, edge("hq-2", "hq-2"), edge("hq-2", "hq-1")],
            ),
            b"junk",
            b"<<<<<<< HEAD",
            b'{"_schema":"beads-jsonl/1"}',
            b'{"_type":"memory","key":"k","value":"v"}',
        ),
    )
    assert len(report.created) == 3 and len(report.junk) == 2 and report.memories == 1
    assert len(report.skipped_dependencies) == 2 and len(store.get("hq-2").edges) == 1
    assert store.get("hq-1").text("closed_at") == "2026-03-02T11:00:01.000000Z"
    assert (store.get("hq-2").priority, store.get("hq-2").issue_type) == (0, "weird")
    assert [bead.title for bead in store.find(BeadQuery(text="only a"))] == ["only a title"]
    assert run(store, str(tmp_path / "f"), dry_run=True).memories == 0


def test_a_dry_run_writes_nothing_and_dedup_skips_known_titles(store, tmp_path):
    create(store, "known")
    source = put(tmp_path / "f", raw("hq-1", "known"), raw("hq-2", "new"))
    assert run(store, source, dry_run=True).as_json()["created"] == 2
    assert store.count(ALL) == 1
    report = run(store, source, dedup=True)
    assert report.dedup_skipped == 1 and report.created == ["hq-2"]


def test_a_deleted_bead_is_deleted_by_its_tombstone(store, tmp_path):
    bead_id = create(store)
    stone = raw(bead_id, status="tombstone", deleted_at="2036-01-01T00:00:00Z", updated_at="2036-01-01T00:00:00Z")
    run(store, put(tmp_path / "f", stone))
    assert store.get(bead_id) is None


def test_a_json_array_is_taken_too(store, tmp_path):
    (tmp_path / "f").write_text(json.dumps([raw("hq-1"), raw("hq-2")]))
    assert run(store, str(tmp_path / "f")).created == ["hq-1", "hq-2"]


def test_a_raw_table_dump_is_taken(store, tmp_path):
    dump = tmp_path / "dump"
    dump.mkdir()
    empty = {
        "description": "",
        "assignee": None,
        "pinned": 0,
        "estimated_minutes": None,
        "content_hash": "abc",
        "rig": "",
    }
    row = {
        **raw("hq-1", ephemeral=0, metadata='{"k":1}', timeout_ns=5, is_template=1, priority=0),
        **empty,
        "created_at": "2026-03-02 10:11:12",
    }
    put(dump / "issues.jsonl", row, raw("hq-2", ephemeral=1))
    put(dump / "labels.jsonl", {"issue_id": "hq-1", "label": "b"}, {"issue_id": "hq-1", "label": "a"})
    (dump / "dependencies.json").write_text(
        json.dumps(
            [
                {
                    "id": 3,
                    "issue_id": "hq-1",
                    "depends_on_issue_id": None,
                    "depends_on_external": "dm-1",
                    "type": "blocks",
                    "metadata": "",
                }
            ]
        )
    )
    put(
        dump / "comments.jsonl",
        {"id": 9, "issue_id": "hq-1", "author": "a", "text": "t", "created_at": "2026-03-02T10:00:00Z"},
    )
    put(dump / "config.jsonl", {"key": "issue_prefix", "value": "hq"})
    assert run(store, str(dump)).created == ["hq-1", "hq-2"]
    bead = store.get("hq-1")
    assert bead.labels == ("a", "b") and bead.edges[0].target == "dm-1" and bead.comments[0]["id"] == 9
    assert bead.raw["metadata"] == {"k": 1} and bead.raw["timeout"] == 5 and bead.raw["is_template"] is True
    assert bead.raw["content_hash"] == "abc" and "assignee" not in bead.raw and bead.priority == 0
    assert bead.raw["created_at"] == "2026-03-02T10:11:12Z" and store.get("hq-2").is_ephemeral


def test_what_cannot_be_read_is_a_clear_error(store, tmp_path):
    with pytest.raises(StoreError, match="cannot read"):
        run(store, str(tmp_path / "nowhere"))
    with pytest.raises(StoreError, match="no table dump"):
        (tmp_path / "empty").mkdir()
        run(store, str(tmp_path / "empty"))


def test_exports_leave_out_wisps_and_memories_unless_asked(store):
    create(store, kind="wisp")
    bead_id = create(store)
    change(store, bead_id, title="x")
    write_lines(store, b'{"_type":"memory","key":"k","value":"v"}')
    assert len(list(export_lines(store, BeadQuery()))) == 1
    assert len(list(export_lines(store, ALL, with_memories=True))) == 3


def test_an_imported_bead_whose_id_another_one_has_gets_its_own_with_what_means_it(store, tmp_path):
    write_lines(store, raw("hq-1", "mine", created_at="2026-03-01T10:00:00Z", notes="kept"))
    source = put(tmp_path / "in.jsonl", raw("hq-1", "theirs"), raw("hq-2", dependencies=[edge("hq-2", "hq-1")]))
    report = run(store, source)
    (twin,) = report.parted
    assert (twin.old, twin.kept, twin.moved) == ("hq-1", "mine", "theirs")
    assert report.as_json()["renumbered"] == {"hq-1": twin.new}
    assert store.get("hq-1").title == "mine" and store.get("hq-1").text("notes") == "kept"
    assert store.get(twin.new).title == "theirs"
    assert [tie.target for tie in store.get("hq-2").edges] == [twin.new]
    again = run(store, source)
    assert (again.created, again.updated, again.unchanged) == ([], [], 2)


def test_an_imported_record_with_a_new_title_is_the_same_bead(store, tmp_path):
    write_lines(store, raw("hq-1", "before"))
    report = run(store, put(tmp_path / "in.jsonl", raw("hq-1", "after", updated_at="2026-03-03T10:00:00Z")))
    assert report.parted == [] and report.updated == ["hq-1"] and store.get("hq-1").title == "after"


def test_a_date_that_a_person_sets_is_in_his_own_time_where_it_names_no_zone(store, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        bead = raw("hq-a", "one", due_at="2026-11-26", defer_until="2026-11-20 10:00", created_at="2026-11-19T10:00:00")
        source = put(tmp_path / "in.jsonl", bead, raw("hq-b", "two", due_at="2026-11-26T10:00:00Z"))
        run(store, source)
        got = {bead.id: bead.raw for bead in store.find(ALL)}
    finally:
        monkeypatch.undo()
        time.tzset()
    assert got["hq-a"]["due_at"] == "2026-11-27T04:59:59.000000Z"
    assert got["hq-a"]["defer_until"] == "2026-11-20T15:00:00.000000Z"
    assert got["hq-a"]["created_at"] == "2026-11-19T10:00:00"
    assert got["hq-b"]["due_at"] == "2026-11-26T10:00:00Z"
