from __future__ import annotations

import os
import stat

import pytest

from gastown_core.git import push_guard, worktree
from gastown_core.git.repo import Git
from tests.support.repos import commit_files, make_bare, make_repo


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """A polecat's worktree with one commit over a guarded shared repository, and the origin."""
    for key in ("GT_POLECAT", "GT_INTEGRATION_LAND"):
        monkeypatch.delenv(key, raising=False)
    base = str(tmp_path)
    make_repo(f"{base}/src")
    Git(base).run("clone", "--quiet", "--bare", f"{base}/src", f"{base}/origin.git")
    bare = make_bare(f"{base}/bare.git", f"{base}/origin.git")
    push_guard.install(bare, "main")
    tree = worktree.add(bare, f"{base}/polecats/opal/shop", branch="polecat/opal/sh-1@x", start="origin/main")
    worktree.set_identity(tree, bare.identity)
    push_guard.bind(tree, bare.path)
    commit_files(tree, {"a": "1"}, "work")
    return tree, bare, Git(f"{base}/origin.git", identity=bare.identity)


def test_a_polecat_pushes_its_branch_but_never_the_default_one(guarded):
    tree, _, origin = guarded
    tree.run("push", "--quiet", "origin", "HEAD:refs/heads/polecat/opal/sh-1@x")
    before = origin.commit_of("main")
    for what in ("HEAD:main", "HEAD:refs/heads/main", "+HEAD:main", ":main"):
        refused = tree.attempt("push", "origin", what)
        assert refused.code != 0
        assert "a polecat may not push main" in refused.err and "why:" in refused.err and "next:" in refused.err
    assert origin.commit_of("main") == before
    assert tree.attempt("push", "origin", "HEAD:refs/heads/feature").code != 0
    assert tree.attempt("push", "origin", "HEAD:refs/tags/v1").code == 0


def test_a_polecats_session_is_refused_wherever_it_stands(guarded):
    _, bare, origin = guarded
    tip = bare.commit_of("polecat/opal/sh-1@x")
    refused = bare.attempt("push", "origin", f"{tip}:refs/heads/main", env={"GT_POLECAT": "opal"})
    assert refused.code != 0 and "a polecat may not push main" in refused.err
    bare.run("push", "--quiet", "origin", f"{tip}:refs/heads/main")
    assert origin.commit_of("main") == tip


def test_another_hooks_folder_does_not_switch_the_guard_off(guarded):
    tree, bare, _ = guarded
    os.makedirs(os.path.join(tree.path, ".husky"))
    bare.run("config", "core.hooksPath", ".husky")
    assert tree.attempt("push", "origin", "HEAD:main").code != 0


def test_the_projects_own_hook_is_asked_too(guarded, tmp_path):
    tree, bare, _ = guarded
    for number, path in enumerate([f"{tree.path}/.githooks/pre-push", f"{bare.path}/hooks/{push_guard.KEPT}"]):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as handle:
            handle.write(f"#!/bin/sh\ncat > {tmp_path}/asked{number}\n[ ! -e {tmp_path}/no{number} ]\n")
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    tree.run("push", "--quiet", "origin", "HEAD:refs/heads/polecat/opal/sh-1@x")
    for number in (0, 1):
        assert "refs/heads/polecat/opal" in (tmp_path / f"asked{number}").read_text()
        (tmp_path / f"no{number}").touch()
        assert tree.attempt("push", "origin", "HEAD:refs/heads/polecat/opal/sh-2@x").code != 0


def test_installing_keeps_a_hook_that_was_there(guarded):
    _, bare, _ = guarded
    path = os.path.join(bare.path, "hooks", "pre-push")
    with open(path, "w") as handle:
        handle.write("#!/bin/sh\nexit 0\n")
    push_guard.install(bare, "trunk")
    assert push_guard.is_installed(bare.path)
    assert os.path.exists(os.path.join(bare.path, "hooks", push_guard.KEPT))
    assert bare.config("gastown.defaultBranch") == "trunk"


def test_an_integration_branch_lands_only_as_one(guarded):
    tree, bare, origin = guarded
    tip = commit_files(tree, {"b": "2"}, "part of the epic")
    bare.run("push", "--quiet", "origin", f"{tip}:refs/heads/integration/big")
    refused = bare.attempt("push", "origin", f"{tip}:main")
    assert refused.code != 0 and "integration/big" in refused.err
    bare.run("push", "--quiet", "origin", f"{tip}:main", env={"GT_INTEGRATION_LAND": "1"})
    assert origin.commit_of("main") == tip
    later = commit_files(tree, {"c": "3"}, "later")
    bare.run("push", "--quiet", "origin", f"{later}:main")


def test_without_a_known_default_branch_nothing_goes_out_from_a_polecat(guarded):
    tree, bare, _ = guarded
    bare.run("config", "--unset", "gastown.defaultBranch")
    assert tree.attempt("push", "origin", "HEAD:refs/heads/polecat/opal/sh-1@x").code != 0


@pytest.mark.parametrize("path_of_hooks", [".husky/_", ".githooks", "hooks", "global"])
def test_the_projects_other_hooks_run_in_a_polecats_worktree(guarded, tmp_path, monkeypatch, path_of_hooks):
    tree, bare, _ = guarded
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    folder = os.path.join(tree.path, path_of_hooks)
    if path_of_hooks == ".husky/_":
        # as npm install does, from inside the worktree
        tree.run("config", "core.hooksPath", path_of_hooks)
    elif path_of_hooks == "hooks":
        folder = os.path.join(bare.path, "hooks")
    elif path_of_hooks == "global":
        folder = str(home / "my hooks")
        tree.run("config", "--global", "core.hooksPath", "~/my hooks")
    os.makedirs(folder, exist_ok=True)
    for name, text in {"pre-commit": "[ ! -e bad ]", "commit-msg": 'echo "Seen: yes" >> "$1"'}.items():
        path = os.path.join(folder, name)
        with open(path, "w") as handle:
            handle.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
    tree.run("commit", "--quiet", "--allow-empty", "-m", "with hooks")
    assert tree.run("log", "-1", "--format=%B").strip().endswith("Seen: yes")
    with open(os.path.join(tree.path, "bad"), "w") as handle:
        handle.write("x")
    assert tree.attempt("commit", "--allow-empty", "-m", "refused").code != 0


def test_a_folder_named_polecats_above_the_town_makes_nobody_a_polecat(tmp_path, monkeypatch):
    monkeypatch.delenv("GT_POLECAT", raising=False)
    base = str(tmp_path / "polecats" / "town")
    make_repo(f"{base}/src")
    Git(base).run("clone", "--quiet", "--bare", f"{base}/src", f"{base}/origin.git")
    bare = make_bare(f"{base}/polecats/.repo.git", f"{base}/origin.git")
    push_guard.install(bare, "main")
    tip = commit_files(Git(f"{base}/src", identity=bare.identity), {"a": "1"}, "landed")
    bare.run("fetch", "--quiet", f"{base}/src", "main")
    bare.run("push", "--quiet", "origin", f"{tip}:refs/heads/main")
    tree = worktree.add(bare, f"{base}/polecats/polecats/opal/shop", branch="b", start="origin/main")
    push_guard.bind(worktree_with_own_settings(tree), bare.path)
    commit_files(tree, {"b": "1"}, "work")
    assert "a polecat may not push main" in tree.attempt("push", "origin", "HEAD:main").err


def worktree_with_own_settings(tree):
    worktree.own_configuration(tree)
    return tree
