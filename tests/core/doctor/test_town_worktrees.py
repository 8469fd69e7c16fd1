"""Worktrees that are gone, moved or broken: named, mended once, and nothing that they held is lost."""

from __future__ import annotations

import os
import shutil

from gastown_core.doctor.checked_town import Place
from gastown_core.doctor.town_worktrees import WorktreesCheck
from gastown_core.files.locks import FileLock
from gastown_core.git.repo import Git
from tests.support.repos import PERSON, commit_files
from tests.support.rigged import Rigged, write


def bare_of(rigged: Rigged) -> Git:
    return Git(os.path.join(rigged.root, "shop", ".repo.git"), identity=PERSON)


def add(rigged: Rigged, name: str) -> str:
    path = os.path.join(rigged.root, "shop", "polecats", name)
    bare_of(rigged).run("worktree", "add", "--quiet", "-b", f"polecat/{name}/work", path, "main")
    return path


def whats(rigged: Rigged) -> list[str]:
    return [one.what for one in WorktreesCheck().detect(Place(rigged.root))]


def mend(rigged: Rigged) -> list[str]:
    """Mend what is found; what would be done, and what could not be."""
    check = WorktreesCheck()
    found = check.detect(Place(rigged.root))
    return [*check.acts(found), *check.fix(found, rigged.root)]


def rescued(rigged: Rigged) -> list[str]:
    return bare_of(rigged).run("for-each-ref", "--format=%(refname)", "refs/gastown/rescue").split()


def test_a_sound_town_has_no_finding(rigged: Rigged) -> None:
    add(rigged, "nux")
    assert whats(rigged) == []


def test_a_lost_worktree_is_saved_with_its_index_and_forgotten_once(rigged: Rigged) -> None:
    path = add(rigged, "nux")
    commit = commit_files(Git(path, identity=PERSON), {"work.txt": "hours of it"}, "unpushed")
    write(os.path.join(path, "added.txt"), "not committed yet")
    Git(path).run("add", "added.txt")
    shutil.rmtree(path)
    assert whats(rigged) == [f"the folder of the worktree {path} is gone"] and rescued(rigged) == []
    assert mend(rigged) == [f"save what it held under refs/gastown/rescue/nux and let git forget the worktree {path}"]
    (ref,) = rescued(rigged)
    assert ref.startswith("refs/gastown/rescue/nux/")
    assert bare_of(rigged).run("show", f"{ref}:added.txt") == "not committed yet"
    assert bare_of(rigged).run("rev-parse", f"{ref}^") == commit
    assert path not in bare_of(rigged).run("worktree", "list")
    assert mend(rigged) == [] and rescued(rigged) == [ref]


def test_a_lost_worktree_that_is_locked_is_left_alone(rigged: Rigged) -> None:
    path = add(rigged, "nux")
    bare_of(rigged).run("worktree", "lock", path)
    shutil.rmtree(path)
    assert whats(rigged) == []


def test_a_moved_worktree_is_told_to_git_and_keeps_its_files(rigged: Rigged) -> None:
    path = add(rigged, "nux")
    write(os.path.join(path, "draft.txt"), "mine")
    new = os.path.join(os.path.dirname(path), "toast")
    os.rename(path, new)
    assert whats(rigged) == [f"the worktree {new} was moved"]
    assert mend(rigged) == [f"tell git that the worktree {new} lies there now"]
    assert new in bare_of(rigged).run("worktree", "list") and os.path.exists(os.path.join(new, "draft.txt"))
    assert mend(rigged) == [] and rescued(rigged) == []


def test_after_a_move_of_the_whole_town_nothing_is_removed(rigged: Rigged) -> None:
    path = add(rigged, "nux")
    write(os.path.join(path, "draft.txt"), "mine")
    old, rigged.root = rigged.root, rigged.root + "-moved"
    os.rename(old, rigged.root)
    path = os.path.join(rigged.root, "shop", "polecats", "nux")
    assert f"the worktree {path} was moved" in whats(rigged)
    assert f"tell git that the worktree {path} lies there now" in mend(rigged)
    assert Git(path).run("status", "--porcelain") == "?? draft.txt" and rescued(rigged) == []
    assert mend(rigged) == []


def test_a_folder_that_git_forgot_is_saved_and_what_a_ref_cannot_hold_is_named(rigged: Rigged) -> None:
    path = add(rigged, "nux")
    write(os.path.join(path, ".gitignore"), "secret.env\n")
    write(os.path.join(path, "draft.txt"), "mine")
    write(os.path.join(path, "secret.env"), "x")
    shutil.rmtree(os.path.join(bare_of(rigged).path, "worktrees", "nux"))
    assert whats(rigged) == [f"{path} is no worktree"]
    (told,) = mend(rigged)
    assert told.endswith("lost with it, as .gitignore names them: secret.env")
    (ref,) = rescued(rigged)
    assert bare_of(rigged).run("show", f"{ref}:draft.txt") == "mine" and not os.path.exists(path)
    assert mend(rigged) == [] and rescued(rigged) == [ref]


def test_without_an_answer_from_tmux_a_broken_folder_is_named_and_stays(rigged: Rigged, without_tmux: None) -> None:
    path = os.path.join(rigged.root, "shop", "polecats", "nux")
    write(os.path.join(path, "draft.txt"), "mine")
    assert whats(rigged) == [f"{path} is no worktree"] and mend(rigged) == []
    assert os.path.exists(os.path.join(path, "draft.txt"))


def test_a_submodule_is_no_moved_worktree(rigged: Rigged) -> None:
    path = add(rigged, "nux")
    git = Git(path, identity=PERSON)
    git.run("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", rigged.origin.path, "sub")
    assert os.path.isfile(os.path.join(path, "sub", ".git")) and whats(rigged) == []


def test_a_nested_folder_goes_whole_and_an_empty_one_leaves_no_ref(rigged: Rigged) -> None:
    polecats = os.path.join(rigged.root, "shop", "polecats")
    os.makedirs(os.path.join(polecats, "empty"))
    write(os.path.join(polecats, "nux", "shop", "draft.txt"), "mine")
    assert len(mend(rigged)) == 2
    assert os.listdir(polecats) == [] and len(rescued(rigged)) == 1
    assert whats(rigged) == []


def test_a_folder_with_a_repository_in_it_or_files_beside_it_is_named_and_stays(rigged: Rigged) -> None:
    polecats = os.path.join(rigged.root, "shop", "polecats")
    write(os.path.join(polecats, "nux", "draft.txt"), "mine")
    Git(os.path.join(polecats, "nux")).run("init", "--quiet", "inner")
    write(os.path.join(polecats, "toast", "shop", "draft.txt"), "mine")
    write(os.path.join(polecats, "toast", "notes.txt"), "mine too")
    assert len(whats(rigged)) == 2 and mend(rigged) == []
    assert sorted(os.listdir(os.path.join(polecats, "toast"))) == ["notes.txt", "shop"]
    assert os.path.exists(os.path.join(polecats, "nux", "inner", ".git"))


def test_a_polecat_that_is_being_assigned_work_is_left_out(rigged: Rigged) -> None:
    write(os.path.join(rigged.root, "shop", "polecats", "nux", "draft.txt"), "mine")
    with FileLock(os.path.join(rigged.root, "shop", ".runtime", "locks", "polecat-nux.lock")):
        assert whats(rigged) == []
    assert len(whats(rigged)) == 1
