"""Lists, searches and figures by ``bd``: what they show, and that nothing is hidden in silence."""

from __future__ import annotations

import pytest

from tests.support.bd import bd
from tests.support.stores import edge, raw

__all__ = ["bd"]

EMPTY = [
    (["list"], []),
    (["ready"], []),
    (["blocked"], []),
    (["search", "x"], []),
    (["label", "list-all"], []),
    (["dep", "cycles"], []),
    (["epic", "status"], []),
    (["count"], {"count": 0, "schema_version": 1}),
    (["count", "--by-status"], {"total": 0, "groups": [], "schema_version": 1}),
    (["epic", "close-eligible"], {"closed": [], "count": 0, "schema_version": 1}),
]


@pytest.mark.parametrize(("words", "expected"), EMPTY, ids=[" ".join(words) for words, _ in EMPTY])
def test_an_empty_store_gives_empty_json_and_a_sentence(bd, words, expected):
    assert bd(*words, "--json").json == expected
    assert bd(*words).out.strip()


def test_list_hides_what_is_done_or_frozen_until_asked(bd):
    for status in ("open", "in_progress", "hooked", "in_review", "deferred", "pinned", "closed"):
        bd("update", bd.new(status), "-s", status)
    assert {bead["title"] for bead in bd("list", "--json").json} == {"open", "in_progress", "hooked", "in_review"}
    assert len(bd("list", "--all", "--json").json) == len(bd("list", "-s", "all", "--json").json) == 7
    assert [bead["title"] for bead in bd("list", "-s", "closed", "--json").json] == ["closed"]
    assert [bead["title"] for bead in bd("list", "--deferred", "--json").json] == ["deferred"]
    assert "unknown status 'nonsense'" in bd("list", "-s", "nonsense", code=2).err


def test_a_cut_list_says_how_many_there_are_in_text_and_beside_json(bd):
    bd("batch", stdin="\n".join(f"create n{number}" for number in range(60)))
    text = bd("list")
    assert len(text.lines) == 51 and text.lines[-1] == "showing first 50 of 60; -n 0 shows all"
    assert len(bd("list", "-n", "0").lines) == len(bd("list", "-n", "0", "--json").json) == 60
    cut = bd("list", "--json")
    assert len(cut.json) == 50 and "showing first 50 of 60" in cut.err
    cut = bd("list", "--json", "-n", "7")
    assert len(cut.json) == 7 and "showing first 7 of 60" in cut.err
    cut = bd("ready", "-n", "3")
    assert len(cut.lines) == 4 and cut.lines[-1] == "showing first 3, more are ready; -n 0 shows all"
    cut = bd("ready", "--json", "-n", "3")
    assert len(cut.json) == 3 and "showing first 3 of 60" in cut.err
    assert "showing first 50 of 60" in bd("search", "n").out


def test_json_of_foreign_lines_is_the_same_as_of_our_own(bd, tmp_path):
    with open(".beads/issues.jsonl", "ab") as handle:
        import json

        old = raw(
            "gt-old1", wisp=False, zebra=1, dependencies=[edge("gt-old1", "gt-nosuch")], dependency_count=9, parent="x"
        )
        handle.write(json.dumps(old).encode() + b"\n")
    found = bd("list", "--json").json[0]
    assert (found["dependency_count"], found["zebra"]) == (1, 1) and "parent" not in found and "wisp" not in found


def test_filters_and_orders_of_lists(bd):
    one = bd.new("alpha", "-p", "3", "-l", "x,y", "-a", "nux")
    two = bd.new("beta", "-p", "1", "-t", "bug", "-l", "x")
    ids = lambda *words: [bead["id"] for bead in bd("list", "--json", *words).json]  # noqa: E731
    assert ids() == [two, one] and ids("-r") == ids("--sort", "title") == ids("--sort", "oldest") == [one, two]
    assert ids("-t", "bug") == [two] and ids("-a", "nux") == [one] and ids("-u") == [two]
    assert ids("-l", "x", "-l", "y") == [one] and ids("-l", "x,y") == [one] and ids("--exclude-label", "y") == [two]
    assert ids("--label-pattern", "y*") == [one] and ids("-p", "1,2") == [two] and ids("--priority-min", "2") == [one]
    assert (
        ids("--title-contains", "LPH") == [one]
        and ids("--created-after", "1h") == [two, one]
        and ids("--created-before", "1h") == []
    )
    assert "orders:" in bd("list", "--sort", "nonsense", code=2).err


