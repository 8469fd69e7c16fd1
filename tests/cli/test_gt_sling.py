from __future__ import annotations

import os

import pytest

from gastown_core.git.repo import Git
from tests.support.cli import gt
from tests.support.repos import commit_files
from tests.support.rigged import write


@pytest.fixture
def town(rigged, without_tmux):
    return rigged


def test_a_batch_prints_one_object_and_its_exit_code_is_honest(town):
    one, two, bad = town.file("one").id, town.file("two").id, town.file("--oops").id
    refused = gt("sling", one, bad, "shop", "--json", cwd=town.root)
    assert refused.code == 2 and town.bead(one).status == "open"
    dry = gt("sling", one, two, "shop", "--dry-run", "--json", cwd=town.root)
    assert dry.json == {"beads": [one, two], "target": "shop", "dry_run": True}
    done = gt("sling", one, two, "shop", "--json", cwd=town.root)
    assert done.code == 0
    assert [(row["bead"], row["ok"]) for row in done.json["results"]] == [(one, True), (two, True)]
    assert town.bead(done.json["convoy"]).title == "Batch: 2 beads to shop"
    # one of these is on a hook already, and its polecat cannot be moved
    write(os.path.join(town.root, "settings", "config.json"), '{"operational": {"polecat": {"max_per_rig": 3}}}')
    three, four = town.file("three").id, town.file("four").id
    partly = gt("sling", three, four, "shop", "--json", cwd=town.root)
    assert partly.code == 3
    assert [row["ok"] for row in partly.json["results"]] == [True, False]


def test_words_from_standard_input_go_to_the_worker(town):
    bead = town.file().id
    gt("sling", bead, "shop", "--stdin", cwd=town.root, stdin="be quick\n")
    assert town.bead(bead).raw["metadata"]["dispatch"]["args"] == "be quick"
    both = gt("sling", town.file().id, "shop", "--stdin", "-a", "x", "-m", "y", cwd=town.root, stdin="z")
    assert both.code == 2


def test_an_epic_refuses_what_is_said_of_one_task(town):
    epic = town.file("big", issue_type="epic").id
    refused = gt("sling", epic, "--args", "x", "--ralph", cwd=town.root)
    assert refused.code == 2 and "--ralph, --args" in refused.err
    assert gt("sling", epic, cwd=town.root).code == 2


def test_a_crew_flag_and_the_respawn_count(town):
    from gastown_core.town.crew import add_crew
    from gastown_core.work import death_count

    add_crew(town.root, "shop", "ana")
    bead = town.file().id
    assert gt("sling", bead, "--crew", "ana", "--json", cwd=town.root).json["agent"] == "shop/crew/ana"
    death_count.note(town.root, bead)
    assert gt("sling", "respawn-reset", bead, "--json", cwd=town.root).json == {"bead": bead, "reset": True}


def test_where_slings_are_deferred_a_rig_takes_a_place_in_the_queue(town):
    gt("config", "set", "scheduler.max_polecats", "2", cwd=town.root)
    bead = town.file().id
    queued = gt("sling", bead, "shop", "--json", cwd=town.root)
    assert queued.code == 0 and queued.json["deferred"] and town.bead(bead).status == "open"
    assert "is already queued" in gt("sling", bead, "shop", cwd=town.root).out
    (receipt,) = gt("sling", town.file().id, "shop", "--receipts", cwd=town.root).lines
    assert (receipt["stage"], receipt["final"]) == ("queued", True)
    assert gt("sling", town.file().id, "mayor", "--json", cwd=town.root).json["agent"] == "mayor"


def test_done_goes_on_and_repeats_itself(town):
    slung = gt("sling", town.file().id, "shop", "--json", cwd=town.root).json
    here = slung["worktree"]
    commit_files(Git(here, identity=town.origin.identity), {"a": "1"}, "one")
    first = gt("done", "--priority", "1", "--json", cwd=here)
    assert first.code == 0
    assert (first.json["status"], first.json["pushed"], first.json["strategy"]) == ("COMPLETED", True, "mr")
    again = gt("done", "--resume", "--json", cwd=here).json
    assert (again["mr"], again["repeated"]) == (first.json["mr"], True)
    assert town.bead(first.json["mr"]).priority == 1


