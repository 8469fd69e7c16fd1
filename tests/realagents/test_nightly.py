"""Programs of which less is known: each starts, and a nudge to it gets lost nowhere and answers nothing."""

from __future__ import annotations

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import is_once, whereabouts
from tests.realagents.patience import comes_true
from tests.realagents.test_usage import counted, served

pytestmark = pytest.mark.realagents_nightly

WITH_A_MODEL, AT_LOG_IN = ("opencode", "copilot", "pi"), ("amp", "auggie")


@pytest.mark.parametrize("program", WITH_A_MODEL)
def test_a_nudge_is_in_one_place_and_the_program_lives(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    comes_true(lambda: mayor.screen().strip(), f"{program} shows something")

    mayor.nudge("marker-night")

    assert is_once(whereabouts(world, "marker-night")), (whereabouts(world, "marker-night"), mayor.screen())
    assert mayor.pane_pid(), mayor.screen()


def test_pi_is_counted_as_served(agent_world: MakeWorld) -> None:
    world = agent_world("pi")
    world.mayor()
    world.answered("GAS TOWN", timeout_s=60)
    wanted = {**served(world), "cache_write": 0}

    comes_true(
        lambda: {key: counted(world).get("mayor", {}).get(key) for key in wanted} == wanted, f"{wanted} is counted"
    )


@pytest.mark.parametrize("program", AT_LOG_IN)
def test_at_a_log_in_nothing_is_typed(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    comes_true(lambda: mayor.screen().strip(), f"{program} shows something")

    receipts = mayor.nudge("marker-night")

    assert receipts[-1]["stage"] == "not typed", (receipts, mayor.screen())
    assert "marker-night" not in mayor.screen()
    assert mayor.pane_pid(), mayor.screen()
