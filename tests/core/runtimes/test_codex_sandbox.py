"""What codex's sandbox lets through: the town, the repository of a worktree, and what the user named."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from gastown_core.runtimes.adapters.codex_sandbox import SETTING, sandbox_words
from gastown_core.runtimes.readiness.repository import git_folders
from tests.support.repos import make_repo

CAREFUL = ("--sandbox", "workspace-write")


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    make_repo(str(tmp_path / "src"))
    for words in (
        ["clone", "--bare", "src", ".repo.git"],
        ["-C", ".repo.git", "worktree", "add", "-b", "opal", "../opal"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "opal"


def roots(words: list[str]) -> list[str]:
    assert words[0] == "-c"
    name, _, value = words[1].partition("=")
    assert name == SETTING
    found: list[str] = json.loads(value)
    return found


def test_a_worktrees_git_folders_are_the_shared_one_and_its_own(worktree: Path) -> None:
    shared = str(worktree.parent / ".repo.git")
    assert git_folders(str(worktree)) == (shared, os.path.join(shared, "worktrees", "opal"))
    assert git_folders(str(worktree.parent / "src")) == (str(worktree.parent / "src" / ".git"),)


def test_the_town_and_the_repository_are_writable_beside_the_users_own_roots(worktree: Path) -> None:
    home, town = worktree.parent / "home", str(worktree.parent / "town")
    home.mkdir()
    (home / "config.toml").write_text('[sandbox_workspace_write]\nwritable_roots = ["/srv/cache"]\n')

    found = roots(sandbox_words((town, *git_folders(str(worktree))), CAREFUL, {"CODEX_HOME": str(home)}))

    assert found == ["/srv/cache", town, *git_folders(str(worktree))]
    (home / "config.toml").write_text("writable_roots = [")
    assert roots(sandbox_words((town, *git_folders(str(worktree))), CAREFUL, {"CODEX_HOME": str(home)}))[0] == town


@pytest.mark.parametrize(
    "args", [("--dangerously-bypass-approvals-and-sandbox",), ("--yolo",), (*CAREFUL, "-c", f"{SETTING}=[]")]
)
def test_nothing_is_added_without_a_sandbox_or_to_a_list_of_the_users_own(args: tuple[str, ...]) -> None:
    assert sandbox_words(("/town",), args, {}) == []
