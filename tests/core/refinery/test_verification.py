"""What is pushed is verified, and the culprit taken back where the settings say so; the proof of its merge is withdrawn."""

from __future__ import annotations

import os
import signal

import pytest

from gastown_core.git.landed import landed, landed_requests
from gastown_core.model.bead import OPEN
from gastown_core.model.merge_request import REVERTED
from gastown_core.model.metadata import REWORK, metadata_of
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.verification import note_push, read_push, unverified
from tests.support.queued import CHECK, Queued


class Killed(BaseException):
    """The process ends here."""


def place_of(queued: Queued) -> Refinery:
    return Refinery(queued.root, "shop")


def verified(queued: Queued, cmd: str = "! ls | grep -q late", *, revert: bool = True) -> None:
    gates = {"check": {"cmd": CHECK}, "smoke": {"cmd": cmd, "phase": "post-push"}}
    queued.settings(gates=gates, revert=revert)


def test_only_the_culprit_of_a_red_push_is_taken_back_and_goes_back_to_its_worker(queued: Queued) -> None:
    verified(queued)
    made = queued.hand_in_many(5, {2: {"late": "1\n"}})
    culprit = next(one for one in made if "late" in queued.bare.run("ls-tree", "--name-only", one.commit_sha).split())
    [result] = queued.process()
    assert set(result.merged) == {one.id for one in made}
    assert queued.files() >= {"file0", "file1", "file3", "file4"} and "late" not in queued.files()
    assert set(queued.merged()) == {one.id for one in made} - {culprit.id}
    assert culprit.source_issue not in landed(queued.origin, "refs/heads/main")
    request, work = queued.request(culprit.id), queued.bead(culprit.source_issue)
    assert (request.close_reason, request.landing_commit, request.merge_commit) == (REVERTED, "", "")
    assert work.status == OPEN and not work.assignee
    assert "gate smoke is red" in metadata_of(work).section(REWORK).text("failure")
    [event] = queued.events("merge_reverted")
    assert event["payload"]["mr"] == culprit.id and event["payload"]["commit"] == queued.tip()
    assert queued.bare.commit_of(f"refs/heads/{culprit.branch}") == culprit.commit_sha == queued.tip(culprit.branch)
    assert not unverified(place_of(queued)) and not queued.leftovers() and not queued.events("push_red")


def test_the_work_that_was_taken_back_can_land_again(queued: Queued) -> None:
    verified(queued)
    made = queued.hand_in({"late": "1\n", "more": "1\n"})
    queued.process()
    assert "late" not in queued.files()
    verified(queued, "true")
    again = queued.hand_in({"fix": "1\n"}, parent=made.commit_sha, source_issue=made.source_issue)
    results = queued.process()
    assert [one for result in results for one in result.merged] == [again.id]
    # also what the first commit of the branch changed, which had been landed and taken back
    assert queued.files() >= {"late", "more", "fix"} and queued.merged() == [again.id]


def test_nothing_is_taken_back_unless_the_settings_say_so(queued: Queued) -> None:
    verified(queued, revert=False)
    made = queued.hand_in({"late": "1\n"})
    queued.process()
    assert "late" in queued.files() and queued.merged() == [made.id]
    [event] = queued.events("push_red")
    assert "merge_queue.revert is off" in event["payload"]["reason"]
    assert not queued.events("merge_reverted") and not unverified(place_of(queued))


def test_nobody_is_blamed_where_the_gate_was_red_before_or_is_red_only_once(queued: Queued) -> None:
    verified(queued, "false")
    made = queued.hand_in({"a": "1\n"})
    queued.process()
    assert queued.merged() == [made.id] and "red before" in queued.events("push_red")[0]["payload"]["reason"]
    flag = os.path.join(queued.root, "flag")
    verified(queued, f"test -e {flag} || {{ touch {flag}; exit 1; }}")
    other = queued.hand_in({"b": "1\n"})
    queued.process()
    assert other.id in queued.merged() and len(queued.events("push_red")) == 1


def test_a_change_that_others_have_built_on_is_left_to_a_person(queued: Queued) -> None:
    verified(queued, "! grep -q late note")
    queued.hand_in({"note": "late\n"})

    def build_on(point: str) -> None:
        if point == "after push":
            own = queued.commit({"note": "late and more\n"}, "Mine", git=queued.origin)
            queued.origin.run("update-ref", "refs/heads/main", own)

    queued.process(at=build_on)
    assert "revert it by hand" in queued.events("push_red")[0]["payload"]["reason"]
    assert queued.origin.run("show", "main:note") == "late and more"


@pytest.mark.parametrize("point", ["after push", "before revert", "after revert", "withdrawn"])
def test_a_kill_at_any_point_of_a_revert_is_repaired_by_the_next_run(queued: Queued, point: str) -> None:
    verified(queued)
    made = queued.hand_in({"late": "1\n"})

    def kill(reached: str) -> None:
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        queued.process(at=kill)
    queued.process()
    if point == "after push":
        # the push is finished first; what it brought is verified only if that was noted
        queued.process()
    assert "late" not in queued.files() and queued.request(made.id).close_reason == REVERTED
    assert queued.bead(made.source_issue).status == OPEN and len(queued.events("merge_reverted")) == 1
    assert not unverified(place_of(queued)) and not queued.leftovers()


def test_a_worker_cannot_withdraw_what_another_landed(queued: Queued) -> None:
    queued.gate()
    first = queued.hand_in({"a": "1\n"})
    queued.process()
    queued.hand_in({"b": "1\n"}, f"Do more\n\nWithdraws: {first.id}\nwithdraws: {first.id}")
    queued.process()
    assert first.id in landed_requests(queued.origin, "refs/heads/main") and "b" in queued.files()
    assert "withdraws" not in queued.origin.run("log", "--format=%B", "main").lower()


def test_a_spoilt_note_and_a_pipe_in_its_place_hold_nobody_up(queued: Queued) -> None:
    verified(queued)
    place = place_of(queued)
    note_push(place, "main", queued.first, queued.first)
    path = place.file("pushed-main.json")
    assert read_push(place, "main") is not None and os.stat(path).st_mode & 0o777 == 0o600
    signal.alarm(60)
    for text in (
        "{",
        "[]",
        '{"target": 5}',
        '{"target": "main", "base": 1, "head": 2, "revert": 3, "request": 4, "why": 5}',
    ):
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(text)
        assert read_push(place, "main") is None and unverified(place) == []
    os.unlink(path)
    os.mkfifo(path)
    made = queued.hand_in({"a": "1\n"})
    queued.process()
    assert queued.merged() == [made.id]
    signal.alarm(0)
