"""What a refinery's engine has claimed is tested, however long a gate takes: the refinery's agent does not hang on it."""

from __future__ import annotations

import pytest

from gastown_core.model.agent import Health
from gastown_core.model.bead import IN_PROGRESS
from gastown_core.model.merge_request import LABEL
from gastown_core.model.refinery import HELD, IDLE, TESTING, RefineryState
from gastown_core.state.facts import RefineryFacts
from gastown_core.town.inventory import Inventory
from tests.support.world import World


def long_gate(phase: str, *, is_alive: bool = True) -> Health:
    """A request that was claimed two hours ago; how the refinery is."""
    world = World()
    known = world.facts.inventory
    agents = (*known.agents, world._entry("shop/refinery"))
    world.facts.inventory = Inventory(known.name, known.root, known.rigs, agents)
    world.start("shop/refinery")
    world.put("gt-mr1", IN_PROGRESS, "shop/refinery", kind="merge-request", labels=(LABEL,), at=world.now - 7200)
    state = RefineryState("shop", phase, 1, world.now - 7200, "b-7", "main")
    world.facts.refineries["shop"] = RefineryFacts("shop", "/t/shop", state, is_alive=is_alive)
    view = world.town().agent("shop/refinery")
    assert view is not None and view.work is not None
    return Health(view.health.state)


def test_a_gate_of_two_hours_is_work() -> None:
    assert long_gate(TESTING) is Health.WORKING


@pytest.mark.parametrize(("phase", "is_alive"), [(TESTING, False), (IDLE, True), (HELD, True)])
def test_what_nobody_tests_is_told(phase: str, is_alive: bool) -> None:
    assert long_gate(phase, is_alive=is_alive) is Health.GUPP
