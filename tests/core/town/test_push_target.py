"""A rig whose merges could never be pushed says so when it is made, and what it offers works."""

from __future__ import annotations

import os

import pytest

from gastown_core.errors import ConflictError, UsageError
from gastown_core.git.repo import Git
from gastown_core.refinery.engine import process
from gastown_core.town.crew import add_crew
from gastown_core.town.rigs import add_rig
from gastown_core.work.done.done import Done
from tests.support.cli import gt
from tests.support.repos import PERSON, commit_files, make_repo


@pytest.fixture
def checkout(tmp_path) -> Git:
    """A folder that a person works in, on main."""
    return make_repo(str(tmp_path / "my work"))


def land(rigged, rig, prefix) -> str:
    """One piece of work from sling to the target; the commit that main is at then, as the rig sees it."""
    with rigged.ledger.store_for(f"{prefix}-x").write("overseer") as batch:
        bead = batch.create({"title": "Land it"})
    entry = rigged.entry(rigged.sling(bead.id, rig).result.agent)
    commit_files(Git(entry.work_dir, identity=PERSON), {"landed.txt": "1"}, "Land it")
    list(Done(rigged.root, entry).run())
    process(rigged.root, rig)
    assert rigged.bead(bead.id).status == "closed", rigged.bead(bead.id).raw
    bare = Git(os.path.join(rigged.root, rig, ".repo.git"))
    return bare.run("ls-remote", "origin", "refs/heads/main").split()[0]


def test_a_checked_out_branch_is_told_at_once_with_what_works(rigged, checkout):
    rig = add_rig(rigged.root, "mine", checkout.path, prefix="my")
    assert len(rig.warnings) == 1
    for word in ("has main checked out", "--mirror", "--push-url", "--branch", "updateInstead"):
        assert word in rig.warnings[0]


def test_the_command_prints_it(rigged, checkout):
    ran = gt("rig", "add", "mine", checkout.path, "--prefix", "my", cwd=rigged.root)
    assert ran.code == 0 and "note: nothing can be merged" in ran.err
    quiet = gt("rig", "add", "its", checkout.path, "--prefix", "it", "--mirror", cwd=rigged.root)
    assert (quiet.code, quiet.err) == (0, "")


def test_what_can_be_pushed_to_is_not_complained_of(rigged, checkout):
    assert add_rig(rigged.root, "bare", rigged.origin.path, prefix="ba").warnings == ()
    checkout.run("branch", "town")
    assert add_rig(rigged.root, "other", checkout.path, prefix="ot", branch="town").warnings == ()
    checkout.run("config", "receive.denyCurrentBranch", "updateInstead")
    assert add_rig(rigged.root, "kept", checkout.path, prefix="ke").warnings == ()
    land(rigged, "kept", "ke")
    assert os.path.exists(os.path.join(checkout.path, "landed.txt"))


def test_a_mirror_takes_the_merges_and_shows_them_to_the_folder(rigged, checkout):
    before = checkout.commit_of("HEAD")
    assert add_rig(rigged.root, "mine", checkout.path, prefix="my", mirror=True).warnings == ()
    tip = land(rigged, "mine", "my")
    assert checkout.commit_of("refs/remotes/town/main") == tip
    assert (checkout.commit_of("HEAD"), checkout.run("status", "--porcelain")) == (before, "")
    assert "polecat" not in checkout.run("for-each-ref")


def test_another_repository_takes_the_merges(rigged, checkout, tmp_path):
    target = str(tmp_path / "target.git")
    Git(str(tmp_path)).run("init", "--quiet", "--bare", target)
    rig = add_rig(rigged.root, "mine", checkout.path, prefix="my", push_url="file://" + target)
    assert rig.warnings == ()
    tip = land(rigged, "mine", "my")
    assert Git(target).commit_of("refs/heads/main") == tip
    crew = Git(add_crew(rigged.root, "mine", "ana").work_dir)
    crew.run("fetch", "--quiet")
    assert crew.commit_of("origin/main") == tip


def test_a_repository_with_another_history_is_refused_and_leaves_nothing(rigged, checkout, tmp_path):
    other = make_repo(str(tmp_path / "other"), files={"else.txt": "x"})
    with pytest.raises(ConflictError, match="shares no history"):
        add_rig(rigged.root, "mine", checkout.path, prefix="my", push_url="file://" + other.path)
    assert not os.path.exists(os.path.join(rigged.root, "mine"))


def test_a_mirror_is_for_folders(rigged):
    with pytest.raises(UsageError, match="--mirror needs a folder"):
        add_rig(rigged.root, "far", "https://git.invalid/x.git", mirror=True)