def test_the_tree_puts_children_under_parents(bd):
    epic = bd.new("epic", "-t", "epic")
    child = bd.new("child", "--parent", epic)
    bd.new("grandchild", "--parent", child)
    lines = bd("list", "--tree").lines
    assert [line.index("○") for line in lines] == [0, 2, 4]


def test_show_has_dependencies_dependents_and_comments(bd):
    epic = bd.new("epic", "-t", "epic")
    one = bd.new("one", "--parent", epic)
    two = bd.new("two", "--deps", one, "-d", "prose")
    bd("comment", one, "hello")
    shown = bd("show", one, two, epic, "--json").json
    assert shown[0]["dependents"][0]["dependency_type"] == "blocks" and shown[0]["comments"][0]["text"] == "hello"
    assert shown[0]["dependencies"][0]["id"] == epic and shown[0]["parent"] == epic
    assert shown[1]["blocked_by"] == [one] and shown[1]["dependencies"][0]["title"] == "one"
    assert (shown[2]["epic_total_children"], shown[2]["epic_closed_children"]) == (1, 0)
    text = bd("show", two).out
    assert "prose" in text and "not closed yet" in text and one in text
    assert one in bd("show", epic, "--children").out and len(bd("show", one, two, "--short").lines) == 2
    assert "hello" in bd("show", one).out and '"updated_at"' in bd("show", one, "--long").out


def test_unknown_ids_list_near_matches_and_parts_are_enough(bd):
    bead_id = bd.new()
    assert bead_id in bd("show", bead_id[:-1] + ("x" if bead_id[-1] != "x" else "y"), code=1).err
    assert bd("show", bead_id[3:], "--json").json[0]["id"] == bead_id
    done = bd("show", bead_id, "gt-zzzzz", "--json", code=3)
    assert len(done.json) == 1 and "no bead gt-zzzzz" in done.err


def test_blocked_says_by_what(bd):
    one = bd.new()
    two = bd.new("two", "--deps", one)
    bd("dep", "add", two, "dm-far", "--force")
    found = bd("blocked", "--json").json[0]
    assert found["blocked_by"] == [one, "dm-far"] and found["blocked_by_count"] == 2
    assert found["blocked_reasons"] == {one: "open", "dm-far": "unresolved"}
    assert f"← {one}, dm-far (unknown bead)" in bd("blocked").out


def test_ready_may_claim_or_explain(bd):
    one = bd.new("one", "-p", "0")
    two = bd.new("two", "--deps", one)
    explained = bd("ready", "--explain", "--json").json
    assert [b["id"] for b in explained["ready"]] == [one] and explained["blocked"][0]["reasons"] == {one: "open"}
    assert (
        explained["summary"] == {"ready": 1, "blocked": 1, "cycles": 0}
        and "not closed yet" in bd("ready", "--explain").out
    )
    assert bd("ready", "--claim", "--json").json[0]["assignee"] == "tester"
    assert "no ready beads to claim" in bd("ready", "--claim").out and two not in bd("ready").out
    assert bd("list", "--ready", "--json").json == []


def test_figures(bd):
    one = bd.new("one", "-l", "x", "-a", "nux")
    bd.new("two", "--deps", one)
    bd("close", bd.new("three"))
    summary = bd("stats", "--json").json["summary"]
    assert (
        summary["total_issues"],
        summary["open_issues"],
        summary["ready_issues"],
        summary["blocked_issues"],
        summary["closed_issues"],
    ) == (3, 2, 1, 1, 1)
    assert bd("count", "--by-assignee", "--json").json["groups"] == [
        {"group": "", "count": 2},
        {"group": "nux", "count": 1},
    ]
    assert bd("count", "-s", "open").out == "2\n" and "total" in bd("count", "--by-label").out
    assert bd("stats", "--assigned", "--actor", "nux", "--json").json["summary"]["total_issues"] == 1
    assert "beads" in bd("status").out


def test_a_deferred_bead_whose_time_has_come_is_listed_as_open(bd):
    bead_id = bd.new("woken", "--defer", "2001-01-01")
    bd("update", bead_id, "-s", "deferred", "--defer", "2001-01-01")
    asleep = bd.new("asleep", "--defer", "9d")
    assert (
        [bead["id"] for bead in bd("list", "--json").json] == [bead_id] == [b["id"] for b in bd("ready", "--json").json]
    )
    assert bd("list").out.startswith("○") and asleep not in bd("list").out
    assert [bead["id"] for bead in bd("list", "-s", "deferred", "--json").json] == [asleep]
