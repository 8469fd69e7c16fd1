"""Which ssh git uses towards a remote: the one that a person configured, and it asks nothing."""

from __future__ import annotations

import os
import subprocess

import pytest

from gastown_core.git.repo import Git
from tests.support.repos import make_bare, make_repo


@pytest.fixture
def bare(tmp_path, monkeypatch) -> Git:
    """A repository whose remote is reached by ssh, of which none is configured."""
    for name in ("GIT_SSH", "GIT_SSH_COMMAND"):
        monkeypatch.delenv(name, raising=False)
    make_repo(str(tmp_path / "src"))
    made = make_bare(str(tmp_path / "bare.git"), str(tmp_path / "src"))
    made.run("remote", "set-url", "origin", f"ssh://nowhere.invalid{tmp_path}/src")
    return made


def stand_in(folder: str, name: str) -> str:
    """A program that notes how it was called, and runs git's command here."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w") as handle:
        handle.write(f'#!/bin/bash\necho "$@" >>{path}.calls\nexec bash -c "${{@: -1}}"\n')
    os.chmod(path, 0o755)
    return path


def calls(path: str) -> str:
    with open(f"{path}.calls") as handle:
        return handle.read()


def test_the_ssh_of_gits_configuration_is_used_and_asks_nothing(tmp_path, bare):
    own = stand_in(str(tmp_path / "bin"), "ssh")
    bare.run("config", "core.sshCommand", f"{own} -i /key")
    assert "refs/heads/main" in bare.run("ls-remote", "origin")
    assert "-i /key -oBatchMode=yes" in calls(own)


def test_a_configured_program_that_is_no_ssh_gets_no_options_of_ours(tmp_path, bare):
    own = stand_in(str(tmp_path / "bin"), "tunnel")
    bare.run("config", "core.sshCommand", own)
    bare.stream("fetch", "origin", on_progress=lambda _: None)
    assert "BatchMode" not in calls(own)


def test_a_program_of_the_environment_is_used(tmp_path, bare, monkeypatch):
    own = stand_in(str(tmp_path / "bin"), "tunnel")
    monkeypatch.setenv("GIT_SSH", own)
    assert "refs/heads/main" in bare.run("-c", "advice.detachedHead=false", "ls-remote", "origin")
    assert "BatchMode" not in calls(own)


def test_without_any_of_these_it_is_an_ssh_that_asks_nothing(tmp_path, bare, monkeypatch):
    own = stand_in(str(tmp_path / "bin"), "ssh")
    monkeypatch.setenv("PATH", f"{os.path.dirname(own)}:{os.environ['PATH']}")
    assert "refs/heads/main" in bare.run("ls-remote", "origin")
    assert "-oBatchMode=yes" in calls(own)


def test_what_others_run_in_the_folder_keeps_its_own_ssh(bare):
    said = subprocess.run(["env"], env=bare.environment(), capture_output=True, text=True, check=True).stdout
    assert "GIT_SSH_COMMAND" not in said
