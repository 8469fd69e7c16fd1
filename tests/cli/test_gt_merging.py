from __future__ import annotations

import json
import os

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.model.merge_request import with_facts
from gastown_core.model.refinery import BATCHES_FILE
from gastown_core.refinery import records
from gastown_core.refinery.flakes import saw
from gastown_core.refinery.flaky_tests import FlakyTest, quarantine
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.records import BatchResult
from tests.support.cli import gt
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]


def test_the_queue_is_shown_merged_and_told(queued: Queued) -> None:
    queued.gate()
    first, bad = queued.hand_in({"a": "1"}, priority=0), queued.hand_in({"bad": "1"})
    rows = gt("mq", "list", "shop", "--json", cwd=queued.root).json
    assert [(row["id"], row["status"]) for row in rows] == [(first.id, "ready"), (bad.id, "ready")]
    assert gt("mr", "next", "-q", cwd=queued.rig).out.strip() == first.id
    shown = gt("mq", "list", "--verify", cwd=queued.rig).out
    assert "OK" in shown and first.branch in shown
    ran = gt("refinery", "process", "shop", "--once", "--json", cwd=queued.root)
    assert ran.code == 3
    [result] = ran.json
    assert result["merged"] == [first.id] and result["culprits"] == [bad.id]
    status = gt("refinery", "status", "shop", "--json", cwd=queued.root).json
    assert status["phase"] == "idle" and status["last"]["id"] == result["id"] and status["queue_length"] == 0
    assert gt("mq", "status", first.id, "--json", cwd=queued.root).json["close_reason"] == "merged"
    assert "found bad" in gt("refinery", "log", "shop", "-b", result["id"], cwd=queued.root).out
    assert result["id"] in gt("ref", "log", "shop", cwd=queued.root).out
    assert gt("mq", "next", cwd=queued.rig).code == 1


