"""What a program asks before it begins: said truthfully, and never answered by a nudge."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import READY, Seed
from tests.realagents.oracle import KEPT, check, whereabouts
from tests.realagents.records import IDLE, STARTING
from tests.realagents.world import Agent, World

Record = Callable[[str, object], None]


class Screen(NamedTuple):
    """``words`` are on the screen of ``program`` when its home is seeded so; its settings lie in ``settings``."""

    program: str
    name: str
    seed: Seed
    words: tuple[str, ...]


UNTRUSTED, UNKNOWN_KEY = replace(READY, trusted=False), replace(READY, key_approved=False)
SCREENS = (
    Screen("claude", "trust", UNTRUSTED, ("Yes, I trust this folder", "Do you trust")),
    Screen("claude", "API key", UNKNOWN_KEY, ("Do you want to use this API key?",)),
    Screen("claude@2.1.197", "trust", UNTRUSTED, ("Yes, I trust this folder", "Do you trust")),
    Screen("claude@2.1.197", "API key", UNKNOWN_KEY, ("Do you want to use this API key?",)),
    Screen("codex", "trust", UNTRUSTED, ("Trust and continue",)),
    Screen("gemini", "trust", UNTRUSTED, ("Trust folder", "Do you trust")),
)
SETTINGS = (".claude/.claude.json", ".claude/settings.json", ".codex/config.toml", ".gemini/settings.json")
MORE_SETTINGS = (".gemini/trustedFolders.json", ".codex/auth.json")

CASES = [pytest.param(screen, id=f"{screen.program}-{screen.name}") for screen in SCREENS]


def shown(make: MakeWorld, screen: Screen) -> Agent:
    """A mayor whose program shows that screen."""
    agent = make(screen.program, seed=screen.seed).mayor()
    agent.shows(*screen.words)
    return agent


def settings_of(world: World) -> dict[str, str]:
    """The program's settings as they are; of Claude Code's record what a person decides, as it notes its starts there."""
    paths = [world.home / name for name in (*SETTINGS, *MORE_SETTINGS)]
    texts = {str(path): path.read_text() for path in paths if path.exists()}
    return {path: _decided(text) if path.endswith(".claude.json") else text for path, text in texts.items()}


def _decided(text: str) -> str:
    try:
        record = json.loads(text)
    except ValueError:
        return text
    projects = record.get("projects") or {}
    trusted = sorted(folder for folder, told in projects.items() if told.get("hasTrustDialogAccepted"))
    kept = {name: record.get(name) for name in ("customApiKeyResponses", "bypassPermissionsModeAccepted")}
    return json.dumps({**kept, "trusted": trusted}, sort_keys=True)


def files_of(world: World) -> set[str]:
    """Every file of the town that agents work in, the town's own records left out."""
    found = set()
    for folder, folders, names in os.walk(world.root):
        folders[:] = [name for name in folders if name not in (".git", ".runtime", ".beads", "logs")]
        found |= {str(Path(folder) / name) for name in names}
    return found - {str(Path(world.root) / ".events.jsonl")}


@pytest.mark.parametrize("screen", CASES)
def test_it_is_said_to_wait_for_a_person(agent_world: MakeWorld, screen: Screen, record_property: Record) -> None:
    agent = shown(agent_world, screen)

    # gemini calls itself ready while it asks
    own = STARTING if screen.program != "gemini" else IDLE
    check(agent, screen.name, own, "waiting", record_property)


@pytest.mark.parametrize("screen", CASES)
def test_a_nudge_answers_nothing(agent_world: MakeWorld, screen: Screen) -> None:
    agent = shown(agent_world, screen)
    settings, files = settings_of(agent.world), files_of(agent.world)

    receipts = agent.nudge("marker-dialog")

    assert receipts[-1]["stage"] == "not typed", receipts
    assert any(word in agent.screen() for word in screen.words)
    assert (settings_of(agent.world), files_of(agent.world)) == (settings, files)
    assert whereabouts(agent.world, "marker-dialog") == KEPT
