"""``gt handoff`` in its modes, and the briefing that gives its note to the successor: no note is lost, none read twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from gastown_core.messaging.handoff import read_marker, waiting_notes
from gastown_core.runtimes.adapter import Heard
from gastown_core.runtimes.heartbeat import note_event
from gastown_core.town import sessions, start_plan
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.tmux import needs_tmux


@pytest.fixture
def mayor(rigged):
    """The rigged town and the environment of its mayor's session."""
    env = {"GT_ROLE": "mayor", "GT_SESSION": "hq-mayor", "GT_TOWN_ROOT": rigged.root, "TMUX": ""}
    return rigged, env, os.path.join(rigged.root, "mayor")


def notes(rigged):
    return [(note.title, note.body) for note in waiting_notes(rigged.root, rigged.entry("mayor"))]


def hook(event, source=""):
    return json.dumps({"hook_event_name": event, "source": source, "session_id": "abc-1"})


def test_before_a_compaction_the_state_is_kept_and_nothing_restarted(mayor, without_tmux):
    rigged, env, cwd = mayor
    bead = rigged.file("Mend the gate")
    rigged.sling(bead.id, "mayor")
    done = gt("handoff", "--auto", cwd=cwd, **env)
    assert done.code == 0, done.err
    ((title, body),) = notes(rigged)
    assert title == "🤝 HANDOFF: before the compaction" and bead.id in body
    assert read_marker(cwd) == "compaction"
    (event,) = rigged.events("handoff")
    assert event["payload"]["to_session"] is False
    assert rigged.events("session_start") == []


def test_a_compaction_gives_the_note_back_once(mayor, without_tmux):
    rigged, env, cwd = mayor
    assert gt("handoff", "--auto", "-m", "the tests are in t/", cwd=cwd, **env).code == 0
    before = gt("prime", "--hook", cwd=cwd, stdin=hook("PreCompact"), **env)
    assert before.code == 0
    assert len(notes(rigged)) == 1, "what is briefed before the compaction is forgotten by it"
    after = gt("prime", "--hook", cwd=cwd, stdin=hook("SessionStart", "compact"), **env)
    assert "the tests are in t/" in after.out and "ended by compaction" in after.out
    assert "## Commands" not in after.out, "it keeps its conversation, so the briefing is short"
    assert notes(rigged) == [] and read_marker(cwd) == ""
    again = gt("prime", "--hook", cwd=cwd, stdin=hook("SessionStart", "compact"), **env)
    assert "the tests are in t/" not in again.out


def test_a_second_compaction_replaces_the_unread_note_of_the_first_and_no_other(mayor, without_tmux):
    rigged, env, cwd = mayor
    gt("handoff", "mayor", "-y", "-s", "mine", "-m", "of a person", cwd=rigged.root)
    gt("handoff", "--auto", "-m", "first", cwd=cwd, **env)
    gt("handoff", "--auto", "-m", "second", cwd=cwd, **env)
    found = dict(notes(rigged))
    assert len(found) == 2
    assert "second" in found["🤝 HANDOFF: before the compaction"]
    assert found["🤝 HANDOFF: mine"] == "of a person"


def test_a_note_whose_briefing_nobody_could_read_stays(mayor, without_tmux):
    rigged, env, cwd = mayor
    gt("handoff", "mayor", "-y", "-s", "mine", "-m", "look here", cwd=rigged.root)
    reads, writes = os.pipe()
    os.close(reads)
    code = "import sys; sys.argv[0] = 'gt'; from gastown_cli.main import gt; sys.exit(gt())"
    words = [sys.executable, "-c", code, "prime"]
    here = {"PYTHONPATH": os.getcwd()}
    subprocess.run(words, cwd=cwd, env={**os.environ, **env, **here}, stdout=writes, check=False, timeout=60)
    os.close(writes)
    assert [body for _, body in notes(rigged)] == ["look here"]
    assert "look here" in gt("prime", cwd=cwd, **env).out
    assert notes(rigged) == []


