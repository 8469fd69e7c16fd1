from __future__ import annotations

import os

import pytest

from gastown_core.messaging.queue import read_nudge, waiting
from tests.support.cli import gt
from tests.support.towns import reference_town


def test_the_convoy_commands_of_the_readme_word_by_word(rigged):
    one, two, three, four = (rigged.file(title).id for title in "abcd")
    made = gt("convoy", "create", "Auth System", one, two, "--notify", "--human", cwd=rigged.root)
    assert made.code == 0
    empty = gt("convoy", "create", "Bug Fixes", "--human", "--json", cwd=rigged.root).json
    assert empty["tracked"] == []
    assert gt("convoy", "add", empty["id"], three, four, cwd=rigged.root).code == 0
    shown = gt("convoy", "show", "--json", cwd=rigged.root).json
    assert (shown["id"], [one["id"] for one in shown["tracked"]]) == (empty["id"], [three, four])
    listed = gt("convoy", "list", "--json", cwd=rigged.root).json
    assert [(row["title"], row["total"], row["notify"]) for row in listed] == [
        ("Bug Fixes", 2, ""),
        ("Auth System", 2, "mayor/"),
    ]
    text = gt("convoy", "list", cwd=rigged.root)
    assert "Auth System" in text.out and "0/2" in text.out
    assert "Auth System" in gt("convoy", "list", "--tree", cwd=rigged.root).out


def test_a_bead_after_a_bare_notify_is_still_a_member(rigged):
    bead = rigged.file().id
    made = gt("convoy", "create", "Fix", "--notify", bead, "--json", cwd=rigged.root).json
    assert ([one["id"] for one in made["tracked"]], made["notify"]) == ([bead], "mayor/")


def test_an_unknown_member_makes_nothing(rigged):
    refused = gt("convoy", "create", "Bad", "sh-nope", "--json", cwd=rigged.root)
    assert refused.code == 1 and "sh-nope" in refused.json["error"]
    assert gt("convoy", "list", "--json", cwd=rigged.root).json == []


def test_the_reference_towns_convoy(tmp_path):
    root = reference_town(tmp_path)
    listed = gt("convoy", "list", "--json", cwd=root).json
    assert [len(row["tracked"]) for row in listed] == [3]
    assert "Demo convoy" in gt("convoy", "show", cwd=root).out


def test_sling_hook_unsling_and_their_json(rigged, without_tmux):
    bead = rigged.file("Fix login").id
    dry = gt("sling", bead, "shop", "--dry-run", "--json", cwd=rigged.root).json
    assert dry == {"bead": bead, "target": "shop/(a free polecat)", "dry_run": True}
    slung = gt("sling", bead, "shop", "--agent", "codex", "--json", cwd=rigged.root).json
    assert (slung["bead"], slung["runtime"], slung["session"]) == (bead, "codex", "")
    assert os.path.isdir(slung["worktree"]) and "codex" in slung["by_hand"]
    shown = gt("hook", "--json", cwd=slung["worktree"]).json
    assert (shown["has_work"], shown["bead_id"], shown["agent"]) == (True, bead, slung["agent"])
    assert gt("hook", "show", slung["agent"], cwd=rigged.root).out.startswith(f"{bead} [hooked] Fix login")
    primed = gt("prime", cwd=slung["worktree"])
    assert primed.code == 0 and bead in primed.out
    assert gt("unsling", bead, cwd=rigged.root).code == 0
    empty = gt("hook", "--json", cwd=slung["worktree"]).json
    assert (empty["has_work"], empty["status"]) == (False, "empty")
    assert [event["type"] for event in rigged.events("sling", "unhook")] == ["sling", "unhook"]


def test_receipts_are_one_json_line_each_and_so_is_a_failure(rigged, without_tmux):
    bead = rigged.file().id
    lines = gt("sling", bead, "shop", "--receipts", cwd=rigged.root).lines
    assert [line["stage"] for line in lines] == ["validated", "convoy", "worktree", "hooked", "session", "started"]
    assert [line["final"] for line in lines] == [False] * 5 + [True]
    failed = gt("sling", "sh-nope", "shop", "--receipts", cwd=rigged.root)
    assert failed.code == 1 and "sh-nope" in failed.lines[0]["error"]


def test_a_hook_is_set_by_hand(rigged):
    bead = rigged.file().id
    assert gt("hook", bead, "mayor", cwd=rigged.root).code == 0
    assert gt("hook", bead, "mayor", cwd=rigged.root).code == 0
    assert len(rigged.events("hook")) == 1
    taken = gt("hook", bead, "shop/witness", cwd=rigged.root)
    assert taken.code == 1 and "on the hook of mayor" in taken.err
    polecat = gt("hook", bead, "shop/witness", cwd=rigged.root, GT_ROLE="shop/polecats/opal")
    assert polecat.code == 2


def test_control_characters_in_titles_do_not_reach_the_terminal(rigged):
    bead = rigged.file("evil \x1b]0;owned\x07 title", description="\x1b[31mred").id
    gt("hook", bead, "mayor", cwd=rigged.root)
    gt("convoy", "create", "x\x1b[2Jy", bead, cwd=rigged.root)
    for words in (("hook", "show", "mayor"), ("convoy", "list"), ("convoy", "show"), ("prime",)):
        out = gt(*words, cwd=os.path.join(rigged.root, "mayor")).out
        assert out and "\x1b" not in out and "\x07" not in out


