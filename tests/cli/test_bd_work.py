"""Making, changing and closing beads by ``bd``."""

from __future__ import annotations

import json

import pytest

from tests.support.bd import bd

__all__ = ["bd"]


def test_create_gives_the_documented_object(bd):
    made = bd(
        "create",
        "Retry push",
        "-p",
        "P1",
        "-t",
        "bug",
        "-a",
        "nux",
        "-l",
        "a,b",
        "-d",
        "why",
        "--external-ref",
        "gh-9",
        "--metadata",
        '{"k":1}',
        "--json",
    ).json
    assert made["schema_version"] == 1 and made["id"].startswith("gt-")
    assert (made["priority"], made["issue_type"], made["labels"], made["metadata"]) == (1, "bug", ["a", "b"], {"k": 1})
    assert (made["dependency_count"], made["dependent_count"], made["comment_count"]) == (0, 0, 0)
    assert made["created_by"] == "tester" and "_type" not in made


def test_q_prints_the_id_and_nothing_else(bd):
    assert bd("show", bd.new("x"), "--json").json[0]["title"] == "x"


def test_create_reads_dependencies_both_ways(bd):
    one, two = bd.new(), bd.new()
    three = bd.new("three", "--deps", f"{one},related:{two}")
    four = bd.new("four", "--deps", f"blocks:{one}")
    edges = {(e["issue_id"], e["depends_on_id"], e["type"]) for e in bd("dep", "list", three, one, "--json").json}
    assert edges == {(three, one, "blocks"), (three, two, "related"), (one, four, "blocks")}


def test_create_makes_children_wisps_and_deferred_beads(bd):
    epic = bd.new("epic", "-t", "epic", "-l", "ui")
    child = bd("create", "child", "--parent", epic, "--json").json
    assert child["id"] == f"{epic}.1" and child["parent"] == epic and child["labels"] == ["ui"]
    assert bd.new("noise", "--ephemeral").startswith("gt-wisp-")
    assert bd("create", "later", "--defer", "3d", "--json").json["status"] == "deferred"


def test_create_from_a_file_makes_one_bead_per_section(bd, tmp_path):
    (tmp_path / "plan.md").write_text("intro\n\n## First\nbody one\n\n## Second\n")
    made = bd("create", "-f", str(tmp_path / "plan.md"), "--json").json
    assert [(bead["title"], bead.get("description", "")) for bead in made] == [("First", "body one"), ("Second", "")]


def test_a_dry_run_writes_nothing(bd):
    assert "would create" in bd("create", "x", "--dry-run").out
    assert bd("count").out == "0\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["create"], "bd create"),
        (["create", "x", "-p", "9"], "P0 to P4"),
        (["create", "x", "-t", "nonsense"], "types:"),
        (["create", "--nonsense"], "--help"),
        (["update"], "--help"),
    ],
    ids=" ".join,
)
def test_bad_words_are_usage_errors_that_say_what_next(bd, words, hint):
    done = bd(*words, code=2)
    assert hint in done.err and done.out == ""
    assert "error" in bd(*words, "--json", code=2).json


def test_update_sets_fields_and_clears_them(bd):
    bead_id = bd.new("old", "-l", "a,b")
    new = bd(
        "update",
        bead_id,
        "--title",
        "new",
        "-s",
        "in_progress",
        "-a",
        "nux",
        "--add-label",
        "c",
        "--remove-label",
        "a",
        "--append-notes",
        "n1",
        "--set-metadata",
        "k=v",
        "--due",
        "2d",
        "--set-field",
        "branch=main",
        "--json",
    ).json[0]
    assert (new["title"], new["status"], new["assignee"], new["labels"], new["notes"], new["metadata"]) == (
        "new",
        "in_progress",
        "nux",
        ["b", "c"],
        "n1",
        {"k": "v"},
    )
    assert new["description"] == "branch: main" and new["due_at"] and new["started_at"]
    bare = bd(
        "update",
        bead_id,
        "--unassign",
        "--due",
        "",
        "--notes",
        "",
        "--unset-metadata",
        "k",
        "--set-labels",
        "",
        "--json",
    ).json[0]
    assert not {"assignee", "due_at", "notes", "labels"} & set(bare) and bare["metadata"] == {}


def test_update_moves_a_bead_to_another_parent(bd):
    one, two, bead_id = bd.new("e1", "-t", "epic"), bd.new("e2", "-t", "epic"), bd.new()
    for parent in (one, two):
        bd("update", bead_id, "--parent", parent)
        assert bd("list", "--parent", parent, "--json").json[0]["parent"] == parent
    bd("update", bead_id, "--parent", "")
    assert bd("list", "--parent", two, "--json").json == []


def test_without_an_id_the_last_touched_bead_is_meant(bd):
    bead_id = bd.new()
    assert bd("update", "-s", "in_progress", "--json").json[0]["id"] == bead_id
    assert bd("show", "--json").json[0]["id"] == bead_id
    assert bd("close", "--json").json[0]["id"] == bead_id


