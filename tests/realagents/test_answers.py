"""Answers to real programs' questions: by an explicit act, or by a standing answer of the settings."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

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
