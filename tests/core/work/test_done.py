from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.errors import ConflictError, GitError, NotFoundError, UsageError
from gastown_core.git.repo import Git
from gastown_core.messaging.escalation import open_beads
from gastown_core.model.merge_request import read_request
from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.work.done.done import Done
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
    write(os.path.join(git.path, "loose.txt"), "loose")
    with pytest.raises(ConflictError, match="branch of its own"):
        hand_in(rigged, entry, issue=bead_id)
    assert git.run("status", "--porcelain", "--", "loose.txt").split() == ["??", "loose.txt"]
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


def test_a_call_for_help_goes_out_before_anything_changes(slung, monkeypatch):
    rigged, bead_id, entry, _ = slung
    monkeypatch.setattr("gastown_core.beads.batch.RuleBatch.comment", killed)
    with pytest.raises(KeyboardInterrupt):
        hand_in(rigged, entry, status="ESCALATED", message="needs a key")
    monkeypatch.undo()
    assert not rigged.bead(bead_id).comments
    (called,) = open_beads(rigged.ledger)
    assert bead_id in called.title
    hand_in(rigged, entry, status="ESCALATED", message="needs a key")
    assert len(open_beads(rigged.ledger)) == 1, "the second call counts with the first"


def killed(*_args, **_options):
    raise KeyboardInterrupt


def test_the_branch_tells_the_bead_when_the_hook_is_empty(slung):
    from gastown_core.work.hook import hook

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


def behind(rigged, count):
    """Put ``count`` commits on main, in one pack."""
    lines = [f"commit refs/heads/main\ncommitter A <a@b> {1700000000 + n} +0000\ndata 1\nx\n" for n in range(count)]
    lines[0] += "from refs/heads/main^0\n"
    rigged.origin.run("fast-import", "--quiet", stdin="".join(lines).encode())


@pytest.mark.parametrize(("count", "told"), [(49, ""), (50, "50 commits behind"), (199, "199 commits behind")])
def test_a_branch_behind_its_target_is_told_of(slung, count, told):
    rigged, _, entry, git = slung
    commit_files(git, {"a": "1"}, "one")
    behind(rigged, count)
    _, result = hand_in(rigged, entry)
    assert result.request and (told in result.warnings[0] if told else not result.warnings)


def test_a_branch_too_far_behind_is_refused_before_it_is_pushed(slung):
    rigged, _, entry, git = slung
    commit_files(git, {"a": "1"}, "one")
    behind(rigged, 200)
    with pytest.raises(ConflictError, match="200 commits behind main"):
        hand_in(rigged, entry)
    assert not rigged.origin.commit_of(git.branch())


def test_work_without_a_change_stays_open_while_criteria_are_not_ticked(slung):
    rigged, bead_id, entry, _ = slung
    with rigged.ledger.store_for(bead_id).write("x") as batch:
        batch.update(bead_id, {"acceptance_criteria": "- [x] one\n- [ ] two\n"})
    with pytest.raises(ConflictError, match="1 acceptance criteria"):
        hand_in(rigged, entry, no_changes=True)
    assert rigged.bead(bead_id).status == "hooked"


def test_a_local_merge_strategy_pushes_nothing_and_closes(rigged):
    result = rigged.sling(rigged.file().id, merge="local").result
    entry = rigged.entry(result.agent)
    commit_files(Git(entry.work_dir, identity=rigged.origin.identity), {"a": "1"}, "one")
    stages, done = hand_in(rigged, entry)
    assert stages[-1] == "closed" and not done.pushed
    assert rigged.bead(result.bead).text("close_reason").startswith("done on polecat/")
    assert not rigged.origin.commit_of(result.branch)
    assert rigged.bead(result.convoy).status == "closed"


def test_a_direct_strategy_is_a_request_that_is_taken_alone(rigged):
    result = rigged.sling(rigged.file().id, merge="direct").result
    entry = rigged.entry(result.agent)
    commit_files(Git(entry.work_dir, identity=rigged.origin.identity), {"a": "1"}, "one")
    _, done = hand_in(rigged, entry, priority=0)
    request = read_request(rigged.bead(done.request))
    assert (request.alone, request.priority, request.convoy_created_at > 0) == (True, 0, True)
    assert rigged.origin.run("rev-list", "--count", "main") == "1"


