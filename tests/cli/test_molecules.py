"""``bd mol``, ``bd gate``, ``gt mol``, ``gt formula run`` and ``gt compact`` as typed."""

from __future__ import annotations

import os

import pytest

from gastown_cli import bd as bd_table
from gastown_cli import gt as gt_table
from gastown_cli.lazy import run_root
from tests.support.cli import Ran
from tests.support.rigged import rigged, write  # noqa: F401  a fixture


@pytest.fixture
def shop(rigged, monkeypatch):  # noqa: F811
    monkeypatch.setenv("HOME", rigged.root)
    return os.path.join(rigged.root, "shop")


def typed(root, capsys, monkeypatch):
    """Runs commands inside the test's process."""

    def run(*words: str, cwd: str, **env: str) -> Ran:
        with monkeypatch.context() as here:
            here.chdir(cwd)
            here.setenv("PWD", cwd)
            for key, value in env.items():
                here.setenv(key, value)
            capsys.readouterr()
            code = run_root(root, list(words))
            said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def bd(capsys, monkeypatch):
    return typed(bd_table.ROOT, capsys, monkeypatch)


@pytest.fixture
def gt(capsys, monkeypatch):
    return typed(gt_table.ROOT, capsys, monkeypatch)


def ok(done):
    assert done.code == 0, (done.out, done.err)
    return done


def poured(bd, shop: str) -> str:
    return ok(bd("mol", "pour", "release", "--var", "version=1.2.0", "--json", cwd=shop)).json["new_epic_id"]


def test_release_is_poured_closed_step_by_step_and_then_gone_from_the_list(shop, bd):
    lacking = bd("mol", "pour", "release", cwd=shop)
    assert lacking.code == 1 and "version" in lacking.err
    dry = ok(bd("mol", "pour", "release", "--var", "version=1.2.0", "--dry-run", "--json", cwd=shop)).json
    made = ok(bd("mol", "pour", "release", "--var", "version=1.2.0", "--json", cwd=shop)).json
    assert (dry["would_create"], made["created"], made["phase"]) == (6, 6, "liquid")
    root = made["new_epic_id"]
    for _ in range(5):
        (current,) = ok(bd("mol", "current", root, "--json", cwd=shop)).json
        done = ok(bd("close", current["current_step"]["issue"]["id"], "--continue", "--json", cwd=shop)).json
    assert done["continue"] is None
    (current,) = ok(bd("mol", "current", root, "--json", cwd=shop)).json
    assert (current["current_step"], current["completed"], current["total"]) == (None, 5, 5)
    assert ok(bd("mol", "list", "--json", cwd=shop)).json == []
    assert [row["id"] for row in ok(bd("mol", "list", "--all", "--json", cwd=shop)).json] == [root]


def test_what_bd_mol_says_of_a_molecule(shop, bd):
    root = poured(bd, shop)
    shown = ok(bd("mol", "show", root, "--parallel", "--json", cwd=shop)).json
    assert shown["root"]["id"] == root and len(shown["issues"]) == 5 and shown["variables"] == {"version": "1.2.0"}
    assert shown["parallel"]["ready_steps"] == [f"{root}.bump-version"]
    ready = ok(bd("ready", "--mol", root, "--json", cwd=shop)).json
    assert [bead["id"] for bead in ready] == [f"{root}.bump-version"]
    progress = ok(bd("mol", "progress", root, "--json", cwd=shop)).json
    assert (progress["percent"], progress["current_step_id"]) == (0, f"{root}.bump-version")
    assert ok(bd("mol", "ready", root, "--json", cwd=shop)).json["count"] == 1
    assert ok(bd("mol", "last-activity", root, "--json", cwd=shop)).json["molecule_id"] == root
    assert ok(bd("mol", "stale", "--json", cwd=shop)).json["total_count"] == 0
    text = ok(bd("mol", "show", root, cwd=shop)).out
    assert "○ 1 bump-version" in text and "· 5 publish" in text and "var version: 1.2.0" in text
    assert bd("mol", "show", "sh-nope", cwd=shop).code == 1


