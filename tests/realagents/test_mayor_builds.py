"""A mayor that is told what to build does it by its briefing alone, and the work lands; a compaction loses it nothing."""

from __future__ import annotations

from typing import Any

from tests.realagents.conftest import MakeWorld
from tests.realagents.patience import comes_true
from tests.realagents.world import World


def beads_of(world: World, *titles: str) -> dict[str, dict[str, Any]]:
    rows = world.bd("list", "--all", "--json").json
    return {row["title"]: row for row in rows if row["title"] in titles}


def test_told_to_build_the_mayor_makes_beads_a_convoy_and_slings_and_reports(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    world.gt("daemon", "start")
    mayor = world.mayor()
    mayor.shows("❯", timeout_s=60)
    mayor.say("BUILD a shop: Cart, Till")

    shown = mayor.shows("REPORT", "NO RECIPE", timeout_s=90)
    assert "NO RECIPE" not in shown
    beads = beads_of(world, "Cart", "Till")
    assert set(beads) == {"Cart", "Till"}
    (convoy,) = [one for one in world.gt("convoy", "list", "--json").json if one["title"] == "a shop"]
    assert f"REPORT {convoy['id']} a shop" in shown
    tracked = world.gt("convoy", "show", convoy["id"]).out
    assert all(bead["id"] in tracked for bead in beads.values())
    assert beads["Cart"]["status"] != "open", "it was given to a worker"

    def are_merged() -> bool:
        return all(bead["status"] == "closed" for bead in beads_of(world, "Cart", "Till").values())

    comes_true(are_merged, "the second is given out by the convoy, and both land on main", 150)
    mayor.shows(f"REPORT {convoy['id']} landed", timeout_s=60)


def test_a_compaction_keeps_a_note_and_gives_it_back(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    mayor = world.mayor()
    mayor.shows("❯", timeout_s=60)
    mayor.say("Good morning")
    world.answered("Good morning")
    mayor.shows("Heard")
    mayor.say("/compact")

    def notes() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = world.bd("list", "--all", "--json", cwd=world.root).json
        return [row for row in rows if "HANDOFF: before the compaction" in row["title"]]

    comes_true(notes, "the note is stored before the compaction", 40)
    comes_true(lambda: notes()[0]["status"] == "closed", "the briefing after it has given it back", 40)
