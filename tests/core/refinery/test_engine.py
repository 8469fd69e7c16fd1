from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.errors import SettingsError
from gastown_core.model.merge_request import with_facts
from gastown_core.refinery import failure
from gastown_core.refinery.claims import claim
from gastown_core.refinery.engine import next_wake, process
from gastown_core.refinery.merge_queue import Rivals
from gastown_core.refinery.place import Refinery, merging_process
from gastown_core.refinery.requests import submit
from gastown_core.work import retry_delay
from tests.support.queued import Queued


def test_a_green_batch_lands_as_one_commit_a_request_in_score_order(queued: Queued) -> None:
    queued.gate()
    late = queued.hand_in({"late": "1"}, "Add late", priority=3)
    soon = queued.hand_in({"soon": "1"}, "Add soon", priority=0)
    results = queued.process()
    assert [result.merged for result in results] == [(soon.id, late.id)]
    assert queued.subjects() == ["Add soon", "Add late"]
    assert queued.merged() == [soon.id, late.id]
    assert results[0].runs == 1
    for request in (soon, late):
        work, closed = queued.bead(request.source_issue), queued.request(request.id)
        assert (work.status, work.text("close_reason")) == ("closed", f"Merged in {request.id}")
        assert (closed.status, closed.close_reason) == ("closed", "merged")
        assert closed.merge_commit and not queued.origin.commit_of(f"refs/heads/{request.branch}")
        assert not queued.bare.commit_of(f"refs/heads/{request.branch}")
    assert not queued.leftovers()
    told = [event["type"] for event in queued.events() if event["actor"] == "shop/refinery"]
    assert not any("again" in one for one in queued.events("merge_started"))
    assert told == ["batch_started", "merge_started", "merge_started", "bisect_probe", "merged", "merged"]
    assert queued.state().phase == "idle" and queued.state().last["merged"] == [soon.id, late.id]


def test_the_squash_commit_names_author_and_trailers_and_takes_out_forged_ones(queued: Queued) -> None:
    made = queued.hand_in({"a": "1"}, "Add a\n\nWith reasons.\n\nBead: sh-other\nMerge-Request: sh-fake")
    queued.process()
    message = queued.origin.run("log", "-1", "--format=%an|%cn|%B", "refs/heads/main")
    assert message.startswith("Ana|Gas Town|Add a\n\nWith reasons.")
    assert f"\n\nBead: {made.source_issue}\nMerge-Request: {made.id}\nWorker: {made.worker}" in message
    assert "sh-other" not in message and "sh-fake" not in message


def test_a_tip_that_only_saves_work_gets_the_beads_title(queued: Queued) -> None:
    first = queued.commit({"a": "1"}, "Add the cart")
    queued.hand_in({"b": "1"}, "sh-1: work in progress, saved by gt done", title="Build the cart", parent=first)
    queued.process()
    body = queued.origin.run("log", "-1", "--format=%B", "refs/heads/main")
    assert body.startswith("Build the cart\n\n- Add the cart\n\nBead: ")


@pytest.mark.parametrize("place", range(5))
def test_the_culprit_at_any_place_is_isolated_and_the_others_land(queued: Queued, place: int) -> None:
    queued.gate()
    requests = queued.hand_in_many(5)
    bad = requests[place]
    queued_bad(queued, bad)
    [result] = queued.process()
    assert result.culprits == (bad.id,)
    assert sorted(result.merged) == sorted(one.id for one in requests if one.id != bad.id)
    assert queued.merged() == list(result.merged)
    work, request = queued.bead(bad.source_issue), queued.bead(bad.id)
    assert (work.status, work.assignee) == ("open", "")
    rework = work.raw["metadata"]["rework"]
    assert (rework["mr"], rework["branch"], rework["attempt"]) == (bad.id, bad.branch, 1)
    assert "found bad" in rework["failure"] and "needs-fix" in work.labels
    assert request.status == "closed" and "needs-fix" in request.labels
    assert queued.origin.commit_of(f"refs/heads/{bad.branch}") == queued.request(bad.id).commit_sha
    assert result.runs <= 1 + 1 + 1 + 2 * 3
    failed = queued.events("merge_failed")
    assert [event["payload"]["mr"] for event in failed] == [bad.id]
    assert not queued.leftovers()


