from __future__ import annotations

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GitError, NotFoundError, UsageError
from gastown_core.model.merge_request import MergeRequest
from gastown_core.refinery import claims, requests
from gastown_core.refinery.merge_queue import next_batch, pending, survey
from gastown_core.refinery.place import Refinery
from tests.support.queued import Queued


def request(name: str, **facts: object) -> MergeRequest:
    return MergeRequest(name, "open", 2, 0.0, **facts)  # type: ignore[arg-type]


def ids(found: list[MergeRequest]) -> list[str]:
    return [one.id for one in found]


def test_a_batch_takes_the_best_and_what_they_need_below_them() -> None:
    ready = [request(name) for name in "abcde"]
    assert ids(next_batch(ready, {}, 3)) == ["a", "b", "c"]
    assert ids(next_batch(ready, {"a": frozenset("d")}, 3)) == ["d", "a", "b"]
    assert ids(next_batch(ready, {"b": frozenset(["gone"])}, 3)) == ["a", "c", "d"]
    assert ids(next_batch(ready, {"b": frozenset("de")}, 3)) == ["a", "c", "d"]
    assert ids(next_batch(ready, {"a": frozenset("bcd")}, 2)) == ["b", "c", "d", "a"]


def test_needs_that_go_round_in_a_circle_are_left_out() -> None:
    assert ids(
        next_batch([request("a"), request("b"), request("c")], {"a": frozenset("b"), "b": frozenset("a")}, 5)
    ) == ["c"]


def test_one_that_wants_to_be_alone_waits_for_its_turn() -> None:
    lone = request("b", alone=True)
    assert ids(next_batch([request("a"), lone, request("c")], {}, 5)) == ["a", "c"]
    assert ids(next_batch([lone, request("a")], {}, 5)) == ["b"]


def test_a_request_whose_work_waits_for_open_work_is_blocked(queued: Queued) -> None:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        before = batch.create({"title": "First"})
    held = queued.hand_in({"a": "1"}, needs=before.id)
    free = queued.hand_in({"b": "1"})
    now = SYSTEM_CLOCK.now()
    queue = survey(queued.ledger, "sh", "shop", now)
    assert ids(list(queue.ready)) == [free.id]
    assert [(one.id, why) for one, why in queue.blocked] == [(held.id, f"waits for {before.id}")]
    assert ids(pending(queued.root, queued.ledger, "shop", now)) == [free.id]


def test_a_claim_is_taken_once_and_released(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    store = queued.ledger.store_for("sh-x")
    claims.claim(store, one.id, "refinery-1")
    assert claims.claim(store, one.id, "refinery-1")[1] == ""
    with pytest.raises(ConflictError, match="claimed by refinery-1"):
        claims.claim(store, one.id, "refinery-2")
    assert claims.claim(store, one.id, "refinery-2", stale_s=0.0)[1] == "refinery-1"
    assert claims.release(store, one.id, "x") and not claims.release(store, one.id, "x")
    with pytest.raises(NotFoundError):
        claims.claim(store, one.source_issue, "refinery-1")


def test_a_request_that_changed_since_it_was_seen_is_not_taken(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    store = queued.ledger.store_for("sh-x")
    claims.claim(store, one.id, "refinery-1")
    assert claims.take(store, [one], actor="shop/refinery") == []


def test_a_rejected_request_opens_its_work_again_with_the_reason(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    place = Refinery(queued.root, "shop")
    with pytest.raises(UsageError):
        requests.reject(place, one.branch, " ", actor="overseer")
    requests.reject(place, one.branch, "tests are missing", actor="overseer", notify=True)
    work, closed = queued.bead(one.source_issue), queued.bead(one.id)
    assert work.status == "open" and "tests are missing" in work.raw["metadata"]["rework"]["failure"]
    assert closed.text("close_reason") == "rejected: tests are missing"
    assert queued.origin.commit_of(f"refs/heads/{one.branch}") == one.commit_sha
    assert [event["payload"]["to"] for event in queued.events("mail")] == [f"shop/{one.worker}"]
    with pytest.raises(ConflictError):
        requests.retry(place, one.id, actor="overseer")


def test_a_retried_request_waits_no_longer(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    store = queued.ledger.store_for("sh-x")
    claims.give_back_later(store, [(one, SYSTEM_CLOCK.now() + 999)], "no verdict", actor="x", label="needs-retry")
    assert not pending(queued.root, queued.ledger, "shop", SYSTEM_CLOCK.now())
    found = requests.retry(Refinery(queued.root, "shop"), one.id, actor="overseer")
    assert (found.not_before, found.tries, "needs-retry" in found.labels) == (0.0, 0, False)
    assert ids(pending(queued.root, queued.ledger, "shop", SYSTEM_CLOCK.now())) == [one.id]


def test_a_merge_by_hand_is_noted_only_with_proof(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    place = Refinery(queued.root, "shop")
    with pytest.raises(ConflictError, match="is not on main"):
        requests.note_merged(place, one.id)
    queued.origin.run("update-ref", "refs/heads/main", one.commit_sha)
    requests.note_merged(place, one.id, keep_branch=True)
    assert queued.bead(one.source_issue).is_closed
    assert queued.origin.commit_of(f"refs/heads/{one.branch}")


def test_a_branch_is_handed_in_by_hand(queued: Queued) -> None:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        work = batch.create({"title": "By hand"})
    commit = queued.commit({"hand": "1"}, "By hand")
    queued.bare.run("update-ref", "refs/heads/mine", commit)
    place = Refinery(queued.root, "shop")
    with pytest.raises(NotFoundError):
        requests.submit(place, queued.bare, actor="overseer", branch="mine")
    made, is_new = requests.submit(place, queued.bare, actor="overseer", branch="mine", issue=work.id)
    assert is_new and queued.bead(work.id).status == "in_review"
    assert requests.submit(place, queued.bare, actor="overseer", branch="mine", issue=work.id) == (made, False)
    assert [result.merged for result in queued.process()] == [(made,)]
    assert queued.origin.commit_of("refs/heads/mine"), "only polecats' branches are deleted"


def test_an_amended_branch_that_is_handed_in_again_is_refused_with_what_to_do(queued: Queued) -> None:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        work = batch.create({"title": "By hand"})
    place = Refinery(queued.root, "shop")
    for text in ("1", "2"):
        queued.bare.run("update-ref", "refs/heads/mine", queued.commit({"hand": text}, "By hand"))
        if text == "1":
            requests.submit(place, queued.bare, actor="overseer", branch="mine", issue=work.id)
    with pytest.raises(GitError, match="has commits that are not in yours") as told:
        requests.submit(place, queued.bare, actor="overseer", branch="mine", issue=work.id)
    assert "amended or rebased" in told.value.why and "git push --force-with-lease origin mine" in told.value.hint
