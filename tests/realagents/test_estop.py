"""An emergency stop of real programs: their tool calls are refused, and after the thaw they work on."""

from __future__ import annotations

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import comes_to
from tests.realagents.patience import comes_true
from tests.realagents.records import BUSY, IDLE


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


@pytest.mark.parametrize("program", ("claude", "codex"))
def test_a_turn_is_interrupted_and_a_tool_that_it_waits_for_stands_still(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    writing, waiting = world.polecat(world.file("A LAZY bead")), world.polecat(world.file("Another LAZY bead"))
    for polecat in (writing, waiting):
        comes_to(polecat, IDLE)
    writing.say("SLOW 150")
    comes_to(writing, BUSY)
    count, end = world.base / "count", world.base / "end"
    # the longest that a program lets a call run is two minutes
    waiting.say(f"RUN `n=0; while [ ! -e {end} -a $n -lt 500 ]; do n=$((n+1)); echo $n > {count}; sleep 0.2; done`")
    comes_true(lambda: count.exists() and count.read_text().strip() not in ("", "1"), "the tool runs")

    told = world.gt("estop", "--json").json

    reached = count.read_text()
    assert told["failed"] == [] and told["processes"] >= 1
    if program == "codex":
        # its program is below the pane's first process, and stands still itself
        assert told["interrupted"] == []
    else:
        assert len(told["interrupted"]) == 1
        comes_to(writing, IDLE)
    assert count.read_text() == reached, "the tool counts no further"
    assert world.gt("thaw", "--json").json["processes"] == told["processes"]
    comes_true(lambda: count.read_text() not in ("", reached), "the tool counts on")
    end.touch()
    world.answered("RUN `n=0", done=1)