def queued_bad(queued: Queued, request: object, files: dict[str, str] | None = None) -> None:
    """Make a request that was handed in a bad one: its branch and its commit are replaced."""
    commit = queued.commit(files or {"bad": "1"}, "Break it")
    branch = request.branch  # type: ignore[attr-defined]
    queued.bare.run("update-ref", f"refs/heads/{branch}", commit)
    queued.bare.run("push", "--quiet", "--force", "origin", f"refs/heads/{branch}")
    from gastown_core.model.merge_request import with_facts

    request_id = request.id  # type: ignore[attr-defined]
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        bead = batch.get(request_id)
        assert bead is not None
        batch.update(request_id, {"metadata": with_facts(bead, commit_sha=commit)})


def test_two_culprits_are_both_isolated(queued: Queued) -> None:
    queued.gate()
    requests = queued.hand_in_many(5, {1: {"bad1": "1"}, 3: {"bad2": "1"}})
    culprits = {one.id for one in requests if queued.bare.run("ls-tree", "--name-only", one.commit_sha).count("bad")}
    [result] = queued.process()
    assert set(result.culprits) == culprits and len(result.merged) == 3
    assert not any(name.startswith("bad") for name in queued.files())


def test_of_a_pair_that_only_fails_together_the_later_goes_back_and_names_the_peer(queued: Queued) -> None:
    queued.gate()
    first = queued.hand_in({"pair-a": "1"}, priority=0)
    queued.hand_in({"x": "1"}, priority=1)
    second = queued.hand_in({"pair-b": "1"}, priority=2)
    queued.hand_in({"y": "1"}, priority=3)
    [result] = queued.process()
    assert result.culprits == (second.id,) and len(result.merged) == 3
    rework = queued.bead(second.source_issue).raw["metadata"]["rework"]
    assert rework["peers"] == [first.id]
    assert f"only together with {first.id}" in rework["failure"]


def test_a_flake_blames_nobody(queued: Queued, tmp_path) -> None:
    queued.gate(f"test -e {tmp_path}/seen || {{ touch {tmp_path}/seen; echo unlucky; exit 1; }}")
    queued.hand_in_many(3)
    results = queued.process()
    assert sum(len(result.merged) for result in results) == 3 and results[0].flaky
    assert not any(result.culprits for result in results)


def test_a_lone_suspect_is_run_again_before_it_is_condemned(queued: Queued, tmp_path) -> None:
    # the probe of the first alone is unlucky once, the culprit is the second
    gate = f"""test ! -e bad || exit 1
test ! -e file0 || test -e {tmp_path}/seen || {{ touch {tmp_path}/seen; exit 1; }}"""
    queued.gate(gate)
    first = queued.hand_in({"file0": "1"}, priority=0)
    second = queued.hand_in({"bad": "1"}, priority=1)
    results = queued.process()
    assert [one for result in results for one in result.merged] == [first.id]
    assert [one for result in results for one in result.culprits] == [second.id]