def test_a_wisp_is_as_its_formula_says_unless_told_otherwise(shop, bd):
    made = ok(bd("mol", "wisp", "release", "--var", "version=1", "--json", cwd=shop)).json
    whole = ok(bd("mol", "wisp", "create", "release", "--var", "version=1", "--pour", "--json", cwd=shop)).json
    assert (made["created"], made["phase"], whole["created"]) == (1, "vapor", 6)
    listed = ok(bd("mol", "wisp", "list", "--json", cwd=shop)).json
    assert {row["id"] for row in listed["wisps"]} == {made["new_epic_id"], whole["new_epic_id"]}
    step = f"{made['new_epic_id']}.bump-version"
    closed = ok(bd("close", step, "--continue", "--json", cwd=shop)).json
    assert closed["closed"][0]["id"] == step and closed["continue"]["id"].endswith(".run-tests")
    assert bd("mol", "wisp", "gc", "--closed", cwd=shop).code == 2
    gone = ok(bd("mol", "wisp", "gc", "--all", "--json", cwd=shop)).json
    assert (gone["candidates"], gone["cleaned_count"]) == (2, 7)


def test_molecules_end_squashed_burned_or_as_a_formula(shop, bd):
    one, two = poured(bd, shop), poured(bd, shop)
    bonded = ok(bd("mol", "bond", one, two, "--json", cwd=shop)).json
    assert (bonded["result_id"], bonded["bond_type"]) == (one, "sequential")
    assert bd("mol", "bond", two, one, cwd=shop).code == 1
    made = ok(bd("mol", "distill", one, "ours", "--var", "version=1.2.0", "--json", cwd=shop)).json
    assert made["steps"] == 5 and os.path.exists(made["formula_path"])
    assert ok(bd("cook", "ours", "--var", "version=3", cwd=shop)).json["steps"][0]["description"].endswith(" 3")
    digest = ok(bd("mol", "squash", one, "--summary", "enough", "--json", cwd=shop)).json["digest_id"]
    assert ok(bd("show", digest, "--json", cwd=shop)).json[0]["description"] == "enough"
    assert bd("mol", "burn", two, cwd=shop).code == 2
    assert ok(bd("mol", "burn", two, "--dry-run", "--json", cwd=shop)).json["deleted_count"] == 6
    assert ok(bd("mol", "burn", two, "--yes", "--json", cwd=shop)).json["deleted_count"] == 6
    assert bd("mol", "show", two, cwd=shop).code == 1
    ok(bd("mol", "seed", "release", cwd=shop))


def test_gates_from_the_command_line(shop, bd):
    held = ok(bd("create", "Deploy", "--json", cwd=shop)).json["id"]
    gate = ok(bd("gate", "create", "--blocks", held, "-r", "a yes", "--json", cwd=shop)).json["id"]
    assert [row["id"] for row in ok(bd("gate", "list", "--json", cwd=shop)).json] == [gate]
    assert ok(bd("gate", "check", "--json", cwd=shop)).json["checked"] == 1
    ok(bd("gate", "add-waiter", gate, "shop/opal", cwd=shop))
    shown = ok(bd("gate", "show", gate, "--json", cwd=shop)).json
    assert (shown["blocks"], shown["waiters"]) == ([held], ["shop/opal"])
    assert f"{held} ready" in ok(bd("gate", "resolve", gate, cwd=shop)).out
    assert bd("gate", "show", held, cwd=shop).code == 1
    assert ok(bd("ready", "--gated", "--json", cwd=shop)).json["count"] == 0


def test_an_agent_goes_through_its_molecule(rigged, shop, gt):  # noqa: F811
    bead = rigged.file("Fix it")
    agent = rigged.sling(bead.id).result.agent
    me = {"GT_ROLE": agent}
    status = ok(gt("mol", "status", "--json", cwd=shop, **me)).json
    root = status["attached_molecule"]
    assert (status["pinned_bead"]["id"], status["progress"]["done_steps"]) == (bead.id, 0)
    assert status["is_wisp"] and status["attached_formula"] == "mol-polecat-work"
    told = ok(gt("mol", "step", "done", "load-context", "--dry-run", "--json", cwd=shop, **me)).json
    assert told["dry_run"] and told["next_step_id"] == f"{root}.branch-setup"
    done = ok(gt("molecule", "step", "done", f"{root}.load-context", "--json", cwd=shop, **me)).json
    assert (done["action"], done["next_step_id"], done["completed"]) == ("continue", f"{root}.branch-setup", 1)
    assert "### Step 3" in ok(gt("mol", "step", "done", cwd=shop, **me)).out
    refused = gt("mol", "step", "done", "build-check", cwd=shop, **me)
    assert refused.code == 1 and "waits for" in refused.err
    current = ok(gt("mol", "current", "--json", cwd=shop, **me)).json
    assert (current["status"], current["steps_complete"], current["handoff_id"]) == ("working", 2, bead.id)
    assert ok(gt("mol", "progress", bead.id, "--json", cwd=shop)).json["done_steps"] == 2
    dag = ok(gt("mol", "dag", root, "--json", cwd=shop)).json
    assert (dag["tiers"], len(dag["critical_path"]), dag["total_nodes"]) == (8, 8, 8)
    assert "  1  load-context" in ok(gt("mol", "dag", root, "--tiers", cwd=shop)).out
    assert [e["payload"]["message"] for e in rigged.events("step")] == ["load-context done", "branch-setup done"]


