"""Branches made on other branches, and changes that are on the target already."""

from __future__ import annotations

import pytest

from gastown_core.model.bead import IN_REVIEW, OPEN
from gastown_core.model.merge_request import MERGED, MergeRequest
from gastown_core.refinery import stack as stack_room
from gastown_core.refinery.engine import RefineryEngine
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.requests import reject
from tests.support.queued import Queued

FIRST, SECOND = "one\ntwo\nthree\n", "one\ntwo, mended\nthree\nfour\n"


@pytest.fixture(params=["tree", "worktree"])
def either_way(request, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the git at hand, and as with one that merges only in a working tree."""
    if request.param == "worktree":
        monkeypatch.setattr(stack_room, "merges_without_worktree", lambda: False)


def stacked(queued: Queued, **how: object) -> tuple[MergeRequest, MergeRequest]:
    """A request, and one whose branch was made on the first one's and changes the same lines."""
    below = queued.hand_in({"text": FIRST})
    return below, queued.hand_in({"text": SECOND}, parent=below.commit_sha, **how)  # type: ignore[arg-type]


def text(queued: Queued) -> str:
    return queued.origin.run("show", "main:text") + "\n"


def test_a_branch_made_on_another_lands_after_that_one_was_squashed(queued: Queued, either_way: None) -> None:
    below = queued.hand_in({"text": FIRST})
    queued.process()
    queued.hand_in({"text": SECOND}, parent=below.commit_sha)
    [result] = queued.process()
    assert not result.conflicts and text(queued) == SECOND and len(queued.subjects()) == 2


def test_both_land_in_one_batch_the_lower_one_first_whatever_their_scores(queued: Queued, either_way: None) -> None:
    below, above = stacked(queued, priority=0)
    [result] = queued.process()
    assert result.merged == (below.id, above.id) and text(queued) == SECOND
    first, second = queued.merged()[-2:]
    assert (first, second) == (below.id, above.id)


def test_the_lower_branch_may_have_gone_on_since(queued: Queued, either_way: None) -> None:
    start = queued.commit({"text": FIRST}, "Begin")
    queued.hand_in({"more": "x\n"}, parent=start)
    queued.hand_in({"text": SECOND}, parent=start)
    [result] = queued.process()
    assert len(result.merged) == 2 and text(queued) == SECOND and "more" in queued.files()


def test_a_chain_of_three_lands_one_after_the_other(queued: Queued) -> None:
    queued.settings(batch={"max_batch_size": 1})
    below, middle = stacked(queued)
    top = queued.hand_in({"text": SECOND + "five\n"}, parent=middle.commit_sha, priority=0)
    results = queued.process()
    assert [one for result in results for one in result.merged] == [below.id, middle.id, top.id]
    assert text(queued) == SECOND + "five\n" and not any(result.conflicts for result in results)


def test_a_branch_made_on_one_that_has_not_landed_waits_for_it_and_the_queue_says_so(queued: Queued) -> None:
    below, above = stacked(queued)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(below.source_issue, {"status": "deferred"})
    queued.process()
    assert queued.files() == {"README.md"}
    assert why_blocked(queued, above) == f"waits for {below.id}, which is on hold"
    assert queued.process() == []
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(below.source_issue, {"status": IN_REVIEW})
    queued.process()
    assert text(queued) == SECOND


def test_of_a_stack_whose_lower_part_is_red_nothing_lands_and_the_upper_is_not_blamed(queued: Queued) -> None:
    queued.gate()
    below = queued.hand_in({"bad": "x\n"})
    above = queued.hand_in({"text": FIRST}, parent=below.commit_sha)
    [result] = queued.process(once=True)
    assert result.culprits == (below.id,) and result.held == (above.id,) and queued.files() == {"README.md"}


def test_a_branch_that_is_brought_up_to_date_by_hand_merges_as_before(queued: Queued, either_way: None) -> None:
    below, other = queued.hand_in({"text": FIRST}), queued.hand_in({"other": "x\n"})
    queued.process()
    main = queued.tip()
    tree = queued.bare.run("merge-tree", "--write-tree", main, below.commit_sha)
    merged = queued.bare.run("commit-tree", tree, "-p", below.commit_sha, "-p", main, "-m", "Bring main in")
    queued.hand_in({"text": SECOND, "other": "x\n"}, parent=merged)
    [result] = queued.process()
    assert not result.conflicts and text(queued) == SECOND and {"other", "text"} <= queued.files()
    assert other.id in queued.merged()


# what changes nothing


def test_the_same_change_twice_lands_once_and_both_are_done(queued: Queued) -> None:
    one, two = queued.hand_in({"f": "same"}), queued.hand_in({"f": "same"})
    first, second = queued.process()
    assert sorted(first.merged + second.merged) == sorted([one.id, two.id]) and len(first.merged) == 1
    assert len(queued.subjects()) == 1
    later = queued.request(second.merged[0])
    assert later.close_reason == MERGED and later.merge_commit == queued.tip()
    work = queued.bead(later.source_issue)
    assert work.is_closed and "already on main" in str(work.comments[-1]["text"])


def test_a_change_that_a_person_squashed_by_hand_needs_only_its_bookkeeping(queued: Queued) -> None:
    one = queued.hand_in({"f": "text\n"})
    commit = queued.commit({"f": "text\n"}, "By hand", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", commit)
    [result] = queued.process()
    assert result.merged == (one.id,) and queued.tip() == commit


def test_a_branch_that_takes_its_change_back_is_held_with_that_word_and_closes_nothing(queued: Queued) -> None:
    there = queued.commit({"f": "x"}, "There")
    back = queued.bare.run("commit-tree", f"{queued.first}^{{tree}}", "-p", there, "-m", "And back")
    one = queued.hand_in({"README.md": "hello\n"}, parent=queued.first)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        facts = {**queued.bead(one.id).raw["metadata"]["mr"], "commit_sha": back}
        batch.update(one.id, {"metadata": {"mr": facts}})
    [result] = queued.process()
    assert result.empty == (one.id,) and not result.merged and not queued.subjects()
    assert queued.request(one.id).status == OPEN and not queued.bead(one.source_issue).is_closed
    assert "changes nothing" in str(queued.bead(one.id).comments[-1]["text"])


def test_what_was_made_on_rejected_work_waits_until_that_is_merged(queued: Queued) -> None:
    below, above = stacked(queued)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(below.source_issue, {"status": "deferred"})
    queued.process()
    reject(Refinery(queued.root, "shop"), below.id, "not like this", actor="overseer")
    assert queued.process() == [] and why_blocked(queued, above) == f"waits for {below.source_issue}"
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.close(below.source_issue, "given up", force=True)
    assert queued.process() == []
    assert why_blocked(queued, above) == f"waits for {below.source_issue}, which was closed without a merge"


def test_what_was_made_on_work_rejected_before_it_came_waits_too(queued: Queued) -> None:
    below, above = stacked(queued)
    reject(Refinery(queued.root, "shop"), below.id, "not like this", actor="overseer")
    assert not any(result.merged for result in queued.process())
    assert why_blocked(queued, above) == f"waits for {below.source_issue}" and not queued.subjects()
    assert f"{below.id} was rejected" in str(queued.bead(above.id).comments[-1]["text"])


def test_rework_of_rejected_work_stands_on_its_own_commits(queued: Queued) -> None:
    first = queued.hand_in({"text": FIRST})
    reject(Refinery(queued.root, "shop"), first.id, "not like this", actor="overseer")
    again = queued.hand_in({"text": SECOND}, parent=first.commit_sha)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        facts = {**queued.bead(again.id).raw["metadata"]["mr"], "source_issue": first.source_issue}
        batch.update(again.id, {"metadata": {"mr": facts}})
        batch.update(first.source_issue, {"status": "in_review"})
    [result] = queued.process()
    assert len(result.merged) == 1 and text(queued) == SECOND


def why_blocked(queued: Queued, request: MergeRequest) -> str:
    return {one.id: why for one, why in RefineryEngine(Refinery(queued.root, "shop")).queue().blocked}[request.id]
