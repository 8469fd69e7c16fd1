from __future__ import annotations

import os

import pytest

from gastown_core.errors import ConflictError, GitError
from gastown_core.git import submodules, worktree
from gastown_core.git.repo import Git
from gastown_core.refinery.worktrees import Worktrees
from gastown_core.town.crew import add_crew
from gastown_core.town.rigs import add_rig
from gastown_core.work.done.done import Done
from gastown_core.work.polecat import removal
from tests.support.repos import PERSON, commit_files, make_repo
from tests.support.rigged import Rigged, write

LOCAL = ("-c", "protocol.file.allow=always")


@pytest.fixture
def lib(tmp_path):
    """The repository that is a submodule, with one file."""
    make_repo(str(tmp_path / "lib-src"), files={"lib.py": "1\n"})
    Git(str(tmp_path)).run("clone", "--quiet", "--bare", str(tmp_path / "lib-src"), "lib.git")
    return Git(str(tmp_path / "lib.git"))


@pytest.fixture
def nested(rigged, lib, tmp_path) -> Rigged:
    """The town, with a second rig ``app`` whose repository has the submodule ``lib``."""
    source = make_repo(str(tmp_path / "app"))
    source.run(*LOCAL, "submodule", "--quiet", "add", "file://" + lib.path, "lib")
    source.run("commit", "--quiet", "-m", "with a submodule")
    source.run("config", "receive.denyCurrentBranch", "updateInstead")
    add_rig(rigged.root, "app", source.path, prefix="ap")
    return rigged


def work(rigged: Rigged):
    with rigged.ledger.store_for("ap-x").write("overseer") as batch:
        bead = batch.create({"title": "Change the library"})
    entry = rigged.entry(rigged.sling(bead.id, "app").result.agent)
    inner = Git(os.path.join(entry.work_dir, "lib"), identity=PERSON)
    return bead, entry, inner


def test_every_working_copy_has_its_submodules(nested):
    _, entry, _ = work(nested)
    crew = add_crew(nested.root, "app", "ana")
    rig = os.path.join(nested.root, "app")
    for folder in (entry.work_dir, crew.work_dir, f"{rig}/mayor/rig", f"{rig}/refinery/rig"):
        assert os.path.exists(os.path.join(folder, "lib", "lib.py")), folder


def test_a_gate_finds_the_submodule_at_the_commit_it_tests_swept_clean(nested, lib, tmp_path):
    bare = Git(os.path.join(nested.root, "app", ".repo.git"), identity=PERSON)
    trees = Worktrees(bare, str(tmp_path / "trees"))
    first = bare.commit_of("origin/main")
    with trees.open(first) as tree:
        inner = Git(os.path.join(tree.path, "lib"), identity=PERSON)
        write(os.path.join(inner.path, "lib.py"), "dirt")
        write(os.path.join(inner.path, "left over"), "dirt")
        folder = tree.path
    with trees.open(first) as tree:
        assert tree.path == folder
        assert sorted(os.listdir(inner.path)) == [".git", "lib.py"]
        assert worktree.status(inner) == ((), ())
    trees.close()
    assert not os.path.exists(trees.folder)


def test_a_submodule_that_cannot_be_had_is_an_error_of_the_gate_and_a_warning_of_the_sling(nested, lib, tmp_path):
    os.rename(lib.path, lib.path + ".away")
    bare = Git(os.path.join(nested.root, "app", ".repo.git"), identity=PERSON)
    with pytest.raises(GitError, match="submodule"), Worktrees(bare, str(tmp_path / "trees")).open("origin/main"):
        pass
    with nested.ledger.store_for("ap-x").write("overseer") as batch:
        bead = batch.create({"title": "Work without it"})
    result = nested.sling(bead.id, "app").result
    assert any("cannot check out a submodule" in word for word in result.warnings)


def test_done_refuses_a_submodule_commit_that_no_remote_has_until_it_is_pushed(nested):
    bead, entry, inner = work(nested)
    commit_files(inner, {"lib.py": "2\n"}, "Change the library")
    with pytest.raises(ConflictError, match="submodule lib has 1 commit that no remote has"):
        list(Done(nested.root, entry).run())
    assert nested.bead(bead.id).status == "hooked"
    inner.run("push", "--quiet", "origin", "HEAD:refs/heads/change")
    stages = [receipt.stage for receipt in Done(nested.root, entry).run()]
    assert stages[-1] == "in review"


def test_done_refuses_changes_inside_a_submodule(nested):
    _, entry, inner = work(nested)
    write(os.path.join(entry.work_dir, "a.txt"), "a")
    write(os.path.join(inner.path, "lib.py"), "changed")
    with pytest.raises(ConflictError, match=r"submodule lib has changes that are not committed"):
        list(Done(nested.root, entry).run())


def test_work_inside_a_submodule_is_told_and_saved_before_its_worktree_goes(nested):
    _, entry, inner = work(nested)
    commit = commit_files(inner, {"lib.py": "2\n"}, "Change the library")
    write(os.path.join(inner.path, "new.py"), "new")
    stakes = removal.look_at_stakes(nested.root, nested.ledger, entry)
    assert [row for row in stakes.commits if row.endswith("Change the library in lib")]
    done = removal.remove(nested.root, nested.ledger, entry, actor="x", nuke=True, force=True)
    bare = Git(os.path.join(nested.root, "app", ".repo.git"))
    refs = bare.run("for-each-ref", "--format=%(refname)", f"{worktree.RESCUE}/{entry.address.name}").splitlines()
    inside = next(ref for ref in refs if ref.endswith("-in-0"))
    assert done.kept and bare.commit_of(f"{inside}^") == commit
    assert bare.run("show", f"{inside}:new.py") == "new"


def test_a_worktree_that_is_used_again_has_the_submodule_of_its_new_branch(nested):
    bead, entry, inner = work(nested)
    commit_files(inner, {"lib.py": "2\n"}, "Change the library")
    Git(entry.work_dir, identity=PERSON).run("commit", "--quiet", "-am", "take it")
    nested.ledger.store_for("ap-x")
    with nested.ledger.store_for("ap-x").write("overseer") as batch:
        batch.close(bead.id, "not wanted", force=True)
        other = batch.create({"title": "Something else"})
    assert nested.sling(other.id, "app").result.agent == entry.address.path
    assert worktree.status(Git(entry.work_dir)) == ((), ())
    with open(os.path.join(inner.path, "lib.py")) as handle:
        assert handle.read() == "1\n"


def test_a_clone_inside_the_worktree_is_not_handed_in_and_is_saved(rigged):
    entry = rigged.entry(rigged.sling(rigged.file().id).result.agent)
    write(os.path.join(entry.work_dir, "a.txt"), "a")
    inner = make_repo(os.path.join(entry.work_dir, "scratch"), files={"idea.py": "idea"})
    done = Done(rigged.root, entry)
    list(done.run())
    assert any("scratch is a repository of its own" in word for word in done.result.warnings)
    git = Git(entry.work_dir)
    assert git.run("ls-tree", "-r", "--name-only", "HEAD").splitlines() == ["README.md", "a.txt"]
    ref = worktree.rescue(git, "opal", 9.0)
    assert git.run("show", f"{ref}-in-0:idea.py" if not ref.endswith("-in-0") else f"{ref}:idea.py") == "idea"
    assert submodules.unpushed(inner, worktree.RESCUE) == ()
