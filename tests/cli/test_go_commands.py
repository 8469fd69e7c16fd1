"""Commands of the Go tools: each is here under its name, or a line says what to use instead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from gastown_cli.commands.vitals import run_stale
from gastown_cli.go_commands import GO, GO_COMMANDS
from gastown_cli.gt import ROOT
from gastown_cli.lazy import find
from gastown_core.errors import UsageError
from gastown_core.git.worktree import RESCUE
from gastown_core.town.sessions import find_session, start_agent
from gastown_core.town.start_plan import plan_start
from tests.support.cli import gt
from tests.support.patience import until
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux


def heads() -> set[str]:
    firsts = {row.name.split()[0] for row in ROOT.commands}
    return (
        firsts
        | {word for row in ROOT.commands if " " not in row.name for word in row.aliases}
        | {"help", "version", "signal"}
    )


def test_every_command_of_the_go_tools_is_here_or_has_a_line_that_says_what_to_use() -> None:
    told = {row.name for row in GO_COMMANDS}
    assert set(GO) - heads() - told == set()
    assert not told & heads(), "what is here needs no such line"


@pytest.mark.parametrize("row", GO_COMMANDS, ids=lambda row: row.name)
def test_the_line_names_a_command_that_exists(row: object) -> None:
    use = str(row.use)  # type: ignore[attr-defined]
    for part in use.split(", then ") if use else ():
        words = part.split()
        assert words[0] == "gt" and find(ROOT, words[1:])
    with pytest.raises(UsageError, match="is not here") as caught:
        find(ROOT, [row.name])  # type: ignore[attr-defined]
    assert use in caught.value.hint


def test_an_unknown_word_still_gets_its_nearest_commands() -> None:
    with pytest.raises(UsageError, match="unknown command") as caught:
        find(ROOT, ["statsu"])
    assert "status" in caught.value.hint


def test_accounts_are_named_by_their_folders(rigged: Rigged) -> None:
    root = rigged.root
    assert "no account" in gt("account", "list", cwd=root).out
    assert gt("account", "add", "day", "--config-dir", root, "--email", "a@b.c", cwd=root).code == 0
    assert gt("account", "add", "night", cwd=root).code == 0
    listed = gt("account", "list", "--json", cwd=root).json
    assert [(one["name"], one["default"]) for one in listed] == [("day", True), ("night", False)]
    assert gt("account", "switch", "night", "--json", cwd=root).json == {"default": "night"}
    assert gt("account", "default", "dusk", cwd=root).code == 1
    assert gt("account", "add", "../x", cwd=root).code == 2
    assert json.loads(Path(root, "mayor", "accounts.json").read_text())["accounts"]["day"]["email"] == "a@b.c"


def test_health_info_and_show_tell_of_every_ledger(rigged: Rigged) -> None:
    root, bead = rigged.root, rigged.file("look at me")
    told = gt("health", "--json", cwd=root).json
    stores = {one["name"]: one for one in told["stores"]}
    assert (stores["shop"]["open"], stores["shop"]["copied_at"]) == (1, "") and stores["shop"]["bytes"] > 0
    assert told["daemon"]["running"] is False
    assert gt("maintain", "backup", cwd=root).code == 0
    again = gt("vitals", "--json", cwd=root).json["stores"]
    assert next(one for one in again if one["name"] == "shop")["copied_at"]
    assert "LEDGER" in gt("health", cwd=root).out
    assert gt("info", "--json", cwd=root).json["town"] == root
    assert "look at me" in gt("show", bead.id, cwd=root).out


def test_stale_tells_whether_the_daemon_runs_old_code(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gt("stale", cwd=rigged.root).code == 1, "no daemon runs"
    from gastown_core.town.daemon_note import DaemonNote

    for started, code in (("2001-01-01T00:00:00Z", 0), ("2100-01-01T00:00:00Z", 1)):
        note = DaemonNote(1, started, started)
        monkeypatch.setattr("gastown_core.town.daemon_note.read_note", lambda _, note=note: note)
        monkeypatch.chdir(rigged.root)
        assert run_stale(Namespace(json=False, quiet=True)) == code


def test_orphans_lists_what_was_rescued(rigged: Rigged) -> None:
    assert "nothing was rescued" in gt("orphans", cwd=rigged.root).out
    bare = os.path.join(rigged.root, "shop", ".repo.git")
    commit = subprocess.run(
        ["git", "-C", bare, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    subprocess.run(["git", "-C", bare, "update-ref", f"{RESCUE}/opal/1", commit], check=True)
    (row,) = gt("orphans", "--all", "--json", cwd=rigged.root).json
    assert row["rig"] == "shop" and commit.startswith(row["commit"]) and row["ref"] == f"{RESCUE}/opal/1"


@needs_tmux
def test_processes_of_a_session_that_is_gone_end_and_those_of_agents_at_work_stay(sessions_too: Rigged) -> None:
    root, mayor = sessions_too.root, sessions_too.entry("mayor")
    start_agent(root, plan_start(root, mayor, agent="scripted"))

    def left_by(session: str) -> subprocess.Popen[bytes]:
        env = {**os.environ, "GT_SESSION": session, "GT_TOWN_ROOT": root}
        return subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=env, start_new_session=True
        )

    gone, at_work = left_by("sh-gone"), left_by(mayor.session)
    try:
        listed = gt("orphans", "procs", "--json", cwd=root).json
        assert [one["pid"] for one in listed] == [gone.pid]
        assert str(gone.pid) in gt("cleanup", "--dry-run", cwd=root).out and gone.poll() is None
        assert gt("cleanup", "--json", cwd=root).json == {"ended": [gone.pid], "left": []}
        assert gone.wait(120) != 0 and at_work.poll() is None
        assert find_session(root, mayor) is not None
    finally:
        for one in (gone, at_work):
            one.kill()
            one.communicate()


@needs_tmux
def test_one_agent_is_started_and_a_warrant_ends_it(sessions_too: Rigged) -> None:
    root = sessions_too.root
    started = gt("start", "mayor", "--agent", "scripted", cwd=root)
    assert started.code == 0, started.err
    until(lambda: gt("mayor", "status", "--json", cwd=root).json["running"], "the mayor did not start")
    assert gt("warrant", "file", "mayor", cwd=root).code == 2, "a warrant needs a reason"
    assert gt("warrant", "file", "mayor", "-r", "it spins", cwd=root).code == 0
    assert gt("warrant", "file", "mayor", "-r", "again", cwd=root).code == 1, "one is pending"
    assert gt("warrant", "list", "--json", cwd=root).json[0]["target"] == "mayor"
    assert gt("boot", "triage", "--json", cwd=root).json["warrants"] == ["ended mayor"]
    assert not gt("mayor", "status", "--json", cwd=root).json["running"]
    assert gt("warrant", "list", "--json", cwd=root).json == []
    assert gt("warrant", "execute", "mayor", cwd=root).code == 1


@needs_tmux
def test_shutdown_ends_the_polecats_or_the_whole_town(sessions_too: Rigged) -> None:
    rigged, root = sessions_too, sessions_too.root
    Path(root, "settings", "config.json").write_text(json.dumps({"default_agent": "scripted"}))
    slung = rigged.sling(rigged.file(labels=["mood:stuck"]).id, session=True).result
    start_agent(root, plan_start(root, rigged.entry("mayor"), agent="scripted"))
    assert gt("shutdown", "--polecats-only", "-n", "--json", cwd=root).json["stopped"] == [slung.agent]
    assert gt("shutdown", "--polecats-only", "--json", cwd=root).json["stopped"] == [slung.agent]
    assert rigged.bead(slung.bead).assignee, "its work waits on its hook"
    assert "mayor" in gt("shutdown", "-y", cwd=root).out
