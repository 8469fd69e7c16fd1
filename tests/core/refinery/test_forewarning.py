"""Conflicts told before they happen, and batches that do not put together what does not merge."""

from __future__ import annotations

import json
import os
import signal

import pytest

from gastown_core.attention.item import CONFLICT
from gastown_core.attention.look import attention
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.daemon import duties
from gastown_core.daemon.duty import Shift
from gastown_core.model.merge_request import MergeRequest
from gastown_core.refinery.collisions import collisions, rivals
from gastown_core.refinery.engine import RefineryEngine
from gastown_core.refinery.explanation import explain_queue
from gastown_core.refinery.forewarning import FILE, forewarn, heads_mark
from gastown_core.refinery.merge_queue import MergeQueue, Rivals, least_damage, next_batch
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.state_file import conflicts_ahead
from gastown_core.state.collect import collect
from tests.core.refinery.test_collisions import in_work
from tests.support.cli import gt
from tests.support.queued import Queued

BASE = "".join(f"line {number}\n" for number in range(30))


def place_of(queued: Queued) -> Refinery:
    return Refinery(queued.root, "shop")


def letters(queued: Queued) -> list[tuple[str, str]]:
    return [(one["payload"]["to"], one["payload"]["subject"]) for one in queued.events("mail")]


def test_both_agents_and_the_console_are_told_once_for_each_pair(queued: Queued) -> None:
    queued.hand_in({"cart.py": BASE.replace("line 2\n", "opal\n")}, worker="opal")
    in_work(queued, "jade", {"cart.py": BASE.replace("line 2\n", "jade\n")})
    in_work(queued, "ruby", {"other.py": "1\n"})
    [told] = forewarn(place_of(queued))
    [event] = queued.events("conflict_ahead")
    assert event["payload"]["reason"] == "opal and jade both change cart.py: 1 hunk" and told.hunks == 1
    assert {to for to, _ in letters(queued)} == {"shop/opal", "shop/jade"}
    assert all(subject == "Conflict ahead: opal and jade both change cart.py: 1 hunk" for _, subject in letters(queued))
    # more commits on the same branches are the same pair
    in_work(queued, "jade", {"cart.py": BASE.replace("line 2\n", "jade again\n")})
    assert not forewarn(place_of(queued)) and len(queued.events("conflict_ahead")) == 1 and len(letters(queued)) == 2
    # what was resolved and conflicts once more is told once more
    in_work(queued, "jade", {"cart.py": BASE.replace("line 2\n", "opal\n")})
    assert not forewarn(place_of(queued))
    in_work(queued, "jade", {"cart.py": BASE.replace("line 2\n", "jade\n")})
    assert len(forewarn(place_of(queued))) == 1


def test_whose_branch_it_is_says_its_worktree_whatever_the_branch_is_named(queued: Queued) -> None:
    """A branch made before there was work, one by a rig's template, and one whose worktree is gone."""
    branches = {"opal": "polecat/2026/11/fix-the-cart", "jade": "polecat/jade-mx0yxiwm", "": "polecat/ruby-mx0yxiwm"}
    for worker, branch in branches.items():
        commit = queued.commit({"cart.py": f"{worker}\n"}, "cart", git=queued.bare)
        queued.bare.run("update-ref", f"refs/heads/{branch}", commit)
        if worker:
            folder = os.path.join(queued.rig, "polecats", worker, "shop")
            queued.bare.run("worktree", "add", "--quiet", folder, branch)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        bead = batch.create({"title": "Fix it", "status": "hooked", "assignee": "shop/polecats/opal"}).id
    assert len(forewarn(place_of(queued))) == 3
    assert {to for to, _ in letters(queued)} == {"shop/opal", "shop/jade", "shop/ruby"}
    reasons = {event["payload"]["reason"] for event in queued.events("conflict_ahead")}
    assert "opal and jade both change cart.py: 1 hunk" in reasons
    beads = {one for event in queued.events("conflict_ahead") for one in event["payload"]["beads"]}
    assert beads == {bead, ""}


def test_a_spoilt_file_costs_one_more_telling_and_a_pipe_holds_nobody_up(queued: Queued) -> None:
    for worker in ("opal", "jade"):
        in_work(queued, worker, {"a": f"{worker}\n"})
    path = place_of(queued).file(FILE)
    for spoilt in ("{", '{"pairs": [5, ["a"], ["a", 3]]}'):
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(spoilt)
        assert len(forewarn(place_of(queued))) == 1 and not forewarn(place_of(queued))
    os.unlink(path)
    os.mkfifo(path)
    signal.alarm(30)
    assert len(forewarn(place_of(queued))) == 1
    signal.alarm(0)


