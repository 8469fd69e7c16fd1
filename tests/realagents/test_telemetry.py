"""What Claude Code exports of itself to the town's receiver, beside what its transcripts tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import comes_to
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE

pytestmark = pytest.mark.realagents_nightly


def test_its_costs_and_decisions_arrive_and_each_message_counts_once(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    assert world.gt("config", "set", "telemetry.receiver", "true").code == 0
    assert world.gt("daemon", "start").code == 0
    folder = Path(world.root, ".runtime", "telemetry")
    comes_true(lambda: (folder / "agent-env.json").exists(), "the daemon has told agents where to export to")
    mayor = world.mayor()
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    mayor.say("RUN `echo two`")
    world.answered("RUN `echo two`", done=1)
    comes_to(mayor, IDLE)
    served = [one for one in world.place.log(world.key) if one["kind"] == "answered" and one["is_main"]]

    def priced() -> bool:
        rows = world.gt("costs", "--json").json["rows"]
        row = next((row for row in rows if row["agent"] == "mayor"), {})
        return row.get("messages", 0) >= len(served) and row.get("cost_unknown_messages") == 0 and row["cost"] > 0

    comes_true(priced, "each message of the transcript has its cost")
    lines = [json.loads(line) for line in (folder / "spool.jsonl").read_text().splitlines()]
    told = [line["payload"] for line in lines if line["type"] == "tool.decision"]
    assert [(one["tool_name"], one["decision"]) for one in told] == [("Bash", "accept")]
    (mine,) = [one for one in world.gt("status", "--json").json["agents"] if one["address"].rstrip("/") == "mayor"]
    reasons = {one["text"]: one["at"] for one in mine["reasons"] if one["source"] == "telemetry"}
    assert any("answered a request" in text for text in reasons) and "was allowed Bash" in reasons
    assert all(reasons.values())
    assert world.gt("daemon", "stop").code == 0