@pytest.mark.parametrize("option", ["no_merge", "review_only"])
def test_work_that_is_not_to_be_merged_is_pushed_and_told(rigged, option):
    result = rigged.sling(rigged.file().id, **{option: True}).result
    entry = rigged.entry(result.agent)
    commit_files(Git(entry.work_dir, identity=rigged.origin.identity), {"a": "1"}, "one")
    stages, done = hand_in(rigged, entry)
    assert (stages[-1], done.request) == ("in review", "")
    assert rigged.bead(result.bead).status == "in_review"
    assert rigged.origin.commit_of(result.branch)
    assert [mail["payload"]["to"] for mail in rigged.events("mail")] == ["overseer"]
    hand_in(rigged, entry)
    assert len(rigged.events("mail")) == 1


def test_somebody_elses_work_is_not_handed_in(slung):
    rigged, bead_id, entry, git = slung
    commit_files(git, {"a": "1"}, "one")
    rigged.sling(bead_id, "shop/other", force=True)
    with pytest.raises(ConflictError, match="is shop/polecats/other's work now"):
        hand_in(rigged, entry)


def test_a_rebased_branch_replaces_itself_and_keeps_what_it_was(slung):
    rigged, _, entry, git = slung
    old = commit_files(git, {"a": "1"}, "one")
    hand_in(rigged, entry)
    git.run("commit", "--quiet", "--amend", "-m", "one, better")
    _, result = hand_in(rigged, entry)
    assert rigged.origin.commit_of(result.branch) == result.commit != old
    assert old in git.run("for-each-ref", "--format=%(objectname)", "refs/gastown/rescue")


def test_work_that_came_back_says_so_in_its_next_request(slung):
    rigged, bead_id, entry, git = slung
    commit_files(git, {"a": "1"}, "one")
    _, first = hand_in(rigged, entry)
    with rigged.ledger.store_for(bead_id).write("shop/refinery") as batch:
        batch.close(first.request, "failed", force=True)
        back = {"mr": first.request, "branch": first.branch, "attempt": 2, "failure": "tests fail"}
        metadata = {**rigged.bead(bead_id).raw["metadata"], "rework": back}
        batch.update(bead_id, {"status": "open", "assignee": "", "metadata": metadata})
    again = rigged.sling(bead_id).result
    assert (again.agent, again.branch) == (entry.address.path, first.branch)
    commit_files(git, {"a": "2"}, "two")
    _, second = hand_in(rigged, entry)
    assert read_request(rigged.bead(second.request)).retry_count == 2


def test_a_commit_that_was_merged_is_not_queued_again(slung):
    from gastown_core.model.merge_request import with_facts

    rigged, bead_id, entry, git = slung
    commit_files(git, {"a": "1"}, "one")
    _, first = hand_in(rigged, entry)
    with rigged.ledger.store_for(bead_id).write("shop/refinery") as batch:
        batch.update(first.request, {"metadata": with_facts(batch.get(first.request), close_reason="merged")})
        batch.close(first.request, "merged", force=True)
        batch.close(bead_id, f"Merged in {first.request}", force=True)
    stages, again = hand_in(rigged, entry)
    assert (stages[-1], again.request, again.repeated) == ("queued", first.request, True)