def test_what_works_is_done_and_what_fails_is_told(bd):
    one = bd.new()
    done = bd("update", one, "gt-nosuch", "-a", "nux", "--json", code=3)
    assert [bead["id"] for bead in done.json] == [one] and "no bead gt-nosuch" in done.err
    assert bd("update", "gt-nosuch", "-a", "x", "--json", code=1).json["error"] == "no bead gt-nosuch"


def test_a_claim_is_lost_to_who_came_first(bd):
    bead_id = bd.new()
    assert bd("claim", bead_id, "--actor", "nux", "--json").json[0]["assignee"] == "nux"
    assert "already claimed by nux" in bd("update", bead_id, "--claim", code=1).err


def test_closing_tells_what_became_ready(bd):
    one = bd.new("first")
    two = bd.new("second", "--deps", one)
    assert "is blocked" in bd("close", two, code=1).err
    done = bd("close", one, "-r", "fixed")
    assert "now ready" in done.out and two in done.out
    assert bd("show", one, "--json").json[0]["close_reason"] == "fixed"
    assert bd("reopen", one, "-r", "not so", "--json").json[0]["status"] == "open"
    again = bd("close", one, "--suggest-next", "--json").json
    assert [bead["id"] for bead in again["unblocked"]] == [two] and again["closed"][0]["id"] == one


def test_reasons_go_to_ids_by_position_and_the_next_bead_may_be_taken(bd):
    one, two, three = bd.new("1"), bd.new("2"), bd.new("3")
    done = bd("close", one, two, "-r", "r1", "-r", "r2", "--claim-next", "--json").json
    assert [bead["close_reason"] for bead in done["closed"]] == ["r1", "r2"] and done["claimed"]["id"] == three
    assert done["claimed"]["assignee"] == "tester"


def test_delete_shows_first_and_names_no_dangerous_flag(bd):
    one = bd.new()
    two = bd.new("two", "--deps", one)
    shown = bd("delete", one)
    assert "would delete" in shown.out and two in shown.out and "--force" not in shown.out
    assert bd("delete", one, "--force", "--json").json == {
        "deleted": [one],
        "count": 1,
        "edges_removed_from": [two],
        "schema_version": 1,
    }
    assert bd("ready", "--json").json[0]["id"] == two
    assert bd("show", one, code=1).err.startswith(f"no bead {one}")


def test_deleting_with_all_that_depends_on_it(bd):
    one = bd.new()
    two = bd.new("two", "--deps", one)
    three = bd.new("three", "--deps", two)
    assert sorted(bd("delete", one, "--cascade", "--force", "--json").json["deleted"]) == sorted([one, two, three])
    assert bd("list", "--all", "--json").json == []


def test_a_batch_is_all_or_nothing(bd):
    one = bd.new()
    text = f'create "new one" type=bug labels=a,b\n# a comment\nupdate {one} priority=0\ndep add {one} $1\ncreate child parent=$1\n'
    done = bd("batch", "--json", stdin=text).json
    assert len(done["created"]) == 2 and done["created"][1] == done["created"][0] + ".1" and one in done["changed"]
    assert bd("blocked", "--json").json[0]["blocked_by"] == [done["created"][0]]
    failed = bd("batch", stdin=f"update {one} title=lost\nclose gt-nosuch\n", code=1)
    assert "line 2" in failed.err and "nothing was written" in failed.err
    assert bd("show", one, "--json").json[0]["title"] == "a bead"


def test_readonly_refuses_every_write(bd):
    bead_id = bd.new()
    for words in (["create", "x"], ["update", bead_id, "-a", "x"], ["close", bead_id], ["label", "add", bead_id, "x"]):
        assert "read-only" in bd(*words, "--readonly", code=1).err
    bd("--readonly", "show", bead_id)


def test_the_envelope_wraps_everything_if_asked(bd, monkeypatch):
    bead_id = bd.new()
    monkeypatch.setenv("BD_JSON_ENVELOPE", "1")
    assert bd("list", "--json").json["data"][0]["id"] == bead_id
    assert bd("create", "x", "--json").json["data"]["title"] == "x"


def test_another_folder_may_be_given(bd, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    bd("-C", str(other), "init", "-p", "ot", "--skip-hooks", "-q")
    assert bd("-C", str(other), "q", "there").out.startswith("ot-")
    assert bd("count", "-C", str(other), "--json").json["count"] == 1 and bd("count").out == "0\n"


def test_without_a_store_the_error_says_how_to_make_one(bd, tmp_path):
    assert "bd init" in bd("list", "-C", str(tmp_path), code=1).err


def test_notes_that_look_like_escapes_never_reach_the_terminal_raw(bd):
    bead_id = bd.new("evil \x1b[31mred\x07", "-d", "\x1b]0;title\x07", "-l", "\x1b[2J", "-a", "\x1b[1m")
    bd("comment", bead_id, "\x1b[5mblink")
    for words in (
        ["show", bead_id],
        ["list"],
        ["ready"],
        ["dep", "tree", bead_id],
        ["label", "list-all"],
        ["comments", bead_id],
        ["search", "evil"],
    ):
        assert "\x1b" not in bd(*words).out.replace("\x1b[0m", ""), words
    assert json.loads(bd("list", "--json").out)[0]["title"].startswith("evil")
