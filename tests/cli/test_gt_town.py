from __future__ import annotations

import json
import os
import signal
import sys

import pytest

from gastown_core.town.agent_beads import get_agent_bead, put_agent_bead
from tests.support.cli import gt
from tests.support.repos import make_repo
from tests.support.rigged import make_executable, write


def test_the_seeds_first_steps_word_by_word(tmp_path, without_tmux):
    make_repo(str(tmp_path / "src"))
    town = str(tmp_path / "gt")
    made = gt("install", town, "--git", cwd=str(tmp_path))
    assert made.code == 0 and "gt rig add" in made.out
    assert gt("rig", "list", "--json", cwd=town).json == []
    assert gt("crew", "list", "--json", cwd=town).json == []
    assert gt("convoy", "list", "--json", cwd=town).json == []
    assert gt("rig", "add", "myproject", f"file://{tmp_path}/src", cwd=town).code == 0
    assert gt("crew", "add", "yourname", "--rig", "myproject", cwd=town).code == 0
    crew = os.path.join(town, "myproject", "crew", "yourname")
    listed = gt("crew", "list", "--json", cwd=crew).json
    assert [(row["name"], row["rig"], row["branch"], row["git_clean"], row["has_session"]) for row in listed] == [
        ("yourname", "myproject", "main", True, False)
    ]
    rigs = gt("rig", "list", "--json", cwd=crew).json
    assert rigs == [
        {
            "name": "myproject",
            "beads_prefix": "my",
            "status": "stopped",
            "witness": "stopped",
            "refinery": "stopped",
            "polecats": 0,
            "crew": 1,
        }
    ]
    attach = gt("mayor", "attach", cwd=town)
    assert attach.code == 1 and "tmux is not installed" in attach.err


def test_a_second_install_is_refused_and_outside_a_town_commands_say_so(tmp_path):
    town = str(tmp_path / "gt")
    gt("install", town, cwd=str(tmp_path))
    again = gt("install", town, cwd=str(tmp_path))
    assert again.code == 1 and "is already a town" in again.err
    assert gt("install", town, "--force", cwd=str(tmp_path)).code == 0
    lost = gt("rig", "list", cwd=str(tmp_path))
    assert lost.code == 1 and "no town" in lost.err
    assert gt("prime", cwd=str(tmp_path)) == (0, "", "")


def test_settings_are_checked_and_told(rigged):
    assert gt("config", "set", "scheduler.max_polecats", "5", cwd=rigged.root).code == 0
    assert gt("config", "get", "scheduler.max_polecats", cwd=rigged.root).out == "5\n"
    wrong = gt("config", "set", "cli_theme", "pink", cwd=rigged.root)
    assert wrong.code == 2 and "auto, dark, light" in wrong.err
    unknown = gt("config", "get", "nonsense", "--json", cwd=rigged.root)
    assert unknown.code == 2 and "nonsense" in unknown.json["error"]
    assert [event["payload"]["key"] for event in rigged.events("settings_changed")] == ["scheduler.max_polecats"]


def test_runtimes_are_listed_defined_and_removed(rigged):
    names = {row["name"] for row in gt("config", "agent", "list", "--json", cwd=rigged.root).json}
    ten = "claude gemini codex cursor auggie amp opencode copilot pi omp scripted"
    assert set(ten.split()) <= names
    assert gt("config", "agent", "set", "claude-glm", "claude-glm --model glm-4", cwd=rigged.root).code == 0
    assert gt("config", "default-agent", "claude-glm", cwd=rigged.root).out == "claude-glm\n"
    custom = gt("config", "agent", "get", "claude-glm", "--json", cwd=rigged.root).json
    assert (custom["command"], custom["is_custom"]) == ("claude-glm", True)
    held = gt("config", "agent", "remove", "claude-glm", cwd=rigged.root)
    assert held.code == 2 and "default" in held.err
    assert gt("config", "default-agent", "nonesuch", cwd=rigged.root).code == 1
    assert gt("config", "default-agent", "claude", cwd=rigged.root).code == 0
    assert gt("config", "agent", "remove", "claude-glm", cwd=rigged.root).code == 0


def test_the_list_of_runtimes_tells_which_this_machine_has_and_starts_none(rigged, tmp_path):
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("claude", "wrapped"):
        make_executable(str(folder / name), f"#!/bin/sh\necho ran >> {tmp_path}/ran\n")
    (folder / "gemini").write_text("no program: nobody may run it")
    elsewhere = str(tmp_path / "elsewhere" / "mine")
    make_executable(elsewhere, "#!/bin/sh\n")
    gt("config", "agent", "set", "mine", elsewhere, cwd=rigged.root)
    rows = gt("config", "agent", "list", "--json", cwd=rigged.root, PATH=str(folder)).json
    assert {row["name"]: row["path"] for row in rows if row["installed"]} == {
        "claude": str(folder / "claude"),
        "mine": elsewhere,
        "scripted": sys.executable,
    }
    told = gt("config", "agent", "list", cwd=rigged.root, PATH=str(folder)).out.splitlines()
    assert [line.split()[2] for line in told if line.startswith(("claude ", "gemini "))] == ["yes", "-"]
    assert not os.path.exists(tmp_path / "ran")