def test_hostile_names_of_files_reach_the_log_and_the_letters_as_one_line(queued: Queued) -> None:
    for worker in ("opal", "jade"):
        in_work(queued, worker, {"a\n\x1b[2Jb": f"{worker}\n"})
    assert len(forewarn(place_of(queued))) == 1
    assert all("\n" not in subject and "\x1b" not in subject for _, subject in letters(queued))


def test_only_a_branch_that_moved_is_a_reason_to_look(queued: Queued) -> None:
    in_work(queued, "opal", {"a": "1\n"})
    before = heads_mark(place_of(queued))
    assert heads_mark(place_of(queued)) == before
    in_work(queued, "opal", {"a": "2\n"})
    assert heads_mark(place_of(queued)) != before


def request(name: str, at: float = 0.0, priority: int = 2) -> MergeRequest:
    return MergeRequest(name, "open", priority, at, name, ())


def test_a_batch_leaves_out_what_does_not_merge_with_one_of_it() -> None:
    ready = [request(name) for name in "abcd"]
    apart = {"a": frozenset("b"), "b": frozenset("ad"), "d": frozenset("b")}
    assert [one.id for one in next_batch(ready, {}, 9, apart)] == ["a", "c", "d"]
    # what is needed by one is left with it
    assert [one.id for one in next_batch(ready, {"c": frozenset("b")}, 9, apart)] == ["a", "d"]
    assert [one.id for one in next_batch(ready[1:], {"c": frozenset("b")}, 9, apart)] == ["b", "c"]


@pytest.mark.parametrize(("late", "first"), [(0.0, "b"), (3000.0, "b"), (7200.0, "a")])
def test_of_two_rivals_with_nearly_the_same_score_the_one_that_hinders_fewer_others_is_first(
    late: float, first: str
) -> None:
    ready = [request("a"), request("c"), request("b", late)]
    found = Rivals({"a": frozenset("b"), "b": frozenset("a")}, {"a": 3, "b": 1})
    ordered = [one.id for one in least_damage(MergeQueue(), ready, found, 10_000.0)]
    assert ordered[0] == first and sorted(ordered) == ["a", "b", "c"] and ordered.index("c") > ordered.index("a") - 1


def test_the_engine_tests_rivals_one_after_the_other_and_the_one_that_hinders_fewer_first(queued: Queued) -> None:
    queued.gate()
    loud = queued.hand_in({"same": "1\n", "more": "1\n"})
    quiet = queued.hand_in({"same": "2\n"})
    other = queued.hand_in({"apart": "1\n"})
    in_work(queued, "jade", {"more": "2\n"})
    found = rivals(place_of(queued), "main")
    assert found.apart == {loud.id: {quiet.id}, quiet.id: {loud.id}} and found.damage == {loud.id: 2, quiet.id: 1}
    results = queued.process()
    assert set(results[0].mrs) == {quiet.id, other.id} and set(results[0].merged) == {quiet.id, other.id}
    assert results[1].mrs == (loud.id,) and results[1].conflicts == (loud.id,)


def rows_in_faces(queued: Queued) -> list[list[str]]:
    """The sentences of conflicts ahead in ``gt mq explain``, the live model, and the inbox."""
    place = place_of(queued)
    queue = RefineryEngine(place).queue()
    views = collect(queued.root).refineries
    inbox = [row for row in attention(collect(queued.root)) if row.kind == CONFLICT]
    assert all(row.informs and row.hint == "gt mq conflicts shop" for row in inbox)
    return [
        [words for subject, words in explain_queue(place, queue)[0].why if subject == "ahead"],
        [one.reason for view in views for one in view.ahead],
        [one for row in inbox for one in row.evidence],
    ]


def test_a_conflict_ahead_has_a_row_in_every_face_until_one_lands_or_is_written_anew(queued: Queued) -> None:
    queued.gate()
    made = queued.hand_in({"cart.py": BASE.replace("line 2\n", "opal\n")}, worker="opal")
    in_work(queued, "jade", {"cart.py": BASE.replace("line 2\n", "jade\n")})
    assert rows_in_faces(queued) == [[], [], []]
    forewarn(place_of(queued))
    told = "opal and jade both change cart.py: 1 hunk"
    assert rows_in_faces(queued) == [[told]] * 3
    shown = gt("mq", "list", "shop", cwd=queued.root).out
    assert f"! conflict: {told}" in shown and made.id in shown
    assert told in gt("mq", "explain", "shop", made.id, cwd=queued.root).out
    [before] = conflicts_ahead(queued.rig)
    assert before.requests == (made.id,) and before.since > 0
    # another commit of the same branch is the same conflict, and begins no new one
    in_work(queued, "jade", {"cart.py": BASE.replace("line 2\n", "jade\n").replace("line 20\n", "jade\n")})
    forewarn(place_of(queued))
    assert [one.since for one in conflicts_ahead(queued.rig)] == [before.since]
    in_work(queued, "jade", {"other.py": "1\n"})
    forewarn(place_of(queued))
    assert rows_in_faces(queued) == [[], [], []]
    in_work(queued, "jade", {"cart.py": BASE.replace("line 2\n", "jade\n")})
    forewarn(place_of(queued))
    assert rows_in_faces(queued) == [[told]] * 3
    queued.process()
    assert queued.merged() == [made.id] and rows_in_faces(queued) == [[], [], []], "at once, before the next look"


