"""Slings that meet each other, dead workers, and thefts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.errors import ConflictError
from gastown_core.files.atomic import edit_json
from gastown_core.model.address import parse_address
from gastown_core.state.collect import collect
from gastown_core.town import liveness, sessions
from gastown_core.town.agent_beads import get_agent_bead, put_agent_bead
from gastown_core.town.polecat_worktree import add_polecat
from gastown_core.work import death_count
from gastown_core.work.explain import explain
from gastown_core.work.hook import hook
from gastown_core.work.prime import brief
from gastown_core.work.request import SlingRequest
from gastown_core.work.scheduler.dispatch import sling_now
from gastown_core.work.scheduler.reclaim import release_dead
from tests.support.cli import gt
from tests.support.tmux import until


@pytest.fixture(autouse=True)
def _look_twice_at_once(monkeypatch):
    monkeypatch.setattr("gastown_core.work.scheduler.reclaim.SECOND_LOOK_S", 0.0)


SLING = """
import sys
from gastown_core.errors import GastownError
from gastown_core.work.request import SlingRequest
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
        out, _ = process.communicate(timeout=120)
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
    assert death_count.count_of(rigged.root, first.bead) == 1
    assert rigged.bead(rigged.entry(first.agent).bead_id).fields["hook_state"] == "active"
    kill(rigged, first)
    for _ in range(2):
        death_count.note(rigged.root, first.bead)
    with pytest.raises(ConflictError, match="3 workers died on"):
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
    assert death_count.count_of(rigged.root, first.bead) == 0


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
    assert death_count.count_of(rigged.root, first.bead) == 0


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


CUT_OFF = """
import os, signal, sys
from gastown_core.work.sling import sling as room
from gastown_core.work.request import SlingRequest
setattr(room, sys.argv[4], lambda *args: os.kill(os.getpid(), signal.SIGKILL))
list(room.Sling(sys.argv[1], SlingRequest(sys.argv[2], sys.argv[3], agent="scripted")).run())
"""


@pytest.fixture(params=["record_agents", "set_going"])
def cut_off(running, request):
    """A bead whose sling was killed between hook and session, to a polecat whose old session lives."""
    from gastown_core.work.convoys import create_convoy

    rigged, first = running
    with rigged.ledger.store_for(first.bead).write("x") as batch:
        batch.close(first.bead, "Merged in sh-mr1", force=True)
    entry = rigged.entry(first.agent)
    put_agent_bead(rigged.ledger, entry.address, "sh", agent_state="idle", exit_type="DEFERRED", hook_bead="")
    until(lambda: liveness.lives(rigged.root, entry), "its old session lives")
    bead = rigged.file("Next work").id
    create_convoy(rigged.root, rigged.ledger, "C", [bead], owner="overseer")
    killed = subprocess.run(
        [sys.executable, "-c", CUT_OFF, rigged.root, bead, first.agent, request.param], capture_output=True
    )
    assert killed.returncode == -9, killed
    assert rigged.bead(bead).assignee == first.agent
    return rigged, entry, bead


def change(rigged, bead, changes):
    with rigged.ledger.store_for(bead).write("x") as batch:
        batch.update(bead, changes)


def health_of(rigged, entry, after_s=60.0):
    clock = FixedClock(SYSTEM_CLOCK.now() + after_s)
    return next(one for one in collect(rigged.root, clock=clock).agents if one.session == entry.session).health


def test_a_worker_whose_session_is_older_than_its_work_is_not_at_work(cut_off):
    rigged, entry, bead = cut_off
    (answer,) = explain(rigged.root, rigged.ledger, bead).answers
    assert "whose session was never started for it" in answer.text and answer.state == "held"
    health = health_of(rigged, entry)
    assert health.state == "zombie"
    assert f"its session was never started for {bead}" in health.reasons[0].text
    assert liveness.lives(rigged.root, entry), "the session itself lives"


def test_the_daemon_gives_such_work_out_again_and_its_worker_goes_on_with_it(cut_off):
    rigged, entry, bead = cut_off
    assert release_dead(rigged.root, rigged.ledger) == [bead]
    done = sling_now(rigged.root, rigged.ledger, SlingRequest(bead, agent="scripted"), "shop", actor="daemon")
    assert (done.ok, done.agent) == (True, entry.address.path)
    assert release_dead(rigged.root, rigged.ledger) == []
    assert health_of(rigged, entry).state == "working"


def test_a_person_who_slings_it_again_is_not_told_that_it_is_done(cut_off):
    rigged, entry, bead = cut_off
    again = rigged.sling(bead, session=True, agent="scripted").result
    assert (again.was_hooked, again.agent) == (False, entry.address.path)
    assert rigged.sling(bead, session=True).result.was_hooked
    (answer,) = explain(rigged.root, rigged.ledger, bead).answers
    assert "whose session runs" in answer.text


def test_a_session_that_is_started_anew_is_there_for_what_hangs_on_the_hook(cut_off):
    rigged, entry, bead = cut_off
    sessions.respawn_agent(rigged.root, sessions.plan_again(rigged.root, entry))
    assert release_dead(rigged.root, rigged.ledger) == []
    assert rigged.sling(bead, session=True).result.was_hooked


def test_work_that_a_person_hooks_by_hand_asks_for_no_session_of_its_own(cut_off):
    rigged, entry, bead = cut_off
    hook.unhook(rigged.ledger, bead, actor="overseer")
    claimed = {"status": "in_progress", "assignee": entry.address.path}
    for take in (
        lambda: hook.hook(rigged.ledger, bead, entry.address, actor="overseer"),
        lambda: change(rigged, bead, claimed),
    ):
        take()
        assert release_dead(rigged.root, rigged.ledger) == []
    assert release_dead(rigged.root, rigged.ledger) == []
    # what a person hooks by hand nobody tells the agent, which may rest already
    assert health_of(rigged, entry).state in ("working", "stopped-short")
