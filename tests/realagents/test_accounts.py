"""Two accounts of a real program: the limited one is left for the other, and the conversation goes along."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.realagents.conftest import MakeWorld
from tests.realagents.patience import comes_true
from tests.realagents.world import Agent, World


def with_accounts(world: World, *names: str) -> None:
    """Accounts that are folders of their own, each as ready as the one of the world."""
    for name in names:
        shutil.copytree(world.home / ".claude", world.home / f".claude-{name}")
        world.gt("account", "add", name, "--config-dir", str(world.home / f".claude-{name}"))


def holds(world: World, account: str, words: str) -> bool:
    """Whether a conversation of the account's folder has the words."""
    found = Path(world.home, f".claude-{account}", "projects").rglob("*.jsonl")
    return any(words in one.read_text() for one in found)


def limited(world: World) -> list[str]:
    return [row["account"] for row in world.gt("quota", "status", "--json").json if row["status"] == "limited"]


def test_a_limited_account_is_left_for_the_other_with_the_conversation(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    with_accounts(world, "day", "night")
    mayor: Agent = world.mayor()
    world.answered("GAS TOWN")
    comes_true(lambda: mayor.told()["health"] == "idle", "it rests")
    mayor.say("the password is swordfish")
    world.answered("swordfish")
    comes_true(lambda: holds(world, "day", "swordfish"), "the first account has the conversation")
    mayor.say("FIVEHOUR")
    comes_true(lambda: limited(world) == ["day"], "the first account is known as limited", 60)

    (move,) = world.gt("quota", "rotate", "--json").json

    assert (move["old_account"], move["new_account"], move["rotated"]) == ("day", "night", True), json.dumps(move)
    comes_true(lambda: holds(world, "night", "swordfish"), "the other account has the conversation", 60)
    mayor = Agent(world, "mayor", "hq-mayor", "claude")
    mayor.shows("❯", timeout_s=60)
    mayor.say("what was the password?")
    world.answered("what was the password?", timeout_s=60)
    (ask,) = [one for one in world.asks() if "what was the password?" in one["user"]]
    assert any("swordfish" in said for said in ask["said"]), "it knows what was said under the other account"
    comes_true(
        lambda: holds(world, "night", "what was the password?"), "the conversation goes on under the other account"
    )
    assert not holds(world, "day", "what was the password?")
    assert "hq-mayor" not in [row["session"] for row in world.gt("quota", "scan", "--json").json if row["rate_limited"]]
