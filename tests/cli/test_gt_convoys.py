from __future__ import annotations

from pathlib import Path

from gastown_core.work.convoys import create_convoy
from tests.support.cli import gt


def test_a_convoys_life_by_its_commands(paper):
    one, two = paper.file("one"), paper.file("two", rig="billing")
    made = gt("convoy", "create", "Auth", one, two, "--notify", "--human", "--json", cwd=paper.root).json
    assert (made["notify"], made["watchers"], made["total"]) == ("mayor/", ["overseer"], 2)
    convoy = made["id"]
    watched = gt("convoy", "watch", convoy, "--addr", "shop/opal", "--json", cwd=paper.root).json
    assert watched == {"convoy_id": convoy, "address": "shop/opal", "watch_type": "mail", "status": "subscribed"}
    assert gt("convoy", "unwatch", convoy, "--addr", "shop/opal", cwd=paper.root).code == 0
    assert [row["ready_count"] for row in gt("convoy", "stranded", "--json", cwd=paper.root).json] == [2]
    assert gt("convoy", "check", cwd=paper.root).out == "no complete convoys\n"
    refused = gt("convoy", "close", convoy, cwd=paper.root)
    assert refused.code == 1 and "2 open members" in refused.err
    paper.close(one)
    paper.close(two)
    assert gt("convoy", "check", "--dry-run", "--json", cwd=paper.root).json["complete"] == [convoy]
    assert gt("convoy", "check", convoy, cwd=paper.root).out == f"✓ landed {convoy}\n"
    assert sorted(paper.mail()) == [("mayor/", "🚚 Convoy landed: Auth"), ("overseer", "🚚 Convoy landed: Auth")]
    assert "[closed]" in gt("convoy", "show", cwd=paper.root).out
    assert gt("convoy", "close", convoy, cwd=paper.root).out.endswith("is already closed\n")


def test_show_without_an_id_with_none_one_and_many(paper):
    none = gt("convoy", "show", cwd=paper.root)
    assert none.code == 1 and "gt convoy create" in none.err
    first = paper.convoy("First")
    assert gt("convoy", "show", "--json", cwd=paper.root).json["id"] == first
    second = paper.convoy("Second")
    assert gt("convoy", "show", "--json", cwd=paper.root).json["id"] == second
    # and by the number of the list, under its other name too
    assert gt("convoy", "status", "2", "--json", cwd=paper.root).json["id"] == first
    assert gt("convoy", "status", "3", cwd=paper.root).code == 1


def test_show_tells_what_members_wait_for(paper):
    one = paper.file("one")
    two = paper.file("two", after=(one,))
    paper.convoy("C", one, two)
    assert f"      waits for {one} (open)" in gt("convoy", "show", cwd=paper.root).out
    tracked = gt("convoy", "show", "--json", cwd=paper.root).json["tracked"]
    assert [(row["blocked"], row["held"]) for row in tracked] == [(False, ""), (True, f"waits for {one} (open)")]


def test_the_list_says_which_convoys_stand_still_and_why_as_the_console_does(paper):
    stuck, ready, moving = paper.file("one", status="blocked"), paper.file("two"), paper.file("three")
    paper.change(moving, status="hooked", assignee="overseer")
    ids = [paper.convoy("Stuck", stuck), paper.convoy("Idle", ready), paper.convoy("Moves", moving)]
    shown = gt("convoy", "list", cwd=paper.root)
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert [line.split()[1] for line in lines[1:] if not line.startswith("   ")] == ids[::-1]
    assert "open" in lines[1] and lines[2].split()[-2:-1] != ["open"]
    assert "stalled" in lines[2] and lines[3].strip().endswith(f"1 bead is ready but nobody is on it: {ready}")
    assert "1 stuck" in lines[4] and lines[5].strip() == f"cannot finish: {stuck} its status is blocked"
    assert len(lines) == 6
    found = {row["id"]: (row["stalled"], row["stuck"]) for row in gt("convoy", "list", "--json", cwd=paper.root).json}
    assert found == {
        ids[0]: (False, {stuck: "its status is blocked"}),
        ids[1]: (True, {}),
        ids[2]: (False, {}),
    }
    told = {row["id"]: row for row in gt("status", "--json", cwd=paper.root).json["convoys"]}
    assert {one: (row["stalled"], row.get("stuck", {})) for one, row in told.items()} == found
    tree = gt("convoy", "list", "--tree", cwd=paper.root).out
    assert "cannot finish: " in tree and "stalled " in tree


def test_the_list_still_stands_where_settings_cannot_be_read(paper):
    convoy = paper.convoy("C", paper.file("one"))
    (Path(paper.root) / "settings" / "config.json").write_text("{junk")
    shown = gt("convoy", "list", cwd=paper.root)
    assert convoy in shown.out and "config.json" in shown.err and shown.code == 0


