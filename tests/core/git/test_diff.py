"""The diff of a worktree and of a branch, over real repositories with awkward files."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gastown_core.errors import GitError
from gastown_core.git import diff, worktree
from gastown_core.git.diff import ADDED, DELETED, MODIFIED, RENAMED, branch_diff, worktree_diff
from tests.support.repos import commit_files, make_bare, make_repo


@pytest.fixture
def tree(tmp_path):
    """A worktree on branch ``b`` beside its target, which has moved on."""
    files = {"keep.py": "one\ntwo\nthree\n", "gone.txt": "x\n" * 9, "old name.txt": "same\n" * 20}
    source = make_repo(str(tmp_path / "src"), files=files)
    bare = make_bare(str(tmp_path / "bare.git"), source.path)
    made = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    commit_files(source, {"elsewhere.txt": "not ours\n"}, "Meanwhile")
    bare.run("fetch", "--quiet", "origin", "+refs/heads/main:refs/remotes/origin/main")
    return made


def write(git, name: str, data: bytes) -> None:
    path = os.path.join(git.path, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as handle:
        handle.write(data)


def told(found):
    return [(one.section, one.path, one.state, one.added, one.removed) for one in found.files]


def test_each_change_is_in_the_section_of_its_place(tree):
    commit_files(tree, {"new.py": "a\nb\n"}, "Add")
    write(tree, "keep.py", b"one\n2\nthree\n")
    tree.run("add", "keep.py")
    write(tree, "keep.py", b"one\n2\n3\n")
    tree.run("mv", "old name.txt", "dir-name.txt")
    os.unlink(os.path.join(tree.path, "gone.txt"))
    write(tree, "loose/file.txt", b"l\n")
    found = worktree_diff(tree.path, "origin/main")
    assert told(found) == [
        ("committed", "new.py", ADDED, 2, 0),
        ("staged", "dir-name.txt", RENAMED, 0, 0),
        ("staged", "keep.py", MODIFIED, 1, 1),
        ("unstaged", "gone.txt", DELETED, 0, 9),
        ("unstaged", "keep.py", MODIFIED, 1, 1),
        ("untracked", "loose/file.txt", ADDED, 1, 0),
    ]
    assert (found.branch, found.target, found.added, found.removed) == ("b", "origin/main", 5, 11)
    assert found.files[1].before == "old name.txt"
    lines = found.files[4].hunks[0].lines
    assert [(one.kind, one.old, one.new, one.text) for one in lines] == [
        (" ", 1, 1, "one"),
        (" ", 2, 2, "2"),
        ("-", 3, 0, "three"),
        ("+", 0, 3, "3"),
    ]


def test_a_bare_repository_shows_a_branch_without_what_its_target_got_meanwhile(tree, tmp_path):
    commit_files(tree, {"new.py": "a\n"}, "Add")
    found = branch_diff(str(tmp_path / "bare.git"), "b", "origin/main")
    assert told(found) == [("committed", "new.py", ADDED, 1, 0)]


def test_odd_names_and_contents_are_kept(tree):
    write(tree, 'q"uote\ttab.txt', b"a\r\nform\x0cfeed\nno end")
    write(tree, "Ünïcode.txt", b"\xff\xfe latin\n")
    write(tree, "bin", b"\0\1\2")
    os.symlink("/etc/passwd", os.path.join(tree.path, "link"))
    os.mkfifo(os.path.join(tree.path, "pipe"))
    write(tree, "diff --git a", b"diff --git a/x b/x\n--- a/x\n+++ b/x\n")
    before = {one.path: one for one in worktree_diff(tree.path, "origin/main").files}
    assert before["bin"].note == "a binary file"
    assert before["link"].note.startswith("cannot be read") and not before["link"].hunks
    assert "pipe" not in before or before["pipe"].note
    tree.run("add", "--all")
    staged = {one.path: one for one in worktree_diff(tree.path, "origin/main").files}
    assert staged["bin"].note == "a binary file"
    assert [line.text for line in staged["link"].hunks[0].lines] == ["/etc/passwd"]
    assert [line.text for line in staged["diff --git a"].hunks[0].lines][0] == "diff --git a/x b/x"
    quoted = next(one for one in staged.values() if "uote" in one.path)
    assert [line.text for line in quoted.hunks[0].lines] == ["a\r", "form\x0cfeed", "no end"]


def test_a_diff_too_large_is_listed_without_its_lines(tree, monkeypatch):
    monkeypatch.setattr(diff, "MOST_BYTES", 3000)
    monkeypatch.setattr(diff, "MOST_LINES", 30)
    commit_files(tree, {"a.txt": "a\n" * 40, "b.txt": "b\n" * 5000, "c.txt": "c\n"}, "Much")
    write(tree, "loose.txt", b"z\n" * 100)
    found = {one.path: one for one in worktree_diff(tree.path, "origin/main").files}
    assert (found["a.txt"].note, len(found["a.txt"].hunks[0].lines)) == ("10 more lines", 30)
    assert (found["b.txt"].added, found["b.txt"].hunks) == (5000, ()) and "too large" in found["b.txt"].note
    assert found["c.txt"].added == 1 and found["c.txt"].note
    assert len(found["loose.txt"].hunks[0].lines) == 30 and found["loose.txt"].added == 100


def test_programs_of_the_repository_are_not_started(tree, tmp_path):
    trap = tmp_path / "ran"
    write(tree, ".gitattributes", b"*.py diff=evil\n")
    for key in ("diff.evil.textconv", "diff.evil.command", "diff.external"):
        tree.run("config", key, f"sh -c 'touch {trap}; cat'")
    commit_files(tree, {"keep.py": "changed\n"}, "Change")
    assert ("committed", "keep.py", MODIFIED, 1, 3) in told(worktree_diff(tree.path, "origin/main"))
    assert not trap.exists()


@pytest.mark.parametrize("target", ["origin/nowhere", "--output=/tmp/x", "-O/etc/passwd"])
def test_a_target_that_is_no_revision_is_named(tree, target):
    with pytest.raises(GitError, match="cannot compare with"):
        worktree_diff(tree.path, target)


def test_a_repository_without_a_commit_shows_what_lies_in_it(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path / "r")], check=True)
    (tmp_path / "r" / "a").write_text("x\n")
    assert told(worktree_diff(str(tmp_path / "r"), "main")) == [("untracked", "a", ADDED, 1, 0)]


def test_unrelated_histories_and_no_repository_are_errors(tree, tmp_path):
    tree.run("checkout", "--quiet", "--orphan", "other")
    commit_files(tree, {"x": "x"}, "Other")
    with pytest.raises(GitError, match="cannot compare"):
        worktree_diff(tree.path, "origin/main")
    with pytest.raises(GitError):
        worktree_diff(str(tmp_path), "origin/main")


def test_unidiff_is_imported_only_on_use():
    code = "import sys, gastown_core.git.diff; print('unidiff' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
