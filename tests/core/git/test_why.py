"""Errors keep the whole message of git and its hooks."""

from __future__ import annotations

import os

import pytest

from gastown_core.beads.opening import init_store, open_store
from gastown_core.beads.sync import sync_store
from gastown_core.errors import GitError
from gastown_core.git.repo import Git
from gastown_core.town.install import install_town
from gastown_core.work.done.done import Done
from tests.support.cli import gt
from tests.support.repos import commit_files, make_repo
from tests.support.rigged import make_executable, write


@pytest.fixture
def clone(tmp_path):
    """A clone with a commit to push, and the repository it would go to."""
    source = make_repo(str(tmp_path / "src"))
    Git(str(tmp_path)).run("clone", "--quiet", "--bare", "src", "origin.git")
    Git(str(tmp_path)).run("clone", "--quiet", "origin.git", "clone")
    git = Git(str(tmp_path / "clone"), identity=source.identity)
    commit_files(git, {"a": "1"}, "work")
    return git, tmp_path / "origin.git"


def push(git: Git) -> GitError:
    with pytest.raises(GitError) as refused:
        git.run("push", "origin", "HEAD:main")
    return refused.value


@pytest.mark.parametrize("where", ["server", "client"])
def test_the_words_of_a_hook_are_the_reason(clone, where):
    git, origin = clone
    hook = (
        origin / "hooks" / "pre-receive" if where == "server" else os.path.join(git.path, ".git", "hooks", "pre-push")
    )
    make_executable(str(hook), "#!/bin/sh\necho 'lint failed in a.py' >&2\necho 'protected branch' >&2\nexit 1\n")
    why = push(git).why
    assert "lint failed in a.py" in why and "protected branch" in why


def test_a_long_story_is_kept_whole_and_its_end_is_the_reason(clone):
    git, origin = clone
    make_executable(str(origin / "hooks" / "pre-receive"), "#!/bin/sh\nseq 1 40 >&2\nexit 1\n")
    error = push(git)
    assert "remote: 40" in error.why and "lines omitted" in error.why
    assert all(f"remote: {number}" in error.said.splitlines() for number in range(1, 41))
    assert error.as_json()["said"] == error.said


def test_what_git_itself_says_is_part_of_the_reason_however_much_follows(clone):
    git, origin = clone
    script = "#!/bin/sh\necho 'error: lint failed in a.py' >&2\nseq 1 40 >&2\nexit 1\n"
    make_executable(str(origin / "hooks" / "pre-receive"), script)
    why = push(git).why
    assert "error: lint failed in a.py" in why and "remote: 40" in why and "remote: 20" not in why


def test_a_checked_out_branch_is_named_with_what_helps(clone, tmp_path):
    git, _ = clone
    git.run("remote", "set-url", "origin", str(tmp_path / "src"))
    error = push(git)
    assert "checked out" in error.why and "updateInstead" in error.hint


def test_a_command_shows_all_that_a_hook_said(rigged):
    entry = rigged.entry(rigged.sling(rigged.file().id).result.agent)
    write(os.path.join(entry.work_dir, "a.txt"), "a")
    hook = os.path.join(rigged.origin.path, "hooks", "pre-receive")
    make_executable(hook, "#!/bin/sh\nseq -f 'rule %g' 1 30 >&2\nexit 1\n")
    ran = gt("done", cwd=entry.work_dir, GT_ROLE="", GT_POLECAT="")
    assert ran.code == 1
    assert all(f"rule {number}\n" in ran.err for number in range(1, 31))


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A repository that git takes for somebody else's."""
    git = make_repo(str(tmp_path / "foreign"))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    return git


def test_a_repository_of_a_strange_owner_is_not_taken_for_none(foreign, tmp_path):
    with pytest.raises(GitError, match="dubious ownership"):
        foreign.is_repository()
    os.mkdir(tmp_path / "plain")
    assert not Git(str(tmp_path / "plain")).is_repository()


def test_a_sync_says_that_git_refuses_the_owner(foreign):
    init_store(foreign.path, "x", use_git=False)
    with pytest.raises(GitError, match="dubious ownership"):
        sync_store(open_store(os.path.join(foreign.path, ".beads")))


@pytest.fixture
def unsigned(tmp_path, monkeypatch):
    """Commits are to be signed, and the key is locked."""
    config = tmp_path / "gitconfig"
    config.write_text("[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))


def test_signing_that_fails_leaves_a_whole_town(tmp_path, unsigned):
    root = str(tmp_path / "town")
    install_town(root, git=True)
    assert Git(root).run("log", "--format=%s") == "Found the town"
    assert Git(root).run("status", "--porcelain") == ""


def test_signing_that_fails_keeps_no_work_from_being_handed_in(rigged, unsigned):
    entry = rigged.entry(rigged.sling(rigged.file().id).result.agent)
    write(os.path.join(entry.work_dir, "a.txt"), "a")
    done = Done(rigged.root, entry)
    assert [receipt.stage for receipt in done.run()][-1] == "in review"
    assert any("not signed" in word for word in done.result.warnings)
