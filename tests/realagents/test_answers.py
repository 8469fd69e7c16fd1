"""Answers to real programs' questions: by an explicit act, or by a standing answer of the settings."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import READY
from tests.realagents.oracle import comes_to
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE, WAITING
from tests.realagents.test_first_screens import CASES, Screen, settings_of, shown
from tests.realagents.world import Agent, World


def question(agent: Agent) -> dict[str, object]:
    told: dict[str, object] = agent.world.gt("answer", agent.address, "--json").json
    return told


@pytest.mark.parametrize("screen", CASES)
def test_a_first_question_is_shown_and_answered_as_chosen(agent_world: MakeWorld, screen: Screen) -> None:
    agent = shown(agent_world, screen)
    comes_true(lambda: question(agent)["can_answer"], "the question is read with its choices")
    asked = question(agent)
    options = asked["options"]
    assert isinstance(options, list)
    yes = next(place for place, one in enumerate(options, 1) if "trust" in one.lower() or "yes" in one.lower())

    done = agent.world.gt("answer", agent.address, str(yes), "--expect", str(asked["id"]), "--json")

    assert done.json["stage"] == "answered"
    agent.world.answered("GAS TOWN", timeout_s=60)
    comes_to(agent, IDLE)
    (event,) = events(agent.world, "answered")
    assert event["payload"]["target"] == "mayor"
    assert event["payload"]["answer"] == options[yes - 1]


def events(world: World, kind: str) -> list[dict[str, dict[str, str]]]:
    lines = Path(world.root, ".events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for line in lines if (event := json.loads(line))["type"] == kind]


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
        comes_true(lambda: question(mayor)["can_answer"], "the question is read")
        asked = question(mayor)
        options = asked["options"]
        assert isinstance(options, list)
        wanted = choice or str(next(place for place, one in enumerate(options, 1) if one[2:].startswith("No")))
        wrong = world.gt("answer", mayor.address, wanted, "--expect", "0" * 12, check=False)
        assert wrong.code == 1
        assert "the question has changed" in wrong.err
        world.gt("answer", mayor.address, wanted, "--expect", str(asked["id"]))
        if made:
            comes_true(path.exists, "what was permitted is done")
            comes_to(mayor, IDLE)
        else:
            comes_true(lambda: question(mayor)["kind"] not in ("permission", "dialog"), "the question is gone")
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
    told = world.gt("answer", "mayor", "--json").json
    settings["standing_answers"] = {
        "trust": {
            **rule,
            "question": "*trust this folder*" if "trust" in told["question"] else "*trust*********folder*",
        }
    }
    path.write_text(json.dumps(settings))
    comes_true(lambda: [one["payload"]["rule"] for one in events(world, "answered")] or None, "it is answered", 60)
    mayor.shows("Do you want to use this API key?")
    assert all(one["payload"]["rule"] == "trust" for one in events(world, "answered"))
    assert settings_of(world) != before
    # nobody answered the question about the key
    assert question(mayor)["kind"] == "dialog"
    world.gt("daemon", "stop")
    assert os.path.exists(world.root)
