"""Messages of ``bd`` besides its lists: beads that became ready or stay open, cycles, dates, lines."""

from __future__ import annotations

import json
import time

import pytest

from gastown_core.clock import parse_moment
from tests.support.bd import bd
from tests.support.stores import edge, raw

__all__ = ["bd"]


@pytest.fixture
def new_york(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def lines(*records) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_closing_lists_exactly_what_became_ready(bd):
    parent, one, other = bd.new("parent"), bd.new("one"), bd.new("other")
    related, waiting, twice = bd.new("related"), bd.new("waiting"), bd.new("twice")
    child = bd.new("child", "--parent", waiting)
    bd("dep", "add", related, one, "-t", "related")
    bd("dep", "add", waiting, one)
    bd("dep", "add", twice, one)
    bd("dep", "add", twice, other)
    bd("dep", "add", one, parent, "-t", "parent-child")
    freed = bd("close", one, "--suggest-next", "--json").json["unblocked"]
    assert sorted(bead["id"] for bead in freed) == sorted([waiting, child])
    assert twice in bd("close", other).out
    assert "now ready" not in bd("close", related).out


@pytest.mark.parametrize("kind", ["task", "epic"])
def test_closing_a_parent_with_open_children_says_so(bd, kind):
    parent = bd.new("parent", "-t", kind)
    child = bd.new("child", "--parent", parent)
    said = bd("close", parent, "--force").err
    assert parent in said and child in said and "has open children" in said


def test_closing_without_an_id_says_what_it_closes(bd):
    one = bd.new("the last one")
    said = bd("close")
    assert f"using the last touched one for close: {one} the last one" in said.err
    assert f"using the last touched one for update: {one}" in bd("update", "-p", "1").err


def test_a_cycle_is_named_where_it_holds_something_up(bd):
    knot = (
        raw("gt-aaaaa", dependencies=[edge("gt-aaaaa", "gt-bbbbb")]),
        raw("gt-bbbbb", dependencies=[edge("gt-bbbbb", "gt-aaaaa")]),
    )
    bd("import", stdin=lines(*knot))
    one = bd.new("one", "--deps", "gt-aaaaa")
    ring = "gt-aaaaa → gt-bbbbb → gt-aaaaa"
    assert ring in bd("show", one).out and ring in bd("blocked").out
    assert {tuple(held["cycle"]) for held in bd("blocked", "--json").json} == {tuple(ring.split(" → "))}


def test_an_epic_does_not_stand_beside_its_own_ready_children(bd):
    epic = bd.new("epic", "-t", "epic")
    child = bd.new("child", "--parent", epic)
    assert [bead["id"] for bead in bd("ready", "--json").json] == [child]
    assert [bead["id"] for bead in bd("ready", "-t", "epic", "--json").json] == [epic]


def test_a_parent_is_no_dependency(bd):
    parent = bd.new("parent")
    child = bd.new("child", "--parent", parent)
    said = bd("show", child).out
    assert "Parent" in said and "Depends on" not in said
    said = bd("show", parent).out
    assert "Children" in said and "Dependents" not in said


def test_ephemeral_beads_are_left_out_with_a_word(bd):
    bd.new("lasting")
    bd.new("passing", "--ephemeral")
    assert "1 wisp not shown" in bd("list", "--all").err
    assert "left out" not in bd("list", "--all", "--ephemeral").err
    assert bd("stats", "--json").json["summary"]["ephemeral_issues"] == 1


def test_pouring_with_an_unknown_variable_says_so(bd):
    import os

    os.makedirs(".beads/formulas")
    with open(".beads/formulas/f.formula.toml", "w") as handle:
        handle.write('formula = "f"\n[vars.who]\ndefault = "x"\n[[steps]]\nid = "a"\ntitle = "A {{who}}"\n')
    assert "no variable wo; did you mean who?" in bd("mol", "pour", "f", "--var", "wo=1").err
    assert "no variable" not in bd("mol", "pour", "f", "--var", "who=1").err


def test_a_date_without_a_zone_is_the_users_and_a_due_day_lasts_until_its_end(bd, new_york):
    one = bd.new("one", "--due", "2026-11-26")
    assert bd("show", one, "--json").json[0]["due_at"].startswith("2026-11-27T04:59:59")
    assert "due Thu 26 Nov 2026" in bd("show", one).out
    bd("update", one, "--due", "2026-11-26T10:00", "--defer", "2036-03-02")
    shown = bd("show", one, "--json").json[0]
    assert shown["due_at"].startswith("2026-11-26T15:00:00") and shown["defer_until"].startswith("2036-03-02T05:00:00")
    assert "due Thu 26 Nov 2026 10:00" in bd("show", one).out
    bd("update", one, "--due", "2026-11-26T10:00:00Z")
    assert bd("show", one, "--json").json[0]["due_at"].startswith("2026-11-26T10:00:00")
    bd("batch", stdin=f"update {one} due_at=2026-11-26T10:00:00\n")
    assert bd("show", one, "--json").json[0]["due_at"].startswith("2026-11-26T15:00:00")


def test_a_span_before_now_is_no_option(bd):
    one = bd.new("one", "--defer", "-1h")
    assert [bead["id"] for bead in bd("ready", "--json").json] == [one]
    bd("update", one, "--due", "-30m")
    assert [bead["id"] for bead in bd("list", "--overdue", "--json").json] == [one]


def test_odd_records_are_imported_as_they_are_and_told_by_line(bd):
    odd = (
        {"id": "gt-aaaa1", "status": "open", "priority": 1},
        {"id": "gt-aaaa2", "title": "nine", "priority": 9},
        {"title": "no id", "status": "wibble", "due_at": "next week"},
        {"id": "gt-aaaa4", "title": "dates", "created_at": "31.12.2025"},
    )
    said = bd("import", stdin=lines(*odd), code=3)
    for told in (
        "line 1: gt-aaaa1: no title",
        "line 2: gt-aaaa2: priority 9 is not 0 to 4",
        "line 3: a record without id: unknown status 'wibble'",
        "line 3: a record without id: due_at 'next week' is not a date",
        "line 4: gt-aaaa4: created_at '31.12.2025' is not a date",
    ):
        assert told in said.err
    with open(".beads/issues.jsonl") as handle:
        kept = {record.get("title", ""): record for record in map(json.loads, handle)}
    assert kept[""]["id"] == "gt-aaaa1" and kept["nine"]["priority"] == 9
    assert (kept["no id"]["status"], kept["no id"]["due_at"]) == ("wibble", "next week")
    assert kept["dates"]["created_at"] == "31.12.2025"


WRONG_KINDS = {
    "labels": "a,b",
    "dependencies": {"gt-aaaa1": "blocks"},
    "comments": "none",
    "priority": "high",
    "created_at": "yesterday",
    "updated_at": 5,
    "title": 7,
}


@pytest.mark.parametrize("key", WRONG_KINDS)
def test_a_value_of_the_wrong_kind_is_told_kept_and_never_made_into_something_else(bd, key):
    given = {**raw("gt-aaaa1", "odd"), key: WRONG_KINDS[key]}
    said = bd("import", stdin=lines(given), code=3)
    assert f"line 1: gt-aaaa1: {key} {WRONG_KINDS[key]!r} is no" in said.err
    assert bd("show", "gt-aaaa1", "--json").json[0][key] == WRONG_KINDS[key]
    assert str(WRONG_KINDS[key]) in bd("show", "gt-aaaa1").out
    bd("import", stdin=lines(given), code=3)
    bd("update", "gt-aaaa1", "--notes", "looked at")
    now = bd("show", "gt-aaaa1", "--json").json[0]
    assert now["notes"] == "looked at"
    assert key == "updated_at" or now[key] == WRONG_KINDS[key]


def test_what_nobody_dated_is_dated_by_the_import_and_not_by_a_word(bd):
    bd("import", stdin=lines({"id": "gt-aaaa1", "title": "x", "created_at": "yesterday"}), code=3)
    record = bd("show", "gt-aaaa1", "--json").json[0]
    assert record["created_at"] == "yesterday" and parse_moment(record["updated_at"])


def test_a_priority_that_is_none_comes_last_and_is_found_by_no_number(bd):
    bd(
        "import",
        stdin=lines({**raw("gt-odd", "odd"), "priority": "high"}, {**raw("gt-low", "low"), "priority": 4}),
        code=3,
    )
    listed = bd("list").out.splitlines()
    assert "gt-low" in listed[0] and "P4" in listed[0] and "gt-odd  P?" in listed[1] and "priority 'high'" in listed[1]
    for words in (["-p", "0"], ["--priority-max", "4"], ["--priority-min", "0"]):
        assert "gt-odd" not in bd("list", *words).out
    groups = {row["group"]: row["count"] for row in bd("count", "--by-priority", "--json").json["groups"]}
    assert groups == {"4": 1, "none": 1}


def test_a_list_that_is_none_is_not_written_over(bd):
    odd = {**raw("gt-aaaa1", "odd"), "labels": "a,b", "dependencies": "gt-aaaa2", "comments": "none"}
    bd("import", stdin=lines(odd, raw("gt-aaaa2")), code=3)
    for words in (
        ["label", "add", "gt-aaaa1", "c"],
        ["update", "gt-aaaa1", "--add-label", "c"],
        ["dep", "add", "gt-aaaa1", "gt-aaaa2"],
        ["dep", "remove", "gt-aaaa1", "gt-aaaa2"],
        ["comments", "add", "gt-aaaa1", "hello"],
    ):
        assert "cannot be changed: not a list" in bd(*words, code=1).err
    bd("update", "gt-aaaa1", "--set-labels", "a,b")
    assert bd("show", "gt-aaaa1", "--json").json[0]["labels"] == ["a", "b"]


def test_what_is_odd_within_a_list_stays_when_the_list_changes(bd):
    odd = {**raw("gt-aaaa1", "odd"), "labels": ["b", 7], "comments": ["none"]}
    bd("import", stdin=lines(odd, raw("gt-aaaa2")), code=3)
    bd("label", "add", "gt-aaaa1", "a")
    bd("comments", "add", "gt-aaaa1", "hello")
    record = bd("show", "gt-aaaa1", "--json").json[0]
    assert record["labels"] == ["a", "b", 7] and record["comments"][0] == "none" and len(record["comments"]) == 2


def test_a_store_with_edges_that_nobody_understands_is_written_all_the_same(bd):
    with open(".beads/issues.jsonl", "w") as handle:
        odd = [5, {"type": "blocks"}, {"issue_id": "gt-aaaa1", "depends_on_id": "gt-aaaa3", "type": "blocks"}]
        handle.write(lines({**raw("gt-aaaa1", "odd"), "dependencies": odd}, raw("gt-aaaa2"), raw("gt-aaaa3")))
    bd("dep", "add", "gt-aaaa1", "gt-aaaa2")
    bd("dep", "remove", "gt-aaaa1", "gt-aaaa3")
    with open(".beads/issues.jsonl") as handle:
        record = {found["id"]: found for found in map(json.loads, handle)}["gt-aaaa1"]
    assert record["dependencies"][:2] == odd[:2] and record["dependencies"][2]["depends_on_id"] == "gt-aaaa2"
    bd("delete", "gt-aaaa2", "--force")
    assert bd("show", "gt-aaaa1", "--json").json[0]["dependencies"] == odd[:2]


def test_an_unreadable_line_makes_an_import_partial(bd):
    said = bd("import", stdin=lines(raw("gt-aaaa1")) + "not json\n", code=3)
    assert "line 2: not JSON" in said.err and "1 new" in said.out
    assert bd("import", "--json", stdin="{\n", code=3).json["junk"]


def test_a_pretty_printed_file_is_imported_with_its_line_numbers(bd):
    text = json.dumps(raw("gt-aaaa1"), indent=2) + "\nnot json\n"
    said = bd("import", stdin=text, code=3)
    assert f"line {text.count(chr(10))}: not JSON" in said.err and "1 new" in said.out
