"""OpenCode, Copilot and pi at each moment of a session, beside their own records; first screens of those that need a log-in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import READY
from tests.realagents.oracle import KEPT, ONCE, check, comes_to, is_once, settled, whereabouts
from tests.realagents.patience import comes_true
from tests.realagents.records import BUSY, ENDED, FAILED, IDLE, LIMITED, WAITING, own_record
from tests.realagents.test_moments import Moment, Record, say
from tests.realagents.test_usage import counted, served
from tests.realagents.world import Agent, World

pytestmark = pytest.mark.realagents_nightly

WITH_A_MODEL, AT_LOG_IN = ("opencode", "copilot", "pi"), ("amp", "auggie", "omp")
START_S = 90.0
"""OpenCode takes half a minute to its first turn where it has no network."""


def press_escape(agent: Agent) -> None:
    agent.say("TOOLWAIT 40")
    comes_to(agent, BUSY)
    rest(agent)


def queue_a_second(agent: Agent) -> None:
    agent.say("TOOLWAIT 4")
    comes_to(agent, BUSY)
    agent.say("SLOW 15 comes second")
    agent.world.asked("SLOW 15 comes second")


def rest(agent: Agent) -> None:
    """End its turn as a person does; some want Escape twice, and take it for something else once they rest."""

    def is_at_rest() -> bool:
        if own_record(agent).state in (IDLE, LIMITED, FAILED):
            return True
        agent.keys("Escape")
        return False

    comes_true(is_at_rest, f"{agent.address} has nothing to do", 15.0)


MOMENTS = (
    Moment("ready", lambda agent: None, IDLE, "idle", WITH_A_MODEL),
    Moment("streaming", say("SLOW 15"), BUSY, "working", WITH_A_MODEL),
    Moment("tool", say("TOOLWAIT 15"), BUSY, "working", WITH_A_MODEL),
    # Copilot tells nobody that it tries again
    Moment("429 retried", say("PASS429 9"), BUSY, "limited", ("opencode",)),
    Moment("429 retried", say("PASS429 9"), BUSY, "working", ("copilot",)),
    Moment("429 retried", say("PASS429 9"), LIMITED, "limited", ("pi",)),
    Moment("429 final", say("LIMIT429"), LIMITED, "limited", ("copilot", "pi")),
    Moment("Escape", press_escape, IDLE, "idle", WITH_A_MODEL),
    Moment("queued", queue_a_second, BUSY, "working", WITH_A_MODEL),
)
CASES = [
    pytest.param(program, moment, id=f"{program}-{moment.name}") for moment in MOMENTS for program in moment.programs
]


@pytest.mark.parametrize(("program", "moment"), CASES)
def test_what_it_says_in_a_session(
    agent_world: MakeWorld, program: str, moment: Moment, record_property: Record
) -> None:
    agent = started(agent_world(program))

    moment.act(agent)

    check(agent, moment.name, moment.own, moment.says, record_property)


def started(world: World) -> Agent:
    """The world's mayor after its first turn, at rest by its own record."""
    mayor = world.mayor()
    world.answered("GAS TOWN", timeout_s=START_S)
    comes_to(mayor, IDLE, START_S)
    return mayor


@pytest.mark.parametrize("program", WITH_A_MODEL)
def test_work_that_a_turn_leaves_on_the_hook_is_told(
    agent_world: MakeWorld, program: str, record_property: Record
) -> None:
    agent = started(agent_world(program))
    bead = agent.world.file("Left alone")
    agent.world.gt("hook", bead, GT_ROLE="mayor", GT_SESSION="hq-mayor")

    agent.say("one more turn")
    agent.world.answered("one more turn")

    check(agent, "stopped short", IDLE, "stopped-short", record_property)


@pytest.mark.parametrize("program", WITH_A_MODEL)
def test_a_killed_program_is_told(agent_world: MakeWorld, program: str, record_property: Record) -> None:
    agent = started(agent_world(program))

    agent.world.run("kill", "-9", str(agent.pane_pid()))

    check(agent, "killed", ENDED, "zombie", record_property)


@pytest.mark.parametrize("program", WITH_A_MODEL)
def test_a_nudge_to_one_at_rest_is_proved_and_its_session_is_known(agent_world: MakeWorld, program: str) -> None:
    agent = started(agent_world(program))

    receipts = agent.nudge("marker-idle", "--wait")

    assert receipts[-1]["stage"] == "turn started", (receipts, agent.screen())
    assert settled(agent.world, "marker-idle") == ONCE
    assert agent.told()["agent_session"], agent.told()