def test_a_convoy_from_an_epic_takes_its_name(paper):
    epic = paper.file("Big", issue_type="epic")
    child = paper.file("child", parent=epic)
    made = gt("convoy", "create", "--from-epic", epic, "--json", cwd=paper.root).json
    assert (made["title"], [row["id"] for row in made["tracked"]]) == ("Big", [child])
    assert gt("convoy", "create", cwd=paper.root).code == 2


def test_the_first_bead_names_a_convoy_without_a_name(paper):
    bead = paper.file("Fix login")
    assert gt("convoy", "create", bead, "--json", cwd=paper.root).json["title"] == "Fix login"


def test_refresh_tells_before_after_and_what_still_waits(paper):
    paper.set("scheduler.max_polecats", "1")
    one = paper.file("one")
    two, three = paper.file("two", after=(one,)), paper.file("three")
    convoy = paper.convoy("C", one, two, three)
    done = gt("convoy", "refresh", convoy, cwd=paper.root)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[1].startswith("  before  ") and lines[2].startswith("  after   ")
    assert f"  ⏱ {one} queued for shop" in lines
    assert any(line.startswith("  ○ 1 ready, not started") for line in lines)
    assert f"  · {two} waits for {one} (open)" in lines
    told = gt("convoy", "refresh", convoy, "--json", cwd=paper.root).json
    assert (told["before"]["total"], told["landed"], told["fed"]) == (3, False, [])


def test_stage_and_launch(paper):
    paper.set("scheduler.max_polecats", "5")
    epic = paper.file("Auth", issue_type="epic")
    one = paper.file("one", parent=epic)
    two = paper.file("two", parent=epic, after=(one,))
    staged = gt("convoy", "stage", epic, "--json", cwd=paper.root).json
    assert (staged["status"], staged["restaged"]) == ("staged_ready", False)
    assert [[task["id"] for task in wave["tasks"]] for wave in staged["waves"]] == [[one], [two]]
    text = gt("convoy", "stage", epic, cwd=paper.root).out
    assert "Wave 2" in text and f"after {one}" in text and "is restaged" in text
    assert gt("convoy", "list", cwd=paper.root).out.count("staged_ready") == 1
    launched = gt("convoy", "launch", staged["convoy_id"], "--json", cwd=paper.root).json
    assert [row["bead"] for row in launched["dispatched"]] == [one]
    again = gt("convoy", "launch", staged["convoy_id"], "--json", cwd=paper.root)
    assert again.code == 1 and "not staged" in again.json["error"]


def test_an_epic_is_staged_and_launched_in_one(paper):
    paper.set("scheduler.max_polecats", "5")
    epic = paper.file("Auth", issue_type="epic")
    one = paper.file("one", parent=epic)
    assert f"⏱ {one} queued for shop" in gt("convoy", "launch", epic, cwd=paper.root).out
    other = paper.file("x", issue_type="epic")
    for n in range(6):
        paper.file(f"t{n}", parent=other)
    held_up = gt("convoy", "stage", other, "--launch", cwd=paper.root)
    assert held_up.code == 3 and "wave 1 has 6 tasks" in held_up.out and "--force" in held_up.out


def test_a_mountain_by_its_commands(paper):
    paper.set("scheduler.max_polecats", "5")
    epic = paper.file("Auth", issue_type="epic")
    one = paper.file("one", parent=epic)
    paper.file("two", parent=epic, after=(one,))
    made = gt("mountain", epic, "--json", cwd=paper.root).json
    assert (made["title"], len(made["launched"]["dispatched"])) == ("Mountain: Auth", 1)
    told = gt("mountain", "status", "--json", cwd=paper.root).json
    assert (told["convoy_id"], told["total"], told["blocked"], told["waves"]) == (made["convoy_id"], 2, 2, 2)
    assert "0 of 2" in gt("mountain", "status", cwd=paper.root).out
    assert "is paused" in gt("mountain", "pause", cwd=paper.root).out
    assert "⏸ paused" in gt("mountain", "status", cwd=paper.root).out
    assert "is resumed" in gt("mountain", "resume", made["convoy_id"], cwd=paper.root).out
    assert "plain convoy" in gt("mountain", "cancel", cwd=paper.root).out
    assert gt("mountain", "pause", cwd=paper.root).code == 1


def test_an_epic_that_is_done_is_no_mountain_any_more(paper):
    epic = paper.file("Auth", issue_type="epic")
    one = paper.file("one", parent=epic)
    assert gt("close", one, cwd=paper.root).code == 0
    said = gt("mountain", epic, cwd=paper.root)
    assert said.code == 1 and f"the one bead of {epic} is done" in said.err and "launched" not in said.out
    assert gt("convoy", "list", "--json", cwd=paper.root).json == []


