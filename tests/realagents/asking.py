"""Questions of real programs, read and answered as by a person who looks again before a second try."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE, WAITING, own_record
from tests.realagents.world import Agent, World
from tests.support.cli import Ran

TRIES = 5
LOST_KEYS = ("still asks the same", "the cursor does not move as expected")
"""A busy program drops keys: Gas Town says so and presses nothing twice, a person tries again."""


def question(agent: Agent) -> dict[str, object]:
    """What ``gt answer`` reads on its screen now; without a question if there is nothing to be read."""
    ran = agent.world.gt("answer", agent.address, "--json", check=False)
    if ran.code:
        return {"kind": "unknown", "can_answer": False, "id": "", "text": ran.err, "question": "", "options": []}
    told: dict[str, object] = ran.json
    return told


def drawn_question(agent: Agent) -> dict[str, object]:
    """The question once it can be answered and reads the same twice: a half-drawn one is another one to ``--expect``."""
    last: list[dict[str, object]] = [{}]

    def is_whole() -> bool:
        before, last[0] = last[0], question(agent)
        return bool(last[0]["can_answer"]) and last[0] == before

    comes_true(is_whole, f"the question of {agent.address} is read with its choices")
    return last[0]


def number_of(asked: dict[str, object], *beginnings: str) -> str:
    """The number of the first choice that begins with one of these, whatever numbers it has itself."""
    return next(str(place) for place, one in enumerate(choices(asked), 1) if _bare(one).startswith(beginnings))


def choices(asked: dict[str, object]) -> list[str]:
    options = asked["options"]
    assert isinstance(options, list)
    return options


def _bare(option: str) -> str:
    return option.lstrip("0123456789. ")


def choose(agent: Agent, choice: str, asked: dict[str, object], *options: str) -> Ran:
    """Answer ``asked``; where its program drops a key and still asks it, again. The test fails for any other end."""
    for _ in range(TRIES):
        ran = agent.world.gt("answer", agent.address, choice, "--expect", str(asked["id"]), *options, check=False)
        if ran.code == 0:
            return ran
        assert any(words in ran.err for words in LOST_KEYS), f"{ran.err}{ran.out}\n{agent.screen()}"
    pytest.fail(f"{agent.address} drops every key: {ran.err}\n{agent.screen()}")


def asks_nothing(agent: Agent) -> bool:
    """Whether no question is on its screen."""
    return question(agent)["kind"] not in ("permission", "dialog")


def answers(world: World) -> list[dict[str, dict[str, str]]]:
    """The town's events of answers that something came of, oldest first."""
    lines = Path(world.root, ".events.jsonl").read_text(encoding="utf-8").splitlines()
    told = [event for line in lines if (event := json.loads(line))["type"] == "answered"]
    return [event for event in told if not event["payload"].get("unconfirmed")]


def refuse_until_idle(agent: Agent) -> None:
    """Refuse what it asks on its own account until it rests; one Escape for each question, as a second one opens a list."""
    refused: list[object] = [""]

    def is_idle() -> bool:
        state = own_record(agent).state
        if state != WAITING:
            refused[0] = ""
        elif (asked := question(agent))["can_answer"] and asked["id"] != refused[0]:
            refused[0] = asked["id"]
            agent.keys("Escape")
        return state == IDLE

    comes_true(is_idle, f"{agent.address} has nothing to do", 90.0)
    # a key right behind Escape would be taken together with it
    agent.keys("C-u")
