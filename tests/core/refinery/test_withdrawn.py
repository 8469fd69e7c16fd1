"""Withdrawn requests are not merged: withdrawn before their batch, or while they are tested."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gastown_core.model.bead import CLOSED, HOOKED, IN_REVIEW, OPEN
from gastown_core.model.merge_request import LABEL, MERGED, REJECTED, SUPERSEDED, MergeRequest
from gastown_core.refinery import claims
from gastown_core.refinery.engine import RefineryEngine
from gastown_core.refinery.merge_queue import MergeQueue
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.requests import reject, retry
from gastown_core.work import merge_requests
from gastown_core.work.done.assign import close_beads
from gastown_core.work.hook.hook import unhook
from tests.support.queued import Queued

Withdraw = Callable[[Queued, MergeRequest], None]


def close(queued: Queued, request: MergeRequest) -> None:
    close_beads(queued.root, queued.ledger, [request.source_issue], actor="overseer", reason="not wanted")


def defer(queued: Queued, request: MergeRequest) -> None:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(request.source_issue, {"defer_until": "2099-01-01T00:00:00Z"})


def put_off(queued: Queued, request: MergeRequest) -> None:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(request.source_issue, {"status": "deferred"})


def delete(queued: Queued, request: MergeRequest) -> None:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.delete(request.source_issue)


def hook(queued: Queued, request: MergeRequest) -> None:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(request.source_issue, {"status": HOOKED, "assignee": "shop/polecats/other"})


def block(queued: Queued, request: MergeRequest) -> None:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(request.source_issue, {"status": "blocked"})


def open_again(queued: Queued, request: MergeRequest) -> None:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(request.source_issue, {"status": OPEN})


def hook_again(queued: Queued, request: MergeRequest) -> None:
    worker = f"shop/polecats/{request.worker}"
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(request.source_issue, {"status": HOOKED, "assignee": worker})


WAYS: dict[str, tuple[Withdraw, str]] = {
    "closed": (close, "is closed: not wanted"),
    "asleep": (defer, "is deferred until 2099-01-01"),
    "deferred": (put_off, "is deferred"),
    "deleted": (delete, "is deleted"),
    "hooked": (hook, "is hooked to shop/polecats/other"),
    "blocked": (block, "is blocked"),
    "open": (open_again, "is open again"),
    "hooked again": (hook_again, "is on its worker's hook again"),
}


def queue_of(queued: Queued) -> MergeQueue:
    return RefineryEngine(Refinery(queued.root, "shop")).queue()


@pytest.mark.parametrize("way", WAYS)
def test_work_that_was_withdrawn_is_not_merged_and_the_queue_says_why(queued: Queued, way: str) -> None:
    withdraw, why = WAYS[way]
    gone, other = queued.hand_in({"gone": "x\n"}), queued.hand_in({"kept": "x\n"})
    withdraw(queued, gone)
    [result] = queued.process()
    assert result.mrs == (other.id,) and queued.files() == {"README.md", "kept"}
    [(held, told)] = queue_of(queued).blocked
    assert held.id == gone.id and why in told


@pytest.mark.parametrize("way", WAYS)
def test_work_that_is_withdrawn_while_it_is_tested_leaves_the_stack(queued: Queued, way: str) -> None:
    withdraw, why = WAYS[way]
    queued.gate()
    gone, other = queued.hand_in({"gone": "x\n"}, priority=1), queued.hand_in({"kept": "x\n"})
    done: list[str] = []

    def at(point: str) -> None:
        if point == "judged" and not done:
            done.append(point)
            withdraw(queued, gone)

    [result] = queued.process(at=at)
    assert result.mrs == (gone.id, other.id) and result.merged == (other.id,) and result.left == (gone.id,)
    assert queued.files() == {"README.md", "kept"} and len(queued.subjects()) == 1
    assert queued.request(gone.id).status == OPEN
    [skipped] = queued.events("merge_skipped")
    assert skipped["payload"]["mr"] == gone.id and why in skipped["payload"]["reason"]
    assert not queued.leftovers()


def test_a_request_that_is_rejected_while_it_is_tested_does_not_land(queued: Queued) -> None:
    queued.gate()
    gone, other = queued.hand_in({"gone": "x\n"}, priority=1), queued.hand_in({"kept": "x\n"})

    def at(point: str) -> None:
        if point == "judged" and queued.request(gone.id).is_open:
            reject(Refinery(queued.root, "shop"), gone.id, "think again", actor="overseer")

    [result] = queued.process(at=at)
    assert result.merged == (other.id,) and queued.files() == {"README.md", "kept"}
    assert queued.request(gone.id).close_reason == REJECTED
    work = queued.bead(gone.source_issue)
    assert work.status == OPEN and "think again" in work.raw["metadata"]["rework"]["failure"]


def test_a_request_that_is_superseded_while_it_is_tested_gives_way_to_the_newer_one(queued: Queued) -> None:
    queued.gate()
    old = queued.hand_in({"work": "half\n"})
    store = queued.ledger.store_for("sh-x")
    commit = queued.commit({"work": "whole\n"}, "All of it")
    queued.bare.run("push", "--quiet", "origin", f"{commit}:refs/heads/{old.branch}", "--force")
    new: list[str] = []

    def at(point: str) -> None:
        if point == "judged" and not new:
            known, work = merge_requests.requests_for(store, old.source_issue), queued.bead(old.source_issue)
            facts = {**queued.bead(old.id).raw["metadata"]["mr"], "commit_sha": commit}
            with store.write("shop/polecats/cat1") as batch:
                new.append(merge_requests.submit(batch, known, work, facts)[0])

    first, second = queued.process(at=at)
    assert not first.merged and second.merged == tuple(new)
    assert queued.origin.run("show", "main:work") == "whole"
    assert queued.request(old.id).close_reason == SUPERSEDED and queued.request(new[0]).close_reason == MERGED
    assert queued.bead(old.source_issue).is_closed and len(queued.subjects()) == 1


def test_a_newer_hand_in_during_the_push_keeps_the_work_open_until_it_has_landed_too(queued: Queued) -> None:
    old = queued.hand_in({"work": "half\n"})
    store = queued.ledger.store_for("sh-x")
    commit = queued.commit({"work": "whole\n"}, "All of it", parent=old.commit_sha)
    queued.bare.run("push", "--quiet", "origin", f"{commit}:refs/heads/{old.branch}")
    new: list[str] = []

    def at(point: str) -> None:
        if point == "after push" and not new:
            known, work = merge_requests.requests_for(store, old.source_issue), queued.bead(old.source_issue)
            facts = {**queued.bead(old.id).raw["metadata"]["mr"], "commit_sha": commit}
            with store.write("shop/polecats/cat1") as batch:
                new.append(merge_requests.submit(batch, known, work, facts)[0])
        if point == f"told {old.id}":
            assert queued.bead(old.source_issue).status == IN_REVIEW

    first, second = queued.process(at=at)
    assert first.merged == (old.id,) and second.merged == tuple(new)
    assert queued.origin.run("show", "main:work") == "whole" and queued.bead(old.source_issue).is_closed


def test_what_is_being_pushed_cannot_be_rejected_any_more(queued: Queued) -> None:
    from gastown_core.errors import ConflictError

    one = queued.hand_in({"work": "x\n"})
    said: list[str] = []

    def at(point: str) -> None:
        if point == "before push":
            with pytest.raises(ConflictError) as caught:
                reject(Refinery(queued.root, "shop"), one.id, "no", actor="overseer")
            said.append(str(caught.value))

    [result] = queued.process(at=at)
    assert result.merged == (one.id,) and "is being pushed to main" in said[0]
    assert queued.request(one.id).close_reason == MERGED


def test_a_request_that_gets_a_blocker_while_it_is_tested_leaves_the_stack(queued: Queued) -> None:
    queued.gate()
    one = queued.hand_in({"work": "x\n"})
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        first = batch.create({"title": "First"})

    def at(point: str) -> None:
        if point == "judged":
            with queued.ledger.store_for("sh-x").write("overseer") as batch:
                batch.add_edge(one.source_issue, first.id)

    [result] = queued.process(at=at)
    assert not result.merged and result.left == (one.id,) and queued.files() == {"README.md"}


def test_what_needs_withdrawn_work_waits_and_says_for_what(queued: Queued) -> None:
    below = queued.hand_in({"below": "x\n"})
    above = queued.hand_in({"above": "x\n"}, needs=below.source_issue)
    put_off(queued, below)
    assert queued.process() == []
    queue = queue_of(queued)
    assert not queue.ready
    assert {one.id: why for one, why in queue.blocked}[above.id] == f"waits for {below.id}, which is on hold"


def test_work_that_a_person_takes_back_into_review_is_merged(queued: Queued) -> None:
    one = queued.hand_in({"work": "x\n"})
    close(queued, one)
    assert queued.process() == []
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.reopen(one.source_issue)
    retry(Refinery(queued.root, "shop"), one.id, actor="overseer")
    [result] = queued.process()
    assert result.merged == (one.id,)


def test_work_that_comes_off_its_worker_s_hook_unchanged_is_merged_as_it_was_handed_in(queued: Queued) -> None:
    one = queued.hand_in({"work": "x\n"})
    hook_again(queued, one)
    assert queued.process() == []
    unhook(queued.ledger, one.source_issue, actor="overseer")
    assert queued.bead(one.source_issue).status == IN_REVIEW
    [result] = queued.process()
    assert result.merged == (one.id,)


def test_work_that_comes_off_another_s_hook_stays_withdrawn(queued: Queued) -> None:
    one = queued.hand_in({"work": "x\n"})
    hook(queued, one)
    unhook(queued.ledger, one.source_issue, actor="overseer")
    assert queued.bead(one.source_issue).status == OPEN and queued.process() == []


def test_work_that_older_tools_say_is_in_review_is_merged(queued: Queued) -> None:
    one = queued.hand_in({"work": "x\n"})
    worker = f"shop/polecats/{one.worker}"
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        changes = {"status": "in_progress", "assignee": worker, "labels": ["gt:in-review"]}
        batch.update(one.source_issue, changes)
    [result] = queued.process()
    assert result.merged == (one.id,)


def test_a_request_of_an_older_tool_is_merged_though_that_closed_the_work_when_it_handed_it_in(queued: Queued) -> None:
    """Go's gt done files the request and closes the bead at once."""
    one = queued.hand_in({"work": "x\n"})
    facts = queued.bead(one.id).raw["metadata"]["mr"]
    lines = "\n".join(f"{key}: {value}" for key, value in facts.items())
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(one.id, {"metadata": {}, "description": lines})
        batch.close(one.source_issue, "done", force=True)
    [result] = queued.process()
    assert result.merged == (one.id,) and "work" in queued.files()