def test_a_queue_that_is_held_says_how_it_is_tried_at_once(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    queued.bare.run("remote", "set-url", "origin", "file:///nowhere.git")
    assert gt("refinery", "process", "shop", cwd=queued.root).code == 1
    queued.bare.run("remote", "set-url", "origin", "file://" + queued.origin.path)
    refused = gt("refinery", "process", "shop", cwd=queued.root)
    assert refused.code == 1 and f"gt mq retry {one.id} --now tries at once" in refused.err
    assert gt("mq", "retry", one.id, "--now", cwd=queued.root).code == 0 and queued.merged() == [one.id]


@pytest.mark.parametrize(("revert", "code", "found"), [(False, 1, "red"), (True, 3, "taken back")])
def test_a_push_that_turns_out_red_is_no_success(queued: Queued, revert: bool, code: int, found: str) -> None:
    queued.settings(gates={"smoke": {"cmd": "test ! -e late", "phase": "post-push"}}, revert=revert)
    queued.hand_in({"late": "1"})
    ran = gt("refinery", "process", "shop", cwd=queued.root)
    assert ran.code == code and f"✗ shop main: verified after the push, {found}" in ran.out
    assert ": 1 probe, 0 gate runs, " in ran.out


def test_the_queue_tells_its_longest_wait_and_its_bound(queued: Queued) -> None:
    assert "longest" not in gt("mq", "list", "shop", cwd=queued.root).out
    one = queued.hand_in({"a": "1"}, priority=4)
    queued.hand_in({"b": "1"}, priority=0)
    shown = gt("mq", "list", "shop", cwd=queued.root).out
    assert f"longest wait: {one.id} for " in shown and "newer requests may go first for another 11h" in shown
    queued.settings(ageing="1ms")
    assert "no newer request goes first" in gt("mq", "list", "shop", cwd=queued.root).out
    [row, _] = gt("mq", "list", "shop", "--json", cwd=queued.root).json
    assert row["id"] == one.id and row["overtaken_until"] <= row["created_at"]


def test_claims_lists_and_rejections_by_hand(queued: Queued) -> None:
    one, two = queued.hand_in({"a": "1"}, priority=0), queued.hand_in({"b": "1"})
    assert gt("refinery", "claim", one.id, cwd=queued.root).code == 0
    ready = gt("refinery", "ready", "shop", "--json", cwd=queued.root).json
    assert [row["id"] for row in ready["ready"]] == [two.id] and ready["anomalies"] == []
    assert [row["mr"]["id"] for row in gt("refinery", "queue", "shop", "--json", cwd=queued.root).json] == [
        one.id,
        two.id,
    ]
    assert [row["id"] for row in gt("refinery", "unclaimed", "shop", "--json", cwd=queued.root).json] == [two.id]
    assert gt("refinery", "blocked", "shop", "--json", cwd=queued.root).json == []
    assert gt("refinery", "release", one.id, cwd=queued.root).code == 0
    assert gt("mq", "reject", "shop", two.id, "-r", "no", cwd=queued.root).code == 0
    assert gt("mq", "retry", one.id, "--now", "--json", cwd=queued.root).json[0]["merged"] == [one.id]
    refused = gt("mq", "retry", two.id, "--json", cwd=queued.root)
    assert refused.code == 1 and json.loads(refused.out)["error"].startswith(two.id)


def test_a_held_queue_says_why_and_a_wrong_gate_where(queued: Queued) -> None:
    queued.gate("exit 1")
    queued.hand_in({"a": "1"})
    assert gt("refinery", "process", cwd=queued.rig).code == 1
    again = gt("refinery", "process", cwd=queued.rig)
    assert again.code == 1 and "red by itself" in again.err
    assert "held" in gt("refinery", "status", cwd=queued.rig).out
    queued.settings(gates={"unit": {"cmd": "x", "timout": "1m"}}, gate={})
    wrong = gt("refinery", "process", "shop", cwd=queued.root)
    assert wrong.code == 2 and "did you mean timeout?" in wrong.err


def test_a_polecat_does_not_merge(queued: Queued) -> None:
    refused = gt("refinery", "process", "shop", cwd=queued.root, GT_ROLE="polecat", GT_RIG="shop", GT_POLECAT="opal")
    assert refused.code == 2 and "gt done" in refused.err


def test_a_convoy_tells_how_far_each_member_came_and_what_proves_it(queued: Queued) -> None:
    queued.gate()
    good, bad = queued.hand_in({"a": "1"}), queued.hand_in({"bad": "1"})
    made = gt("convoy", "create", "Both", good.source_issue, bad.source_issue, "--json", cwd=queued.root).json["id"]
    assert gt("refinery", "process", "shop", cwd=queued.root).code == 3
    told = gt("convoy", "show", made, "--landing", "--json", cwd=queued.root).json
    steps = {row["id"]: {name: step["state"] for name, step in row["steps"].items()} for row in told["members"]}
    assert set(steps[good.source_issue].values()) == {"yes"} and told["faults"] == 0
    assert steps[bad.source_issue]["pushed"] == "yes" and steps[bad.source_issue]["landed"] == "no"
    shown = gt("convoy", "show", made, "--landing", cwd=queued.root).out
    assert "1 landed" in shown and f"of {good.id} is on origin/main" in shown


def test_what_the_ledger_knows_of_the_queue_needs_no_repository(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    for path in (queued.bare.path, os.path.join(queued.rig, "mayor", "rig")):
        os.rename(path, path + ".gone")
    assert [row["id"] for row in gt("mq", "list", "shop", "--json", cwd=queued.root).json] == [one.id]
    [row] = gt("mq", "list", "shop", "--verify", "--json", cwd=queued.root).json
    assert not row["branch_exists"] and "no repository" in row["verify_error"]
    assert gt("refinery", "status", "shop", "--json", cwd=queued.root).json["ready"] == 1
    assert [row["id"] for row in gt("refinery", "ready", "shop", "--json", cwd=queued.root).json["ready"]] == [one.id]
    refused = gt("refinery", "process", "shop", cwd=queued.root)
    assert refused.code == 1 and "shop has no repository" in refused.err


def test_a_retry_says_why_a_request_rests_all_the_same(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(one.source_issue, {"status": "deferred"})
    said = gt("mq", "retry", one.id, cwd=queued.root)
    assert said.code == 0 and f"{one.id} is still blocked: {one.source_issue} is deferred" in said.out
    shown = gt("mq", "status", one.id, "--json", cwd=queued.root).json
    assert shown["why"] == f"{one.source_issue} is deferred"


def test_what_waits_for_a_held_target_is_held_and_says_why(queued: Queued) -> None:
    queued.settings(gates={"check": {"cmd": "echo broken; exit 1"}})
    one = queued.hand_in({"a": "1\n"})
    [result] = queued.process(once=True)
    assert "red by itself" in result.hold
    [row] = gt("mq", "list", "shop", "--json", cwd=queued.root).json
    assert (row["id"], row["status"]) == (one.id, "held") and "red by itself" in row["why"]
    shown = gt("mq", "list", "shop", cwd=queued.root).out
    assert "held (main at" in shown and "ready" not in shown
    assert gt("mq", "list", "shop", "--ready", "--json", cwd=queued.root).json == []
    said = gt("mq", "next", "shop", cwd=queued.root)
    assert said.code == 1 and "main is held: main at" in said.out
    assert gt("refinery", "ready", "shop", "--json", cwd=queued.root).json["ready"] == []
    [blocked] = gt("refinery", "blocked", "shop", "--json", cwd=queued.root).json
    assert blocked["status"] == "held"


def test_the_queue_a_batch_and_a_request_are_explained(queued: Queued) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    one = queued.hand_in({"a": "1"})
    said = gt("mq", "explain", one.branch, cwd=queued.root)
    assert said.code == 0 and "to approve" in said.out and "gt mq approve" in said.out
    # as the list and the status say it
    [row] = gt("mq", "list", "shop", "--json", cwd=queued.root).json
    [told] = gt("mq", "explain", "shop", one.id, "--json", cwd=queued.root).json["explained"]
    assert told["status"] == row["status"] and told["why"][0] == {"about": "why", "why": row["why"]}
    assert gt("mq", "status", one.id, "--json", cwd=queued.root).json["why"] == row["why"]
    queued.settings(needs_approval=False)
    [result] = queued.process()
    [batch] = gt("mq", "explain", "shop", result.id, "--json", cwd=queued.root).json["explained"]
    assert [row["about"] for row in batch["why"]] == ["size", "begin", "order", "merged"]
    assert "the only one that waits" in gt("mq", "explain", cwd=queued.rig).out
    assert gt("mq", "explain", one.id, "--json", cwd=queued.root).json["explained"][0]["status"] == "merged"
    assert gt("mq", "explain", "shop", "b-none", cwd=queued.root).code == 1
    assert gt("mq", "explain", "sh-none", cwd=queued.root).code == 1
    assert gt("mq", "explain", "a", "b", "c", cwd=queued.root).code == 2


def test_a_request_waits_for_its_approval_which_can_be_withdrawn_and_undone(queued: Queued) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    one = queued.hand_in({"a": "1"})
    [row] = gt("mq", "list", "shop", "--json", cwd=queued.root).json
    assert (row["status"], row["why"].split(";")[0]) == (
        "to approve",
        f"waits for somebody to approve {one.commit_sha[:12]}",
    )
    assert gt("mq", "list", "shop", "--status", "blocked", "--json", cwd=queued.root).json == []
    assert "is empty" not in gt("mq", "list", "shop", "--ready", cwd=queued.root).out
    [row] = gt("mq", "list", "shop", "--status", "unapproved", "--json", cwd=queued.root).json
    [row] = gt("refinery", "blocked", "shop", "--json", cwd=queued.root).json
    assert gt("mq", "approve", one.id, "--withdraw", cwd=queued.root).code == 1
    assert gt("mq", "approve", one.id, "--withdraw", "--commit", "abc", cwd=queued.root).code == 2
    assert gt("mq", "approve", one.id, "--commit", one.commit_sha[:8], cwd=queued.root).code == 0
    assert gt("mq", "list", "shop", "--json", cwd=queued.root).json[0]["status"] == "ready"
    shown = gt("mq", "approve", one.branch, "--dry-run", "--json", cwd=queued.root).json
    assert (shown["commit"], shown["approved_by"]) == (one.commit_sha, "overseer") and "1 file changed" in shown[
        "changes"
    ]
    told = gt("mq", "approve", one.id, "--dry-run", cwd=queued.root).out
    assert one.commit_sha in told and told.splitlines()[0].split() == ["request", one.id]
    assert gt("mq", "approve", "nothing", "--dry-run", cwd=queued.root).code == 1
    told = gt("undo", "--list", cwd=queued.root).out
    assert f"withdraw the approval of {one.id}" in told
    assert gt("undo", cwd=queued.root).code == 0
    assert gt("mq", "list", "shop", "--json", cwd=queued.root).json[0]["status"] == "to approve"
    shown = gt("mq", "approve", one.branch, "--json", cwd=queued.root).json
    assert shown == {"mr": one.id, "commit": one.commit_sha, "by": "overseer"}
    assert gt("mq", "approve", one.id, "--withdraw", "--json", cwd=queued.root).json == {
        "mr": one.id,
        "commit": "",
        "by": "",
    }


def test_a_request_is_taken_out_and_the_queue_is_frozen_and_thawed(queued: Queued) -> None:
    queued.gate()
    one, other = queued.hand_in({"a": "1"}), queued.hand_in({"b": "1"})
    assert "is out of the queue" in gt("mq", "dequeue", one.id, "-r", "later\n\x1b[31m", cwd=queued.root).out
    shown = gt("mq", "list", "shop", cwd=queued.root).out
    assert "taken out of the queue by overseer: later" in shown and "\x1b[31ml" not in shown
    assert gt("mq", "dequeue", one.id, cwd=queued.root).code == 1
    frozen = gt("mq", "freeze", "shop", "--for", "2h", "-r", "release", "--json", cwd=queued.root).json
    assert frozen["reason"].startswith("frozen by overseer until ") and frozen["reason"].endswith(": release")
    [row] = [row for row in gt("mq", "list", "shop", "--json", cwd=queued.root).json if row["id"] == other.id]
    assert (row["status"], row["why"]) == ("held", frozen["reason"])
    assert f"nothing is merged: {frozen['reason']}" in gt("mq", "list", "shop", cwd=queued.root).out
    ran = gt("refinery", "process", "shop", cwd=queued.root)
    assert ran.code == 1 and "gt mq thaw shop" in ran.err and not queued.subjects()
    for wrong in (("--for", "soon"), ("--until", "2001-01-01"), ("--for", "1h", "--until", "2099-01-01")):
        assert gt("mq", "freeze", "shop", *wrong, cwd=queued.root).code == 2
    assert gt("mq", "thaw", "shop", cwd=queued.root).code == 0
    assert gt("mq", "thaw", "shop", cwd=queued.root).code == 1
    assert gt("refinery", "process", "shop", "--json", cwd=queued.root).json[0]["merged"] == [other.id]
    assert "back in the queue" in gt("mq", "retry", one.id, cwd=queued.root).out
    assert gt("refinery", "process", "shop", "--json", cwd=queued.root).json[0]["merged"] == [one.id]


def test_the_sums_name_the_gates_that_changed_their_mind(queued: Queued) -> None:
    queued.gate()
    for number, result in enumerate(("fail", "pass", "pass")):
        saw(queued.rig, "unit\x1b[31m", "make", "t" * 12, result, 1000.0 + number)
        saw(queued.rig, "lint", "make lint", "t" * 12, "pass", 1000.0 + number)
    shown = gt("mq", "stats", "shop", cwd=queued.root).out
    assert "on 1 tree, 1 red by chance in the last 3 runs" in shown and "lint" not in shown and "\x1b[31m:" not in shown
    found = gt("mq", "stats", "shop", "--json", cwd=queued.root).json["flakes"]
    assert [(one["gate"], one["changed"], one["false_reds"]) for one in found] == [
        ("unit\x1b[31m", 1, 1),
        ("lint", 0, 0),
    ]


def test_a_forecast_says_what_it_leaves_out_and_that_nothing_is_merged_now(queued: Queued) -> None:
    queued.gate()
    one = queued.hand_in({"a": "1"})
    for name in ("--slots", "--batch"):
        refused = gt("mq", "forecast", "shop", name, "0", cwd=queued.root)
        assert refused.code == 2 and f"{name} must be at least 1" in refused.err
    gt("mq", "freeze", "shop", "--for", "2h", "-r", "release", cwd=queued.root)
    shown = gt("mq", "forecast", "shop", cwd=queued.root)
    assert one.id in shown.out and "the times count from when that ends: frozen by overseer until" in shown.err
    gt("mq", "thaw", "shop", cwd=queued.root)
    assert "nothing is merged now" not in gt("mq", "forecast", "shop", cwd=queued.root).err
    queued.settings(needs_approval=True)
    shown = gt("mq", "forecast", "shop", cwd=queued.root)
    assert shown.code == 1 and "can be merged now" in shown.out
    assert "not forecast: 1 to approve; gt mq list shop says why" in shown.err


def long_ago(queued: Queued, batch: str) -> None:
    """Let a finished batch be the oldest, of a month ago."""
    path = os.path.join(queued.rig, BATCHES_FILE)
    with open(path, encoding="utf-8") as handle:
        rows = [json.loads(line) for line in handle]
    rows.sort(key=lambda one: one["id"] != batch)
    rows[0]["at"] -= 30 * 86400.0
    with open(path, "w", encoding="utf-8") as handle:
        handle.writelines(json.dumps(one) + "\n" for one in rows)


def test_an_ended_verification_is_explained_by_what_it_found(queued: Queued) -> None:
    place = Refinery(queued.root, "shop")
    why = ("verify: what landed is not verified yet; this goes before all else that wants a place",)
    records.keep(
        place, BatchResult("b-2", "shop", "main", pushed=("sh-a", "sh-b"), found="taken back", pair=("sh-b",), why=why)
    )
    [told] = gt("mq", "explain", "shop", "b-2", "--json", cwd=queued.root).json["explained"]
    assert told["status"] == "push of 2 taken back: sh-b"
    assert told["why"] == [{"about": "verified", "why": "sh-a, sh-b"}, {"about": "taken back", "why": "sh-b"}]


def test_a_name_without_end_is_one_short_line_in_every_list(queued: Queued) -> None:
    queued.gate()
    long = "x" * 100_000
    one = queued.hand_in({"a": "1"}, push=False)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        bead = batch.need(one.id)
        facts = with_facts(bead, branch=f"polecat/{long}", target=long)
        batch.update(one.id, {"title": f"Merge: {long}"[:500], "metadata": facts})
    commands = ["mq list shop", "mq next shop", f"mq status {one.id}", "mq forecast shop", f"mq explain {one.id}"]
    for words in (
        *commands,
        "refinery queue shop",
        "refinery blocked shop",
        "refinery unclaimed shop",
        "refinery status shop",
    ):
        ran = gt(*words.split(), cwd=queued.root)
        assert ran.code in (0, 1) and max(map(len, (ran.out + ran.err).splitlines()), default=0) < 1100, words


def test_a_gate_that_only_tests_in_quarantine_make_red_counts_as_green_and_that_is_said(queued: Queued) -> None:
    saw(queued.rig, "unit", "make", "t" * 12, "pass", 1000.0)
    assert "in quarantine" not in gt("refinery", "flakes", "shop", cwd=queued.root).out
    test = FlakyTest("unit", "core::net", 3, 3, 1, since=1.0, until=SYSTEM_CLOCK.now() + 600, bead="sh-x")
    quarantine(queued.rig, test)
    assert "only in tests in quarantine counts as green" in gt("refinery", "flakes", "shop", cwd=queued.root).out


def test_the_sums_of_an_empty_queue_tell_no_waits_and_one_batch_is_one(queued: Queued) -> None:
    queued.gate()
    shown = gt("mq", "stats", "shop", cwd=queued.root).out
    assert "landed     0 in 0 batches" in shown and "waited" not in shown
    queued.hand_in({"a": "1"})
    queued.process()
    shown = gt("mq", "stats", "shop", cwd=queued.root).out
    assert "landed     1 in 1 batch, " in shown and "waited     half within " in shown
    # a rig that has merged for less than a minute is judged by a minute, not by the day that was asked for
    assert ", 60.0 an hour" in shown and "of which it has merged for" in shown
    records.keep(Refinery(queued.root, "shop"), BatchResult("b-old", "shop", "main"))
    long_ago(queued, "b-old")
    assert ", 0.0 an hour" in gt("mq", "stats", "shop", cwd=queued.root).out
    log = gt("refinery", "log", "shop", cwd=queued.root).out
    assert " 1 probe " in log and "1 of 1 landed" in log and "left to the next batch" in log


@pytest.mark.parametrize("wrong", ["mon 99:00-tue 08:00", '["22:00-06:00"]', "22:00-06:00,noon"])
def test_hours_that_nobody_can_read_are_refused_before_they_stop_the_queue(queued: Queued, wrong: str) -> None:
    refused = gt("config", "set", "merge_queue.freeze", wrong, "--rig", "shop", cwd=queued.root)
    assert refused.code == 2 and "is no span of hours" in refused.err and "fri 16:00-mon 08:00" in refused.err
    assert gt("config", "get", "merge_queue.freeze", "--rig", "shop", cwd=queued.root).out.strip() == ""
    both = "22:00-06:00, sat 14:00-sat 17:00"
    done = gt("config", "set", "merge_queue.freeze", both, "--rig", "shop", cwd=queued.root)
    assert done.code == 0 and done.out.strip().endswith("merge_queue.freeze is 22:00-06:00,sat 14:00-sat 17:00")
    assert gt("config", "get", "merge_queue.freeze", "--rig", "shop", cwd=queued.root).out.strip() == both


def test_a_closed_request_says_why_it_was_closed_in_status_and_explain(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    assert gt("mq", "status", one.id, "--json", cwd=queued.root).json["queue"] == "ready"
    assert gt("mq", "reject", one.id, "-r", "no tests\n\x1b[31mat all", cwd=queued.root).code == 0
    shown = gt("mq", "status", one.id, "--json", cwd=queued.root).json
    assert (shown["queue"], shown["close_reason"]) == ("closed", "rejected") and "no tests" in shown["why"]
    told = gt("mq", "status", one.id, cwd=queued.root).out
    assert "rejected: no tests" in told and "\x1b" not in told
    said = gt("mq", "explain", one.id, cwd=queued.root).out
    assert "rejected: no tests" in said and "\x1b" not in said


def test_what_is_held_says_so_in_its_status_with_the_reason(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    gt("mq", "freeze", "shop", "-r", "release", cwd=queued.root)
    shown = gt("mq", "status", one.id, "--json", cwd=queued.root).json
    assert shown["queue"] == "held" and shown["why"].endswith(": release")
    assert "queue    1 held" in gt("refinery", "status", "shop", cwd=queued.root).out


@pytest.mark.parametrize("verb", ["retry", "reject", "dequeue", "approve", "post-merge"])
def test_the_usage_names_one_request_and_its_rig(queued: Queued, verb: str) -> None:
    told = gt("mq", verb, "--help", cwd=queued.root).out
    assert told.count("[rig] request") == 2 and "..." not in told


def test_names_with_line_breaks_stay_on_the_line_of_the_error(queued: Queued) -> None:
    for name in ("sh-x\nnext: rm -rf", "b-1\nnext: rm", "sh-\u202ex"):
        refused = gt("mq", "explain", "shop", name, cwd=queued.root)
        assert refused.code == 1 and not any(
            line.startswith(("next: rm", "  next: rm")) for line in refused.err.splitlines()
        )
        assert len(refused.err.splitlines()) == 2, refused.err


def test_the_help_of_a_group_that_is_a_command_names_its_commands(queued: Queued) -> None:
    said = " ".join(gt("mq", "--help", cwd=queued.root).out.split())
    assert "more: list, next, status" in said and "approve" in said and "explain" in said
    assert "more:" not in gt("mq", "approve", "--help", cwd=queued.root).out


def test_lanes_in_their_short_form_are_among_the_settings_shown(queued: Queued) -> None:
    queued.settings(lanes={"core": ["core/"], "web": {"paths": ["web/"], "needs": ["core"]}})
    rows = gt("rig", "settings", "show", "shop", "--json", cwd=queued.root).json
    found = {row["key"]: row["value"] for row in rows if "lanes" in row["key"]}
    assert found == {"merge_queue.lanes.core": ["core/"], "merge_queue.lanes.web.paths": ["web/"], "merge_queue.lanes.web.needs": ["core"]}  # fmt: skip