@pytest.mark.parametrize("program", WITH_A_MODEL)
def test_a_nudge_during_a_turn_comes_once(agent_world: MakeWorld, program: str) -> None:
    agent = started(agent_world(program))
    agent.say("TOOLWAIT 6")
    comes_to(agent, BUSY)

    agent.nudge("marker-busy")

    comes_true(lambda: agent.world.delivered("marker-busy"), "the text reaches the model", 40.0)
    assert is_once(settled(agent.world, "marker-busy")), agent.screen()


def test_pi_is_counted_as_served(agent_world: MakeWorld) -> None:
    world = agent_world("pi")
    world.mayor()
    world.answered("GAS TOWN", timeout_s=60)
    wanted = {**served(world), "cache_write": 0}

    comes_true(
        lambda: {key: counted(world).get("mayor", {}).get(key) for key in wanted} == wanted, f"{wanted} is counted"
    )


def files_of(home: Path) -> dict[str, bytes]:
    """The program's settings; what it logs and caches is left out."""
    names = [home / ".copilot" / "config.json", home / ".config" / "opencode" / "opencode.json"]
    return {str(path): path.read_bytes() for path in names if path.exists()}


def test_copilot_at_its_trust_dialog_is_said_to_wait_and_a_nudge_answers_nothing(
    agent_world: MakeWorld, record_property: Callable[[str, object], None]
) -> None:
    mayor = agent_world("copilot", seed=replace(READY, trusted=False)).mayor()
    mayor.shows("Confirm folder trust")
    before = files_of(mayor.world.home)

    check(mayor, "trust", own_record(mayor).state, "waiting", record_property)
    receipts = mayor.nudge("marker-dialog")

    assert receipts[-1]["stage"] == "not typed", receipts
    assert "Confirm folder trust" in mayor.screen()
    assert files_of(mayor.world.home) == before
    assert whereabouts(mayor.world, "marker-dialog") == KEPT


PERMISSION = {"opencode": ("Permission required",), "copilot": ("Do you want to",)}


@pytest.mark.parametrize("program", PERMISSION)
def test_a_permission_is_told_and_a_nudge_grants_nothing(
    agent_world: MakeWorld, program: str, record_property: Record
) -> None:
    world = agent_world(program)
    careful(world, program)
    agent = world.mayor("careful")
    world.answered("GAS TOWN", timeout_s=START_S)
    comes_to(agent, IDLE, START_S)
    agent.say("RUN `touch granted`")
    agent.shows(*PERMISSION[program])

    check(agent, "permission", WAITING if program == "copilot" else BUSY, "waiting", record_property)
    receipts = agent.nudge("marker-permission")

    assert receipts[-1]["stage"] == "not typed", receipts
    assert any(word in agent.screen() for word in PERMISSION[program])
    assert not os.path.exists(os.path.join(agent.work_dir(), "granted"))
    assert whereabouts(world, "marker-permission") == KEPT


def careful(world: World, program: str) -> None:
    """An alias of the program that asks before it acts."""
    path = Path(world.root) / "settings" / "config.json"
    settings = json.loads(path.read_text()) if path.exists() else {}
    wrapper = world.base / f"careful-{program}"
    wrapper.write_text(
        '#!/bin/bash\nexport OPENCODE_PERMISSION=\'{"bash":"ask"}\'\n'
        f'args=()\nfor one in "$@"; do [ "$one" = --yolo ] || args+=("$one"); done\nexec {program} "${{args[@]}}"\n'
    )
    wrapper.chmod(0o755)
    settings.setdefault("agents", {})["careful"] = {"provider": program, "command": str(wrapper), "args": []}
    path.write_text(json.dumps(settings))


@pytest.mark.parametrize("program", AT_LOG_IN)
def test_at_a_first_screen_nothing_is_typed(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    comes_true(lambda: mayor.screen().strip(), f"{program} shows something")

    receipts = mayor.nudge("marker-night")

    assert receipts[-1]["stage"] == "not typed", (receipts, mayor.screen())
    assert "marker-night" not in mayor.screen()
    assert mayor.pane_pid(), mayor.screen()
    assert whereabouts(world, "marker-night") == KEPT
