"""The town's view of a real program at each moment, compared with the program's own record."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import Seed
from tests.realagents.world import Agent, World

CLAUDES = ("claude", "claude@2.1.197")
ALL = (*CLAUDES, "codex", "gemini")
SOON_S = 6.0
"""Two seconds, and as long as starting the command that asks takes on a busy machine."""


def is_told(agent: Agent, state: str, *words: str, timeout_s: float = SOON_S) -> dict[str, Any]:
    """Wait until the town says that of the agent, with one of those words among its reasons; prints after how long."""
    began = time.monotonic()
    while True:
        row = agent.told()
        passed = time.monotonic() - began
        reasons = " / ".join(f"{reason['text']} [{reason['source']}]" for reason in row["reasons"])
        if row["health"] == state and (not words or any(word in reasons for word in words)):
            print(f"{passed:5.2f} s  {state}: {row['reasons'][0]['text']} [{row['reasons'][0]['source']}]")
            return row
        if passed > timeout_s:
            shown = "\n".join(line for line in agent.screen().splitlines() if line.strip())
            pytest.fail(f"{agent.address} is told to be {row['health']} ({reasons}), not {state} {words}\n{shown}")


def say(agent: Agent, text: str) -> None:
    """Type a line as a person does, with a pause before Enter that every program grants."""
    agent.keys("-l", text)
    time.sleep(0.3)
    agent.keys("Enter")


def ready(world: World, agent: Agent) -> None:
    world.answered("GAS TOWN", timeout_s=60)
    is_told(agent, "idle", timeout_s=15)


@pytest.mark.parametrize("program", ALL)
def test_each_edge_of_a_turn_is_told(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    ready(world, mayor)

    say(mayor, "TOOLWAIT 5")
    is_told(mayor, "working", "in a turn")
    is_told(mayor, "idle", timeout_s=12)
    say(mayor, "TOOLWAIT 30")
    is_told(mayor, "working", "in a turn")
    mayor.keys("Escape")
    is_told(mayor, "idle")


@pytest.mark.parametrize("program", ALL)
def test_work_that_a_turn_leaves_on_the_hook_is_told_at_once(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    ready(world, mayor)
    bead = world.bd("create", "LAZY work", "--json").json["id"]
    world.gt("hook", bead, GT_ROLE="mayor", GT_SESSION="hq-mayor")

    say(mayor, "TOOLWAIT 20")
    is_told(mayor, "working")
    mayor.keys("Escape")

    is_told(mayor, "stopped-short", "still on its hook", timeout_s=SOON_S + 1)


@pytest.mark.parametrize("program", CLAUDES)
def test_a_question_of_claude_is_told_with_its_words(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    ready(world, mayor)

    say(mayor, "ASKME")
    is_told(mayor, "waiting", "Which colour?")
    mayor.keys("Escape")
    is_told(mayor, "idle")


@pytest.mark.parametrize(
    ("program", "text", "state", "words"),
    [
        *((one, "RETRY429", "limited", ("429", "etrying", "econnecting")) for one in ALL if one != "gemini"),
        *((one, "LIMIT429", "limited", ("429", "limit")) for one in CLAUDES),
        *((one, "FIVEHOUR", "limited", ("limit",)) for one in CLAUDES),
        *((one, "OVER529", "limited", ("529", "verloaded", "etry")) for one in CLAUDES),
        ("claude", "AUTH401", "waiting", ("401",)),
        # it says neither why nor for how long while it tries again
        ("claude@2.1.197", "AUTH401", "limited", ("etrying",)),
        *((one, "CREDIT400", "waiting", ("redit",)) for one in CLAUDES),
    ],
)
def test_what_the_model_refuses_is_told(
    agent_world: MakeWorld, program: str, text: str, state: str, words: Sequence[str]
) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    ready(world, mayor)

    say(mayor, text)

    is_told(mayor, state, *words, timeout_s=20)


@pytest.mark.parametrize(
    ("program", "seed"),
    [("claude", Seed(trusted=False)), ("claude@2.1.197", Seed(trusted=False)), ("claude", Seed(key_approved=False))],
)
def test_a_dialog_before_the_first_prompt_waits_on_a_person(agent_world: MakeWorld, program: str, seed: Seed) -> None:
    mayor = agent_world(program, seed=seed).mayor()

    is_told(mayor, "waiting", timeout_s=15)


@pytest.mark.parametrize("program", ALL)
def test_a_killed_program_is_told(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    ready(world, mayor)

    world.run("kill", "-9", str(mayor.pane_pid()))

    is_told(mayor, "zombie", "signal", "status")


def test_a_program_that_refuses_to_start_says_why(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    path = world.base / "refuses"
    path.write_text("#!/bin/sh\nsleep 1\necho 'cannot run as root'\nexit 3\n")
    path.chmod(0o755)
    world.gt("config", "agent", "set", "refuses", str(path))
    world.gt("session", "start", "mayor", "--agent", "refuses")

    is_told(Agent(world, "mayor", "hq-mayor", "claude"), "zombie", "cannot run as root", timeout_s=8)
