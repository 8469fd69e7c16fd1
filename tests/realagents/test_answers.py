"""Answers to real programs' questions: by an explicit act, or by a standing answer of the settings."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.screen import Screen as Terminal
from gastown_core.messaging.open_request import requests_of
from gastown_core.tmux.socket import socket_name
from tests.realagents.asking import answers, asks_nothing, choices, choose, drawn_question, number_of, question
from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import READY
from tests.realagents.oracle import comes_to
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE, WAITING
from tests.realagents.test_first_screens import CASES, Screen, settings_of, shown


@pytest.mark.parametrize("screen", CASES)
def test_a_first_question_is_shown_and_answered_as_chosen(agent_world: MakeWorld, screen: Screen) -> None:
    agent = shown(agent_world, screen)
    asked = drawn_question(agent)
    options = choices(asked)
    yes = next(place for place, one in enumerate(options, 1) if "trust" in one.lower() or "yes" in one.lower())

    done = choose(agent, str(yes), asked, "--json")

    assert done.json["stage"] == "answered"
    agent.world.answered("GAS TOWN", timeout_s=60)
    comes_to(agent, IDLE)
    (event,) = answers(agent.world)
    assert event["payload"]["target"] == "mayor"
    assert event["payload"]["answer"] == options[yes - 1]


@pytest.mark.parametrize("program", ["claude", "claude@2.1.197", "codex"])
def test_a_permission_is_given_once_and_refused_once(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor(world.careful())
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    word = "ESCALATE" if program == "codex" else "RUN"
    for number, (choice, made) in enumerate((("1", True), ("", False))):
        path = world.base / f"made{number}"
        mayor.say(f"{word} `touch {path}`")
        comes_to(mayor, WAITING)
        asked = drawn_question(mayor)
        wanted = choice or number_of(asked, "No")
        wrong = world.gt("answer", mayor.address, wanted, "--expect", "0" * 12, check=False)
        assert wrong.code == 1
        assert "the question has changed" in wrong.err
        choose(mayor, wanted, asked)
        if made:
            comes_true(path.exists, "what was permitted is done")
            comes_to(mayor, IDLE)
        else:
            comes_true(lambda: asks_nothing(mayor), "the question is gone")
            assert not path.exists()
    assert mayor.pane_pid()


def test_a_standing_answer_trusts_a_folder_and_nothing_else(agent_world: MakeWorld) -> None:
    world = agent_world("claude", seed=replace(READY, trusted=False, key_approved=False))
    path = Path(world.root, "settings", "config.json")
    settings = json.loads(path.read_text())
    rule = {"runtime": "claude", "question": "*trust*", "answer": "Yes, I trust this folder"}
    settings["standing_answers"] = {"short": {**rule, "question": "*"}}
    path.write_text(json.dumps(settings))
    world.gt("daemon", "start")
    mayor = world.mayor()
    mayor.shows("Do you want to use this API key?", "Yes, I trust this folder")
    before = settings_of(world)
    told = drawn_question(mayor)
    settings["standing_answers"] = {
        "trust": {
            **rule,
            "question": "*trust this folder*" if "trust" in str(told["question"]) else "*trust*********folder*",
        }
    }
    path.write_text(json.dumps(settings))
    comes_true(lambda: [one["payload"]["rule"] for one in answers(world)] or None, "it is answered", 60)
    mayor.shows("Do you want to use this API key?")
    assert all(one["payload"]["rule"] == "trust" for one in answers(world))
    assert settings_of(world) != before
    # nobody answered the question about the key
    assert question(mayor)["kind"] == "dialog"
    world.gt("daemon", "stop")
    assert os.path.exists(world.root)


@pytest.mark.parametrize("program", ["claude", "claude@2.1.197"])
def test_an_operator_answers_from_the_inbox_of_the_console_and_presses_no_key_in_the_agent(
    agent_world: MakeWorld, program: str
) -> None:
    world = agent_world(program)
    mayor = world.mayor(world.careful())
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    console = Terminal(["gt", "feed"], world.root, columns=120, rows=40, env=world.env)

    def asks_here(words: str) -> None:
        comes_to(mayor, WAITING)
        comes_true(lambda: requests_of(world.root, mayor.session), "its hook holds the request open")
        # with its choices in the row, and what it asks below it: this question has been read
        assert console.wait(rf"(?s)NEEDS YOU 1[^\n]*\n[^\n]* 1 \w.*\n│ {words}", 60), console.text()

    try:
        assert console.wait("live", 60), console.text()
        console.press("i")
        assert console.wait("Inbox", 30), console.text()
        path = world.base / "made"
        mayor.say(f"RUN `touch {path}`")
        asks_here("touch")
        console.press("1")
        comes_true(path.exists, "what was permitted is done")
        comes_to(mayor, IDLE)
        mayor.say(f"RUN `rm {path}`")
        asks_here("rm")
        console.press("W")
        assert console.wait("Your words go with: No", 30), console.text()
        console.press("no, because it is wanted\r")
        comes_true(lambda: "no, because it is wanted" in str(world.asks()[-1]["results"]), "the model reads why not")
        comes_to(mayor, IDLE)
        assert path.exists()
        mayor.say("ASKME")
        asks_here("Which colour")
        console.press("3")
        assert console.wait("Your words go with: Type something", 30), console.text()
        console.press("mauve, with stripes\r")
        comes_true(lambda: "mauve, with stripes" in str(world.asks()[-1]["results"]), "the model reads the answer")
        comes_to(mayor, IDLE)
        # the console writes it once it has seen the screen change
        comes_true(lambda: len(answers(world)) == 3, "the last answer is in the log")
    finally:
        console.close()
    given = answers(world)
    assert [one["payload"]["by_hook"] for one in given] == [True, True, True]
    assert [one["payload"].get("words", "") for one in given] == ["", "no, because it is wanted", "mauve, with stripes"]


ESCAPED_FIRST = """
import subprocess, sys, time
from gastown_cli.main import gt
from gastown_core.messaging.open_request import OpenRequest