def test_a_hook_is_shown_listed_cleared_and_rolled_back(town):
    slung = gt("sling", town.file("Fix login").id, "shop", "--json", cwd=town.root).json
    shown = gt("hook", "status", "--json", cwd=slung["worktree"]).json
    assert (shown["bead_id"], shown["hook_state"]) == (slung["bead"], "created")
    assert (shown["attached_formula"], shown["attached_molecule"]) == (slung["formula"], slung["molecule"])
    listed = gt("hook", "list", "--json", cwd=town.root).json
    assert [(row["agent"], row["bead_id"], row["hook_state"]) for row in listed] == [
        (slung["agent"], slung["bead"], "created")
    ]
    git = Git(slung["worktree"], identity=town.origin.identity)
    write(os.path.join(git.path, "a"), "1")
    git.run("add", "a")
    git.run("commit", "--quiet", "-m", "one")
    start = git.commit_of("HEAD~1")
    preview = gt("hook", "rollback", start[:8], "--dry-run", "--json", cwd=slung["worktree"]).json
    assert preview["loss"]["files"] == ["a"]
    assert "one" in gt("hook", "rollback", cwd=slung["worktree"]).out
    assert gt("hook", "rollback", start[:8], "--agent", slung["agent"], cwd=town.root).code == 0
    assert git.commit_of("HEAD") == start
    assert gt("hook", "rollback", "--undo", cwd=slung["worktree"]).code == 0
    assert git.commit_of("HEAD") != start
    assert gt("hook", "clear", slung["agent"], "--json", cwd=town.root).json["released"] == [slung["bead"]]
    assert gt("hook", "attach", slung["bead"], "mayor", cwd=town.root).code == 0
    assert gt("hook", "detach", slung["bead"], cwd=town.root).code == 0


def test_polecats_are_listed_shown_and_taken_away(town):
    slung = gt("sling", town.file("Fix login").id, "shop", "--json", cwd=town.root).json
    (row,) = gt("polecat", "list", "--json", cwd=town.root).json
    assert (row["state"], row["issue"], row["zombie"]) == ("working", slung["bead"], False)
    agents = {one["name"]: one["health"] for one in gt("agents", "--all", "--json", cwd=town.root).json}
    assert row["health"] == agents[row["name"]] != ""
    short = f"shop/{row['name']}"
    assert gt("polecat", "status", short, "--json", cwd=town.root).json["branch"] == slung["branch"]
    assert gt("polecat", "git-state", short, "--json", cwd=town.root).json["clean"]
    assert "is on its hook" in gt("polecat", "nuke", short, "--dry-run", cwd=town.root).out
    refused = gt("polecat", "nuke", short, cwd=town.root)
    assert refused.code == 1 and "is on its hook" in refused.err
    done = gt("polecat", "nuke", short, "--force", "--json", cwd=town.root)
    assert done.code == 0 and done.json["removed"][0]["polecat"] == short
    assert gt("polecats", "--json", cwd=town.root).json == []
    assert gt("polecat", "pool-init", "shop", "--size", "2", cwd=town.root).code == 0
    assert len(gt("polecat", "list", "shop", "--json", cwd=town.root).json) == 2
    for words in (("prune", "shop"), ("stale",), ("check-recovery", short)):
        assert gt("polecat", *words, "--json", cwd=town.root).code == 0


def test_small_commands(town):
    from gastown_core.town.crew import add_crew

    add_crew(town.root, "shop", "ana")
    assigned = gt("assign", "ana", "Look", "at", "logs", "--json", cwd=town.root).json
    assert town.bead(assigned["bead"]).title == "Look at logs"
    assert gt("assign", "ana", "more", cwd=town.root).code == 1
    assert gt("release", assigned["bead"], "-r", "ill", "--json", cwd=town.root).json == {
        "released": [assigned["bead"]]
    }
    ready = gt("ready", "--json", "--rig", "shop", cwd=town.root).json
    assert [bead["id"] for bead in ready["sources"][0]["issues"]] == [assigned["bead"]]
    assert gt("close", assigned["bead"], "--json", cwd=town.root).json == {"closed": [assigned["bead"]]}
    assert gt("namepool", "--json", cwd=town.root).json["rig"] == "shop"
    slung = gt("sling", town.file().id, "shop", "--json", cwd=town.root).json
    write(os.path.join(slung["worktree"], "new.txt"), "new")
    Git(slung["worktree"]).run("add", "new.txt")
    assert gt("commit", "-q", "-m", "as myself", cwd=slung["worktree"]).code == 0
    name = slung["agent"].rpartition("/")[2]
    told = Git(slung["worktree"]).run("log", "-1", "--format=%an %ae")
    assert told == f"{name} shop.polecats.{name}@gastown.local"
    assert gt("prune-branches", "--dry-run", "--json", cwd=slung["worktree"]).json["branches"] == []
