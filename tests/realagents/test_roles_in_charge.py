"""A witness and a deacon that are AI sessions: begun by their briefing, told what the code finds, judged by the same code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.patience import comes_true
from tests.realagents.world import RIG, World


def events(world: World, *kinds: str) -> list[dict[str, Any]]:
    lines = Path(world.root, ".events.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["type"] in kinds]


def acts(world: World, patrol: str) -> list[str]:
    return [one["payload"]["order"] for one in events(world, "patrol_acted") if one["payload"]["patrol"] == patrol]


def witness_of(world: World, mode: str) -> None:
    world.gt("config", "set", "patrols.witness.mode", mode)
    for key, value in (("stopped_short", "3s"), ("period", "2s")):
        world.gt("config", "set", f"patrols.witness.{key}", value)
    world.seed_homes(str(Path(world.root, RIG, "witness")))
    world.gt("witness", "start", RIG)
    world.gt("daemon", "start")
    comes_true(lambda: "PATROL BEGUN" in screen(world), "the witness begins its patrol by its briefing", 90)


def cycles(world: World) -> list[str]:
    """The statuses of the witness's patrol cycles."""
    rows = world.bd("list", "--all", "--include-infra", "--ephemeral", "--json").json
    return sorted(row["status"] for row in rows if row["title"] == "mol-witness-patrol")


def screen(world: World, session: str = "sh-witness") -> str:
    shown = world.tmux("capture-pane", "-p", "-t", f"={session}:")
    assert "NO PATROL" not in shown and "NO COMMANDS" not in shown, shown
    return shown


@pytest.mark.parametrize("mode", ["agent", "both"])
def test_a_witness_with_a_model_helps_a_worker_that_stopped_short(agent_world: MakeWorld, mode: str) -> None:
    world = agent_world("claude")
    witness_of(world, mode)
    assert cycles(world) == ["hooked"]

    bead = world.file("LAZY bead")
    world.polecat(bead)

    comes_true(lambda: acts(world, f"witness:{RIG}"), "the code finds that it stopped short", 90)
    comes_true(lambda: "HELPED" in screen(world), "the witness helps by the commands of its briefing", 90)
    told = acts(world, f"witness:{RIG}")
    assert told[0] == ("told" if mode == "agent" else "agent.nudge"), "who acts first is what the mode says"
    nudges = [one["actor"] for one in events(world, "nudge") if "to its end" in json.dumps(one)]
    assert nudges and all("witness" in one for one in nudges)
    comes_true(lambda: world.bd("show", bead, "--json").json[0]["status"] == "closed", "the work lands", 120)
    assert cycles(world) == ["closed", "hooked"], "its cycle is reported, and the next one is on its hook"


def test_a_model_that_leaves_its_findings_alone_is_helped_out_by_the_code(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    world.gt("config", "set", "patrols.witness.patience", "5s")
    witness_of(world, "agent")
    world.gt("nudge", f"{RIG}/witness", "LEAVE FINDINGS")
    world.answered("LEAVE FINDINGS")

    world.polecat(world.file("LAZY bead"))

    comes_true(lambda: "agent.nudge" in acts(world, f"witness:{RIG}"), "the code nudges the worker itself", 120)
    assert acts(world, f"witness:{RIG}")[0] == "told", "its agent was asked first"


def test_a_deacon_and_a_refinery_with_a_model_begin_their_patrols_and_hear_of_the_work(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    for role in ("deacon", "refinery"):
        world.gt("config", "set", f"patrols.{role}.mode", "both")
    world.seed_homes(str(Path(world.root, RIG, "refinery")), str(Path(world.root, "deacon")))
    world.gt("deacon", "start")
    world.gt("refinery", "start", RIG)
    for session in ("hq-deacon", "sh-refinery"):
        comes_true(lambda name=session: "PATROL BEGUN" in screen(world, name), f"{session} begins its patrol", 90)
    world.gt("daemon", "start")

    bead = world.file("A bead")
    world.polecat(bead)

    comes_true(lambda: world.bd("show", bead, "--json").json[0]["status"] == "closed", "the engine merges", 120)
    mail = world.gt("mail", "inbox", f"{RIG}/refinery", "--json").json
    assert [one["subject"].split()[0] for one in mail] == ["MERGE_READY"], "the refinery's agent is told"
    assert world.gt("boot", "triage", "--json").json["last_action"] == "nothing", "and the deacon gets on"
