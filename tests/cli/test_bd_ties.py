"""Labels, comments, dependencies, epics and files by ``bd``."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from gastown_core.events.log import newest_events
from tests.support.bd import bd
from tests.support.towns import DATA, reference_town

__all__ = ["bd"]


def test_labels(bd):
    one, two = bd.new(), bd.new()
    assert bd("label", "add", one, two, "x,y", "--json").json == [
        {"status": "added", "issue_id": i, "label": label} for i in (one, two) for label in "xy"
    ]
    bd("label", "remove", one, "x")
    assert bd("label", "list", one, "--json").json == ["y"] and bd("label", "list", two).lines == ["x", "y"]
    assert bd("label", "list-all", "--json").json == [{"label": "y", "count": 2}, {"label": "x", "count": 1}]
    assert "a bead and a label" in bd("label", "add", one, code=2).err


def test_comments(bd):
    one = bd.new()
    added = bd("comments", "add", one, "two", "words", "--json").json
    assert added["text"] == "two words" and added["author"] == "tester" and added["issue_id"] == one
    bd("comment", one, "--stdin", "-a", "nux", stdin="from stdin\n")
    assert [(c["author"], c["text"]) for c in bd("comments", one, "--json").json] == [
        ("tester", "two words"),
        ("nux", "from stdin"),
    ]
    assert "needs text" in bd("comment", one, " ", code=2).err


def test_dependencies(bd, tmp_path):
    one, two, three = bd.new("one"), bd.new("two"), bd.new("three")
    assert bd("dep", "add", one, two, "--json").json == {
        "status": "added",
        "issue_id": one,
        "depends_on_id": two,
        "type": "blocks",
        "schema_version": 1,
    }
    bd("dep", "add", two, "--blocked-by", three)
    done = bd("dep", "add", three, one, code=1)
    assert f"{three} → {one} → {two} → {three}" in done.err
    tree = bd("dep", "tree", one, "--json").json
    assert [(node["id"], node["depth"], node["parent_id"]) for node in tree] == [
        (one, 0, ""),
        (two, 1, one),
        (three, 2, two),
    ]
    assert bd("dep", "tree", one, "-d", "1", "--json").json[-1]["truncated"] is True
    assert bd("dep", "tree", three, "--direction", "up", "--json").json[-1]["id"] == one
    assert "graph TD" in bd("dep", "tree", one, "--format", "mermaid").out and three in bd("dep", "tree", one).out
    assert bd("dep", "list", one, "--json").json[0]["dependency_type"] == "blocks"
    assert bd("dep", "list", two, "--direction", "up", "--json").json[0]["id"] == one
    bd("dep", "remove", one, two)
    assert (
        bd("dep", "list", one).out == "no dependencies\n"
        and "does not depend" in bd("dep", "remove", one, two, code=1).err
    )
    (tmp_path / "edges").write_text(
        json.dumps({"from": one, "to": two})
        + "\n"
        + json.dumps({"issue_id": one, "depends_on_id": three, "type": "related"})
        + "\njunk\n"
    )
    assert len(bd("dep", "add", "--file", str(tmp_path / "edges"), "--json", code=3).json) == 2


def test_cycles_in_the_file_are_shown_with_their_path(bd):
    one, two = bd.new("one"), bd.new("two", "--deps", "")
    bd("dep", "add", two, one)
    with open(".beads/issues.jsonl", "ab") as handle:
        record = bd("show", one, "--json").json[0]
        record["dependencies"] = [{"issue_id": one, "depends_on_id": two, "type": "blocks"}]
        handle.write(
            json.dumps(
                {
                    key: record[key]
                    for key in ("id", "title", "status", "priority", "created_at", "updated_at", "dependencies")
                }
            ).encode()
            + b"\n"
        )
    assert bd("dep", "cycles", "--json").json == [[*sorted([one, two]), min(one, two)]]
    assert bd("doctor", code=1).out.count("✗") == 1


def test_epics(bd):
    epic = bd.new("epic", "-t", "epic")
    child = bd.new("child", "--parent", epic)
    assert "open children" in bd("close", epic, code=1).err
    bd("close", child)
    assert bd("epic", "status", "--eligible-only", "--json").json[0]["eligible_for_close"] is True
    assert bd("epic", "close-eligible", "--dry-run", "--json").json["closed"] == [epic]
    assert (
        bd("epic", "close-eligible", "--json").json["count"] == 1
        and bd("show", epic, "--json").json[0]["status"] == "closed"
    )


def test_export_and_import_are_faithful(bd, tmp_path):
    report = bd("import", str(DATA / "reference-town" / "demo" / "issues.jsonl"), "--json").json
    assert report["created"] == 8 and report["dry_run"] is False and len(report["ids"]) >= 8
    bd("export", "-o", str(tmp_path / "out"), "-q")
    first = (tmp_path / "out").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    bd("init", "-C", str(other), "-p", "dm", "--from-jsonl", str(tmp_path / "out"), "--skip-hooks", "-q")
    bd("export", "-C", str(other), "-o", str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == first
    assert bd("import", "-", "--json", stdin=first.decode()).json["unchanged"] == len(first.splitlines()) == 6
    done = bd("import", "-", stdin="junk\n{}\n", code=3)
    assert "line 1: not JSON" in done.err and "line 2: no id" in done.err and "0 new" in done.out


def test_sync_doctor_and_init(bd):
    bd.new()
    assert bd("sync", "--flush-only", "--json").json["compacted"] is False
    found = bd("doctor", "--json").json
    assert found["ok"] is True and {check["level"] for check in found["checks"]} == {"ok"}
    os.unlink(".beads/.gitignore")
    assert "not ignored" in bd("doctor").out
    assert "repaired" in bd("doctor", "--fix").out and bd("doctor", "--check", "gitignore").out.startswith("✓")
    assert "nothing was missing" in bd("init", "--skip-hooks").out
    assert "has the prefix gt" in bd("init", "-p", "xx", "--skip-hooks", code=1).err


def test_the_merge_driver_merges_files(bd, tmp_path):
    paths = [str(tmp_path / name) for name in ("base", "ours", "theirs")]
    for path in paths:
        shutil.copy(DATA / "reference-town" / "demo" / "issues.jsonl", path)
    Path(paths[2]).write_text(Path(paths[2]).read_text().replace("Task 2 for demo", "Task two"))
    bd("merge-driver", *paths)
    assert "Task two" in Path(paths[1]).read_text()


@pytest.fixture
def town(tmp_path, monkeypatch):
    root = reference_town(tmp_path)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PWD", root)
    return root


def test_in_a_town_ids_of_every_store_are_known(bd, town):
    shown = bd("show", "dm-k3f", "hq-cv-ml8y3", "--json").json
    assert [bead["id"] for bead in shown] == ["dm-k3f", "hq-cv-ml8y3"] and shown[1]["dependencies"][0][
        "title"
    ] == "Task 3 for demo"
    far = bd("q", "far", "--rig", "demo").out.strip()
    assert far.startswith("dm-")
    here = bd.new("here", "--deps", far)
    assert here.startswith("hq-") and bd("blocked", "--json").json[0]["blocked_by"] == [far]
    bd("close", far, "-r", "done")
    assert here in bd("ready").out
    assert "stores: town, demo" in bd("create", "x", "--rig", "nosuch", code=1).err


def test_in_a_rig_folder_or_a_worktree_its_own_store_is_used(bd, town, monkeypatch):
    monkeypatch.chdir(Path(town) / "demo" / "crew" / "alice")
    monkeypatch.setenv("PWD", str(Path(town) / "demo" / "crew" / "alice"))
    assert bd.new().startswith("dm-")


def test_in_a_town_every_change_is_told_once(bd, town):
    log = os.path.join(town, ".events.jsonl")
    before = len(list(newest_events(log)))
    bead_id = bd.new("told")
    bd("update", bead_id, "-s", "in_progress", "-a", "nux")
    bd("update", bead_id, "-s", "in_progress")
    bd("close", bead_id, "-r", "fixed")
    bd("reopen", bead_id)
    bd("update", bead_id, "-s", "pinned")
    bd("delete", bead_id, "--force")
    bd("list"), bd("show", "dm-k3f"), bd("create", "x", "--dry-run")
    told = list(reversed(list(newest_events(log))))[before:]
    assert [event.type for event in told] == ["create", "update", "complete", "reopen", "pin", "delete"]
    assert (
        told[2].payload["from"] == "in_progress"
        and told[2].payload["to"] == "closed"
        and told[2].payload["reason"] == "fixed"
    )
    assert all(
        event.payload["bead"] == bead_id and event.payload["title"] == "told" and event.payload["rev"] for event in told
    )
    assert {event.actor for event in told} == {"tester"}


def test_a_target_that_nobody_has_is_refused_with_near_matches_unless_forced(bd):
    one, two = bd.new("one"), bd.new("two")
    typo = f"zz-{two[3:]}"
    refused = bd("dep", "add", one, typo, code=1).err
    assert f"no bead {typo}" in refused and two in refused and "--force" in refused
    assert "no bead zz-typo" in bd("create", "three", "--deps", "zz-typo", code=1).err
    bd("dep", "add", one, typo, "--force")
    assert [held["blocked_by"] for held in bd("blocked", "--json").json] == [[typo]]
    bd("dep", "remove", one, typo)
    assert bd("blocked", "--json").json == []


@pytest.mark.parametrize("named", ["external:dm:dm-7aw", "dm-7aw"])
def test_an_external_target_is_removed_by_its_id_and_written_out(bd, named):
    one = bd.new()
    bd("dep", "add", one, "external:dm:dm-7aw")
    assert "external:dm:dm-7aw" in bd("dep", "remove", one, "external:dm:nosuch", code=1).err
    bd("dep", "remove", one, named)
    assert bd("show", one, "--json").json[0].get("dependencies", []) == []


def test_edge_types_of_other_dialects_are_stored_as_what_they_mean(bd):
    epic, one, two = bd.new("epic", "-t", "epic"), bd.new("one"), bd.new("two")
    bd("dep", "add", one, epic, "-t", "parent_child")
    bd("dep", "add", two, one, "-t", "Blocked_By")
    assert [held["id"] for held in bd("blocked", "--json").json] == [two]
    assert [bead["id"] for bead in bd("show", epic, "--children", "--json").json] == [one]
    assert bd("show", two, "--json").json[0]["dependencies"][0]["dependency_type"] == "blocks"


def test_a_child_that_should_wait_for_its_parent_is_told_why_not(bd):
    epic = bd.new("epic", "-t", "epic")
    child = bd.new("child", "--parent", epic)
    said = bd("dep", "add", child, epic, code=1).err
    assert f"{child} cannot depend on {epic}" in said and "another child" in said and "remove" not in said


def test_mail_and_requests_of_older_records_are_found_by_the_label_of_their_kind(bd):
    lines = [
        {"id": "gt-mail1", "title": "hello", "issue_type": "message"},
        {"id": "gt-mr001", "title": "merge it", "issue_type": "merge-request"},
    ]
    bd("import", stdin="".join(json.dumps(line) + "\n" for line in lines))
    for label, bead_id in (("gt:message", "gt-mail1"), ("gt:merge-request", "gt-mr001")):
        assert [one["id"] for one in bd("list", "-l", label, "--json").json] == [bead_id]
        assert bd("label", "list", bead_id).lines in ([], ["no labels"])