def test_a_dry_prime_and_a_person_in_the_folder_take_no_note(mayor, without_tmux):
    rigged, env, cwd = mayor
    gt("handoff", "mayor", "-y", "-s", "mine", "-m", "look here", cwd=rigged.root)
    assert "look here" in gt("prime", "--dry-run", cwd=cwd, **env).out
    assert "look here" in gt("prime", cwd=cwd).out
    assert len(notes(rigged)) == 1


def test_a_bead_is_hooked_before_the_handoff_names_it(mayor, without_tmux):
    rigged, env, cwd = mayor
    bead = rigged.file("Mend the gate")
    done = gt("handoff", bead.id, "-m", "half done", cwd=cwd, **env)
    assert done.code == 0, done.err
    assert notes(rigged) == [(f"🤝 HANDOFF: continue {bead.id}", "half done")]
    assert bead.id in gt("hook", cwd=cwd, **env).out


def test_modes_exclude_each_other_and_a_dry_run_names_the_mode(mayor, without_tmux):
    rigged, env, cwd = mayor
    assert gt("handoff", "--auto", "--cycle", cwd=cwd, **env).code == 2
    dry = gt("handoff", "--auto", "-n", "--json", cwd=cwd, **env)
    assert dry.json["mode"] == "auto" and dry.json["agent"] == "mayor"
    assert notes(rigged) == [] and read_marker(cwd) == ""


def test_an_agent_does_not_hand_itself_off_in_a_circle(rigged, without_tmux):
    entry = rigged.entry("shop/witness")
    env = {"GT_ROLE": "shop/witness", "GT_SESSION": entry.session, "GT_TOWN_ROOT": rigged.root, "TMUX": "inside,1,0"}
    moment = os.path.join(entry.work_dir, ".runtime", "last_handoff_ts")
    os.makedirs(os.path.dirname(moment), exist_ok=True)
    with open(moment, "w") as handle:
        handle.write("0\n")
    refused = gt("handoff", "-s", "again", cwd=entry.work_dir, **env)
    assert refused.code == 1 and "min_handoff_cooldown" in refused.err and "possible in" in refused.err
    assert waiting_notes(rigged.root, entry) == []
    assert gt("handoff", "--auto", cwd=entry.work_dir, **env).code == 0, "a compaction is no handoff in a circle"
    # another hands it off at once
    assert gt("handoff", "shop/witness", "-y", "-s", "full", cwd=rigged.root).code == 0


@needs_tmux
def test_a_cycle_goes_on_with_the_conversation_and_says_so_where_it_cannot(rigged, server):
    set_setting(rigged.root, "default_agent", "scripted")
    entry = rigged.entry("mayor")
    try:
        old = sessions.start_agent(rigged.root, start_plan.plan_start(rigged.root, entry))
        done = gt("handoff", "mayor", "--cycle", "-y", "-m", "note", cwd=rigged.root)
        assert done.code == 0, done.err
        assert "it is fresh" in done.out, "this runtime keeps no conversation"
        assert sessions.find_session(rigged.root, entry).pid != old.pid
        assert [event["payload"]["topic"] for event in rigged.events("session_start")] == ["start", "cycle"]
    finally:
        sessions.server_of(rigged.root).kill_server()


def test_a_cycle_of_a_known_session_resumes_it(rigged, without_tmux):
    note_event(rigged.root, "hq-mayor", "Stop", Heard("idle", session_id="abc-1"), 100.0, "claude")
    done = gt("handoff", "mayor", "--cycle", "-y", cwd=rigged.root)
    assert done.code == 0 and "--resume abc-1" in done.out, done.out
    assert read_marker(os.path.join(rigged.root, "mayor")) == "cycle"
    fresh = gt("handoff", "mayor", "-y", cwd=rigged.root)
    assert "--resume" not in fresh.out
