"""From a bead to a merge request: a scripted agent in real tmux does the work of a polecat."""

from __future__ import annotations

import os

import pytest

from gastown_core.model.merge_request import read_request
from gastown_core.town import sessions, start_plan
from gastown_core.town.settings import set_setting
from gastown_core.work.convoys import list_convoys
from gastown_core.work.merge_requests import requests_for
from tests.support.cli import gt
from tests.support.tmux import needs_tmux, until

pytestmark = [pytest.mark.e2e, needs_tmux]


@pytest.fixture
def town(rigged, server, monkeypatch):
    """A town of scripted agents that are in a hurry, on a private tmux server."""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    monkeypatch.setenv("GT_SCRIPT_PACE", "0.05")
    monkeypatch.setenv("PYTHONPATH", here)
    set_setting(rigged.root, "default_agent", "scripted")
    yield rigged
    sessions.server_of(rigged.root).kill_server()


def test_a_slung_bead_is_worked_on_and_handed_in(town):
    bead = town.file("Fix login")
    lines = gt("sling", bead.id, "shop", "--receipts", cwd=town.root).lines
    assert [line["stage"] for line in lines][-2:] == ["session", "started"]
    until(lambda: town.bead(bead.id).status == "in_review", "the bead is in review", timeout_s=90)
    request = requests_for(town.ledger.store_for(bead.id), bead.id)[0]
    branch = read_request(request).branch
    assert town.origin.commit_of(f"refs/heads/{branch}") == read_request(request).commit_sha
    assert int(town.origin.run("rev-list", "--count", f"main..{branch}")) >= 1
    assert list_convoys(town.ledger)[0].progress.in_review == 1
    order = ["spawn", "sling", "session_start", "done", "mr_queued"]
    # what is handed in is in review first, and told then
    until(lambda: set(order) <= {event["type"] for event in town.events()}, "all of it is told")
    types = [event["type"] for event in town.events()]
    assert sorted(order, key=types.index) == order


def test_the_next_bead_goes_to_the_same_polecat_on_a_new_branch(town):
    first, second = town.file("one"), town.file("two")
    gt("sling", first.id, "shop", cwd=town.root)
    until(lambda: town.bead(first.id).status == "in_review", "the first is in review", timeout_s=90)
    agent = town.bead(first.id).assignee
    entry = town.entry(agent)
    until(lambda: town.bead(entry.bead_id).fields.get("agent_state") == "idle", "the polecat rests")
    again = gt("sling", second.id, "shop", "--json", cwd=town.root).json
    assert again["agent"] == agent
    until(lambda: town.bead(second.id).status == "in_review", "the second is in review", timeout_s=90)
    branches = {
        read_request(request).branch
        for bead in (first, second)
        for request in requests_for(town.ledger.store_for("sh-x"), bead.id)
    }
    assert len(branches) == 2


def test_the_mayor_is_detached_and_attached_and_stays_the_same(town):
    assert gt("mayor", "start", cwd=town.root).code == 0
    entry = town.entry("mayor")
    until(lambda: sessions.is_alive(sessions.find_session(town.root, entry)), "the mayor lives")
    pid = sessions.find_session(town.root, entry).pid
    assert gt("mayor", "status", "--running", cwd=town.root).out == "true\n"
    assert gt("mayor", "detach", cwd=town.root).code == 0
    refused = gt("mayor", "start", cwd=town.root)
    assert refused.code == 1 and "gt mayor attach" in refused.err
    assert sessions.find_session(town.root, entry).pid == pid
    assert "❯" in gt("peek", "mayor", cwd=town.root).out
    assert gt("mayor", "stop", cwd=town.root).code == 0
    assert gt("mayor", "status", "--running", cwd=town.root).out == "false\n"


def test_an_agent_hands_itself_off_from_inside_its_session(town):
    entry = town.entry("mayor")
    old = sessions.start_agent(town.root, start_plan.plan_start(town.root, entry))
    env = {"GT_ROLE": "mayor", "GT_SESSION": entry.session, "TMUX": "inside,1,0", "GT_TOWN_ROOT": town.root}
    done = gt("handoff", "-s", "full", "-m", "note", cwd=town.root, **env)
    assert done.code == 0 and "its successor reads the note" in done.out
    until(lambda: sessions.find_session(town.root, entry).pid != old.pid, "a fresh session")
    until(lambda: any(e["payload"]["topic"] == "handoff" for e in town.events("session_start")), "it is told of")


def test_the_successor_reads_the_note_once(town):
    entry = town.entry("shop/witness")
    sessions.start_agent(town.root, start_plan.plan_start(town.root, entry))
    stored = gt("handoff", "witness", "-y", "-s", "full", "-m", "look here", "--receipts", cwd=town.root).lines[0]
    note = str(stored["detail"]).split()[0]
    until(lambda: town.bead(note).is_closed, "the note is read")
    assert town.bead(note).text("close_reason") == "read by the successor"
