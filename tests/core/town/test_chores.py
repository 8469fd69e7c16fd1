"""Copies of the ledgers, and repositories tidied without losing what a lost worktree held."""

from __future__ import annotations

import gzip
import os
import shutil

from gastown_core.git.repo import Git
from gastown_core.town.chores import KEPT, back_up, copies_of, tend_git
from tests.support.cli import gt
from tests.support.repos import PERSON, commit_files
from tests.support.rigged import Rigged

NOW = 1_795_262_671.0


def held(path: str) -> bytes:
    with gzip.open(path) as handle:
        return handle.read()


def ledger_path(rigged: Rigged) -> str:
    return rigged.ledger.store_for("sh-x").path()


def test_a_changed_ledger_is_copied_whole_and_the_oldest_copies_go(rigged: Rigged) -> None:
    rigged.file("First")
    done = back_up(rigged.root, rigged.ledger, NOW)
    assert any("shop" in line for line in done.lines) and done.warnings == ()
    with open(ledger_path(rigged), "rb") as handle:
        assert held(copies_of(rigged.root, "shop")[0]) == handle.read()
    assert back_up(rigged.root, rigged.ledger, NOW + 60).lines == ()
    for hour in range(KEPT + 3):
        rigged.file(f"Bead {hour}")
        back_up(rigged.root, rigged.ledger, NOW + 3600 * (hour + 1))
    found = copies_of(rigged.root, "shop")
    assert len(found) == KEPT and found == sorted(found, reverse=True)


def test_a_ledger_that_shrank_by_half_is_told_and_no_copy_is_dropped(rigged: Rigged) -> None:
    for number in range(KEPT + 1):
        rigged.file(f"Bead {number}")
        back_up(rigged.root, rigged.ledger, NOW + 3600 * number)
    before = copies_of(rigged.root, "shop")
    path = ledger_path(rigged)
    with open(path, encoding="utf-8") as handle:
        first = handle.readline()
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(first)
    done = back_up(rigged.root, rigged.ledger, NOW + 3600 * 99)
    assert len(done.warnings) == 1 and "shrank" in done.warnings[0]
    assert set(before) < set(copies_of(rigged.root, "shop"))


def test_a_copy_within_the_second_of_the_last_one_takes_nothing_away(rigged: Rigged) -> None:
    for number in range(9):
        rigged.file(f"Bead {number}")
    back_up(rigged.root, rigged.ledger, NOW)
    (whole,) = copies_of(rigged.root, "shop")
    path = ledger_path(rigged)
    with open(path, "rb") as handle:
        data = handle.read()
    for share in (data.splitlines(keepends=True)[0], b""):
        with open(path, "wb") as handle:
            handle.write(share)
        back_up(rigged.root, rigged.ledger, NOW + 0.5)
        newest = copies_of(rigged.root, "shop")[0]
        assert held(newest) == share and held(whole) == data


def test_two_lost_worktrees_of_one_name_are_both_saved(rigged: Rigged) -> None:
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"), identity=PERSON)
    commits = []
    for role in ("polecats", "crew"):
        path = os.path.join(rigged.root, "shop", role, "lost")
        bare.run("worktree", "add", "--quiet", "--detach", path, "main")
        commits.append(commit_files(Git(path, identity=PERSON), {"work.txt": role}, f"work of {role}"))
        shutil.rmtree(path)

    tend_git(rigged.root, NOW)
    saved = bare.run("for-each-ref", "--format=%(objectname)", "refs/gastown/rescue").split()
    assert sorted(saved) == sorted(commits)


def test_the_commit_of_a_lost_worktree_is_saved_before_git_forgets_it(rigged: Rigged) -> None:
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"), identity=PERSON)
    path = os.path.join(rigged.root, "shop", "polecats", "lost")
    bare.run("worktree", "add", "--quiet", "--detach", path, "main")
    commit = commit_files(Git(path, identity=PERSON), {"work.txt": "hours of it"}, "unpushed work")
    shutil.rmtree(path)
    admin = os.path.join(bare.path, "worktrees", "lost", "gitdir")
    shown = tend_git(rigged.root, NOW, dry_run=True)
    assert any(commit[:12] in line for line in shown.lines) and not bare.run("for-each-ref", "refs/gastown/rescue")
    done = tend_git(rigged.root, NOW)
    assert any("refs/gastown/rescue" in line for line in done.lines) and os.path.exists(admin)
    assert commit in bare.run("for-each-ref", "--format=%(objectname)", "refs/gastown/rescue")
    index = os.path.join(os.path.dirname(admin), "index")
    old = os.stat(index).st_mtime - 2 * 86400
    os.utime(index, (old, old))
    assert any("lost" in line for line in tend_git(rigged.root, NOW + 60).lines) and not os.path.exists(admin)
    bare.run("gc", "--prune=now", "--quiet")
    assert bare.run("cat-file", "-t", commit).strip() == "commit"


def test_a_moved_worktree_is_told_to_git_before_git_could_forget_it(rigged: Rigged) -> None:
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"), identity=PERSON)
    old, new = (os.path.join(rigged.root, "shop", "polecats", name) for name in ("nux", "toast"))
    bare.run("worktree", "add", "--quiet", "--detach", old, "main")
    os.rename(old, new)
    said = f"shop: told git that the worktree {new} lies there now"
    assert said in tend_git(rigged.root, NOW, dry_run=True).lines and new not in bare.run("worktree", "list")
    assert said in tend_git(rigged.root, NOW).lines and new in bare.run("worktree", "list")
    assert tend_git(rigged.root, NOW).lines == ()


def test_the_command_does_the_chores_and_says_what_it_did(rigged: Rigged) -> None:
    rigged.file("First")
    assert gt("maintain", "backup", "-n", cwd=rigged.root).code == 0 and copies_of(rigged.root, "shop") == []
    told = gt("maintain", "--json", cwd=rigged.root)
    assert told.code == 0 and told.json["backup"]["done"] and told.json["git"] == {"done": [], "warnings": []}
    assert copies_of(rigged.root, "shop")
    assert gt("maintain", "dishes", cwd=rigged.root).code == 2
