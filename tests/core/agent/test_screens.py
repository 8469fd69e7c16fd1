"""The scripted agent in a real pane: what it shows, and that its screen reads as what it does."""

import os
import signal

import pytest

from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.runtimes.screen import read_screen
from gastown_core.tmux import sessions
from gastown_core.tmux.panes import capture_pane
from gastown_core.tmux.sessions import create_session
from tests.support.tmux import SCRIPTED, events, pane_of, screen, start_agent, transcript, until


def reading(server, pane):
    return read_screen("scripted", capture_pane(server, pane.pane_id))


def state(town_root, session="hq-mayor"):
    beat = read_heartbeat(town_root, session)
    return beat.state if beat else ""


def test_it_rests_at_its_prompt_under_its_own_name(server, town_root):
    pane = start_agent(server, town_root)
    until(lambda: reading(server, pane).kind == "ready", "ready")
    until(lambda: pane_of(server, "hq-mayor").command == "gt-agent")
    until(lambda: state(town_root) == "idle")
    with open(f"/proc/{pane.pid}/status") as handle:
        status = dict(line.split(":", 1) for line in handle)
    assert status["Name"].strip() == "gt-agent"
    assert int(status["VmRSS"].split()[0]) < 25 * 1024


def test_a_turn_is_busy_and_ends_at_the_prompt(server, town_root):
    pane = start_agent(server, town_root, GT_SCRIPT_PACE="0.4")
    server.run("send-keys", "-t", pane.pane_id, "-l", "--", "hello")
    server.run("send-keys", "-t", pane.pane_id, "Enter")
    until(lambda: reading(server, pane).kind == "busy", "busy")
    assert state(town_root) == "working"
    until(lambda: reading(server, pane).kind == "ready", "ready again")
    until(lambda: state(town_root) == "idle")
    beat = read_heartbeat(town_root, "hq-mayor")
    assert beat is not None
    assert beat.turn == 1


def test_the_prompt_it_is_started_with_is_its_first_turn(server, town_root):
    start_agent(server, town_root, prompt="[GAS TOWN] mayor <- overseer • now • handoff\nread the note")
    text = until(lambda: transcript(os.path.join(town_root, "mayor")))
    assert text == ["[GAS TOWN] mayor <- overseer • now • handoff\nread the note"]


@pytest.mark.parametrize(("key", "alive"), [("1", True), ("2", False)])
def test_the_start_up_dialog_waits_for_a_person(server, town_root, key, alive):
    pane = start_agent(server, town_root, GT_MOOD="dialog")
    asked = until(lambda: (found := reading(server, pane)).kind == "dialog" and found)
    assert (asked.kind, asked.detail, asked.cursor) == ("dialog", "trust this folder?", 0)
    assert asked.options == ("1 Yes, I trust this folder", "2 No, exit")
    assert asked.text == "Do you trust this folder?"
    assert state(town_root) == "waiting"
    assert events(town_root, "waiting")[0]["payload"]["message"] == "Do you trust this folder?"
    server.run("send-keys", "-t", pane.pane_id, key)
    if alive:
        until(lambda: reading(server, pane).kind == "ready", "ready")
    else:
        until(lambda: pane_of(server, "hq-mayor").dead, "it leaves")
        assert pane_of(server, "hq-mayor").dead_status == 1


def test_what_a_program_could_misuse_is_not_drawn(server, town_root):
    pane = start_agent(server, town_root, prompt="red \x1b[31mtext\x07")
    until(lambda: "text" in screen(server, pane))
    assert "\x1b[31m" not in server.run("capture-pane", "-p", "-e", "-t", pane.pane_id)


def test_a_witness_on_patrol_says_so_now_and_then(server, town_root):
    os.makedirs(os.path.join(town_root, "shop", "polecats", "opal"))
    start_agent(server, town_root, "gt-witness", GT_ROLE="shop/witness", GT_RIG="shop", GT_SCRIPT_PATROL="0.05")
    found = until(lambda: events(town_root, "patrol_complete"))
    assert found[0]["actor"] == "shop/witness"
    assert found[0]["payload"] == {"rig": "shop", "polecat_count": 1, "message": "checked 1 polecats"}


def test_it_leaves_when_it_is_told_to(server, town_root):
    pane = start_agent(server, town_root)
    server.run("send-keys", "-t", pane.pane_id, "-l", "/exit")
    server.run("send-keys", "-t", pane.pane_id, "Enter")
    until(lambda: pane_of(server, "hq-mayor").dead)
    assert pane_of(server, "hq-mayor").dead_status == 0
    assert state(town_root) == "exiting"


def test_it_ends_on_the_signal_that_ends_sessions(server, town_root):
    pane = start_agent(server, town_root)
    os.kill(pane.pid, signal.SIGTERM)
    until(lambda: pane_of(server, "hq-mayor").dead)
    sessions.kill_session(server, "hq-mayor")


def test_a_small_window_does_not_disturb_it(server, town_root):
    env = {"GT_ROLE": "mayor", "PATH": os.environ["PATH"], "GT_SCRIPT_PACE": "0"}
    from gastown_core.runtimes.launch import command_line

    pane = create_session(
        server, "hq-mayor", town_root, env, command_line(SCRIPTED, "x" * 300), width=30, height=8, watch_s=0.0
    )
    until(lambda: transcript(town_root) == ["x" * 300])
    until(lambda: "❯" in screen(server, pane))