def test_a_red_target_blames_nobody_and_is_escalated_once_and_resumes_by_itself(queued: Queued) -> None:
    queued.gate()
    bad = queued.commit({"bad": "1"}, "Break main", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", bad)
    requests = queued.hand_in_many(2)
    [result] = queued.process()
    assert not result.merged and not result.culprits and "red by itself" in result.hold
    assert queued.state().phase == "held" and "found bad" in escalations(queued)[0].description
    assert [queued.request(one.id).status for one in requests] == ["open", "open"]
    assert queued.process() == [] and len(escalations(queued)) == 1
    good = queued.commit({"file": "1"}, "Mend main", parent=queued.origin.commit_of("main~1"), git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", good)
    [after] = queued.process()
    assert len(after.merged) == 2
    assert [event["type"] for event in queued.events("queue_held", "queue_released")] == [
        "queue_held",
        "queue_released",
    ]
    assert escalations(queued) == []


def test_a_request_that_mends_a_red_target_is_merged_though_the_queue_is_held(queued: Queued) -> None:
    queued.gate("test -e cure")
    queued.hand_in({"x": "1"})
    [held] = queued.process()
    assert held.hold
    queued.hand_in({"cure": "1"}, priority=0)
    [result] = queued.process()
    assert len(result.merged) == 2 and not queued.state().hold_reason


def escalations(queued: Queued) -> list:
    from gastown_core.beads.query import BeadQuery

    query = BeadQuery(labels_all=("gt:escalation",), exclude_statuses=("closed",))
    return queued.ledger.store_for("hq-x").find(query)


def test_a_target_that_moves_while_the_batch_is_tested_is_followed(queued: Queued) -> None:
    queued.gate()
    requests = queued.hand_in_many(2)
    moved = []

    def at(point: str) -> None:
        if point == "before push" and not moved:
            moved.append(queued.commit({"theirs": "1"}, "Theirs", git=queued.origin))
            queued.origin.run("update-ref", "refs/heads/main", moved[0])

    [result] = queued.process(at=at)
    assert sorted(result.merged) == sorted(one.id for one in requests)
    assert queued.subjects()[0] == "Theirs" and len(queued.subjects()) == 3
    assert result.runs == 2


def test_a_culprit_found_before_the_target_moved_is_still_sent_back(queued: Queued) -> None:
    queued.gate()
    requests = queued.hand_in_many(4, {2: {"bad": "1"}})
    moved = []

    def at(point: str) -> None:
        if point == "before push" and not moved:
            moved.append(queued.commit({"theirs": "1"}, "Theirs", git=queued.origin))
            queued.origin.run("update-ref", "refs/heads/main", moved[0])

    [result] = queued.process(at=at)
    [bad] = [one.id for one in requests if "bad" in queued.bare.run("ls-tree", "--name-only", one.commit_sha)]
    assert result.culprits == (bad,) and len(result.merged) == 3
    assert queued.bead(queued.request(bad).source_issue).status == "open"


def test_a_target_that_never_rests_is_left_for_later(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    moves = iter(range(99))

    def at(point: str) -> None:
        if point == "before push":
            commit = queued.commit({f"theirs{next(moves)}": "1"}, "Theirs", git=queued.origin)
            queued.origin.run("update-ref", "refs/heads/main", commit)

    [result] = queued.process(at=at)
    assert result.held == (request.id,) and not result.merged and not result.hold
    assert queued.request(request.id).status == "open" and not queued.leftovers()
    [skipped] = queued.events("merge_skipped")
    assert "main moved 10 times" in skipped["payload"]["reason"] and not escalations(queued)
    [after] = queued.process()
    assert after.merged == (request.id,)


def test_a_target_that_moves_a_few_times_is_followed_without_an_alarm(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    moves = iter(range(5))

    def at(point: str) -> None:
        number = next(moves, None) if point == "before push" else None
        if number is not None:
            commit = queued.commit({f"theirs{number}": "1"}, "Theirs", git=queued.origin)
            queued.origin.run("update-ref", "refs/heads/main", commit)

    [result] = queued.process(at=at)
    assert result.merged == (request.id,) and not result.hold and not escalations(queued)


@pytest.mark.parametrize(
    ("cmd", "timeout", "said"),
    [("sleep 60", "200ms", "took longer"), ("no-such-program", "60s", "not found"), ("exit 126", "60s", "126")],
)
def test_a_gate_without_a_verdict_blames_nobody(queued: Queued, cmd: str, timeout: str, said: str) -> None:
    queued.gate(cmd, timeout=timeout)
    [request] = queued.hand_in_many(1)
    [result] = queued.process()
    assert not result.culprits and said in result.hold
    assert queued.request(request.id).status == "open" and queued.request(request.id).retry_count == 0
    assert [event["payload"]["kind"] for event in queued.events("queue_held")] == ["environment"]


def test_a_conflict_with_the_target_becomes_a_task_and_the_rest_lands(queued: Queued) -> None:
    queued.gate()
    old = queued.tip()
    theirs = queued.commit({"shared": "theirs\n"}, "Theirs", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", theirs)
    first = queued.hand_in({"one": "1"}, priority=0)
    clash = queued.hand_in({"shared": "ours\n"}, title="Share it", parent=old, priority=1)
    last = queued.hand_in({"two": "1"}, priority=2)
    [result] = queued.process()
    assert result.merged == (first.id, last.id) and result.conflicts == (clash.id,)
    request = queued.request(clash.id)
    assert request.status == "open" and "needs-rebase" in request.labels
    task = queued.bead(request.conflict_task_id)
    assert task.title == "Resolve merge conflicts: Share it" and "shared" in task.description
    assert queued.process() == []
    resolved = queued.commit({"shared": "both\n"}, "Resolve", parent=theirs)
    queued.bare.run("push", "--quiet", "--force", "origin", f"{resolved}:refs/heads/{clash.branch}")
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.close(task.id, "resolved")
    [again] = queued.process()
    assert again.merged == (clash.id,)
    assert queued.bead(clash.source_issue).is_closed


def test_the_merged_work_of_a_conflict_task_proves_the_request_too(queued: Queued) -> None:
    old = queued.tip()
    theirs = queued.commit({"shared": "theirs\n"}, "Theirs", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", theirs)
    clash = queued.hand_in({"shared": "ours\n"}, parent=old)
    queued.process()
    task = queued.request(clash.id).conflict_task_id
    solved = queued.hand_in({"shared": "both\n"}, parent=theirs, source_issue=task)
    queued.process()
    assert queued.bead(task).is_closed and queued.bead(clash.source_issue).is_closed
    assert queued.request(clash.id).close_reason == "merged"
    assert queued.merged() == [solved.id, clash.id] or queued.merged() == [clash.id, solved.id]


def test_a_conflict_of_a_conflict_task_is_named_after_the_work_alone(queued: Queued) -> None:
    old = queued.tip()
    queued.origin.run("update-ref", "refs/heads/main", queued.commit({"shared": "1\n"}, "Theirs", git=queued.origin))
    request = queued.hand_in({"shared": "ours\n"}, title="Share it", parent=old)
    titles = []
    for number in range(3):
        queued.process()
        task = queued.bead(queued.request(request.id).conflict_task_id)
        titles.append(task.title)
        request = queued.hand_in({"shared": f"solved {number}\n"}, parent=old, source_issue=task.id)

    assert titles == ["Resolve merge conflicts: Share it"] * 3


def test_conflicts_that_no_task_resolves_end_at_the_last_attempt_and_a_person_is_told(queued: Queued) -> None:
    """As red gates do: else worker after worker is sent to resolve the same files, and nobody hears of it."""
    queued.settings(max_retry_count=3)
    old = queued.tip()
    queued.origin.run("update-ref", "refs/heads/main", queued.commit({"shared": "1\n"}, "Theirs", git=queued.origin))
    first = request = queued.hand_in({"shared": "ours\n"}, title="Share it", parent=old)
    counts = []
    for number in range(2):
        queued.process()
        task = queued.bead(queued.request(request.id).conflict_task_id)
        counts.append(queued.request(request.id).retry_count)
        request = queued.hand_in(
            {"shared": f"solved {number}\n"}, parent=old, source_issue=task.id, retry_count=counts[-1]
        )
    [result] = queued.process()

    assert counts == [1, 2] and result.conflicts == (request.id,)
    given_up = queued.request(request.id)
    assert given_up.close_reason == "rejected" and not given_up.conflict_task_id and queued.request(first.id).is_open
    work = queued.bead(request.source_issue)
    assert work.status == "blocked" and failure.attempts_of(work) == 3
    assert {"needs-rebase"} == {"needs-rebase", "needs-fix"} & set(work.labels), "no gate was red"
    [told] = [one for one in queued.events("escalation_sent") if request.source_issue in str(one)]
    assert "could not be merged in 3 attempts" in str(told)
    assert queued.process() == []


@pytest.mark.parametrize("is_foreseen", [True, False])
def test_a_conflict_with_a_peer_waits_for_the_next_batch(
    queued: Queued, monkeypatch: pytest.MonkeyPatch, is_foreseen: bool
) -> None:
    if not is_foreseen:
        # as with a git that cannot merge pairs in memory
        monkeypatch.setattr("gastown_core.refinery.engine.rivals", lambda place, target: Rivals())
    first = queued.hand_in({"shared": "one\n"}, priority=0)
    second = queued.hand_in({"shared": "two\n"}, priority=1)
    one, two = queued.process()
    assert one.merged == (first.id,) and one.held == (() if is_foreseen else (second.id,))
    assert two.conflicts == (second.id,)


def test_what_depends_on_a_culprit_is_held_and_not_blamed(queued: Queued) -> None:
    queued.gate()
    base = queued.hand_in({"bad": "1"}, priority=3)
    above = queued.hand_in({"above": "1"}, priority=0, needs=base.source_issue)
    other = queued.hand_in({"other": "1"}, priority=1)
    result = queued.process()[0]
    assert result.culprits == (base.id,) and result.held == (above.id,) and result.merged == (other.id,)
    assert queued.request(above.id).status == "open" and queued.bead(above.source_issue).status == "in_review"


def test_what_is_needed_lands_below_what_needs_it(queued: Queued) -> None:
    base = queued.hand_in({"base": "1"}, priority=4)
    above = queued.hand_in({"above": "1"}, priority=0, needs=base.source_issue)
    [result] = queued.process()
    assert result.merged == (base.id, above.id)


def test_a_branch_that_vanished_is_told_and_its_peers_land(queued: Queued) -> None:
    gone = queued.hand_in({"gone": "1"}, commit_sha="", push=False)
    other = queued.hand_in({"other": "1"})
    [result] = queued.process()
    assert result.merged == (other.id,) and result.missing == (gone.id,)
    [skipped] = queued.events("merge_skipped")
    assert "gone from origin" in skipped["payload"]["reason"]
    assert [event["payload"]["subject"] for event in queued.events("mail")] == [f"BRANCH_MISSING {gone.branch}"]
    assert not queued.bead(gone.id).is_closed


def test_a_branch_deleted_at_origin_lands_by_the_commit_it_handed_in(queued: Queued) -> None:
    request = queued.hand_in({"kept": "1"})
    queued.origin.run("update-ref", "-d", f"refs/heads/{request.branch}")
    [result] = queued.process()
    assert result.merged == (request.id,) and "kept" in queued.files()


def test_one_that_wants_to_be_alone_is_taken_alone(queued: Queued) -> None:
    alone = queued.hand_in({"a": "1"}, priority=0, alone=True)
    other = queued.hand_in({"b": "1"})
    assert [result.merged for result in queued.process()] == [(alone.id,), (other.id,)]


def test_a_known_green_tree_is_not_tested_again(queued: Queued) -> None:
    queued.gate()
    requests = queued.hand_in_many(2)
    stopped = []

    def at(point: str) -> None:
        if point == "before push":
            stopped.append(point)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        queued.process(at=at)
    [result] = queued.process()
    assert len(result.merged) == len(requests) and result.runs == 0
    assert [probe.result for probe in queued.state().probes] == ["cached"]


def test_after_so_many_attempts_the_work_is_blocked_and_escalated(queued: Queued) -> None:
    queued.gate()
    queued.settings(max_retry_count=2)
    bad = queued.hand_in({"bad": "1"}, retry_count=1, title="Hopeless")
    [result] = queued.process()
    assert result.culprits == (bad.id,) and not result.rework
    assert queued.bead(bad.source_issue).status == "blocked"
    assert "could not be merged in 2 attempts: Hopeless" in escalations(queued)[0].title


def test_work_is_not_blocked_before_somebody_is_told(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    queued.gate()
    queued.settings(max_retry_count=2)
    bad = queued.hand_in({"bad": "1"}, retry_count=1, title="Hopeless")
    with monkeypatch.context() as patch:
        # as a kill: nothing after it is done
        patch.setattr(failure, "_reopen", killed)
        with pytest.raises(KeyboardInterrupt):
            queued.process()
    assert len(escalations(queued)) == 1 and queued.bead(bad.source_issue).status != "blocked"
    [result] = queued.process()
    assert result.culprits == (bad.id,) and queued.bead(bad.source_issue).status == "blocked"
    assert len(escalations(queued)) == 1


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_new_request_counts_on_from_the_work_that_came_back(queued: Queued) -> None:
    queued.gate()
    bad = queued.hand_in({"bad": "1"})
    queued.process()
    again = queued.hand_in({"bad": "2"}, source_issue=bad.source_issue)
    queued.process()
    assert queued.bead(bad.source_issue).raw["metadata"]["rework"]["attempt"] == 2
    assert queued.request(again.id).retry_count == 2


def test_work_that_comes_back_is_dispatched_again(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    from gastown_core.work.scheduler.dispatch import Dispatched

    def dispatch(root: str, ledger: object, bead: str, rig: str, **more: object) -> Dispatched:
        asked.append(bead)
        return Dispatched(bead, rig, False, error="nobody is free")

    monkeypatch.setattr("gastown_core.work.scheduler.dispatch.dispatch", dispatch)
    queued.gate()
    bad = queued.hand_in({"bad": "1"})
    [result] = queued.process()
    assert asked == [bad.source_issue]
    assert result.notes == (f"could not start {bad.source_issue}: nobody is free",)


def test_a_conflict_task_that_nobody_got_is_offered_again_after_a_delay_and_then_told_of(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    from gastown_core.work.scheduler.dispatch import Dispatched

    def dispatch(root: str, ledger: object, bead: str, rig: str, **more: object) -> Dispatched:
        asked.append((bead, more["request"].formula))
        return Dispatched(bead, rig, False, error="its program is not installed")

    monkeypatch.setattr("gastown_core.work.scheduler.dispatch.dispatch", dispatch)
    theirs = queued.commit({"shared": "theirs\n"}, "Theirs", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", theirs)
    clash = queued.hand_in({"shared": "ours\n"})
    clock = FixedClock(SYSTEM_CLOCK.now())
    queued.process(clock=clock)
    task = queued.request(clash.id).conflict_task_id
    wanted = (task, "mol-polecat-conflict-resolve")
    for tries in (1, 2, 3):
        assert asked == [wanted] * tries
        queued.process(clock=clock)
        assert asked == [wanted] * tries, (
            "each try writes the ledger, which wakes the refinery: it must not try at once"
        )
        clock.advance(retry_delay.LONGEST_S)
        queued.process(clock=clock)
    alarms = [queued.bead(event["payload"]["escalation_id"]).title for event in queued.events("escalation_sent")]
    assert len(alarms) == 1 and f"{task} could not be started 3 times" in alarms[0]


def test_a_gate_with_a_fixer_mends_the_stack_inline(queued: Queued) -> None:
    queued.settings(gates={"style": {"cmd": "! grep -q ugly *", "fix_cmd": "sed -i s/ugly/fine/ *"}})
    request = queued.hand_in({"code": "ugly\n"}, "Write code")
    [result] = queued.process()
    assert result.merged == (request.id,)
    assert queued.subjects() == ["Write code", "Fix style (style)"]
    assert queued.origin.run("show", "refs/heads/main:code") == "fine"


def test_a_fixer_that_does_not_help_changes_nothing(queued: Queued) -> None:
    queued.settings(gates={"style": {"cmd": "! grep -q ugly *", "fix_cmd": "echo more >> code"}})
    request = queued.hand_in({"code": "ugly\n"})
    [result] = queued.process()
    assert result.culprits == (request.id,) and queued.subjects() == []


def test_post_squash_gates_run_after_the_others_and_several_gates_side_by_side(queued: Queued, tmp_path) -> None:
    told = f">> {tmp_path}/order"
    gates = {
        "deploy": {"cmd": f"echo deploy {told}", "phase": "post-squash"},
        "unit": {"cmd": f"echo early {told}"},
        "lint": {"cmd": f"echo early {told}"},
    }
    queued.settings(gates=gates)
    queued.hand_in_many(1)
    queued.process()
    assert (tmp_path / "order").read_text().split() == ["early", "early", "deploy"]


def test_without_gates_a_batch_lands_untested(queued: Queued) -> None:
    queued.hand_in_many(2)
    [result] = queued.process()
    assert len(result.merged) == 2 and result.runs == 0


def test_a_green_stack_waits_for_a_person_where_the_engine_may_not_push(queued: Queued) -> None:
    queued.settings(auto_push=False)
    [request] = queued.hand_in_many(1)
    [result] = queued.process()
    assert "for a push" in result.hold and queued.subjects() == []
    queued.bare.run("push", "--quiet", "origin", "refs/gastown/green/main:refs/heads/main")
    queued.process()
    assert queued.request(request.id).close_reason == "merged" and queued.bead(request.source_issue).is_closed


def test_a_branch_that_a_person_merged_needs_only_its_bookkeeping(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    queued.origin.run("update-ref", "refs/heads/main", request.commit_sha)
    queued.process()
    assert queued.bead(request.source_issue).is_closed and queued.request(request.id).close_reason == "merged"


def test_requests_of_two_targets_land_each_on_its_own(queued: Queued) -> None:
    queued.origin.run("update-ref", "refs/heads/next", queued.tip())
    one, two = queued.hand_in({"a": "1"}), queued.hand_in({"b": "1"}, target="next")
    queued.process()
    assert queued.merged() == [one.id] and queued.merged("next") == [two.id]


def test_a_missing_target_holds_its_own_queue_only(queued: Queued) -> None:
    queued.hand_in({"a": "1"}, target="nowhere")
    [result] = [one for one in queued.process() if one.hold]
    assert "origin has no branch nowhere" in result.hold and "origin's default branch is main" in result.hold


def test_work_of_a_renamed_default_branch_lands_once_it_is_handed_in_again(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    queued.origin.run("branch", "-m", "main", "trunk")
    queued.origin.run("symbolic-ref", "HEAD", "refs/heads/trunk")
    [held] = queued.process()
    assert "origin's default branch is trunk: if it was renamed, write default_branch trunk" in held.hold
    path = os.path.join(queued.rig, "config.json")
    config = json.loads(Path(path).read_text())
    Path(path).write_text(json.dumps({**config, "default_branch": "trunk"}))
    queued.bare.run("update-ref", f"refs/heads/{one.branch}", one.commit_sha)
    queued.bare.run("fetch", "--quiet", "origin", "+refs/heads/trunk:refs/remotes/origin/trunk")
    place = Refinery(queued.root, "shop")
    again, is_new = submit(place, queued.bare, actor="overseer", branch=one.branch, issue=one.source_issue)
    assert is_new and queued.request(one.id).close_reason == "superseded"
    queued.process()
    assert queued.merged("trunk") == [again] and queued.bead(one.source_issue).is_closed


def test_an_unreachable_origin_holds_the_queue_with_a_longer_rest_each_time(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    queued.bare.run("remote", "set-url", "origin", "file:///nowhere.git")
    clock = FixedClock(SYSTEM_CLOCK.now())
    queued.process(clock=clock)
    assert queued.state().phase == "held"
    queued.bare.run("remote", "set-url", "origin", "file://" + queued.origin.path)
    assert queued.process(clock=clock) == []
    wake = next_wake(queued.root, "shop", clock=clock)
    assert wake is not None and wake > clock.now()
    clock.advance(3600)
    assert [result.merged for result in queued.process(clock=clock)] == [(request.id,)]


def test_a_claim_of_another_is_respected_until_it_is_stale(queued: Queued) -> None:
    [request] = queued.hand_in_many(1)
    claim(queued.ledger.store_for("sh-x"), request.id, "refinery-1")
    assert queued.process() == []
    later = FixedClock(SYSTEM_CLOCK.now() + 1801)
    assert [result.merged for result in queued.process(clock=later)] == [(request.id,)]


def test_one_process_merges_into_a_target_at_a_time(queued: Queued) -> None:
    queued.hand_in_many(1)
    seen = []

    def at(point: str) -> None:
        if point == "before push":
            seen.append(process(queued.root, "shop"))
            seen.append(merging_process(Refinery(queued.root, "shop"), "main"))

    queued.process(at=at)
    import os

    assert seen == [[], os.getpid()]


def test_a_stop_gives_back_what_is_in_hand(queued: Queued) -> None:
    queued.gate("sleep 60")
    [request] = queued.hand_in_many(1)
    asked = iter(range(1000))
    [result] = queued.process(stop=lambda: next(asked) > 8)
    assert result.stopped and queued.request(request.id).status == "open" and not queued.leftovers()


def test_gates_that_are_wrong_hold_everything_and_say_where(queued: Queued) -> None:
    queued.settings(gates={"unit": {"comand": "pytest"}})
    queued.hand_in_many(1)
    with pytest.raises(SettingsError) as raised:
        queued.process()
    assert "merge_queue.gates.unit.comand" in raised.value.what
    assert queued.state().phase == "held" and queued.subjects() == []


def test_probes_side_by_side_find_the_same_culprits(queued: Queued) -> None:
    queued.gate()
    queued.settings(max_concurrent=3, batch={"max_batch_size": 8})
    requests = queued.hand_in_many(8, {2: {"bad1": "1"}, 5: {"bad2": "1"}})
    results = queued.process()
    bad = {one.id for one in requests if "bad" in queued.bare.run("ls-tree", "--name-only", one.commit_sha)}
    assert {one for result in results for one in result.culprits} == bad
    assert sorted(one for result in results for one in result.merged) == sorted({one.id for one in requests} - bad)
    assert len(queued.merged()) == 6
    assert not queued.leftovers()


@pytest.mark.parametrize("is_solved", [True, False])
def test_a_resolution_made_on_the_branch_in_conflict_lands_or_conflicts_again_and_others_land(
    queued: Queued, is_solved: bool
) -> None:
    """As a worker makes it: on the branch. Its request needs none of those that wait for what it resolves."""
    queued.gate()
    old = queued.tip()
    theirs = queued.commit({"shared": "theirs\n"}, "Theirs", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", theirs)
    request = clash = queued.hand_in({"shared": "ours\n"}, parent=old)
    for number in range(2):
        queued.process()
        task = queued.request(request.id).conflict_task_id
        assert task and queued.process() == []
        request = queued.hand_in({"shared": f"ours {number}\n"}, parent=request.commit_sha, source_issue=task)
    if is_solved:
        tree = queued.bare.run("rev-parse", f"{request.commit_sha}^{{tree}}")
        merged = queued.bare.run("commit-tree", tree, "-p", request.commit_sha, "-p", theirs, "-m", "Resolve")
        queued.bare.run("update-ref", f"refs/heads/{request.branch}", merged)
        queued.bare.run("push", "--quiet", "origin", f"refs/heads/{request.branch}")
        with queued.ledger.store_for("sh-x").write("overseer") as batch:
            batch.update(request.id, {"metadata": with_facts(queued.bead(request.id), commit_sha=merged)})
    other = queued.hand_in({"other": "1"}, priority=4)
    batches = 0
    while queued.process(once=True):
        batches += 1
        assert batches < 6, "the same requests are taken again and again"
    assert queued.request(other.id).close_reason == "merged"
    if is_solved:
        assert queued.request(clash.id).close_reason == "merged" and queued.bead(clash.source_issue).is_closed
    else:
        assert queued.request(request.id).conflict_task_id and queued.request(clash.id).is_open
    assert queued.process() == []
