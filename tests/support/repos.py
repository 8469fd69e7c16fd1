"""Small real git repositories for tests."""

from __future__ import annotations

import os

from gastown_core.git.repo import Git, Identity

PERSON = Identity("Ana", "ana@example.org")


def make_repo(path: str, *, branch: str = "main", files: dict[str, str] | None = None) -> Git:
    """A repository at ``path`` with one commit of ``files``."""
    os.makedirs(path)
    git = Git(path, identity=PERSON)
    git.run("init", "--quiet", f"--initial-branch={branch}")
    commit_files(git, files or {"README.md": "hello\n"}, "first")
    return git


def commit_files(git: Git, files: dict[str, str], message: str) -> str:
    """Write and commit ``files``; returns the commit."""
    for name, text in files.items():
        path = os.path.join(git.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(text)
    git.run("add", "--all", "--force")
    git.run("commit", "--quiet", "--allow-empty", "-m", message)
    return git.commit_of("HEAD")


def make_bare(path: str, source: str, branch: str = "main") -> Git:
    """The shared bare repository as a rig has it."""
    from gastown_core.town.clones import clone_bare

    clone_bare("file://" + source, path, branch=branch, progress=lambda line: None)
    return Git(path, identity=PERSON)
