"""What a killed engine leaves of its worktrees: removed by the next run, also where git was still making one."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from gastown_core.refinery.worktrees import Worktrees, end_processes_in
from tests.support.queued import Queued


def folder_of(queued: Queued) -> str:
    return os.path.join(queued.rig, ".runtime", "refinery", "trees", "main")


def begin_to_make(queued: Queued, path: str) -> subprocess.Popen[bytes]:
    """A git that adds a worktree and does not get to the end of it; nobody waits for it."""
    queued.bare.run("config", "filter.slow.smudge", "sleep 600; cat")
    commit = queued.commit({".gitattributes": "slow.txt filter=slow\n", "slow.txt": "1"}, "Slow")
    argv = ["git", "worktree", "add", "--quiet", "--detach", path, commit]
    return subprocess.Popen(argv, cwd=queued.bare.path, start_new_session=True, stderr=subprocess.DEVNULL)


def test_a_worktree_that_git_still_makes_is_removed(queued: Queued) -> None:
    path = os.path.join(folder_of(queued), "tree-1-1")
    making = begin_to_make(queued, path)
    deadline = time.monotonic() + 60
    while not os.path.exists(os.path.join(path, ".gitattributes")):
        assert time.monotonic() < deadline, "git does not make it"
        time.sleep(0.01)
    assert Worktrees(queued.bare, folder_of(queued)).clear() == 1
    assert making.wait(60) == -9
    assert queued.leftovers() == [] and not os.path.exists(folder_of(queued))
    assert os.listdir(os.path.join(queued.bare.path, "worktrees")) == ["rig"]


def test_a_git_that_has_made_nothing_yet_is_ended(queued: Queued, tmp_path: Path) -> None:
    path = os.path.join(folder_of(queued), "tree-1-1")
    os.makedirs(folder_of(queued))
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nsleep 600\n")
    slow.chmod(0o755)
    argv = [str(slow), "worktree", "add", "--quiet", "--detach", path, "main"]
    with subprocess.Popen(argv, cwd=queued.bare.path, start_new_session=True) as making:
        try:
            assert end_processes_in(folder_of(queued)) == 1
            assert making.wait(60) == -9
        finally:
            making.kill()


def test_a_program_that_only_names_a_worktree_goes_on(queued: Queued) -> None:
    path = os.path.join(folder_of(queued), "tree-1-1")
    os.makedirs(path)
    with subprocess.Popen(["tail", "-f", os.path.join(path, "log"), "/dev/null"], stderr=subprocess.DEVNULL) as reader:
        try:
            assert end_processes_in(folder_of(queued)) == 0
            assert reader.poll() is None
        finally:
            reader.kill()


@pytest.mark.parametrize("lost", ["folder", "link"])
def test_a_worktree_of_which_a_part_is_missing_is_removed(queued: Queued, lost: str) -> None:
    trees = Worktrees(queued.bare, folder_of(queued))
    with trees.open(queued.first) as tree:
        queued.bare.run("worktree", "lock", tree.path)
        os.unlink(os.path.join(tree.path, ".git"))
        if lost == "folder":
            os.rename(tree.path, os.path.join(queued.root, "elsewhere"))
        assert Worktrees(queued.bare, folder_of(queued)).clear() == 1
        assert queued.leftovers() == []


def test_the_next_run_removes_what_is_left_though_nothing_waits(queued: Queued) -> None:
    queued.bare.run("worktree", "add", "--quiet", "--detach", os.path.join(folder_of(queued), "tree-1-1"), "main")
    queued.bare.run(
        "worktree", "add", "--quiet", "--detach", os.path.join(folder_of(queued), "../land/tree-1-2"), "main"
    )
    assert queued.process() == []
    assert queued.leftovers() == [] and os.listdir(os.path.dirname(folder_of(queued))) == []


def test_a_finished_engine_leaves_no_folder(queued: Queued) -> None:
    queued.gate("true")
    queued.hand_in({"a": "1"})
    assert queued.process()[0].merged
    assert not os.path.exists(folder_of(queued))
