"""Questions to predecessors: real sessions of real programs, ended or running, asked and left as they were."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import comes_to
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE
from tests.realagents.world import WAIT

PROGRAMS = ("claude", "claude@2.1.197", "codex", "gemini")
FORKS = {"claude": "forked", "claude@2.1.197": "forked", "codex": "forked", "gemini": "read out"}


def heartbeat(root: str) -> float:
    """When the mayor's heartbeat was written last, 0 if there is none."""
    path = os.path.join(root, ".runtime", "heartbeats", "hq-mayor.json")
    return os.stat(path).st_mtime if os.path.exists(path) else 0.0


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_session_that_ended_is_listed_and_answers(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    mayor.nudge("the password is swordfish", "--wait", WAIT)
    world.answered("swordfish")
    comes_to(mayor, IDLE)
    world.gt("session", "stop", "mayor")
    # a hook of its end may come late
    comes_true(lambda: not world.processes(), "all of the session has ended")

    (row,) = world.gt("seance", "--json").json

    assert (row["agent"], row["runtime"], row["topic"]) == ("mayor", mayor.program, "start")
    assert row["started_at"] <= row["last_at"]
    before = digest(row["transcript"])
    beat = heartbeat(world.root)
    told = world.gt("seance", "--talk", row["session_id"][:12], "-p", "-what was the password?", "--json").json
    assert told["how"] == FORKS[program]
    assert "password" in told["answer"]
    assert digest(row["transcript"]) == before, "the session itself stays as it is"
    asked = [ask for ask in world.asks() if "-what was the password?" in ask["user"]]
    assert len(asked) == 1
    assert any("swordfish" in said for said in asked[0]["said"]), "the one that answers knows what was said"
    # an answer is nobody's session: the mayor has no heartbeat of it, and where the program can, nothing is kept of it
    if mayor.program != "gemini":
        assert [one["session_id"] for one in world.gt("seance", "--json").json] == [row["session_id"]]
    assert heartbeat(world.root) == beat


def test_a_session_whose_folder_is_gone_is_read_out(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    bead = world.file("Leave a note")
    world.polecat(bead)
    world.answered("Work is on your hook", done=4)
    row = next(one for one in world.gt("seance", "--rig", "shop", "--json").json)
    world.gt("polecat", "nuke", row["agent"], "--force")
    shutil.rmtree(row["cwd"], ignore_errors=True)

    told = world.gt("seance", "--talk", row["session_id"], "-p", "what did you do?", "--json").json

    assert told["how"] == "read out"
    asked = [ask for ask in world.asks() if "what did you do?" in ask["user"]]
    assert "The bead is handed in." in asked[0]["user"]
