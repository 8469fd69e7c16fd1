"""``gt doctor agents`` as an operator runs it, and the warning before a start."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

import pytest

from gastown_core.tmux.socket import has_tmux, socket_name
from tests.support.cli import Ran, gt
from tests.support.repos import make_repo
from tests.support.tmux import until


class Town:
    """A new town, a home, and a claude on PATH that does nothing."""

    def __init__(self, base: Path, *options: str) -> None:
        self.home, self.root = base / "home", base / "town"
        program = base / "bin" / "claude"
        for folder in (self.home, program.parent):
            folder.mkdir()
        program.write_text("#!/bin/sh\nexec sleep 60\n")
        program.chmod(0o755)
        self.env = {
            "HOME": str(self.home),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "TMUX_TMPDIR": str(base),
            "IS_SANDBOX": "1",
            "ANTHROPIC_AUTH_TOKEN": "t",
            "ANTHROPIC_API_KEY": "",
            "CLAUDE_CONFIG_DIR": "",
        }
        assert gt("install", str(self.root), *options, cwd=str(base), **self.env).code == 0

    def doctor(self, *words: str, stdin: str = "", **env: str) -> Ran:
        return gt("doctor", "agents", *words, cwd=str(self.root), stdin=stdin, **{**self.env, **env})


@pytest.fixture
def town(tmp_path: Path) -> Town:
    # a repository of its own, so that one above the temporary folder does not count
    return Town(tmp_path, "--git")


def test_it_fixes_once_and_is_then_content(town: Town) -> None:
    found = town.doctor("--json")
    assert found.code == 1
    assert {one["check"] for one in found.json["findings"]} == {"setup", "trust"}

    fixed = town.doctor("--fix", "--yes", "--json")
    assert fixed.code == 0 and fixed.json["well"]
    record = town.home / ".claude.json"
    assert [one["path"] for one in fixed.json["changed"]] == [str(record), str(record)]
    assert set(json.loads(record.read_text())) == {"hasCompletedOnboarding", "projects"}

    before = record.stat()
    again = town.doctor("--fix", "--yes")
    assert again.code == 0 and record.stat().st_mtime_ns == before.st_mtime_ns


def test_without_a_terminal_nothing_is_asked_and_nothing_changes(town: Town) -> None:
    ran = town.doctor("--fix", stdin="y\n")

    assert ran.code == 2 and '+  "hasCompletedOnboarding": true' in ran.out
    assert not (town.home / ".claude.json").exists()


def test_words_that_make_no_sense_are_refused(town: Town) -> None:
    assert town.doctor("--yes").code == 2
    assert town.doctor("--fix", "--json").code == 2
    assert "no runtime nobody" in town.doctor("--runtime", "nobody").err
    assert "no agent of this town uses" in town.doctor("--runtime", "codex").err


@pytest.mark.parametrize("junk", ["{", "[1]", '{"projects": 5, "hasCompletedOnboarding": true}'])
def test_settings_that_make_no_sense_stay_as_they_are(town: Town, junk: str) -> None:
    record = town.home / ".claude.json"
    record.write_text(junk)

    ran = town.doctor("--fix", "--yes")

    assert ran.code == 1 and record.read_text() == junk
    assert "Traceback" not in ran.err


def test_a_folder_that_may_not_be_read_is_told(town: Town) -> None:
    (town.home / ".claude.json").mkdir()

    ran = town.doctor("--fix", "--yes", "--json")

    assert ran.code == 1 and "is a directory" in ran.json["findings"][0]["why"]


def test_trust_in_a_repository_that_the_town_did_not_make_is_left_to_a_person(tmp_path: Path) -> None:
    make_repo(str(tmp_path / "project"))
    town = Town(tmp_path / "project")
    found = {one["check"]: one for one in town.doctor("--fix", "--yes", "--json").json["findings"]}

    assert found["trust"]["fixable"] is False and "not of this town's making" in found["trust"]["remedy"]
    assert "projects" not in json.loads((town.home / ".claude.json").read_text())


def test_a_start_tells_what_will_stop_it_and_the_scripted_agent_tells_nothing(town: Town) -> None:
    if not has_tmux():
        pytest.skip("there is no tmux here")
    # a socket's path may have some 100 characters
    sockets = tempfile.mkdtemp(dir="/tmp")
    env = {**town.env, "TMUX_TMPDIR": sockets}

    def mayor(*words: str) -> str:
        ran = gt("mayor", *words, cwd=str(town.root), **env)
        assert ran.code == 0, ran
        return ran.err

    try:
        told = mayor("start")
        assert told.count("does not trust") == 1 and "gt doctor agents --fix" in told
        mayor("stop")
        town.doctor("--fix", "--yes")
        assert mayor("start") == ""
        mayor("stop")
        (town.home / ".claude.json").unlink()
        assert mayor("start", "--agent", "scripted") == ""
    finally:
        tmux = ["tmux", "-L", socket_name(str(town.root), {}), "kill-server"]
        subprocess.run(tmux, env={**os.environ, **env}, capture_output=True)
        shutil.rmtree(sockets, ignore_errors=True)


def test_up_and_the_doctor_name_hooks_that_were_taken_from_a_running_agent_until_a_sync(town: Town) -> None:
    if not has_tmux():
        pytest.skip("there is no tmux here")
    # a socket's path may have some 100 characters
    sockets = tempfile.mkdtemp(dir="/tmp")
    town.env["TMUX_TMPDIR"] = sockets
    # without exec: the process then bears the agent's name
    (town.root.parent / "bin" / "claude").write_text("#!/bin/sh\nwhile read line; do :; done\n")
    (town.root / "settings" / "config.json").write_text('{"up": {"daemon": false}}')
    mayors = town.root / "mayor" / ".claude" / "settings.local.json"

    def run(*words: str) -> Ran:
        return gt(*words, cwd=str(town.root), **town.env)

    try:
        first = run("up")
        assert first.code == 0 and "hooks of" not in first.err, first
        until(lambda: run("mayor", "status", "--running").out == "true\n", "the mayor's program runs", 60)
        mayors.write_text('{"model": "opus"}')
        again = run("up")
        assert again.code == 0 and "hooks of mayor are" in again.err and "gt hooks sync" in again.err, again
        assert len(run("up", "--json").json["warnings"]) == 1
        (found,) = [one for one in run("doctor", "--json").json["findings"] if one["check"] == "hooks"]
        assert found["fixable"] and found["about"] == ["mayor"] and found["remedy"] == "gt hooks sync"
        assert run("hooks", "sync").code == 0
        assert "hooks of" not in run("up").err
        assert not [one for one in run("doctor", "--json").json["findings"] if one["check"] == "hooks"]
    finally:
        tmux = ["tmux", "-L", socket_name(str(town.root), {}), "kill-server"]
        subprocess.run(tmux, env={**os.environ, **town.env}, capture_output=True)
        shutil.rmtree(sockets, ignore_errors=True)


def test_the_next_polecats_are_thought_of(town: Town, tmp_path: Path) -> None:
    make_repo(str(tmp_path / "src"))
    added = gt("rig", "add", "shop", f"file://{tmp_path}/src", "--prefix", "sh", cwd=str(town.root), **town.env)
    assert added.code == 0, added
    settings = town.root / "settings" / "config.json"
    value = json.loads(settings.read_text()) if settings.exists() else {}
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps({**value, "role_agents": {"polecat": "codex"}, "scheduler": {"max_polecats": 2}}))
    (town.home.parent / "bin" / "codex").symlink_to("claude")

    fixed = town.doctor("--runtime", "codex", "--fix", "--yes", "--json")

    trusted = tomllib.loads((town.home / ".codex" / "config.toml").read_text())["projects"]
    assert len(trusted) == 2 and all(str(town.root / "shop" / "polecats") in folder for folder in trusted)
    assert [one["about"] for one in fixed.json["findings"]] == [["the next polecats of shop"]], "codex is not logged in"
    claude = town.doctor("--fix", "--yes", "--runtime", "claude", "--json").json
    assert claude["well"], claude
    assert str(town.root / "shop" / ".repo.git") in json.loads((town.home / ".claude.json").read_text())["projects"]
    assert {one["agent"] for one in gt("hooks", "list", "--json", cwd=str(town.root), **town.env).json} == {
        "mayor",
        "deacon",
        "shop/witness",
        "shop/refinery",
    }


def test_hook_files_are_listed_compared_written_and_mended(town: Town) -> None:
    def hooks(*words: str) -> Ran:
        return gt("hooks", *words, cwd=str(town.root), **town.env)

    mayors = town.root / "mayor" / ".claude" / "settings.local.json"
    mayors.write_text('{"model": "opus"}')
    assert {one["agent"]: one["state"] for one in hooks("list", "--json").json} == {
        "mayor": "missing",
        "deacon": "in step",
    }
    assert hooks("diff").code == 1 and "signal Stop" in hooks("diff").out
    assert hooks("sync", "--dry-run", "--json").json["paths"] == [str(mayors)]
    assert json.loads(mayors.read_text()) == {"model": "opus"}

    assert hooks("sync", "--json").json["paths"] == [str(mayors)]

    assert json.loads(mayors.read_text())["model"] == "opus"
    before = mayors.stat().st_mtime_ns
    assert hooks("sync").out == "everything is in step\n" and mayors.stat().st_mtime_ns == before
    assert (hooks("diff").code, hooks("diff").out) == (0, "")

    mayors.write_text("{")
    for word in ("sync", "diff"):
        ran = hooks(word)
        assert ran.code == 1 and "gt hooks repair" in ran.err and mayors.read_text() == "{"
    assert hooks("repair", "--json").json["copies"] == [f"{mayors}.bad1"]
    assert hooks("repair", "mayor").out == "everything is in step\n"

    assert hooks("install", "mayor", "--runtime", "gemini").code == 0
    assert (town.root / "mayor" / ".gemini" / "settings.json").exists()
    assert "has no hooks of ours" in hooks("install", "mayor", "--runtime", "codex").out
    assert hooks("install", "nobody").code == 1
