"""From the hook to the target and back: real hand-ins, a rejection, the same worker on the same branch, the merge."""

from __future__ import annotations

import json
import os

from gastown_core.git.repo import Git
from gastown_core.git.worktree import unsaved
from gastown_core.refinery.engine import process
from gastown_core.state.detail import past_requests
from gastown_core.work.done.done import Done
from tests.support.repos import PERSON, commit_files
from tests.support.rigged import Rigged


def set_queue(rigged: Rigged, **queue: object) -> None:
    path = os.path.join(rigged.root, "shop", "settings", "config.json")
    with open(path, encoding="utf-8") as handle:
        value = json.load(handle)
    with open(path, "w", encoding="utf-8") as handle:
        json.dump({**value, "merge_queue": queue}, handle)


def work(rigged: Rigged, agent: str, files: dict[str, str], message: str) -> str:
    """The agent commits in its worktree and hands in; its request."""
    entry = rigged.entry(agent)
    commit_files(Git(entry.work_dir, identity=PERSON), files, message)
    done = Done(rigged.root, entry)
    for _ in done.run():
        pass
    return done.result.request


def test_work_that_failed_goes_back_to_its_worker_on_its_branch_and_lands_when_mended(rigged, without_tmux) -> None:
    set_queue(rigged, gates={"check": {"cmd": "test ! -e bad || { echo it is bad; exit 1; }"}})
    bead = rigged.file("Build it")
    first = rigged.sling(bead.id).result
    work(rigged, first.agent, {"good": "1", "bad": "1"}, "Build it badly")
    [failed] = process(rigged.root, "shop")
    assert failed.culprits and failed.notes
    past = past_requests(rigged.root, os.path.join(rigged.root, "shop"), failed.culprits)[failed.culprits[0]]
    assert (past.bead_id, past.title, past.worker) == (bead.id, "Build it", first.agent.rpartition("/")[2])
    assert past.why == "gate check failed (exit 1)" and os.path.isfile(past.log) and "is bad" in "".join(past.tail)
    back = rigged.bead(bead.id)
    assert (back.status, back.assignee) == ("hooked", first.agent)
    tree = Git(rigged.entry(first.agent).work_dir, identity=PERSON)
    assert os.path.exists(os.path.join(tree.path, "bad")), "it goes on where it was"
    tree.run("rm", "--quiet", "bad")
    request = work(rigged, first.agent, {"good": "2"}, "Build it well")
    [landed] = process(rigged.root, "shop")
    assert landed.merged == (request,)
    assert past_requests(rigged.root, os.path.join(rigged.root, "shop"), failed.culprits)[failed.culprits[0]] == past
    assert rigged.bead(bead.id).text("close_reason") == f"Merged in {request}"
    assert "rework" not in (rigged.bead(bead.id).raw.get("metadata") or {})
    assert rigged.origin.run("log", "--format=%s", "main").splitlines()[0] == "Build it well"
    assert rigged.origin.run("branch", "--format=%(refname:short)").split() == ["main"]
    assert tree.branch() == "" and tree.commit_of("HEAD") == rigged.origin.commit_of("main")
    assert not any(unsaved(tree)), "nothing is left to rescue"
    assert tree.run("branch", "--list", "polecat/*") == ""
    types = [event["type"] for event in rigged.events()]
    assert types.index("merge_failed") < types.index("merged") < types.index("convoy_landed")


def test_the_branch_of_a_first_try_goes_too_when_another_worker_lands_the_work(rigged, without_tmux) -> None:
    set_queue(rigged, gates={"check": {"cmd": "test ! -e bad"}})
    bead, other = rigged.file("Build it"), rigged.file("Something else")
    first = rigged.sling(bead.id).result
    work(rigged, first.agent, {"bad": "1"}, "Build it badly")
    rigged.sling(other.id, first.agent)
    process(rigged.root, "shop")
    second = rigged.bead(bead.id).assignee
    assert second and second != first.agent
    Git(rigged.entry(second).work_dir, identity=PERSON).run("rm", "--quiet", "bad")
    work(rigged, second, {"good": "2"}, "Build it well")
    process(rigged.root, "shop")
    assert rigged.bead(bead.id).is_closed
    assert rigged.origin.run("branch", "--format=%(refname:short)").split() == ["main"]


def test_a_conflict_is_resolved_by_a_worker_who_starts_from_the_branch(rigged, without_tmux) -> None:
    one, two = rigged.file("First"), rigged.file("Second")
    a, b = rigged.sling(one.id).result, rigged.sling(two.id).result
    work(rigged, a.agent, {"shared": "first\n"}, "First")
    work(rigged, b.agent, {"shared": "second\n"}, "Second")
    results = process(rigged.root, "shop")
    assert [len(result.merged) for result in results] == [1, 0] and results[1].conflicts
    late = two if rigged.bead(one.id).is_closed else one
    task = next(bead for bead in rigged.ledger.store_for("sh-x").find(_tasks()) if "Resolve" in bead.title)
    assert task.status == "hooked"
    tree = Git(rigged.entry(task.assignee).work_dir, identity=PERSON)
    tree.run("fetch", "--quiet", "origin", "main:refs/remotes/origin/main")
    assert tree.attempt("merge", "--quiet", "origin/main").code != 0
    with open(os.path.join(tree.path, "shared"), "w", encoding="utf-8") as handle:
        handle.write("both\n")
    work(rigged, task.assignee, {}, "Bring both together")
    [landed] = process(rigged.root, "shop")
    assert landed.merged and rigged.origin.run("show", "main:shared") == "both"
    for bead_id in (one.id, two.id, task.id):
        assert rigged.bead(bead_id).is_closed, bead_id
    assert rigged.bead(late.id).text("close_reason").startswith("Merged in ")


def _tasks() -> object:
    from gastown_core.beads.query import BeadQuery

    return BeadQuery(types=("task",), exclude_statuses=("closed",))


def test_what_lies_in_a_worktree_survives_the_deletion_of_its_branch(rigged, without_tmux) -> None:
    bead = rigged.file("Build it")
    agent = rigged.sling(bead.id).result.agent
    work(rigged, agent, {"README.md": "changed\n"}, "Change it")
    tree = Git(rigged.entry(agent).work_dir)
    with open(os.path.join(tree.path, "README.md"), "w", encoding="utf-8") as handle:
        handle.write("not committed\n")
    process(rigged.root, "shop")
    assert rigged.bead(bead.id).is_closed and tree.branch() == ""
    with open(os.path.join(tree.path, "README.md"), encoding="utf-8") as handle:
        assert handle.read() == "not committed\n"
