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


@pytest.mark.parametrize(
    ("word", "code", "words"), [("LIMIT429", "429", "rate limit"), ("CREDIT400", "400", "credit balance")]
)
def test_a_refused_request_arrives_as_its_own_words_and_hides_no_later_answer(
    agent_world: MakeWorld, word: str, code: str, words: str
) -> None:
    world = agent_world("claude")
    assert world.gt("config", "set", "telemetry.receiver", "true").code == 0
    assert world.gt("daemon", "start").code == 0
    comes_true(
        lambda: Path(world.root, ".runtime", "telemetry", "agent-env.json").exists(), "agents know where to export"
    )
    mayor = world.mayor()
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    mayor.say(word)

    def told() -> dict[str, object]:
        known = Path(world.root, ".runtime", "exported", "agents.json")
        return json.loads(known.read_text())["agents"].get("mayor", {}) if known.exists() else {}

    comes_true(lambda: told().get("error"), "the refusal is exported")
    error = str(told()["error"])
    assert error.startswith(f"{code}") and words in error.lower(), error

    def reasons() -> list[str]:
        (mine,) = [one for one in world.gt("status", "--json").json["agents"] if one["address"].rstrip("/") == "mayor"]
        return [one["text"] for one in mine["reasons"] if one["source"] == "telemetry"]

    comes_true(lambda: any(code in one for one in reasons()), "the refusal is evidence")
    mayor.say("how are you")
    comes_true(lambda: told().get("request_at", 0.0) > told()["error_at"], "the next answer is newer")
    assert world.gt("daemon", "stop").code == 0
