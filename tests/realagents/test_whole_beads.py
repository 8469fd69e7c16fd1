"""Whole days of real agents: a bead to main, several at once, a hand-off, a restart, a limit that passes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import ONCE, comes_to, whereabouts
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE
from tests.realagents.world import Agent, World

WORKERS = ("claude", "claude@2.1.197", "codex")


def commits(world: World, branch: str = "main") -> list[str]:
    """Author, mail and subject of the commits that workers made, oldest first."""
    words = ["git", "-C", f"{world.base}/origin.git", "log", "--reverse", "--format=%an|%ae|%s", branch]
    done = subprocess.run(words, capture_output=True, text=True, env=world.env)
    return [line for line in done.stdout.splitlines() if "Add a note" in line]


def in_review(world: World, bead: str) -> bool:
    return bool(world.bd("show", bead, "--json").json[0]["status"] == "in_review")


def has_read(world: World, text: str) -> bool:
    """Whether that text has reached the model, in a prompt or in what a call gave."""
    return any(text in one for ask in world.asks() for one in (*ask["said"], *ask["results"]))


def happens(check: Callable[[], object], what: str, *agents: Agent) -> None:
    """Wait for it; the agents' screens are printed if it does not happen."""
    try:
        comes_true(check, what, 90)
    except BaseException:
        for agent in agents:
            print(f"{agent.address}:\n{agent.screen()}")
        raise


def name_of(agent: Agent) -> str:
    return agent.address.rsplit("/", 1)[-1]


def starts(world: World, address: str) -> list[dict[str, object]]:
    lines = Path(world.root, ".events.jsonl").read_text(encoding="utf-8").splitlines()
    found = [event for line in lines if (event := json.loads(line))["type"] == "session_start"]
    return [event for event in found if event["actor"].rsplit("/", 1)[-1] == address.rsplit("/", 1)[-1]]


@pytest.mark.parametrize("program", WORKERS)
def test_a_bead_lands_on_main_under_its_workers_name(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    # a login shell that knows neither gt nor bd
    (world.home / ".bash_profile").write_text("export PATH=/usr/bin:/bin\n")
    (world.home / ".profile").write_text("export PATH=/usr/bin:/bin\n")
    bead = world.file("Leave a note")
    polecat = world.polecat(bead)
    happens(lambda: in_review(world, bead), "it is handed in", polecat)

    world.gt("refinery", "process", "shop", "--once")

    (line,) = commits(world)
    assert line == f"{name_of(polecat)}|shop.polecats.{name_of(polecat)}@gastown.local|Add a note"
    assert world.bd("show", bead, "--json").json[0]["status"] == "closed"


@pytest.mark.parametrize("program", ["claude", "codex"])
def test_two_of_one_runtime_keep_their_names_apart(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    beads = [world.file(f"Leave a note {number}") for number in range(2)]
    polecats = [world.polecat(bead) for bead in beads]
    assert len({one.address for one in polecats}) == 2
    for bead in beads:
        happens(lambda bead=bead: in_review(world, bead), f"{bead} is handed in", *polecats)

    authors = sorted(line.split("|")[1] for line in commits(world, "--all"))

    assert authors == sorted(f"shop.polecats.{name_of(one)}@gastown.local" for one in polecats)
    for one, bead in zip(polecats, beads, strict=True):
        row = world.bd("show", bead, "--json").json[0]
        assert row["assignee"].rsplit("/", 1)[-1] == name_of(one)


@pytest.mark.parametrize("program", ["claude", "codex"])
def test_a_handoff_keeps_the_work_and_the_note_reaches_the_successor(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    bead = world.file("A SLEEPY bead")
    polecat = world.polecat(bead)
    happens(lambda: has_read(world, "SLEEPY"), "it knows its bead", polecat)

    world.gt("handoff", polecat.address, "-y", "-s", "half done", "-m", "note-for-the-successor")

    happens(lambda: has_read(world, "note-for-the-successor"), "the successor reads the note", polecat)
    assert polecat.told().get("hook_bead") == bead
    assert len(starts(world, polecat.address)) == 2
    happens(lambda: in_review(world, bead), "the successor ends it", polecat)
    assert commits(world, "--all") == [f"{name_of(polecat)}|shop.polecats.{name_of(polecat)}@gastown.local|Add a note"]


@pytest.mark.parametrize("program", WORKERS)
def test_a_restart_with_resume_goes_on_with_the_conversation(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN", timeout_s=60)
    comes_to(mayor, IDLE)
    mayor.nudge("the password is swordfish", "--wait", "30")
    world.answered("swordfish")
    comes_to(mayor, IDLE)

    world.gt("session", "restart", "mayor", "--resume")
    world.answered("restart", timeout_s=60)
    comes_to(mayor, IDLE)
    receipts = mayor.nudge("what is it?", "--wait", "30")

    assert receipts[-1]["stage"] == "turn started", receipts
    world.answered("what is it?")
    last = [ask for ask in world.asks() if "what is it?" in ask["user"]][-1]
    assert any("swordfish" in text for text in last["said"])


@pytest.mark.parametrize("program", WORKERS)
def test_a_limit_that_passes_ends_in_an_answer_and_nobody_is_started_anew(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN", timeout_s=60)
    comes_to(mayor, IDLE)
    before = mayor.pane_pid()

    mayor.say("PASS429 2 and go on")

    comes_true(lambda: mayor.told()["health"] == "limited", "the limit is said")
    mayor.nudge("marker-after-limit")
    world.answered("PASS429 2 and go on", timeout_s=60)
    comes_to(mayor, IDLE)
    assert mayor.pane_pid() == before
    assert len(starts(world, "mayor")) == 1
    # the next one settles what is on the way
    mayor.nudge("marker-last", "--wait", "30")
    comes_true(lambda: whereabouts(world, "marker-after-limit") == ONCE, "the nudge is in one request")
