"""Claude Code in a town, at the oldest and the newest version that is supported."""

from __future__ import annotations

import pytest

from tests.realagents.conftest import MakeWorld

VERSIONS = ("claude", "claude@2.1.197")


@pytest.mark.parametrize("program", VERSIONS)
def test_a_nudge_to_an_idle_one_is_in_exactly_one_request(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN")
    mayor.shows("❯")

    receipts = mayor.nudge("marker-one", "--wait", "30")

    assert receipts[-1]["stage"] == "turn started"
    world.answered("marker-one")
    assert world.delivered("marker-one") == 1