@pytest.mark.parametrize(
    ("words", "who"),
    [("session stop mayor", "mayor"), ("mayor stop", "mayor"), ("session stop shop/witness", "shop/witness"),
     ("session stop shop/refinery", "shop/refinery"), ("refinery stop shop", "shop/refinery")],
)  # fmt: skip
def test_stopping_an_agent_by_any_command_notes_that_its_work_waits(sessions_too, words, who):
    entry = sessions_too.entry(who)
    prefix = "sh" if entry.address.rig else "hq"
    put_agent_bead(sessions_too.ledger, entry.address, prefix, hook_bead=sessions_too.file().id, agent_state="working")
    done = gt(*words.split(), cwd=sessions_too.root)
    assert done.code == 0 and "its work waits until you start it again" in done.out
    assert get_agent_bead(sessions_too.ledger, entry.bead_id).fields["agent_state"] == "paused"


def test_whoami_tells_what_it_rests_on(rigged):
    assert gt("whoami", "--json", cwd=rigged.root).json["identity"] == "overseer"
    assert gt("whoami", "--json", cwd=rigged.root, GT_ROLE="shop/polecats/opal").json["source"] == "GT_ROLE"
    witness = os.path.join(rigged.root, "shop", "witness")
    assert gt("whoami", "--json", cwd=witness).json["identity"] == "shop/witness"


def test_activity_is_emitted_and_checked(rigged):
    assert gt("activity", "emit", "patrol_started", "--rig", "shop", "--count", "2", cwd=rigged.root).code == 0
    told = rigged.events("patrol_started")[0]
    assert (told["actor"], told["payload"]) == ("overseer", {"rig": "shop", "polecat_count": 2})
    missing = gt("activity", "emit", "polecat_checked", "--rig", "shop", cwd=rigged.root)
    assert missing.code == 2 and "--polecat" in missing.err


def test_heartbeats_are_written_and_turns_counted(rigged):
    from gastown_core.runtimes.heartbeat import read_heartbeat

    for _ in range(2):
        gt("heartbeat", "--turn", "running", "tests", cwd=rigged.root, GT_SESSION="sh-opal")
    beat = read_heartbeat(rigged.root, "sh-opal")
    assert (beat.state, beat.context, beat.turn) == ("working", "running tests", 2)
    assert gt("heartbeat", "--state", "sleepy", cwd=rigged.root, GT_SESSION="sh-opal").code == 2


def test_a_daemon_that_does_not_run_is_told_by_status_with_since_when(rigged):
    assert "no daemon has run in this town; run gt up to start it" in gt("status", cwd=rigged.root).out
    started = gt("daemon", "start", "--json", cwd=rigged.root).json
    told = gt("status", cwd=rigged.root)
    assert "! " not in told.out, told.out
    assert gt("status", "--json", cwd=rigged.root).json["daemon"]["pid"] == started["pid"]
    os.kill(started["pid"], signal.SIGKILL)
    dead = gt("status", cwd=rigged.root).out
    assert "! the daemon died: its last heartbeat was" in dead and "gt daemon start" in dead
    assert gt("daemon", "status", "--json", cwd=rigged.root).json["state"] == "died"
    assert gt("daemon", "start", cwd=rigged.root).code == 0
    assert gt("daemon", "stop", cwd=rigged.root).out.startswith("stopped daemon ")
    assert "! the daemon was stopped" in gt("status", cwd=rigged.root).out


def test_options_before_the_command_are_options_whatever_the_command_says_after_a_double_dash(rigged):
    told = gt("--json", "nudge", "mayor", "--mode", "queue", "--", "--json hi", cwd=rigged.root)
    assert told.code == 0, told.err
    assert json.loads(told.out)["stage"] == "queued"
    kept = [
        os.path.join(folder, name)
        for folder, _, names in os.walk(os.path.join(rigged.root, ".runtime"))
        for name in names
        if "hq-mayor" in folder and name.endswith(".json")
    ]
    assert kept and "--json hi" in open(kept[0], encoding="utf-8").read()


def test_a_word_that_only_begins_commands_has_help_of_its_own(tmp_path):
    shown = gt("mol", "--help", cwd=str(tmp_path))
    assert shown.code == 0 and shown.err == ""
    assert "mol step" in shown.out and "convoy" not in shown.out.split("mol status")[0].split("\n", 1)[1]
    assert gt("formulas", "-h", cwd=str(tmp_path)).out.count("formula run") == 1
    assert "usage: gt hook " in gt("hook", "--help", cwd=str(tmp_path)).out


def test_a_list_takes_no_name_in_silence(rigged):
    for words in (("config", "agent", "list", "claude"), ("session", "list", "mayor")):
        wrong = gt(*words, cwd=rigged.root)
        assert wrong.code == 2 and f"but got {words[-1]}\n" in wrong.err


def test_the_demo_names_the_command_line_that_called_it(tmp_path):
    by_make = gt("demo", "none", "--stop", cwd=str(tmp_path), GT_DEMO_BY="make")
    assert by_make.code == 1 and "make demo DEMO=PATH creates one" in by_make.err
    by_hand = gt("demo", "none", "--stop", cwd=str(tmp_path))
    assert "gt demo PATH creates one" in by_hand.err


@pytest.mark.parametrize(
    "words",
    ["prime", "krc prune", "krc config reset", "daemon logs", "mayor start", "mayor restart", "mayor stop"]
    + ["session start mayor", "session restart mayor", "session stop mayor"],
)
def test_json_is_json_whatever_the_act(sessions_too, words):
    rigged = sessions_too
    write(os.path.join(rigged.root, "daemon", "daemon.log"), "one line\n")
    if words.split()[0] in ("mayor", "session") and "restart" in words:
        assert gt("mayor", "start", "--agent", "scripted", cwd=rigged.root).code == 0
    more = ("--agent", "scripted") if "start" in words else ()
    told = gt(*words.split(), *more, "--json", cwd=rigged.root)
    assert told.code == 0, told.err
    assert told.json is not None