def test_many_conflicts_ahead_are_one_row_of_the_inbox_and_few_lines_of_a_list(queued: Queued) -> None:
    for number in range(5):
        in_work(queued, f"cat{number}", {"cart.py": f"{number}\n"})
    forewarn(place_of(queued))
    lines = [one for one in gt("mq", "list", "shop", cwd=queued.root).out.splitlines() if one.startswith("! ")]
    assert len(lines) == 4 and lines[-1] == "! 7 more pairs of branches: gt mq conflicts shop"
    [row] = [row for row in attention(collect(queued.root)) if row.kind == CONFLICT]
    assert row.question.startswith("cat0 and cat1 both change") and row.question.endswith(", and 9 more")


@pytest.mark.parametrize("spoilt", ["{", "[]", '{"ahead": 7}', '{"ahead": [7, {"reason": 1}, {"reason": ""}]}'])
def test_a_file_that_is_none_shows_no_conflict(queued: Queued, spoilt: str) -> None:
    queued.hand_in({"a": "1"})
    with open(place_of(queued).file(FILE), "w", encoding="utf-8") as handle:
        handle.write(spoilt)
    assert rows_in_faces(queued) == [[], [], []]
    assert gt("mq", "list", "shop", cwd=queued.root).code == 0


def test_of_a_file_without_end_only_so_much_is_read_as_a_face_can_show(queued: Queued) -> None:
    row = {"reason": "opal and jade " + "x" * 100_000, "branches": ["a", "b"], "requests": []}
    with open(place_of(queued).file(FILE), "w", encoding="utf-8") as handle:
        json.dump({"version": 1, "pairs": [], "ahead": [row] * 3000}, handle)
    found = conflicts_ahead(queued.rig)
    assert len(found) == 1000 and {len(one.reason) for one in found} == {500}


def test_sequences_in_the_file_reach_no_terminal(queued: Queued) -> None:
    row = {"reason": "opal\x1b]0;x\x07\nand \u202ejade", "branches": ["a", "b"], "requests": []}
    with open(place_of(queued).file(FILE), "w", encoding="utf-8") as handle:
        json.dump({"version": 1, "pairs": [], "ahead": [row]}, handle)
    for face in (("mq", "list", "shop"), ("mq", "explain", "shop"), ("inbox", "--all")):
        shown = gt(*face, cwd=queued.root).out
        assert "jade" in shown and "\x1b]" not in shown and "\u202e" not in shown


@pytest.mark.parametrize("key", ["tell_conflicts", "enabled"])
def test_where_nobody_is_to_be_told_no_row_is_left(queued: Queued, key: str) -> None:
    for worker in ("opal", "jade"):
        in_work(queued, worker, {"a": f"{worker}\n"})
    shift = Shift(queued.root, SYSTEM_CLOCK, lambda: False)
    look = duties.forewarner_of(queued.root, "shop")
    assert look.work(shift) and len(conflicts_ahead(queued.rig)) == 1
    queued.settings(**{key: False})
    assert not look.work(shift) and rows_in_faces(queued) == [[], [], []]
    queued.settings(**{key: True})
    assert look.work(shift) and len(conflicts_ahead(queued.rig)) == 1


def test_of_a_request_and_the_work_that_lands_in_its_place_only_that_is_told_of(queued: Queued) -> None:
    queued.gate()
    queued.hand_in({"cart.py": BASE.replace("line 2\n", "lands\n")}, priority=0)
    stuck = queued.hand_in({"cart.py": BASE.replace("line 2\n", "opal\n")}, worker="opal")
    queued.process()
    task = queued.request(stuck.id).conflict_task_id
    assert task
    in_work(queued, "jade", {"cart.py": BASE.replace("line 2\n", "jade\n")})
    assert [{one.one.worker, one.other.worker} for one in forewarn(place_of(queued))] == [{"opal", "jade"}]
    commit = queued.commit({"cart.py": BASE.replace("line 2\n", "lands\nopal\n")}, "Resolved")
    queued.bare.run("update-ref", f"refs/heads/polecat/ruby/{task}@1", commit)
    assert [{one.one.worker, one.other.worker} for one in forewarn(place_of(queued))] == [{"ruby", "jade"}]
    assert [one.reason for one in conflicts_ahead(queued.rig)] == ["jade and ruby both change cart.py: 1 hunk"]
    assert gt("mq", "conflicts", "shop", cwd=queued.root).out.count("both change") == 1
    assert len(collisions(place_of(queued), "main")) == 3, "no batch takes two of them"
