"""Oracle of delivery: each text is in exactly one place of one conversation, still queued, on the way or a dead letter."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from gastown_core.town import daemon_note
from tests.realagents.conftest import MakeWorld
from tests.realagents.world import SHOWN_AGAIN, WAIT, Agent, World
from tests.support.patience import until

LONG = os.environ.get("GT_DRILL") == "long"
COUNT = 40 if LONG else 12
KILLED_AT = ("nudge claimed", "nudge typed", "nudge submitted", "nudge settled")
WORK = ("SLOW 3", "TOOLWAIT 3", "")
"""What a text has the agent do; Gemini asks a person about answers that repeat themselves, as the slow one does."""
PROGRAMS = ("claude", "claude@2.1.197", "codex", "gemini")


def requests_with(world: World, token: str) -> int:
    """How many requests brought the token anew: those in which it stands more often than in any before.

    A side request of the same conversation may hold less of its history.
    """
    before: dict[str, int] = {}
    found = 0
    for ask in world.asks():
        count = sum(said.count(token) for said in ask["said"] if not said.startswith(SHOWN_AGAIN))
        most = before.get(ask["conversation"], 0)
        found += count > most
        before[ask["conversation"]] = max(count, most)
    return found


def fates(world: World, agent: Agent, token: str) -> dict[str, int]:
    """In how many places the token is, by kind of place."""
    (view,) = world.gt("nudge", "--list", agent.address, "--json").json
    return {
        "given": requests_with(world, token),
        "waiting": sum(token in one["message"] for one in view["waiting"]),
        "on the way": sum(token in one["text"] for one in view["on_the_way"]),
        "dead": sum(token in one["message"] for one in view["dead"]),
    }


def kill_daemon(world: World) -> None:
    """End the town's daemon as a crash does, and start it again."""
    with open(daemon_note.pid_path(world.root), encoding="ascii") as handle:
        os.kill(int(handle.read().split()[0]), signal.SIGKILL)
    until(lambda: world.gt("daemon", "start", check=False).code == 0, "the daemon starts again")


@pytest.mark.timeout(3600 if LONG else 900)
@pytest.mark.parametrize("program", PROGRAMS)
def test_each_text_is_in_exactly_one_place_whenever_it_is_sent_and_whoever_is_killed(
    agent_world: MakeWorld, program: str
) -> None:
    chance = random.Random(f"{program}{COUNT}")
    world = agent_world(program)
    world.gt("daemon", "start")
    agent = world.mayor()
    sent: dict[str, bool] = {}
    for number in range(COUNT):
        token = f"token-{number:02d}-{chance.randrange(10**6):06d}"
        mode = chance.choice(("idle", "idle", "next", "now"))
        kill = chance.choice(KILLED_AT) if number % 3 == 2 else ""
        text = f"{token} {chance.choice(WORK[program == 'gemini' :])}".strip()
        ran = world.gt("nudge", agent.address, text, "--mode", mode, "--json", check=False, GT_KILL_AT=kill)
        sent[token] = ran.code in (0, 1)
        if number == COUNT // 2:
            kill_daemon(world)
        time.sleep(chance.choice((0.0, 0.5, 2.0)))

    def is_over() -> bool:
        (view,) = world.gt("nudge", "--list", agent.address, "--json").json
        return not view["on_the_way"] and all(one["mode"] == "next" for one in view["waiting"])

    until(is_over, "what can be delivered is", 180.0)
    agent.nudge("the last word", "--wait", WAIT)
    until(lambda: is_over() and requests_with(world, "the last word"), "the last word is given", 60.0)

    found = {token: fates(world, agent, token) for token in sent}
    wrong = {token: where for token, where in found.items() if sum(where.values()) != 1}
    assert wrong == {}
