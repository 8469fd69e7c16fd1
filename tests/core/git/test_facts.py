from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gastown_core.errors import GitError
from gastown_core.git import worktree
from gastown_core.git.worktree_facts import read_facts
from tests.support.repos import commit_files, make_bare, make_repo


def test_facts_of_a_worktree(tmp_path):
    make_repo(str(tmp_path / "src"))
    bare = make_bare(str(tmp_path / "bare.git"), str(tmp_path / "src"))
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    commit_files(tree, {"a.txt": "a"}, "Add a")
    for name in ("README.md", "loose.txt"):
        with open(os.path.join(tree.path, name), "w") as handle:
            handle.write("x")
    facts = read_facts(tree.path, base="origin/main")
    assert (facts.branch, facts.ahead, facts.behind) == ("b", 1, 0)
    assert (facts.changed, facts.untracked) == (("README.md",), ("loose.txt",))
    assert facts.commits[0].subject == "Add a"
    assert not facts.is_clean
    assert [commit.subject for commit in facts.commits] == ["Add a", "first"]


def test_a_missing_base_leaves_the_distance_unknown(tmp_path):
    git = make_repo(str(tmp_path / "src"))
    facts = read_facts(git.path, base="origin/nowhere")
    assert (facts.ahead, facts.behind, facts.is_clean) == (None, None, True)


def test_a_folder_that_is_no_repository_is_an_error(tmp_path):
    with pytest.raises(GitError):
        read_facts(str(tmp_path))


def test_gitpython_is_imported_only_on_use():
    code = "import sys, gastown_core.git.worktree_facts; print('git' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
