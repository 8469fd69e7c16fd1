"""``gt role`` and ``gt checkpoint``: who one is and why, and what the session after a crash is told."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from gastown_core.git.repo import Git
from gastown_core.git.worktree import status
from tests.support.cli import gt


def folder(rigged, *parts):
    path = os.path.join(rigged.root, *parts)
    os.makedirs(path, exist_ok=True)
    return path


def test_a_role_comes_from_the_environment_before_the_folder_and_a_contradiction_is_said(rigged):
    here = folder(rigged, "mayor")
    by_folder = gt("role", "--json", cwd=here)
    assert (by_folder.json["role"], by_folder.json["source"]) == ("mayor", "this folder")
    told = gt("role", "--json", cwd=here, GT_ROLE="shop/witness")
    assert (told.json["address"], told.json["source"]) == ("shop/witness", "GT_ROLE")
    assert "this folder is that of mayor" in told.err
    assert gt("role", "detect", "--json", cwd=here, GT_ROLE="shop/witness").json["role"] == "mayor"
    person = gt("role", "--json", cwd=rigged.root)
    assert (person.json["address"], person.json["home"]) == ("overseer", rigged.root)


def test_home_list_and_def(rigged):
    assert gt("role", "home", "shop/witness", cwd=rigged.root).out.strip().endswith("shop/witness")
    assert {row["role"] for row in gt("role", "list", "--json", cwd=rigged.root).json} >= {"mayor", "boot", "dog"}
    assert "gt convoy create" in gt("role", "def", "mayor", cwd=rigged.root).out
    unknown = gt("role", "def", "king", cwd=rigged.root)
    assert unknown.code == 1 and "mayor" in unknown.err
    assert gt("role", "def", cwd=rigged.root).code == 2
    assert gt("role", "show", "mayor", cwd=rigged.root).code == 2
    assert gt("role", "home", cwd=rigged.root).code == 2, "the overseer has no agent's home"


def test_the_environment_is_safe_to_evaluate(rigged, tmp_path):
    printed = gt("role", "env", "mayor", cwd=rigged.root)
    words = 'eval "$1"; printf \'%s|%s\' "$GT_ROLE" "$GIT_AUTHOR_EMAIL"'
    done = subprocess.run(["sh", "-c", words, "sh", printed.out], capture_output=True, text=True, check=True)
    assert done.stdout == "mayor|mayor@gastown.local"
    assert gt("role", "env", "mayor", "--json", cwd=rigged.root).json["GT_ROLE"] == "mayor"


def test_boot_is_briefed_as_boot_though_no_roster_names_it(rigged):
    env = {"GT_ROLE": "deacon/boot", "GT_SESSION": "hq-boot", "GT_TOWN_ROOT": rigged.root}
    told = gt("prime", cwd=rigged.root, **env)
    assert "You are boot" in told.out and "gt boot triage" in told.out
    assert gt("whoami", "--json", cwd=rigged.root, **env).json["session"] == "hq-boot"


@pytest.fixture
def worker(rigged):
    bead = rigged.file("Mend the gate")
    agent = rigged.sling(bead.id).result.agent
    entry = rigged.entry(agent)
    env = {"GT_ROLE": entry.address.path, "GT_SESSION": entry.session, "GT_TOWN_ROOT": rigged.root}
    return rigged, entry, bead, env


def test_a_checkpoint_is_told_to_the_next_session_and_hidden_from_git(worker, without_tmux):
    _, entry, bead, env = worker
    with open(os.path.join(entry.work_dir, "gate.py"), "w") as handle:
        handle.write("x = 1\n")
    written = gt("checkpoint", "write", "--notes", "hinge is next", "--step", "s2", "--json", cwd=entry.work_dir, **env)
    assert written.code == 0, written.err
    assert (written.json["hooked_bead"], written.json["modified_files"]) == (bead.id, ["gate.py"])
    assert status(Git(entry.work_dir)).untracked == ("gate.py",)
    told = gt("prime", cwd=entry.work_dir, **env).out
    assert "## Checkpoint" in told and "hinge is next" in told and "gate.py" in told
    assert gt("checkpoint", "read", "--json", cwd=entry.work_dir, **env).json == written.json
    assert gt("checkpoint", "clear", "--json", cwd=entry.work_dir, **env).json == {"cleared": True}
    assert "## Checkpoint" not in gt("prime", cwd=entry.work_dir, **env).out
    assert gt("checkpoint", "read", cwd=entry.work_dir, **env).code == 1


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"timestamp": 5}', json.dumps({"timestamp": "2020-01-01T00:00:00Z", "notes": "old"})]
)
def test_an_old_or_broken_checkpoint_is_none(worker, without_tmux, content):
    _, entry, _, env = worker
    with open(os.path.join(entry.work_dir, ".polecat-checkpoint.json"), "w") as handle:
        handle.write(content)
    assert gt("checkpoint", "read", cwd=entry.work_dir, **env).code == 1
    primed = gt("prime", cwd=entry.work_dir, **env)
    assert primed.code == 0 and "## Checkpoint" not in primed.out


def test_how_a_session_begins(worker, without_tmux):
    rigged, entry, bead, env = worker

    def state():
        told = gt("prime", "--state", "--json", cwd=entry.work_dir, **env)
        assert told.code == 0, told.err
        return told.json

    assert (state()["state"], state()["hooked_bead"]) == ("autonomous", bead.id)
    assert gt("checkpoint", "write", "--notes", "x", cwd=entry.work_dir, **env).code == 0
    assert state()["state"] == "crash-recovery"
    assert gt("handoff", "-s", "full", "-m", "look here", cwd=entry.work_dir, **env).code == 0
    assert (state()["state"], state()["prev_session"]) == ("post-handoff", entry.session)
    assert state()["state"] == "post-handoff", "asking takes nothing"
    gt("prime", cwd=entry.work_dir, **env)
    assert state()["state"] == "crash-recovery"
    mayor = {"GT_ROLE": "mayor", "GT_SESSION": "hq-mayor", "GT_TOWN_ROOT": rigged.root}
    assert gt("prime", "--state", cwd=rigged.root, **mayor).out == "mayor: normal\n"