def test_the_refinery_and_the_witness_are_woken(slung):
    from gastown_core.events.channels import pending

    rigged, bead_id, entry, git = slung
    commit_files(git, {"a": "1"}, "one")
    _, result = hand_in(rigged, entry)
    assert [(one.type, one.payload["mr"]) for one in pending(rigged.root, "refinery")] == [
        ("MQ_SUBMIT", result.request)
    ]
    assert [one.type for one in pending(rigged.root, "witness")] == ["WORK_SLUNG", "POLECAT_DONE"]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize(
    "place",
    [
        "done.write_heartbeat",
        "done.look_at_distance",
        "done.push_branch",
        "done.put_in_review",
        "handing_in.append_event",
        "handing_in.emit",
        "done.record_end",
        "done.checkpoints.save",
        "handing_in.record_hook",
    ],
)
def test_a_hand_in_killed_anywhere_goes_on_and_does_nothing_twice(slung, monkeypatch, place, after):
    import gastown_core.work.done.done as done
    import gastown_core.work.done.handing_in as handing_in

    rigged, bead_id, entry, git = slung
    write(os.path.join(git.path, "login.py"), "ok")
    *path, name = place.split(".")
    owner = {"done": done, "handing_in": handing_in}[path[0]]
    for part in path[1:]:
        owner = getattr(owner, part)
    real = getattr(owner, name)

    def killed(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(owner, name, killed)
    with pytest.raises(Killed):
        hand_in(rigged, entry)
    monkeypatch.undo()
    _, result = hand_in(rigged, entry)
    everything = hand_in(rigged, entry)[1]
    assert everything.request == result.request and everything.repeated
    store = rigged.ledger.store_for("sh-x")
    assert [bead.id for bead in requests_for(store, bead_id)] == [result.request]
    assert rigged.bead(bead_id).status == "in_review"
    assert len(rigged.events("done")) == len(rigged.events("mr_queued")) == 1
    agent = rigged.bead(entry.bead_id).fields
    assert (agent["mr_id"], agent["hook_state"], "hook_bead" in agent) == (result.request, "completed", False)
    assert rigged.origin.run("rev-list", "--count", f"main..{result.branch}") == "1"


@pytest.mark.parametrize("stage", ["saved", "pushed", "queued"])
def test_a_hand_in_that_stops_after_a_stage_goes_on(slung, stage):
    rigged, bead_id, entry, git = slung
    commit_files(git, {"login.py": "ok"}, "Fix login")
    run = Done(rigged.root, entry).run()
    while next(run).stage != stage:
        pass
    run.close()
    stages, result = hand_in(rigged, entry)
    assert stages[-1] == "in review"
    assert len(requests_for(rigged.ledger.store_for("sh-x"), bead_id)) == 1
    assert len(rigged.events("mr_queued")) == 1 == len(rigged.events("done"))


def test_done_hands_in_files_of_the_project_that_are_named_as_ours_are(slung):
    rigged, bead_id, entry, git = slung
    theirs = [
        "conf/state.json",
        ".claude/commands/go.md",
        ".beads/notes.md",
        ".logs/x",
        "mail/letter",
        "a/__pycache__/data",
        "a/__pycache__/made.pyc",
        "__pycache__/made.pyc",
    ]
    made_by_python = ["__pycache__/a.cpython-311.pyc", "a/b/__pycache__/c.cpython-313.opt-1.pyc"]
    for name in (*theirs, *made_by_python):
        write(os.path.join(entry.work_dir, name), "theirs")
    stages, result = hand_in(rigged, entry)
    tracked = git.run("ls-tree", "-r", "--name-only", f"origin/{result.branch}").splitlines()
    assert sorted(tracked) == sorted(["README.md", *theirs])


def conflicting(git, how):
    """Bring the worktree into the middle of ``how``; both sides changed README.md."""
    commit_files(git, {"README.md": "ours\n"}, "ours")
    git.run("branch", "other", "HEAD~1")
    git.run("switch", "--quiet", "other")
    theirs = commit_files(git, {"README.md": "theirs\n"}, "theirs")
    git.run("switch", "--quiet", "-")
    if how == "stash":
        write(os.path.join(git.path, "README.md"), "stashed\n")
        git.run("stash", "push", "--quiet")
        commit_files(git, {"README.md": "moved on\n"}, "moved on")
        assert git.attempt("stash", "pop").code != 0
    else:
        assert git.attempt(how, theirs).code != 0


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("merge", "middle of a merge"),
        ("rebase", "middle of a rebase"),
        ("cherry-pick", "middle of a cherry-pick"),
        ("stash", "middle of a conflict"),
    ],
)
def test_done_hands_in_nothing_that_is_half_merged(slung, how, told):
    rigged, bead_id, entry, git = slung
    conflicting(git, how)
    head, text = git.commit_of("HEAD"), git.run("status", "--porcelain")
    with pytest.raises(ConflictError, match=told) as refused:
        hand_in(rigged, entry)
    assert "gt done" in refused.value.hint
    assert (git.commit_of("HEAD"), git.run("status", "--porcelain")) == (head, text)
    assert rigged.bead(bead_id).status == "hooked"


