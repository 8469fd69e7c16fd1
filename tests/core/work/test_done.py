from __future__ import annotations

import os

import pytest

from gastown_core.errors import ConflictError, GitError, NotFoundError, UsageError
from gastown_core.git.repo import Git
from gastown_core.model.merge_request import read_request
from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.work.done import Done
from gastown_core.work.merge_requests import requests_for
from tests.support.repos import commit_files
from tests.support.rigged import write


@pytest.fixture
def slung(rigged):
    """A slung bead, its worker's roster entry, and git in its worktree."""
    bead = rigged.file("Fix login", priority=1)
    result = rigged.sling(bead.id).result
    entry = rigged.entry(result.agent)
    git = Git(entry.work_dir, identity=rigged.origin.identity)
    return rigged, bead.id, entry, git


def hand_in(rigged, entry, **options):
    done = Done(rigged.root, entry, **options)
    return [receipt.stage for receipt in done.run()], done.result


def test_done_pushes_the_branch_queues_it_and_puts_the_bead_in_review(slung):
    rigged, bead_id, entry, git = slung
    commit = commit_files(git, {"login.py": "ok"}, "Fix login")
    stages, result = hand_in(rigged, entry)
    assert stages == ["saved", "pushed", "queued", "in review"]
    assert rigged.origin.commit_of(f"refs/heads/{result.branch}") == commit
    bead = rigged.bead(bead_id)
    assert (bead.status, bead.assignee) == ("in_review", entry.address.path)
    request = rigged.bead(result.request)
    assert read_request(request).branch == result.branch
    assert not request.is_ephemeral and "gt:merge-request" in request.labels and request.priority == 1
    fields = read_request(request)._asdict()
    assert (fields["source_issue"], fields["target"], fields["worker"], fields["rig"], fields["commit_sha"]) == (
        bead_id,
        "main",
        entry.address.name,
        "shop",
        commit,
    )
    assert fields["convoy_id"].startswith("hq-cv-")
    agent = rigged.bead(entry.bead_id).fields
    assert (agent["agent_state"], agent["exit_type"], agent["mr_id"]) == ("idle", "COMPLETED", result.request)
    assert "hook_bead" not in agent
    assert [event["type"] for event in rigged.events("done", "mr_queued")] == ["done", "mr_queued"]
    assert read_heartbeat(rigged.root, entry.session).state == "idle"


def test_done_twice_changes_nothing_and_new_commits_supersede(slung):
    rigged, bead_id, entry, git = slung
    commit_files(git, {"a": "1"}, "one")
    _, first = hand_in(rigged, entry)
    _, again = hand_in(rigged, entry)
    assert again.request == first.request and again.repeated
    assert len(rigged.events("mr_queued")) == 1
    commit_files(git, {"a": "2"}, "two")
    _, newer = hand_in(rigged, entry)
    assert newer.request != first.request
    assert rigged.bead(first.request).status == "closed"
    store = rigged.ledger.store_for("sh-x")
    assert [bead.id for bead in requests_for(store, bead_id)] == [newer.request]


def test_loose_work_is_saved_as_a_commit_but_deletions_are_not(slung):
    rigged, _, entry, git = slung
    write(os.path.join(git.path, "new.txt"), "new")
    os.unlink(os.path.join(git.path, "README.md"))
    _, result = hand_in(rigged, entry)
    assert result.saved
    assert rigged.origin.run("ls-tree", "--name-only", result.branch).split() == ["README.md", "new.txt"]
    assert rigged.origin.run("log", "-1", "--format=%an", result.branch) == entry.address.name


def test_nothing_to_merge_is_refused_and_the_bead_stays_hooked(slung):
    rigged, bead_id, entry, _ = slung
    with pytest.raises(ConflictError, match="no commit"):
        hand_in(rigged, entry)
    assert rigged.bead(bead_id).status == "hooked"


def test_work_that_needed_no_change_is_closed(slung):
    rigged, bead_id, entry, _ = slung
    stages, _ = hand_in(rigged, entry, no_changes=True)
    assert stages[-1] == "closed"
    assert rigged.bead(bead_id).text("close_reason") == "no code changes"


def test_the_default_branch_is_never_handed_in(slung):
    rigged, bead_id, entry, git = slung
    git.run("checkout", "--quiet", "--detach")
    commit_files(git, {"a": "1"}, "one")
    with pytest.raises(ConflictError, match="branch of its own"):
        hand_in(rigged, entry, issue=bead_id)
    assert rigged.origin.run("rev-list", "--count", "main") == "1"


def test_a_failed_push_keeps_everything_and_a_repeat_goes_on(slung):
    rigged, bead_id, entry, git = slung
    commit_files(git, {"a": "1"}, "one")
    hidden = rigged.origin.path + ".away"
    os.rename(rigged.origin.path, hidden)
    with pytest.raises(GitError):
        hand_in(rigged, entry)
    assert rigged.bead(bead_id).status == "hooked"
    os.rename(hidden, rigged.origin.path)
    stages, _ = hand_in(rigged, entry)
    assert stages[-1] == "in review"


@pytest.mark.parametrize(("status", "state", "beat"), [("ESCALATED", "stuck", "stuck"), ("DEFERRED", "idle", "idle")])
def test_stopping_without_handing_in_keeps_the_hook(slung, status, state, beat):
    rigged, bead_id, entry, git = slung
    write(os.path.join(git.path, "half.txt"), "half")
    hand_in(rigged, entry, status=status, message="needs a key")
    bead = rigged.bead(bead_id)
    assert (bead.status, bead.assignee) == ("hooked", entry.address.path)
    agent = rigged.bead(entry.bead_id).fields
    assert (agent["agent_state"], agent["hook_bead"], agent["exit_type"]) == (state, bead_id, status)
    assert read_heartbeat(rigged.root, entry.session).state == beat
    assert not rigged.origin.commit_of(git.branch())


def test_the_branch_tells_the_bead_when_the_hook_is_empty(slung):
    from gastown_core.work import hook

    rigged, bead_id, entry, git = slung
    hook.unhook(rigged.ledger, bead_id, actor="x")
    commit_files(git, {"a": "1"}, "one")
    _, result = hand_in(rigged, entry)
    assert result.issue == bead_id


def test_unknown_work_statuses_and_roles_are_refused(slung):
    rigged, _, entry, _ = slung
    with pytest.raises(NotFoundError):
        hand_in(rigged, entry, issue="sh-nope")
    with pytest.raises(UsageError):
        Done(rigged.root, entry, status="FINE")
    with pytest.raises(UsageError):
        Done(rigged.root, rigged.entry("mayor"))


def test_work_slung_on_another_base_is_handed_in_for_that_base(rigged):
    rigged.origin.run("branch", "develop", "main")
    bead = rigged.file()
    result = rigged.sling(bead.id, base_branch="develop").result
    entry = rigged.entry(result.agent)
    commit_files(Git(entry.work_dir, identity=rigged.origin.identity), {"a": "1"}, "one")
    assert hand_in(rigged, entry)[1].target == "develop"
