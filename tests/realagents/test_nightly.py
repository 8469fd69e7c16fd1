"""Other programs at each moment of a session, beside their own records; at a log-in nothing is typed."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from gastown_core.runtimes.adapters import adapter_for
from gastown_core.runtimes.preset import ESCAPES_APART_S
from gastown_core.runtimes.presets import BUILT_IN
from tests.realagents.asking import choose, drawn_question, number_of
from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import READY
from tests.realagents.oracle import KEPT, ONCE, check, comes_to, is_once, settled, whereabouts
from tests.realagents.patience import LOOK_EVERY_S, comes_true
from tests.realagents.records import BUSY, ENDED, FAILED, IDLE, LIMITED, STARTING, WAITING, own_record
from tests.realagents.test_moments import Moment, Record, say
from tests.realagents.test_usage import counted, served
from tests.realagents.world import Agent, World

pytestmark = pytest.mark.realagents_nightly

READ, AT_LOG_IN = ("pi", "opencode", "copilot", "omp"), ("amp", "auggie", "omp")
TELL_RETRIES, TELL_FINAL = ("pi", "omp"), ("pi", "copilot", "omp")
"""Of the others: opencode shows on its screen that it tries again, and does so for ever; copilot tells nothing of it."""
DRAIN = ("pi", "omp")
"""Their extension takes what waits for the end of a turn; the others need the daemon for it."""
START_S = 100.0
"""opencode brings up its server and its database first, which takes most of a minute on a busy machine."""
NEW = replace(READY, onboarded=False)


def press_escape(agent: Agent) -> None:
    agent.say("TOOLWAIT 40")
    comes_to(agent, BUSY)
    rest(agent)


def queue_a_second(agent: Agent) -> None:
    agent.say("TOOLWAIT 15")
    comes_to(agent, BUSY)
    agent.say("SLOW 15 comes second")
    agent.world.asked("SLOW 15 comes second")


def be_refused_on_its_screen(agent: Agent) -> None:
    agent.say("PASS429 9")
    # its client tries some times before it tells anybody
    agent.shows("retrying in")


def rest(agent: Agent) -> None:
    """End its turn as a person does; some want Escape twice, and take it for something else once they rest."""
    for _ in range(4):
        for number in range(BUILT_IN[agent.program].keyboard.escapes):
            time.sleep(ESCAPES_APART_S if number else 0.0)
            agent.keys("Escape")
        for _ in range(100):
            if own_record(agent).state in (IDLE, LIMITED, FAILED):
                return
            time.sleep(LOOK_EVERY_S)
    pytest.fail(f"Escape does not end the turn of {agent.address}:\n{agent.screen()}")


MOMENTS = (
    Moment("ready", lambda agent: None, IDLE, "idle", READ),
    Moment("streaming", say("SLOW 15"), BUSY, "working", READ),
    Moment("tool", say("TOOLWAIT 15"), BUSY, "working", READ),
    Moment("question", say("ASKME"), WAITING, "waiting", ("opencode", "copilot", "omp"), ("Which colour?",)),
    Moment("429 retried", say("PASS429 9"), LIMITED, "limited", TELL_RETRIES),
    Moment("429 retried", be_refused_on_its_screen, BUSY, "limited", ("opencode",)),
    Moment("429 final", say("LIMIT429"), LIMITED, "limited", TELL_FINAL),
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

    check(agent, moment.name, moment.own, moment.says, record_property, moment.words)


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

    agent.nudge("marker-busy", *([] if program in DRAIN else ["--mode", "now"]))

    comes_true(lambda: agent.world.delivered("marker-busy"), "the text reaches the model", 40.0)
    assert is_once(whereabouts(agent.world, "marker-busy")), agent.screen()


@pytest.mark.parametrize("program", READ)
def test_it_is_counted_as_served(agent_world: MakeWorld, program: str) -> None:
    mayor = started(agent_world(program))
    mayor.say("RUN `echo two`")
    mayor.world.answered("RUN `echo two`", done=1)
    comes_to(mayor, IDLE)
    # their protocol tells of nothing that is written to a cache
    wanted = {**served(mayor.world), "cache_write": 0}

    def figures() -> dict[str, int]:
        row = counted(mayor.world).get("mayor", {})
        return {key: row.get(key, 0) for key in wanted}

    comes_true(lambda: figures() == wanted, f"{wanted} is counted")
    # and again: nothing is counted twice
    assert figures() == wanted


@pytest.mark.parametrize(("program", "own"), [("opencode", BUSY), ("copilot", WAITING)])
def test_a_permission_is_told_and_given(
    agent_world: MakeWorld, program: str, own: str, record_property: Record
) -> None:
    world = agent_world(program)
    mayor = world.mayor(world.careful())
    world.answered("GAS TOWN", timeout_s=START_S)
    comes_to(mayor, IDLE, START_S)
    # outside its folder copilot asks for the folder first
    path = Path(mayor.work_dir(), "made")
    mayor.say(f"RUN `touch {path}`")
    asked = drawn_question(mayor)
    check(mayor, "permission", own, "waiting", record_property)
    assert not path.exists()

    choose(mayor, "1", asked)

    comes_true(path.exists, "what was permitted is done")
    comes_to(mayor, IDLE)


@pytest.mark.parametrize("program", ["opencode", "copilot"])
def test_a_permission_is_refused(agent_world: MakeWorld, program: str, record_property: Record) -> None:
    world = agent_world(program)
    mayor = world.mayor(world.careful())
    world.answered("GAS TOWN", timeout_s=START_S)
    comes_to(mayor, IDLE, START_S)
    path = Path(mayor.work_dir(), "made")
    mayor.say(f"RUN `touch {path}`")
    asked = drawn_question(mayor)

    choose(mayor, number_of(asked, "No", "Reject"), asked)

    check(mayor, "refused", IDLE, "idle", record_property)
    assert not path.exists()


def test_copilots_first_question_is_answered_as_chosen(agent_world: MakeWorld, record_property: Record) -> None:
    world = agent_world("copilot", seed=replace(READY, trusted=False))
    mayor = world.mayor()
    asked = drawn_question(mayor)
    check(mayor, "trust", STARTING, "waiting", record_property)
    assert mayor.nudge("marker-trust")[-1]["stage"] == "not typed"

    choose(mayor, "1", asked)

    world.answered("GAS TOWN", timeout_s=START_S)
    comes_to(mayor, IDLE)
    assert whereabouts(world, "marker-trust") == KEPT


@pytest.mark.parametrize("program", AT_LOG_IN)
def test_at_a_log_in_nothing_is_typed(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program, seed=NEW)
    mayor = world.mayor()
    comes_true(lambda: mayor.told()["health"] == "waiting", f"{program} is said to wait for a person")

    receipts = mayor.nudge("marker-night")

    assert receipts[-1]["stage"] == "not typed", (receipts, mayor.screen())
    assert "marker-night" not in mayor.screen()
    assert mayor.pane_pid(), mayor.screen()