def test_a_worker_stuck_in_a_merge_may_ask_for_help_and_the_merge_stays(slung):
    rigged, bead_id, entry, git = slung
    conflicting(git, "merge")
    text = git.run("status", "--porcelain")
    stages, result = hand_in(rigged, entry, status="ESCALATED", message="how?")
    assert stages[-1] == "escalated" and git.run("status", "--porcelain") == text
    assert any("middle of a merge" in word for word in result.warnings)


@pytest.mark.parametrize("is_reverted", [False, True])
def test_commits_that_change_nothing_are_not_handed_in(slung, is_reverted):
    rigged, bead_id, entry, git = slung
    if is_reverted:
        commit_files(git, {"a.txt": "a"}, "one")
        git.run("revert", "--no-edit", "HEAD")
    else:
        git.run("commit", "--quiet", "--allow-empty", "-m", "one")
    with pytest.raises(ConflictError, match=r"the commits of polecat/.* change nothing") as refused:
        hand_in(rigged, entry)
    assert "--no-changes" in refused.value.hint
    assert rigged.bead(bead_id).status == "hooked"
    assert requests_for(rigged.ledger.store_for("sh-x"), bead_id) == []
    stages, _ = hand_in(rigged, entry, no_changes=True)
    assert stages[-1] == "closed" and rigged.bead(bead_id).text("close_reason") == "no code changes"


@pytest.mark.parametrize("is_committed", [True, False])
def test_changes_are_not_handed_in_by_who_says_that_there_are_none(slung, is_committed):
    rigged, bead_id, entry, git = slung
    if is_committed:
        commit_files(git, {"a.txt": "a"}, "one")
    else:
        Path(git.path, "a.txt").write_text("a")
    head, branch = git.commit_of("HEAD"), git.branch()
    what = "1 commit that main lacks" if is_committed else "1 uncommitted file"
    with pytest.raises(ConflictError, match=what) as refused:
        hand_in(rigged, entry, no_changes=True)
    assert "gt done hands them in" in refused.value.hint
    assert rigged.bead(bead_id).status == "hooked" and git.commit_of("HEAD") == head
    assert requests_for(rigged.ledger.store_for("sh-x"), bead_id) == []
    assert not rigged.origin.commit_of(branch)
    stages, _ = hand_in(rigged, entry, is_clean=True)
    assert stages[-1] == "in review", "an older tool's word for a clean worktree says nothing of commits"


def test_what_a_worker_says_at_the_end_is_kept_with_the_bead(slung):
    rigged, bead_id, entry, git = slung
    hand_in(rigged, entry, no_changes=True, message="it was fixed upstream")
    assert [one["text"] for one in rigged.bead(bead_id).raw["comments"]] == ["it was fixed upstream"]


def test_what_a_worker_says_of_committed_work_is_kept_with_the_bead(slung):
    rigged, bead_id, entry, git = slung
    commit_files(git, {"a.txt": "a"}, "one")
    hand_in(rigged, entry, message="mind the second case")
    hand_in(rigged, entry, message="mind the second case")
    assert [one["text"].endswith("mind the second case") for one in rigged.bead(bead_id).raw["comments"]] == [True]


def test_work_that_is_closed_is_not_handed_in_for_nobody_would_merge_it(slung):
    rigged, bead_id, entry, git = slung
    commit = commit_files(git, {"a": "1"}, "one")
    store = rigged.ledger.store_for(bead_id)
    with store.write(entry.address.path) as batch:
        batch.close(bead_id, "all done")
    with pytest.raises(ConflictError, match=f"{bead_id} is closed: all done") as refused:
        hand_in(rigged, entry)
    assert f"bd reopen {bead_id}" in refused.value.hint
    assert requests_for(store, bead_id) == []
    assert rigged.origin.commit_of(f"refs/heads/{git.branch()}") == commit
    with store.write(entry.address.path) as batch:
        batch.reopen(bead_id)
    stages, _ = hand_in(rigged, entry)
    assert stages[-1] == "in review" and rigged.bead(bead_id).status == "in_review"
