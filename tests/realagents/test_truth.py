"""What the town says of a real program at each moment, beside what the program says itself."""

from __future__ import annotations

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.world import Agent
from tests.support.patience import until

VERSIONS = ("claude", "claude@2.1.197")
SOON_S = 4.0
"""Two seconds, and as long as starting the command that asks takes on a busy machine."""


def is_told(agent: Agent, state: str, words: str = "", timeout_s: float = SOON_S) -> dict[str, object]:
    """Wait until the town says that of the agent, with those words among its reasons."""
    seen: list[dict[str, object]] = []

    def look() -> dict[str, object] | None:
        row = agent.told()
        seen.append(row)
        reasons = " / ".join(str(reason["text"]) for reason in row["reasons"])
        return row if row["health"] == state and words in reasons else None

    try:
        found: dict[str, object] = until(look, f"{agent.address} is told to be {state} ({words})", timeout_s)
    except BaseException:
        print(seen[-1], agent.screen())
        raise
    return found


@pytest.mark.parametrize("program", VERSIONS)
def test_each_moment_of_a_turn_is_told(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN")
    is_told(mayor, "idle")

    mayor.keys("-l", "SLOW 4")
    mayor.keys("Enter")
    is_told(mayor, "working", "in a turn")
    is_told(mayor, "idle", timeout_s=10)
