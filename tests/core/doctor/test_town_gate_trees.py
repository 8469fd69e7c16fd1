"""Worktrees that a killed engine left: named when no engine owns them, removed once, never under a running engine."""

from __future__ import annotations

import os

from gastown_core.doctor.checked_town import Place
from gastown_core.doctor.town_gate_trees import GateTreesCheck
from gastown_core.files.locks import FileLock
from gastown_core.git.repo import Git
from tests.support.rigged import Rigged


def plant(rigged: Rigged) -> tuple[Git, str]:
    """A gate's worktree as an engine makes it; the repository and the folder of its branch's worktrees."""
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"))
    folder = os.path.join(rigged.root, "shop", ".runtime", "refinery", "trees", "main")
    bare.run("worktree", "add", "--quiet", "--detach", os.path.join(folder, "tree-1-1"), "main")
    return bare, folder


def test_a_sound_town_has_no_finding(rigged: Rigged) -> None:
    assert GateTreesCheck().detect(Place(rigged.root)) == []


def test_what_a_killed_engine_left_is_named_and_removed_once(rigged: Rigged) -> None:
    bare, folder = plant(rigged)
    check = GateTreesCheck()
    (found,) = check.detect(Place(rigged.root))
    assert found.what == f"1 worktree of gates in {folder}" and len(os.listdir(folder)) == 1
    assert check.fix([found], rigged.root) == []
    assert not os.path.exists(folder) and folder not in bare.run("worktree", "list")
    assert check.detect(Place(rigged.root)) == []


def test_the_worktrees_of_a_running_engine_stay(rigged: Rigged) -> None:
    _, folder = plant(rigged)
    lock = os.path.join(rigged.root, "shop", ".runtime", "locks", "merge-main.lock")
    os.makedirs(os.path.dirname(lock), exist_ok=True)
    check = GateTreesCheck()
    with FileLock(lock):
        assert check.detect(Place(rigged.root)) == []
    found = check.detect(Place(rigged.root))
    with FileLock(lock):
        (left,) = check.fix(found, rigged.root)
    assert "stays as it is" in left and len(os.listdir(folder)) == 1