def test_a_nudge_without_tmux_is_kept_and_the_receipt_says_why(rigged, without_tmux):
    told = gt("nudge", "mayor", "look here", cwd=rigged.root)
    assert (
        told.code == 1 and "tmux is not installed" in told.out + told.err and "kept in its queue" in told.out + told.err
    )
    queued = gt("nudge", "mayor", "--mode", "queue", "later", cwd=rigged.root)
    assert queued.code == 0
    assert [read_nudge(path).message for path in waiting(rigged.root, "hq-mayor")] == ["look here", "later"]


def test_dry_run_of_a_handoff_is_json_when_asked(rigged):
    done = gt("handoff", "mayor", "-n", "-s", "full", "-m", "look here", "--json", cwd=rigged.root)
    assert done.code == 0
    assert done.json["dry_run"] is True
    assert (done.json["subject"], done.json["note"]) == ("full", "look here")


def test_handoff_without_tmux_keeps_the_note(rigged, without_tmux):
    done = gt("handoff", "mayor", "-y", "-s", "full", "-m", "look here", cwd=rigged.root)
    assert done.code == 0 and "run it yourself" in done.out
    assert "look here" in gt("prime", cwd=os.path.join(rigged.root, "mayor")).out


@pytest.mark.parametrize(
    "holder", ["shop/polecats/rubin", "shop/rubin", "shop/crew/max", "deacon/dogs/rex", "older/polecats/nux"]
)
def test_work_of_a_worker_that_does_not_exist_is_shown_explained_and_one_act_from_going_on(
    rigged, without_tmux, holder
):
    with rigged.ledger.store_for("sh-x").write("mayor") as batch:
        bead = batch.create({"title": "Left behind"}).id
        batch.update(bead, {"status": "hooked", "assignee": holder})
    convoy = gt("convoy", "create", "C", bead, "--json", cwd=rigged.root).json["id"]
    status = gt("status", cwd=rigged.root).out
    assert "1 bead on the hook of a worker that does not exist" in status and bead in status and holder in status
    assert [one["id"] for one in gt("status", "--json", cwd=rigged.root).json["orphaned_work"]] == [bead]
    problems = gt("feed", "--problems", "--plain", cwd=rigged.root).out
    assert bead in problems and "all is well" not in problems
    assert holder in gt("hook", "list", cwd=rigged.root).out
    assert "who does not exist" in gt("scheduler", "explain", bead, cwd=rigged.root).out
    shown = gt("convoy", "show", convoy, cwd=rigged.root).out
    assert "who does not exist" in shown
    assert gt("status", "--json", cwd=rigged.root).json["convoys"][0]["running"] == 0
    slung = gt("sling", bead, "shop", cwd=rigged.root)
    assert slung.code == 0, slung.err
    now = rigged.bead(bead)
    assert now.status == "hooked" and now.assignee != holder and now.assignee.startswith("shop/polecats/")
    assert "orphaned_work" not in status and gt("status", "--json", cwd=rigged.root).json["orphaned_work"] == []


def test_a_person_or_somebody_elses_name_as_assignee_is_no_worker_that_went(rigged):
    for name in ("alice", "team/bob", "overseer", "mayor/"):
        with rigged.ledger.store_for("sh-x").write("mayor") as batch:
            batch.update(batch.create({"title": name}).id, {"status": "in_progress", "assignee": name})
    assert gt("status", "--json", cwd=rigged.root).json["orphaned_work"] == []


@pytest.mark.parametrize("known", [True, False])
def test_an_agents_name_unslings_what_hangs_on_its_hook(rigged, known):
    holder = "shop/polecats/opal"
    if known:
        os.makedirs(os.path.join(rigged.root, "shop", "polecats", "opal"))
    with rigged.ledger.store_for("sh-x").write("mayor") as batch:
        bead = batch.create({"title": "Hangs"}).id
        batch.update(bead, {"status": "hooked", "assignee": holder})
    done = gt("unsling", "shop/opal", cwd=rigged.root)
    assert done.code == 0 and bead in done.out
    assert (rigged.bead(bead).status, rigged.bead(bead).assignee) == ("open", "")
    again = gt("unsling", "shop/opal", cwd=rigged.root)
    assert again.code != 0 and ("nothing is on the hook" in again.err)


def test_plain_problems_name_escalations_and_convoys_that_can_never_finish(rigged, without_tmux):
    bead = rigged.file("Asleep").id
    with rigged.ledger.store_for("sh-x").write("mayor") as batch:
        batch.update(bead, {"status": "deferred"})
    gt("convoy", "create", "Held up", bead, cwd=rigged.root)
    with rigged.ledger.store_for("hq-x").write("mayor") as batch:
        batch.create({"title": "Build is broken", "labels": ["gt:escalation"], "priority": 1})
    said = gt("feed", "--problems", "--plain", cwd=rigged.root).out
    assert "all is well" not in said
    assert "ESCALATIONS (1)" in said and "Build is broken" in said
    assert "STUCK WORK (1)" in said and f"cannot finish: {bead} deferred without a date" in said
    assert "1 stuck" in gt("status", cwd=rigged.root).out


def test_a_name_that_nobody_bears_is_told_from_an_empty_hook(rigged, without_tmux):
    assert "this town has no agent shop/nobody" in gt("unsling", "shop/nobody", cwd=rigged.root).err
    assert gt("unsling", "mayor", cwd=rigged.root).err == "nothing is on the hook of mayor\n"
