"""The moments of a session: what Gas Town says of a real agent is what the program knows of itself, within two seconds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.realagents.asking import choose, drawn_question, number_of
from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import Seed
from tests.realagents.oracle import check, comes_to, look
from tests.realagents.patience import comes_true
from tests.realagents.records import BUSY, ENDED, FAILED, IDLE, LIMITED, SHELL, STARTING, WAITING, own_record
from tests.realagents.world import Agent, World

Record = Callable[[str, object], None]
CLAUDES = ("claude", "claude@2.1.197")
ALL = (*CLAUDES, "codex", "gemini")


ESCAPE_LOOKS, SHELL_LOOKS = 50, 20
"""So many looks at a program that is still busy lie between two keys."""
ASKS_IN_ANY_MODE = ("-c", "features.default_mode_request_user_input=true")


class Moment(NamedTuple):
    """``act`` brings the agent there; then its own record says ``own`` and Gas Town ``says``, with one of ``words``."""

    name: str
    act: Callable[[Agent], None]
    own: str
    says: str
    programs: tuple[str, ...] = ALL
    words: tuple[str, ...] = ()


def say(text: str) -> Callable[[Agent], None]:
    return lambda agent: agent.say(text)


def press_escape(agent: Agent) -> None:
    agent.say("SLOW 30 until Escape")
    agent.world.asked("SLOW 30 until Escape")
    agent.keys("Escape")


def end_a_turn(agent: Agent) -> None:
    agent.say("TOOLWAIT 1 and rest")
    agent.world.answered("TOOLWAIT 1 and rest", done=1)


def stop_a_tool(agent: Agent) -> None:
    agent.say("TOOLWAIT 30")
    comes_to(agent, BUSY)
    # the title and the record say so with the prompt; the call is what is to be stopped
    check_working(agent)
    agent.keys("Escape")


def put_in_the_background(agent: Agent) -> None:
    agent.say("TOOLWAIT 25 and go on")
    # it takes the keys once the command has run for some seconds, and asks for two of them within tmux
    agent.shows("to run in background")

    looked = itertools.count()

    def is_there() -> bool:
        state = own_record(agent).state
        # a busy program drops keys
        if state == BUSY and next(looked) % SHELL_LOOKS == 0:
            agent.keys("C-b", "C-b")
        return state != BUSY

    comes_true(is_there, "its command runs in the background")


def check_working(agent: Agent) -> None:
    seen = look(agent, BUSY, "working", ("in a turn",))
    assert seen.after_s >= 0, seen


def kill(agent: Agent) -> None:
    agent.world.run("kill", "-9", str(agent.pane_pid()))


def queue_a_second(agent: Agent) -> None:
    agent.say("SLOW 3 comes first")
    agent.world.asked("SLOW 3 comes first")
    agent.say("SLOW 20 comes second")
    agent.world.asked("SLOW 20 comes second")


MOMENTS = (
    Moment("ready", lambda agent: None, IDLE, "idle"),
    Moment("streaming", say("SLOW 20"), BUSY, "working"),
    Moment("tool", say("TOOLWAIT 20"), BUSY, "working", words=("in a turn",)),
    Moment("turn ended", end_a_turn, IDLE, "idle"),
    Moment("Escape", press_escape, IDLE, "idle"),
    Moment("Escape, tool", stop_a_tool, IDLE, "idle"),
    Moment("in the background", put_in_the_background, SHELL, "working", CLAUDES, ("runs on",)),
    Moment("queued", queue_a_second, BUSY, "working", (*CLAUDES, "codex")),
    # codex refuses its model's questions outside of plan mode; see the test below
    Moment("question", say("ASKME"), WAITING, "waiting", (*CLAUDES, "gemini"), ("Which colour?",)),
    Moment("429 retried", say("PASS429 9"), BUSY, "limited", words=("429", "etrying", "econnecting")),
    Moment("429 final", say("LIMIT429"), LIMITED, "limited", (*CLAUDES, "codex"), ("429", "limit")),
    # it asks a person whether to go on
    Moment("429 final", say("LIMIT429"), BUSY, "waiting", ("gemini",), ("Usage limit reached",)),
    Moment("five hours", say("FIVEHOUR"), LIMITED, "limited", CLAUDES, ("limit",)),
    Moment("529 retried", say("OVER529"), BUSY, "limited", (*CLAUDES, "gemini"), ("529", "verloaded", "etry")),
    # the older one says neither why nor for how long while it tries again
    Moment("401 retried", say("AUTH401"), BUSY, "limited", CLAUDES, ("etrying",)),
    Moment("no credit", say("CREDIT400"), FAILED, "waiting", CLAUDES, ("redit",)),
    # its title calls it ready
    Moment("no credit", say("CREDIT400"), IDLE, "waiting", ("gemini",), ("redit",)),
    Moment("killed", kill, ENDED, "zombie", words=("signal", "status")),
)

CASES = [
    pytest.param(program, moment, id=f"{program}-{moment.name}")
    for program in ALL
    for moment in MOMENTS
    if program in moment.programs
]


class Sitting:
    """One running mayor per program, kept for as many moments as it lives through."""

    def __init__(self, make: MakeWorld) -> None:
        self._make = make
        self._agents: dict[str, Agent] = {}

    def agent(self, program: str) -> Agent:
        """The mayor of a world of that program, with nothing to do."""
        agent = self._agents.pop(program, None)
        if agent is None or own_record(agent).state == ENDED:
            agent = begin(self._make(program))
        settle(agent)
        # one that does not settle is not used again
        self._agents[program] = agent
        return agent


def begin(world: World) -> Agent:
    """The world's mayor after its first turn."""
    mayor = world.mayor()
    world.answered("GAS TOWN")
    return mayor


