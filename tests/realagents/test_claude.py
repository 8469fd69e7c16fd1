"""Claude Code in a town, at the oldest and the newest version that is supported."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import KEPT, ONCE, check, comes_to, whereabouts
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE, WAITING
from tests.realagents.world import WAIT

VERSIONS = ("claude", "claude@2.1.197")
Record = Callable[[str, object], None]


@pytest.mark.parametrize("program", VERSIONS)
def test_a_nudge_to_an_idle_one_is_in_exactly_one_request(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)

    receipts = mayor.nudge("marker-one", "--wait", WAIT)

    assert receipts[-1]["stage"] == "turn started"
    world.answered("marker-one")
    assert whereabouts(world, "marker-one") == ONCE


@pytest.mark.parametrize("program", VERSIONS)
def test_a_question_for_permission_is_said_and_stays_unanswered(
    agent_world: MakeWorld, program: str, record_property: Record
) -> None:
    world = agent_world(program)
    mayor = world.mayor(world.careful())
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    mayor.say(f"RUN `touch {world.base}/made`")
    comes_to(mayor, WAITING)

    receipts = mayor.nudge("marker-permission")

    assert receipts[-1]["stage"] in ("queued", "not typed"), receipts
    assert not (world.base / "made").exists()
    assert whereabouts(world, "marker-permission") == KEPT
    check(mayor, "permission", WAITING, "waiting", record_property)


@pytest.mark.parametrize("program", VERSIONS)
def test_a_turn_that_ends_with_work_on_the_hook_is_said(
    agent_world: MakeWorld, program: str, record_property: Record
) -> None:
    world = agent_world(program)

    polecat = world.polecat(world.file("A LAZY bead"))

    world.answered("Work is on your hook", done=1)
    comes_to(polecat, IDLE)
    comes_true(lambda: polecat.told().get("hook_bead"), "the work is on its hook")
    check(polecat, "stopped short", IDLE, "stopped-short", record_property)
