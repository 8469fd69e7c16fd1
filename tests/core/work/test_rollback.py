from __future__ import annotations

import os

import pytest

from gastown_core.clock import FixedClock
from gastown_core.errors import ConflictError, NotFoundError, TownError
from gastown_core.git import checkpoints, worktree
from gastown_core.git.repo import Git
from gastown_core.work.hook import rollback
from tests.support.repos import commit_files
from tests.support.rigged import write

NOW = 4_000_000_000.0


@pytest.fixture
def worker(rigged):
    """A slung polecat with two commits and a loose file: rigged, entry, git, the commits."""
    result = rigged.sling(rigged.file().id).result
    git = Git(result.worktree, identity=rigged.origin.identity)
    one = commit_files(git, {"a.txt": "1"}, "one")
    two = commit_files(git, {"a.txt": "2", "b.txt": "b"}, "two")
    write(os.path.join(git.path, "loose.txt"), "loose")
    return rigged, rigged.entry(result.agent), git, (one, two)


def states(git, entry):
    return rollback.earlier_states(git, entry.address.name, "origin/main")


def files(git):
    return sorted(name for name in os.listdir(git.path) if not name.startswith(".") and name != "CLAUDE.local.md")


def go(rigged, entry, git, state, at=NOW):
    return rollback.roll_back(rigged.root, entry, git, state, actor="x", clock=FixedClock(at))


def test_commits_and_checkpoints_are_the_states_to_go_back_to(worker):
    rigged, entry, git, (one, two) = worker
    checkpoints.save(git, entry.address.name, "handoff", NOW)
    found = states(git, entry)
    assert (found[0].what, found[0].loose) == ("handoff", True)
    assert [(state.what, state.commit) for state in found if not state.is_checkpoint][:2] == [
        ("two", two),
        ("one", one),
    ]
    assert "sling: fresh branch" in [state.what for state in found]
    assert rollback.choose_state(found, "1") == found[0]
    assert rollback.choose_state(found, one[:7]).commit == one
    with pytest.raises(NotFoundError):
        rollback.choose_state(found, "nope")


def test_going_back_is_previewed_kept_and_undone_to_the_last_file(worker):
    rigged, entry, git, (one, two) = worker
    git.run("push", "--quiet", "origin", f"{two}:refs/heads/{git.branch()}")
    git.run("fetch", "--quiet", "origin")
    target = rollback.choose_state(states(git, entry), one[:8])
    loss = rollback.preview(git, target)
    assert ([line.split(" ", 1)[1] for line in loss.commits], loss.files, loss.pushed) == (
        ["two"],
        ("a.txt", "b.txt", "loose.txt"),
        1,
    )
    branch = git.branch()
    done = go(rigged, entry, git, target)
    assert (git.commit_of("HEAD"), git.branch(), files(git)) == (one, branch, ["README.md", "a.txt"])
    assert git.run("show", f"{done.rescue}:loose.txt") == "loose"
    assert rigged.events("hook_rolled_back")[0]["payload"]["rescue"] == done.rescue
    back = go(rigged, entry, git, rollback.last_rollback(git, entry.address.name), NOW + 1)
    assert git.commit_of("HEAD") == two
    assert worktree.status(git) == ((), ("loose.txt",))
    assert back.rescue != done.rescue
    go(rigged, entry, git, rollback.last_rollback(git, entry.address.name), NOW + 2)
    assert git.commit_of("HEAD") == one and "loose.txt" not in files(git)


def test_a_checkpoint_brings_back_its_loose_files(worker):
    rigged, entry, git, (_, two) = worker
    checkpoints.save(git, entry.address.name, "handoff", NOW)
    os.unlink(os.path.join(git.path, "loose.txt"))
    commit_files(git, {"c.txt": "c"}, "three")
    go(rigged, entry, git, states(git, entry)[0], NOW + 1)
    assert git.commit_of("HEAD") == two
    assert worktree.status(git) == ((), ("loose.txt",))


def test_the_present_state_costs_nothing(worker):
    rigged, entry, git, (_, two) = worker
    os.unlink(os.path.join(git.path, "loose.txt"))
    assert rollback.preview(git, rollback.choose_state(states(git, entry), two[:8])).is_empty


def test_in_the_middle_of_a_rebase_nothing_moves(worker):
    rigged, entry, git, _ = worker
    os.unlink(os.path.join(git.path, "loose.txt"))
    git.attempt("rebase", "--exec", "false", "HEAD~1")
    with pytest.raises(ConflictError, match="middle of a rebase"):
        rollback.open_worktree(entry)
    with pytest.raises(TownError):
        rollback.open_worktree(rigged.entry("mayor"))


def test_old_checkpoints_go_and_other_branches_are_not_offered(worker):
    _, entry, git, _ = worker
    name = entry.address.name
    git.run("switch", "--quiet", "-c", "other")
    for number in range(3):
        checkpoints.save(git, name, "handoff", NOW + number)
    git.run("switch", "--quiet", "-")
    assert "handoff" not in [state.what for state in states(git, entry)]
    assert len(checkpoints.saved_states(git, name)) == 4


def test_a_handoff_leaves_a_checkpoint(worker, without_tmux):
    from gastown_core.messaging.handoff import handoff

    rigged, entry, git, _ = worker
    list(handoff(rigged.root, entry, subject="full", sender="x"))
    assert states(git, entry)[0].what == "handoff"
