"""pi at each moment of a session, beside its own record; of the others each starts and loses no nudge."""

from __future__ import annotations

import pytest

from gastown_core.runtimes.adapters import adapter_for
from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import ONCE, check, comes_to, is_once, settled, whereabouts
from tests.realagents.patience import comes_true
from tests.realagents.records import BUSY, ENDED, FAILED, IDLE, LIMITED, own_record
from tests.realagents.test_moments import Moment, Record, say
from tests.realagents.test_usage import counted, served
from tests.realagents.world import Agent, World

pytestmark = pytest.mark.realagents_nightly

READ, OTHERS, AT_LOG_IN = ("pi",), ("opencode", "copilot"), ("amp", "auggie")
START_S = 60.0


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
    Moment("ready", lambda agent: None, IDLE, "idle", READ),
    Moment("streaming", say("SLOW 15"), BUSY, "working", READ),
    Moment("tool", say("TOOLWAIT 15"), BUSY, "working", READ),
    Moment("429 retried", say("PASS429 9"), LIMITED, "limited", READ),
    Moment("429 final", say("LIMIT429"), LIMITED, "limited", READ),
    Moment("Escape", press_escape, IDLE, "idle", READ),
    Moment("queued", queue_a_second, BUSY, "working", READ),
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


@pytest.mark.parametrize("program", READ)
def test_work_that_a_turn_leaves_on_the_hook_is_told(
    agent_world: MakeWorld, program: str, record_property: Record
) -> None:
    agent = started(agent_world(program))
    bead = agent.world.file("Left alone")
    agent.world.gt("hook", bead, GT_ROLE="mayor", GT_SESSION="hq-mayor")

    agent.say("one more turn")
    agent.world.answered("one more turn")

    check(agent, "stopped short", IDLE, "stopped-short", record_property)


@pytest.mark.parametrize("program", READ)
def test_a_killed_program_is_told(agent_world: MakeWorld, program: str, record_property: Record) -> None:
    agent = started(agent_world(program))

    agent.world.run("kill", "-9", str(agent.pane_pid()))

    check(agent, "killed", ENDED, "zombie", record_property)


@pytest.mark.parametrize("program", READ)
def test_a_nudge_to_one_at_rest_is_proved_and_its_session_is_known(agent_world: MakeWorld, program: str) -> None:
    agent = started(agent_world(program))

    receipts = agent.nudge("marker-idle", "--wait")

    assert receipts[-1]["stage"] == "turn started", (receipts, agent.screen())
    agent.world.asked("marker-idle")
    assert settled(agent.world, "marker-idle") == ONCE
    adapter = adapter_for(program)
    assert adapter is not None and adapter.last_session(agent.work_dir(), agent.world.env)


@pytest.mark.parametrize("program", READ)
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


@pytest.mark.parametrize("program", OTHERS)
def test_a_nudge_is_in_one_place_and_the_program_lives(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    comes_true(lambda: mayor.screen().strip(), f"{program} shows something")

    mayor.nudge("marker-night")

    assert is_once(whereabouts(world, "marker-night")), (whereabouts(world, "marker-night"), mayor.screen())
    assert mayor.pane_pid(), mayor.screen()


@pytest.mark.parametrize("program", AT_LOG_IN)
def test_at_a_log_in_nothing_is_typed(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    comes_true(lambda: mayor.screen().strip(), f"{program} shows something")

    receipts = mayor.nudge("marker-night")

    assert receipts[-1]["stage"] == "not typed", (receipts, mayor.screen())
    assert "marker-night" not in mayor.screen()
    assert mayor.pane_pid(), mayor.screen()
