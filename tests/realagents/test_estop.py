"""An emergency stop of real programs: their tool calls are refused, and after the thaw they work on."""

from __future__ import annotations

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import comes_to
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE


@pytest.mark.parametrize("program", ("claude", "claude@2.1.197"))
def test_a_stopped_one_runs_no_tool_until_the_thaw(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    polecat = world.polecat(world.file("A LAZY bead"))
    world.answered("Work is on your hook", done=1)
    comes_to(polecat, IDLE)
    world.gt("estop", "-r", "a test")

    polecat.say(f"RUN `touch {world.base}/made`")

    world.answered("RUN `touch", done=1)
    comes_to(polecat, IDLE)
    assert not (world.base / "made").exists() and "Emergency stop of the town" in polecat.screen()
    world.gt("thaw")
    polecat.say(f"RUN `touch {world.base}/made`")
    comes_true(lambda: (world.base / "made").exists(), "the tool runs after the thaw")