def test_work_that_another_request_landed_is_not_merged_again(queued: Queued) -> None:
    one = queued.hand_in({"work": "one\n"}, priority=0)
    other = queued.commit({"work": "two\n"}, "Another way")
    queued.bare.run("push", "--quiet", "origin", f"{other}:refs/heads/polecat/second/{one.source_issue}@9")
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        facts = {**queued.bead(one.id).raw["metadata"]["mr"], "commit_sha": other, "worker": "second"}
        facts["branch"] = f"polecat/second/{one.source_issue}@9"
        fields = {"title": "Merge", "issue_type": "merge-request", "labels": [LABEL], "metadata": {"mr": facts}}
        second = batch.create({**fields, "priority": 4})
    queued.settings(batch={"max_batch_size": 1})
    queued.process()
    assert queued.origin.run("show", "main:work") == "one" and len(queued.subjects()) == 1
    [(held, why)] = queue_of(queued).blocked
    assert held.id == second.id and f"is closed: Merged in {one.id}" in why


def test_claims_whose_need_was_not_had_are_given_back(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    below = queued.hand_in({"below": "x\n"})
    above = queued.hand_in({"above": "x\n"}, needs=below.source_issue)
    other = queued.hand_in({"other": "x\n"})
    take = claims.take

    def took_late(store, wanted, *, actor):
        # somebody else changes the lower one between the look and the claim
        with store.write("overseer") as batch:
            batch.update(below.id, {"priority": 3})
        monkeypatch.setattr(claims, "take", take)
        return take(store, wanted, actor=actor)

    monkeypatch.setattr(claims, "take", took_late)
    [result] = queued.process(once=True)
    assert result.merged == (other.id,)
    assert queued.request(above.id).status == OPEN and not queued.request(above.id).assignee
    assert queued.bead(below.source_issue).status != CLOSED
