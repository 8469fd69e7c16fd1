"""Answers to real programs when something is not as it was: another command, two at once, a killed answer, an end."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.realagents.asking import LOST_KEYS, TRIES, answers, asks_nothing, choose, drawn_question, number_of, question
from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import READY
from tests.realagents.oracle import comes_to
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE, WAITING
from tests.realagents.test_first_screens import settings_of
from tests.realagents.world import COMMAND_S, Agent, World

CLAUDES = ("claude", "claude@2.1.197")


def careful(make: MakeWorld, program: str) -> Agent:
    """A mayor at rest that asks before it acts."""
    world = make(program)
    mayor = world.mayor(world.careful())
    world.answered("GAS TOWN", timeout_s=60)
    comes_to(mayor, IDLE)
    return mayor


def asks(agent: Agent, command: str) -> dict[str, object]:
    """The question about a command, once the program asks it."""
    word = "ESCALATE" if agent.program == "codex" else "RUN"
    agent.say(f"{word} `{command}`")
    return drawn_question(agent)


def looks(world: World) -> int:
    """How often the daemon has looked for questions with a standing answer."""
    told = json.loads(Path(world.root, "daemon", "state.json").read_text())
    return int(told["duties"]["answers"]["runs"])


def starts(world: World, *words: str) -> subprocess.Popen[str]:
    """``gt`` with these words, as a process that runs on."""
    return subprocess.Popen(
        [*world.place.enter, "gt", *words],
        cwd=world.root,
        env=world.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("program", [*CLAUDES, "codex", "gemini"])
def test_an_answer_is_for_the_command_that_was_shown_and_no_other(agent_world: MakeWorld, program: str) -> None:
    mayor = careful(agent_world, program)
    base = mayor.world.base
    # the two differ only in a row that no summary shows
    long = f"echo {'x' * 230} > /dev/null; touch {base}"
    first = asks(mayor, f"{long}/first")
    mayor.keys("Escape")
    comes_true(lambda: asks_nothing(mayor), "the question is gone")
    comes_to(mayor, IDLE)
    second = asks(mayor, f"{long}/second")

    assert "/second" in "".join(str(second["text"]).split())
    refused = mayor.world.gt("answer", "mayor", "1", "--expect", str(first["id"]), check=False)

    assert refused.code == 1
    assert "the question has changed" in refused.err
    assert question(mayor)["id"] == second["id"]
    assert not (base / "first").exists()
    assert not (base / "second").exists()


@pytest.mark.parametrize("program", CLAUDES)
def test_a_yes_is_for_once(agent_world: MakeWorld, program: str) -> None:
    mayor = careful(agent_world, program)
    path = mayor.world.base / "made"
    before = settings_of(mayor.world)
    asked = asks(mayor, f"touch {path}")
    choose(mayor, "Yes", asked)
    comes_true(path.exists, "what was permitted is done")
    comes_to(mayor, IDLE)
    assert {name: text for name, text in settings_of(mayor.world).items() if "settings" in name} == {
        name: text for name, text in before.items() if "settings" in name
    }
    assert asks(mayor, f"touch {path}2")["kind"] == "permission"


@pytest.mark.parametrize("program", CLAUDES)
def test_a_choice_that_takes_words_of_ones_own_is_refused(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    mayor.say("ASKME please")
    asked = drawn_question(mayor)
    refused = world.gt("answer", "mayor", number_of(asked, "Type something"), check=False)
    assert refused.code == 1
    assert "words of your own" in refused.err
    assert question(mayor) == asked
    choose(mayor, "Blue", asked)
    comes_to(mayor, IDLE)
    assert "Blue" in mayor.screen()
    assert "Declined" not in mayor.screen()


def test_an_answer_that_ends_the_program_says_so(agent_world: MakeWorld) -> None:
    world = agent_world("claude", seed=replace(READY, trusted=False))
    mayor = world.mayor()
    mayor.shows("Yes, I trust this folder")
    comes_true(lambda: question(mayor)["can_answer"], "the question is read")
    asked, before = question(mayor), settings_of(world)
    assert str(world.root) in "".join(str(asked["text"]).split())
    words = ("answer", "mayor", number_of(asked, "No, exit"), "--expect", str(asked["id"]))
    said = [world.gt(*words, check=False)]
    # a busy program drops keys, and nothing is pressed twice by itself; a person waits, then tries again
    comes_true(lambda: not mayor.pane_pid() or said.append(world.gt(*words, check=False)), "the program ends")
    assert any("its program has ended" in one.out or "still asks the same" in one.err for one in said), said
    assert settings_of(world).keys() == before.keys()


def test_of_two_answers_at_once_one_is_given(agent_world: MakeWorld) -> None:
    mayor = careful(agent_world, "claude")
    world, path = mayor.world, mayor.world.base / "made"
    asked = asks(mayor, f"touch {path}")
    words = ("answer", "mayor", "--expect", str(asked["id"]))
    for _ in range(TRIES):
        both = [starts(world, *words, "1"), starts(world, *words, number_of(asked, "No"))]
        ends = [(one.communicate(timeout=COMMAND_S), one.returncode) for one in both]
        if not any(lost in end[1] for end, _ in ends for lost in LOST_KEYS):
            break
    assert sorted(code for _, code in ends) == [0, 1], ends
    (event,) = answers(world)
    is_yes = ends[0][1] == 0
    assert ("No" in event["payload"]["answer"]) is not is_yes
    comes_true(lambda: asks_nothing(mayor), "the question is gone")
    if is_yes:
        comes_true(path.exists, "what was permitted is done")
    comes_to(mayor, IDLE)
    assert path.exists() is is_yes


def killing_tmux(world: World, after: int) -> str:
    """A PATH on which tmux kills the command that calls it, once it has pressed the key with that number."""
    folder = world.base / "killing"
    folder.mkdir()
    wrapper = folder / "tmux"
    count = folder / "count"
    wrapper.write_text(f"""#!/bin/sh
{shutil.which("tmux")} "$@" || exit
case "$*" in *send-keys*)
    echo key >> {count}
    [ "$(wc -l < {count})" -lt {after} ] || kill -9 $PPID
