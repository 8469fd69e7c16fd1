"""A write changes only what it was asked to change, no matter which program wrote the file before."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_core.beads.rules import changed_record
from gastown_core.errors import UsageError
from tests.support.stores import NOW, change, close, create, edge, lines_of, link, make_store, raw, write_lines

NUMBERED = {"id": 3, "issue_id": "gt-br1", "author": "op", "text": "hm", "created_at": "2026-03-02T10:12:00Z"}
BR = raw("gt-br1", source_repo=".", compaction_level=0, original_size=0, comments=[NUMBERED])
GO = raw("gt-go1", description="", labels=["a"], dependency_count=1, dependent_count=4, comment_count=0)
GO["dependencies"] = [edge("gt-go1", "gt-br1")]
LEFT = raw("gt-left1", close_reason="was closed once", wisp=False)
STAMPS = ("updated_at",)


def last_lines(store):
    return {line["id"]: line for line in lines_of(store)}


def differing(before, after):
    return {key for key in {*before, *after} if before.get(key, "absent") != after.get(key, "absent")} - {*STAMPS}


@pytest.mark.parametrize("record", [BR, GO, LEFT], ids=["beads_rust", "go export", "left by another"])
def test_an_update_changes_the_one_key(tmp_path, record):
    store = make_store(tmp_path)
    write_lines(store, record)
    change(store, record["id"], title="another")
    assert differing(record, last_lines(store)[record["id"]]) == {"title"}


def test_untouched_lines_keep_their_bytes_when_the_file_is_rewritten(tmp_path):
    store = make_store(tmp_path)
    odd = b'{"id": "gt-odd1",  "title": "spaced", "status": "open", "comment_count": 0}'
    write_lines(store, odd, BR, GO)
    before = {json.loads(line)["id"]: line for line in (tmp_path / ".beads/issues.jsonl").read_bytes().splitlines()}
    change(store, "gt-br1", title="another")
    assert store.compact()
    after = {json.loads(line)["id"]: line for line in (tmp_path / ".beads/issues.jsonl").read_bytes().splitlines()}
    assert list(after) == sorted(before)
    assert [bead_id for bead_id in before if before[bead_id] != after[bead_id]] == ["gt-br1"]


def test_counts_that_a_line_carries_follow_its_own_changes(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, GO, BR)
    other = create(store, "epic", issue_type="epic")
    with store.write("tester") as batch:
        batch.comment("gt-go1", "hello")
    link(store, "gt-go1", other, "parent-child")
    found = last_lines(store)["gt-go1"]
    assert (found["comment_count"], found["dependency_count"], found["dependent_count"]) == (1, 1, 4)
    assert found["parent"] == other


def test_a_comment_beside_numbered_ones_gets_a_number_and_they_keep_theirs(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, BR, {key: value for key, value in {**BR, "id": "gt-br2"}.items() if key != "comments"}, GO)
    with store.write("tester") as batch:
        for bead_id in ("gt-br1", "gt-br2", "gt-go1"):
            batch.comment(bead_id, "one")
            batch.comment(bead_id, "two")
    found = last_lines(store)
    first, *rest = [comment["id"] for comment in found["gt-br1"]["comments"]]
    assert first == 3 and all(isinstance(number, int) for number in rest) and len({first, *rest}) == 3
    assert all(0 < number < 2**53 for number in rest)
    assert all(isinstance(comment["id"], int) for comment in found["gt-br2"]["comments"])
    assert all(isinstance(comment["id"], str) for comment in found["gt-go1"]["comments"])


def test_an_open_bead_keeps_its_close_reason_and_a_reopened_one_loses_it(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, LEFT)
    assert change(store, "gt-left1", assignee="nux").text("close_reason") == "was closed once"
    close(store, "gt-left1", "now")
    with store.write("tester") as batch:
        batch.reopen("gt-left1")
    assert "close_reason" not in last_lines(store)["gt-left1"]


def test_closing_a_bead_that_carries_an_old_moment_of_closing_sets_the_new_one(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, raw("gt-1", closed_at="2020-01-01T00:00:00Z"))
    close(store, "gt-1")
    assert last_lines(store)["gt-1"]["closed_at"].startswith("2026-")


def test_a_change_is_never_older_than_the_bead(tmp_path):
    store = make_store(tmp_path)
    write_lines(store, raw("gt-1", created_at="2031-01-01T00:00:00Z", updated_at="2020-01-01T00:00:00Z"))
    assert change(store, "gt-1", title="x").updated_at > store.get("gt-1").created_at


def test_a_field_name_that_could_not_be_read_back_is_refused(tmp_path):
    store = make_store(tmp_path)
    bead_id = create(store)
    for name in ("a: b", "a\nb", "", "x" * 41):
        with pytest.raises(UsageError), store.write("tester") as batch:
            batch.set_fields(bead_id, {name: "v"})


keys = st.sampled_from(["assignee", "notes", "labels", "close_reason", "zebra", "pinned", "comment_count", "wisp"])
values = st.sampled_from([None, "", "x", [], ["a"], False, 0, 7])


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(keys, values, max_size=6),
    st.sampled_from(["open", "in_progress", "closed", "hooked"]),
    st.sampled_from(["title", "assignee", "notes"]),
)
def test_any_record_is_changed_in_the_keys_that_were_asked_for(extra, status, key):
    before = raw(
        "gt-1", **{**extra, "status": status, **({"closed_at": raw("x")["created_at"]} if status == "closed" else {})}
    )
    before.setdefault("started_at", before["created_at"])
    after = changed_record(before, {key: "fresh"}, "op", NOW)
    assert differing(before, after) == {key}
