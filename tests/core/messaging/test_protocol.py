"""What agents in a role are told of work: handed in, ready to merge, merged, sent back; and that nobody else is."""

from __future__ import annotations

import os

import pytest

from gastown_core.git.repo import Git
from gastown_core.refinery.engine import process
from gastown_core.town import sessions
from gastown_core.work.done.done import Done
from tests.core.refinery.test_rework import set_queue
from tests.support.cli import gt
from tests.support.repos import PERSON, commit_files
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux


def in_charge(rigged: Rigged, *agents: str) -> None:
    """These agents have a session, and their roles act by agent."""
    for name in agents:
        entry = rigged.entry(name)
        sessions.server_of(rigged.root).run("new-session", "-d", "-s", entry.session, "sleep", "3600")
        if entry.address.role != "polecat":
            done = gt("config", "set", f"patrols.{entry.address.role}.mode", "both", cwd=rigged.root)
            assert done.code == 0, done.err


def hand_in(rigged: Rigged, files: dict[str, str]) -> tuple[str, str, str]:
    """File, sling, commit and hand in; return bead, worker's path and request."""
    bead = rigged.file("Build it").id
    agent = rigged.sling(bead).result.agent
    entry = rigged.entry(agent)
    commit_files(Git(entry.work_dir, identity=PERSON), files, "Build it")
    done = Done(rigged.root, entry)
    for _ in done.run():
        pass
    return bead, agent, done.result.request


def letters(rigged: Rigged, who: str) -> list[tuple[str, str]]:
    """The agent's unread messages by the command that it has: subject and body."""
    ran = gt("mail", "inbox", who, "--json", cwd=rigged.root)
    assert ran.code == 0, ran.err
    found = []
    for one in ran.json:
        read = gt("mail", "read", one["id"], "--json", "--identity", who, cwd=rigged.root)
        assert read.code == 0, read.err
        found.append((one["subject"], read.json["body"]))
    return found


@needs_tmux
def test_witness_and_refinery_get_what_is_handed_in_and_merged(sessions_too: Rigged) -> None:
    rigged = sessions_too
    in_charge(rigged, "shop/witness", "shop/refinery")
    bead, agent, request = hand_in(rigged, {"good": "1"})
    name = agent.rpartition("/")[2]
    [(subject, body)] = letters(rigged, "shop/refinery")
    assert subject == f"MERGE_READY {name}"
    assert {f"Issue: {bead}", f"MR: {request}", f"Polecat: {name}", "Rig: shop"} <= set(body.splitlines())
    [(subject, body)] = letters(rigged, "shop/witness")
    assert subject == f"POLECAT_DONE {name}" and "Exit: COMPLETED" in body and f"MR: {request}" in body
    assert gt("nudge", "--list", "--json", cwd=rigged.root).out.count("MERGE_READY") == 1, "it is nudged about it"
    process(rigged.root, "shop")
    told = dict(letters(rigged, "shop/witness"))
    assert "Target: main" in told[f"MERGED {name}"] and "Merge-Commit: " in told[f"MERGED {name}"]


@needs_tmux
def test_a_worker_is_told_what_is_to_be_mended_and_the_witness_of_a_conflict(sessions_too: Rigged) -> None:
    rigged = sessions_too
    set_queue(rigged, gates={"check": {"cmd": "test ! -e bad || { echo it is bad; exit 1; }"}})
    bead, agent, request = hand_in(rigged, {"bad": "1"})
    in_charge(rigged, agent, "shop/witness")
    process(rigged.root, "shop")
    [(subject, body)] = letters(rigged, agent)
    assert subject == f"FIX_NEEDED {agent.rpartition('/')[2]}"
    assert {f"MR-Bead-ID: {request}", "Attempt-Number: 1", "Failure-Type: check"} <= set(body.splitlines())
    bead, agent, request = hand_in(rigged, {"same": "mine"})
    clone = os.path.join(os.path.dirname(rigged.root), "other")
    Git(rigged.root).run("clone", "--quiet", rigged.origin.path, clone)
    commit_files(Git(clone, identity=PERSON), {"same": "theirs"}, "Theirs")
    Git(clone, identity=PERSON).run("push", "--quiet", "origin", "HEAD:main")
    process(rigged.root, "shop")
    told = dict(letters(rigged, "shop/witness"))
    assert "Conflict-Files: same" in told[f"REWORK_REQUEST {agent.rpartition('/')[2]}"]


@needs_tmux
@pytest.mark.parametrize("with_session", [False, True])
def test_nobody_is_written_to_who_would_not_read_it(sessions_too: Rigged, with_session: bool) -> None:
    rigged = sessions_too
    if with_session:
        # it is there, but the code has the role: the default
        entry = rigged.entry("shop/refinery")
        sessions.server_of(rigged.root).run("new-session", "-d", "-s", entry.session, "sleep", "3600")
    else:
        assert gt("config", "set", "patrols.refinery.mode", "agent", cwd=rigged.root).code == 0
    hand_in(rigged, {"good": "1"})
    assert letters(rigged, "shop/refinery") == [] and letters(rigged, "shop/witness") == []