esac
""")
    wrapper.chmod(0o755)
    return f"{folder}:{world.env['PATH']}"


@pytest.mark.parametrize("after", [1, 2])
def test_a_killed_answer_leaves_the_question_and_chooses_nothing(agent_world: MakeWorld, after: int) -> None:
    mayor = careful(agent_world, "claude")
    world, path = mayor.world, mayor.world.base / "made"
    asked = asks(mayor, f"touch {path}")
    goal = number_of(asked, "No")
    assert int(goal) > after + 1, "more keys would have come"

    killed = world.gt("answer", "mayor", goal, check=False, PATH=killing_tmux(world, after))

    assert killed.code in (-signal.SIGKILL, 128 + signal.SIGKILL), killed
    comes_true(lambda: question(mayor)["cursor"] == after + 1, "the cursor stands where it was left")
    assert question(mayor)["id"] == asked["id"]
    assert not path.exists()
    assert answers(world) == []
    # its lock died with it, and where it left the cursor does not matter
    choose(mayor, "1", asked)
    comes_true(path.exists, "what was permitted is done")
    assert mayor.pane_pid()


def test_waiting_is_said_with_the_command(agent_world: MakeWorld) -> None:
    mayor = careful(agent_world, "claude")
    path = mayor.world.base / "made"
    asked = asks(mayor, f"touch {path}")
    comes_to(mayor, WAITING)
    assert f"touch {path}" in str(asked["question"])


@pytest.mark.parametrize(("folder", "is_answered"), [("/gt/mayor ", True), ("/gt/elsewhere ", False)])
def test_a_standing_answer_lets_an_agent_begin_in_a_folder_of_ours(
    agent_world: MakeWorld, folder: str, is_answered: bool
) -> None:
    world = agent_world("claude", seed=replace(READY, trusted=False))
    path = Path(world.root, "settings", "config.json")
    settings = json.loads(path.read_text())
    pattern = f"Accessing workspace: *{folder}*"
    rule = {"runtime": "claude", "question": pattern, "answer": "Yes, I trust this folder"}
    settings["standing_answers"] = {"ours": rule}
    path.write_text(json.dumps(settings))
    world.gt("daemon", "start")
    before = settings_of(world)
    mayor = world.mayor()
    if is_answered:
        world.answered("GAS TOWN", timeout_s=60)
        comes_to(mayor, IDLE)
        (event,) = answers(world)
        assert (event["payload"]["rule"], event["actor"]) == ("ours", "daemon")
    else:
        mayor.shows("Yes, I trust this folder")
        seen = looks(world)
        comes_true(lambda: looks(world) >= seen + 2, "the daemon has looked at it", 60)
        assert answers(world) == []
        assert settings_of(world).keys() == before.keys()
    world.gt("daemon", "stop")