def test_a_word_that_reads_like_an_id_and_is_none_makes_no_convoy(paper):
    bead = paper.file("Fix")
    said = gt("convoy", "create", "release-2", cwd=paper.root)
    assert said.code == 0, "no store has that prefix, so it is a name"
    said = gt("convoy", "create", bead + "zz", cwd=paper.root)
    assert said.code == 1 and f"no bead {bead}zz" in said.err and bead in said.err
    assert len(gt("convoy", "list", "--json", cwd=paper.root).json) == 1


def test_the_seeds_words_about_the_scheduler(paper):
    bead = paper.file("Fix")
    paper.convoy("C", bead)
    assert gt("config", "set", "scheduler.max_polecats", "5", cwd=paper.root).code == 0
    assert "wait for one of 5 polecats" in gt("scheduler", "status", cwd=paper.root).out
    assert gt("scheduler", "pause", cwd=paper.root).code == 0
    status = gt("scheduler", "status", "--json", cwd=paper.root).json
    assert (status["paused"], status["paused_by"], status["queued_total"]) == (True, "overseer", 0)
    assert gt("scheduler", "resume", cwd=paper.root).code == 0
    assert gt("config", "set", "scheduler.max_polecats", "-2", cwd=paper.root).code == 2
    gt("convoy", "refresh", cwd=paper.root)
    assert [row["id"] for row in gt("scheduler", "list", "--json", cwd=paper.root).json] == [bead]
    assert f"○ {bead} P" in gt("scheduler", "list", cwd=paper.root).out
    assert f"would dispatch {bead} to shop" in gt("scheduler", "run", "--dry-run", cwd=paper.root).out
    explained = gt("scheduler", "explain", bead, cwd=paper.root).out
    assert "a free polecat of shop takes it at the next cycle" in explained and "daemon is not running" in explained
    told = gt("scheduler", "explain", "--json", cwd=paper.root).json
    assert [(row["bead"], row["state"]) for row in told["answers"]] == [(bead, "next")]
    assert "Next (1)" in gt("scheduler", "explain", cwd=paper.root).out
    failed = gt("scheduler", "run", cwd=paper.root)
    assert failed.code == 3 and f"✗ {bead}" in failed.out
    assert gt("scheduler", "clear", "--bead", bead, cwd=paper.root).code == 0
    missing = gt("scheduler", "clear", "--bead", bead, "--json", cwd=paper.root)
    assert missing.code == 1 and "not in the queue" in missing.json["error"]
    assert gt("scheduler", "run", "--batch", "0", cwd=paper.root).code == 2


def test_land_previews_and_lands(rigged):
    bead = rigged.file()
    convoy = create_convoy(rigged.root, rigged.ledger, "Mine", [bead.id], owner="overseer", owned=True)
    looked = gt("convoy", "land", convoy.id, "--dry-run", cwd=rigged.root)
    assert looked.code == 0 and "needs --force" in looked.out
    assert gt("convoy", "land", convoy.id, cwd=rigged.root).code == 1
    landed = gt("convoy", "land", convoy.id, "--force", "--keep-worktrees", cwd=rigged.root)
    assert f"✓ landed {convoy.id} Mine\n  1 open: {bead.id}" in landed.out


def test_control_characters_reach_no_terminal_by_these_commands(paper):
    evil = "evil \x1b]0;owned\x07 title"
    one = paper.file(evil)
    two = paper.file(evil, after=(one,))
    paper.convoy(evil, one, two, labels=["mountain"])
    paper.set("scheduler.max_polecats", "1")
    for words in (
        ("convoy", "stranded"),
        ("convoy", "show"),
        ("convoy", "refresh"),
        ("scheduler", "explain"),
        ("scheduler", "explain", two),
        ("scheduler", "list"),
        ("mountain", "status"),
    ):
        out = gt(*words, cwd=paper.root).out
        assert out and "\x1b" not in out and "\x07" not in out, words


def test_a_convoy_that_another_tool_only_labels_so_is_listed_numbered_fed_and_landed(paper):
    one = paper.file("one")
    convoy = paper.convoy("Labelled", one)
    paper.change(convoy, issue_type="task", labels=["gt:convoy"])
    plain = paper.convoy("Plain", paper.file("two"))
    lines = gt("convoy", "list", cwd=paper.root).out.splitlines()[1:]
    assert [line.split()[1] for line in lines if not line.startswith("   ")] == [plain, convoy]
    assert {row["id"] for row in gt("convoy", "list", "--json", cwd=paper.root).json} == {plain, convoy}
    assert gt("convoy", "show", "2", "--json", cwd=paper.root).json["id"] == convoy
    assert {row["id"] for row in gt("convoy", "stranded", "--json", cwd=paper.root).json} == {plain, convoy}
    paper.close(one)
    assert gt("convoy", "check", cwd=paper.root).out == f"✓ landed {convoy}\n"
