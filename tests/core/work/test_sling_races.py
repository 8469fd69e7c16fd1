"""Slings that meet each other, dead workers, and thefts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gastown_core.errors import ConflictError
from gastown_core.files.atomic import edit_json
from gastown_core.model.address import parse_address
from gastown_core.town import sessions
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.polecat_making import add_polecat
from gastown_core.work.hook import hook
from gastown_core.work.hook.prime import brief
from gastown_core.work.scheduler.upkeep import release_dead
from gastown_core.work.sling import respawns
from tests.support.cli import gt

SLING = """
import sys
from gastown_core.errors import GastownError
from gastown_core.work.sling.request import SlingRequest
from gastown_core.work.sling.sling import Sling
sling = Sling(sys.argv[1], SlingRequest(sys.argv[2], "shop", session=False))
print("ready", flush=True)
sys.stdin.readline()
try:
    list(sling.run())
    print("here" if sling.result.was_hooked else sling.result.agent)
except GastownError as error:
    print(f"refused {error.what}")
"""


def race(root, *beads):
    """Sling these beads in processes of their own, let go at once; what each says."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SLING, root, bead],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for bead in beads
    ]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = []
    for process in running:
        out, _ = process.communicate(timeout=30)
        said.append(out.strip())
    return said


def test_of_two_processes_that_sling_one_bead_one_wins(rigged):
    bead = rigged.file().id
    said = race(rigged.root, bead, bead)
    winners = [one for one in said if one.startswith("shop/polecats/")]
    assert len(winners) == 1 and rigged.bead(bead).assignee == winners[0]
    assert len(rigged.events("sling")) == 1


def test_two_beads_that_race_for_one_idle_polecat_get_two(rigged):
    add_polecat(rigged.root, "shop", "opal")
    said = race(rigged.root, rigged.file("one").id, rigged.file("two").id)
    assert len(set(said)) == 2 and "shop/polecats/opal" in said
    for agent in said:
        assert len(hook.hooked_work(rigged.ledger, parse_address(agent), "sh")) == 1


def test_of_two_beads_that_race_for_the_last_place_one_gets_it(rigged):
    edit_json(
        os.path.join(rigged.root, "settings", "config.json"),
        lambda value: value.update(operational={"polecat": {"max_per_town": 1}}),
    )
    said = race(rigged.root, rigged.file("one").id, rigged.file("two").id)
    assert sorted(one.split()[0].split("/")[0] for one in said) == ["refused", "shop"], said
    assert "refused no capacity for one more polecat" in said


@pytest.fixture
def running(sessions_too):
    """A bead with a scripted polecat at work."""
    rigged = sessions_too
    sling = rigged.sling(rigged.file("Fix it").id, session=True, agent="scripted")
    return rigged, sling.result


def kill(rigged, result):
    sessions.stop_agent(rigged.root, rigged.entry(result.agent), caller="test")


def test_a_session_is_started_and_the_hook_is_active(running):
    rigged, result = running
    fields = rigged.bead(rigged.entry(result.agent).bead_id).fields
    assert (fields["agent_state"], fields["hook_state"]) == ("working", "active")
    assert [(one["payload"]["from"], one["payload"]["to"]) for one in rigged.events("hook_state")] == [
        ("", "created"),
        ("created", "active"),
    ]
    assert rigged.sling(result.bead, session=True).result.was_hooked


def test_a_dead_workers_bead_is_slung_without_force_and_gone_on_with(running):
    rigged, first = running
    kill(rigged, first)
    assert rigged.bead(rigged.entry(first.agent).bead_id).fields["hook_state"] == "suspended"
    again = rigged.sling(first.bead, session=True, agent="scripted").result
    assert (again.agent, again.branch, again.molecule) == (first.agent, first.branch, first.molecule)
    assert respawns.count_of(rigged.root, first.bead) == 1
    assert rigged.bead(rigged.entry(first.agent).bead_id).fields["hook_state"] == "active"
    kill(rigged, first)
    for _ in range(2):
        respawns.note(rigged.root, first.bead)
    with pytest.raises(ConflictError, match="cost 3 workers"):
        rigged.sling(first.bead, session=True, agent="scripted")
    assert rigged.sling(first.bead, session=True, agent="scripted", force=True).result.agent


def test_a_living_workers_bead_is_taken_only_by_force_and_the_witness_hears_of_it(running):
    rigged, first = running
    with pytest.raises(ConflictError, match=f"on the hook of {first.agent}"):
        rigged.sling(first.bead, "shop/other", session=True)
    taken = rigged.sling(first.bead, "shop/other", force=True).result
    assert rigged.bead(first.bead).assignee == taken.agent == "shop/polecats/other"
    (mail,) = rigged.events("mail")
    assert mail["payload"]["to"] == "shop/witness"
    assert mail["payload"]["subject"] == f"LIFECYCLE:Shutdown {first.agent.rpartition('/')[2]}"
    assert "hook_bead" not in rigged.bead(rigged.entry(first.agent).bead_id).fields
    assert "Nothing." in brief(rigged.root, rigged.entry(first.agent)).text
    assert respawns.count_of(rigged.root, first.bead) == 0


def test_a_runtime_and_an_account_named_for_this_sling_reach_the_session(sessions_too):
    rigged = sessions_too
    result = rigged.sling(rigged.file().id, session=True, agent="scripted", account="work").result
    env = sessions.server_of(rigged.root).run("show-environment", "-t", f"={result.session}")
    assert "GT_AGENT=scripted" in env and "GT_ACCOUNT=work" in env


def test_work_that_was_put_off_is_taken_up_again_without_being_counted(running):
    from gastown_core.work.done.done import Done

    rigged, first = running
    kill(rigged, first)
    list(Done(rigged.root, rigged.entry(first.agent), status="DEFERRED").run())
    again = rigged.sling(first.bead, session=True, agent="scripted").result
    assert (again.agent, again.branch) == (first.agent, first.branch)
    assert respawns.count_of(rigged.root, first.bead) == 0


def test_work_released_from_a_dead_worker_keeps_its_marks_and_its_branch(rigged):
    first = rigged.sling(rigged.file().id).result
    with rigged.ledger.store_for(first.bead).write("x") as batch:
        metadata = batch.get(first.bead).raw["metadata"]
        metadata = {**metadata, "dispatch": {**metadata["dispatch"], "worker": first.agent}}
        batch.update(first.bead, {"status": "open", "assignee": "", "metadata": metadata})
    again = rigged.sling(first.bead).result
    assert (again.agent, again.branch, again.molecule) == (first.agent, first.branch, first.molecule)
    assert "worker" not in rigged.bead(first.bead).raw["metadata"]["dispatch"]


def test_work_of_one_whom_a_person_stopped_waits_until_it_is_started_again(running, monkeypatch):
    rigged, result = running
    monkeypatch.chdir(rigged.root)
    entry = rigged.entry(result.agent)
    stopped = gt("session", "stop", result.agent, cwd=rigged.root)
    assert stopped.code == 0 and "its work waits" in stopped.out, stopped
    assert release_dead(rigged.root, rigged.ledger, bead_ids=[result.bead]) == []
    assert rigged.bead(result.bead).assignee == result.agent
    assert gt("session", "start", result.agent, cwd=rigged.root).code == 0
    assert get_agent_bead(rigged.ledger, entry.bead_id).fields["agent_state"] == "working"
    sessions.stop_agent(rigged.root, entry, caller="test")
    assert release_dead(rigged.root, rigged.ledger, bead_ids=[result.bead]) == [result.bead]
