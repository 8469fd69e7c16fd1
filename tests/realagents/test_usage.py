"""What we count of real programs' usage, compared with what the stand-in model served."""

from __future__ import annotations

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import comes_to
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE
from tests.realagents.world import World

PROGRAMS = ("claude", "claude@2.1.197", "codex", "gemini")
FIGURES = {"fresh": "input", "read": "cache_read", "written": "cache_write", "out": "output"}


def served(world: World) -> dict[str, int]:
    """The sums of what was served to conversations; titles and checks are in no transcript."""
    answers = [
        one["served"]
        for one in world.place.log(world.key)
        if one["kind"] == "answered" and one["is_main"] and "served" in one
    ]
    return {ours: sum(one[theirs] for one in answers) for theirs, ours in FIGURES.items()} | {"messages": len(answers)}


def counted(world: World, by: str = "agent") -> dict[str, dict[str, int]]:
    """What ``gt costs`` says, by row."""
    return {row[by]: row for row in world.gt("costs", "--by", by, "--json").json["rows"]}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_sums_are_those_that_the_model_served(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    for text, done in (("hello one", 0), ("RUN `echo two`", 1)):
        mayor.say(text)
        world.answered(text, done=done)
        comes_to(mayor, IDLE)
    wanted = served(world)
    if not program.startswith("claude"):
        # their protocols tell of nothing that is written to a cache
        wanted["cache_write"] = 0

    def figures() -> dict[str, int]:
        row = counted(world).get("mayor", {})
        return {key: row.get(key, 0) for key in wanted}

    comes_true(lambda: figures() == wanted, f"{program} has written down {wanted}")
    # and again: nothing is counted twice
    assert figures() == wanted


@pytest.mark.parametrize("program", PROGRAMS[:2])
def test_a_beads_usage_is_its_own(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    bead = world.file("Leave a note")
    polecat = world.polecat(bead)
    world.answered("Work is on your hook", done=4, timeout_s=60)
    comes_to(polecat, IDLE)

    comes_true(
        lambda: counted(world).get(polecat.address, {}).get("messages") == served(world)["messages"], "all is counted"
    )
    assert counted(world, "rig")["shop"]["tokens"] == counted(world)[polecat.address]["tokens"]
    # what it says after gt done belongs to no bead
    assert counted(world, "bead")[bead]["messages"] >= 4