def test_work_takes_a_molecule_on_and_off(rigged, shop, gt):  # noqa: F811
    bead = rigged.file("Fix it").id
    made = ok(gt("mol", "attach", bead, "mol-polecat-work", "--json", cwd=shop)).json["molecule"]
    assert ok(gt("mol", "attachment", bead, "--json", cwd=shop)).json["attached_molecule"] == made
    assert gt("mol", "attach", bead, "mol-polecat-work", cwd=shop).code == 1
    assert ok(gt("mol", "detach", bead, "--json", cwd=shop)).json["molecule"] == made
    ok(gt("mol", "attach", bead, made, cwd=shop))
    assert ok(gt("mol", "squash", bead, "--json", cwd=shop)).json["root_closed"]
    again = ok(gt("mol", "attach", bead, "mol-polecat-work", "--json", cwd=shop)).json["molecule"]
    burned = ok(gt("mol", "burn", bead, "--json", cwd=shop)).json
    assert (burned["burned"], burned["handoff_id"]) == (again, bead)
    assert not ok(gt("mol", "attachment", bead, "--json", cwd=shop)).json["exists"]


@pytest.mark.parametrize("verb", ["progress", "dag", "current", "burn", "squash"])
def test_a_molecule_that_no_ledger_has_is_an_error_with_the_way_out(rigged, shop, gt, bd, verb):  # noqa: F811
    bead = rigged.file("Fix it").id
    made = ok(gt("mol", "attach", bead, "mol-polecat-work", "--json", cwd=shop)).json["molecule"]
    ok(bd("delete", made, "--force", cwd=shop))
    done = gt("mol", verb, bead, cwd=shop)
    assert done.code == 1 and f"no molecule {made}" in done.err and "gt mol detach" in done.err
    assert ok(gt("mol", "detach", bead, "--json", cwd=shop)).json["molecule"] == made


def test_waiting_and_waking(rigged, shop, gt):  # noqa: F811
    emitted = ("mol", "step", "emit-event", "--channel", "c", "--type", "ready", "--payload", "bead=sh-1", "--json")
    assert ok(gt(*emitted, cwd=shop)).json["payload"] == {"bead": "sh-1"}
    woken = ok(gt("mol", "step", "await-event", "--channel", "c", "--cleanup", "--json", cwd=shop)).json
    assert (woken["reason"], woken["events"][0]["type"]) == ("event", "ready")
    assert ok(gt("mol", "await-signal", "--timeout", "10ms", "--json", cwd=shop)).json["reason"] == "timeout"
    assert gt("mol", "step", "await-event", cwd=shop).code == 2


def test_a_convoy_formula_runs_in_a_rig(rigged, shop, gt):  # noqa: F811
    write(os.path.join(rigged.root, "settings", "x"), "")
    told = ok(
        gt("formula", "run", "code-review", "--files", "a.py", "--preset", "gate", "--dry-run", "--json", cwd=shop)
    )
    assert [part["name"] for part in told.json["parts"]][-1] == "synthesis" and len(told.json["parts"]) == 5
    lacking = gt("formula", "run", "code-review", cwd=shop)
    assert lacking.code == 1 and "pr_number" in lacking.err
    assert gt("formula", "run", "code-review", cwd=rigged.root).code == 2


def test_wisps_are_compacted_and_the_day_reported(rigged, shop, bd, gt):  # noqa: F811
    ok(bd("create", "noise", "--ephemeral", "--wisp-type", "ping", cwd=shop))
    assert ok(gt("compact", "--json", cwd=shop)).json == {
        "promoted": [],
        "deleted": [],
        "skipped": 1,
        "orphaned_wisp_deps": 0,
        "errors": [],
    }
    told = ok(gt("compact", "report", "--json", cwd=shop)).json
    assert told["categories"]["Heartbeats"]["active"] == 1 and not told["already_filed"]
    assert ok(gt("compact", "report", "--json", cwd=shop)).json["already_filed"]
    assert gt("compact", "--rig", "nope", cwd=shop).code == 1