escape, tell = sys.argv[1].split(), OpenRequest.decide
sys.argv = ["gt", *sys.argv[2:]]

def decide(request, decision):
    subprocess.run(escape, check=True)
    time.sleep(0.05)
    tell(request, decision)

OpenRequest.decide = decide
raise SystemExit(gt())
"""


def test_an_answer_that_comes_just_after_another_hands_escape_is_not_said_to_be_taken(agent_world: MakeWorld) -> None:
    """The hook takes it, as it has not ended yet; Claude does not."""
    world = agent_world("claude")
    mayor = world.mayor(world.careful())
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    path = world.base / "made"
    mayor.say(f"RUN `touch {path}`")
    comes_to(mayor, WAITING)
    comes_true(lambda: requests_of(world.root, mayor.session), "its hook holds the request open")
    asked = drawn_question(mayor)
    escape = f"tmux -L {socket_name(world.root, {})} send-keys -t ={mayor.session}: Escape"
    words = ("answer", mayor.address, "1", "--expect", str(asked["id"]))
    ran = world.run(sys.executable, "-c", ESCAPED_FIRST, escape, *words, check=False)
    if ran.code == 0:
        # on a busy machine Claude may read the answer before the key
        comes_true(path.exists, "what is said to be taken was taken")
        return
    assert ran.code == 1 and "nothing tells that it took the answer" in ran.err, (ran, mayor.screen())
    assert not path.exists() and asks_nothing(mayor) and answers(world) == []


def test_words_follow_a_no_where_the_program_takes_none_with_it(agent_world: MakeWorld) -> None:
    world = agent_world("codex")
    mayor = world.mayor(world.careful())
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    path = world.base / "made"
    mayor.say(f"ESCALATE `touch {path}`")
    comes_to(mayor, WAITING)
    asked = drawn_question(mayor)
    choose(mayor, number_of(asked, "No"), asked, "--words", "no, because it is wanted")
    world.asked("no, because it is wanted", timeout_s=60)
    assert not path.exists()