def settle(agent: Agent) -> None:
    """Bring it back to its empty prompt, as a person does: Escape while it is busy or asks, and no draft left behind."""
    looked = itertools.count()

    def is_settled() -> bool:
        state = own_record(agent).state
        # a busy program drops keys, and two that follow each other closely mean something else to it
        if state in (BUSY, WAITING) and next(looked) % ESCAPE_LOOKS == 0:
            agent.keys("Escape")
        return state in (IDLE, LIMITED, FAILED)

    comes_true(is_settled, f"{agent.address} has nothing to do")
    # Escape soon after a prompt puts the prompt back into the input
    agent.keys("C-u")


@pytest.fixture(scope="session")
def sitting(agent_worlds: MakeWorld) -> Sitting:
    return Sitting(agent_worlds)


@pytest.mark.parametrize(("program", "moment"), CASES)
def test_what_it_says_in_a_session(sitting: Sitting, program: str, moment: Moment, record_property: Record) -> None:
    agent = sitting.agent(program)

    moment.act(agent)

    check(agent, moment.name, moment.own, moment.says, record_property, moment.words)


@pytest.mark.parametrize("program", ALL)
def test_work_that_a_turn_leaves_on_the_hook_is_said(sitting: Sitting, program: str, record_property: Record) -> None:
    agent = sitting.agent(program)
    bead = agent.world.bd("create", "work for a mayor", "--json").json["id"]
    agent.world.gt("hook", bead, GT_ROLE="mayor", GT_SESSION=agent.session)
    try:
        stop_a_tool(agent)

        check(agent, "left on hook", IDLE, "stopped-short", record_property, ("still on its hook",))
    finally:
        # the moments after this one have nothing on the hook
        agent.world.bd("close", bead)


def test_a_question_of_codex_is_said_and_answered(agent_world: MakeWorld, record_property: Record) -> None:
    world = agent_world("codex")
    mayor = world.mayor(world.careful("--dangerously-bypass-approvals-and-sandbox", *ASKS_IN_ANY_MODE))
    world.answered("GAS TOWN")
    settle(mayor)
    mayor.say("ASKME")

    check(mayor, "question", WAITING, "waiting", record_property, ("Which colour?",))

    asked = drawn_question(mayor)
    assert mayor.nudge("marker-question")[-1]["stage"] == "not typed"
    choose(mayor, number_of(asked, "Blue"), asked)
    world.answered("ASKME", done=1)
    assert "Blue" in world.asks()[-1]["results"][-1]


@pytest.mark.parametrize(
    ("program", "seed"),
    [("claude", Seed(trusted=False)), ("claude@2.1.197", Seed(trusted=False)), ("claude", Seed(key_approved=False))],
)
def test_a_dialog_before_the_first_prompt_waits_on_a_person(
    agent_world: MakeWorld, program: str, seed: Seed, record_property: Record
) -> None:
    mayor = agent_world(program, seed=seed).mayor()
    mayor.shows("Do you want to use this API key?", "Yes, I trust this folder")

    check(mayor, "dialog", STARTING, "waiting", record_property)


def test_a_program_that_refuses_to_start_says_why(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    path = world.base / "refuses"
    path.write_text("#!/bin/sh\nsleep 1\necho 'cannot run as root'\nexit 3\n")
    path.chmod(0o755)
    world.gt("config", "agent", "set", "refuses", str(path))
    world.gt("session", "start", "mayor", "--agent", "refuses")
    mayor = Agent(world, "mayor", "hq-mayor", "claude")

    seen = look(mayor, ENDED, "zombie", ("cannot run as root",))

    assert seen.after_s >= 0, seen


@pytest.mark.parametrize("program", ALL)
def test_the_first_prompt_reaches_the_model_once(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)

    world.mayor()

    world.answered("GAS TOWN", timeout_s=60.0)
    assert world.delivered("[GAS TOWN] mayor <- overseer") == 1


@pytest.mark.parametrize("program", ["codex", "gemini"])
def test_a_question_for_permission_is_said(agent_world: MakeWorld, program: str, record_property: Record) -> None:
    world = agent_world(program)
    mayor = world.mayor(world.careful())
    world.answered("GAS TOWN", timeout_s=60)
    settle(mayor)
    word = "ESCALATE" if program == "codex" else "RUN"

    mayor.say(f"{word} `touch {world.base}/made`")

    check(mayor, "permission", WAITING, "waiting", record_property)
    assert not (world.base / "made").exists()
