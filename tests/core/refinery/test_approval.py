"""Pushes by hand: the approved commit stays at its ref, and the rest of the batch is settled as usual."""

from __future__ import annotations

import pytest

from gastown_core.errors import ConflictError
from gastown_core.git.landed import trailers
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.requests import note_merged, retry
from tests.support.queued import Queued

GREEN = "refs/gastown/green/main"


def green(queued: Queued) -> str:
    return queued.bare.commit_of(GREEN)


def again(queued: Queued, request_id: str) -> list:
    retry(Refinery(queued.root, "shop"), request_id, actor="overseer")
    return queued.process()


def test_culprits_are_sent_back_and_nothing_is_tested_twice(queued: Queued) -> None:
    queued.settings(auto_push=False)
    queued.gate()
    good, bad = queued.hand_in({"a": "1"}), queued.hand_in({"bad": "1"})
    [result] = queued.process()
    assert result.culprits == (bad.id,) and "1 request is green" in result.hold
    assert queued.bead(bad.source_issue).status == "open" and queued.request(good.id).status == "open"
    [later] = again(queued, good.id)
    assert later.hold and later.runs == 0


def test_the_same_content_stays_the_same_commit_and_its_name_is_told(queued: Queued) -> None:
    queued.settings(auto_push=False)
    one = queued.hand_in({"a": "1"})
    [result] = queued.process()
    first = green(queued)
    assert first and f"push origin {first}:refs/heads/main" in result.hold
    [later] = again(queued, one.id)
    assert green(queued) == first and first in later.hold


def test_more_content_is_another_commit_and_the_approved_one_lands_as_it_was(queued: Queued) -> None:
    queued.settings(auto_push=False)
    one = queued.hand_in({"a": "1"})
    queued.process()
    approved = green(queued)
    two = queued.hand_in({"b": "1"})
    queued.process()
    assert green(queued) != approved
    queued.bare.run("push", "--quiet", "origin", f"{approved}:refs/heads/main")
    [result] = queued.process()
    assert queued.bead(one.source_issue).is_closed and not queued.bead(two.source_issue).is_closed
    assert "1 request is green" in result.hold


# proofs


def test_a_commit_that_only_says_so_proves_nothing(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    message = "By hand\n\n" + trailers([(one.source_issue, one.id)], "cat1")
    forged = queued.commit({"b": "1"}, message, git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", forged)
    with pytest.raises(ConflictError, match="is not on main"):
        note_merged(Refinery(queued.root, "shop"), one.id)
    [result] = queued.process()
    assert result.merged == (one.id,) and "a" in queued.files()


def test_a_squash_by_hand_is_noted_by_its_content(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    queued.origin.run("update-ref", "refs/heads/main", queued.commit({"a": "1"}, "By hand", git=queued.origin))
    note_merged(Refinery(queued.root, "shop"), one.id)
    assert queued.bead(one.source_issue).is_closed and queued.request(one.id).merge_commit == queued.tip()
