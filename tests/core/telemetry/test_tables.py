"""The tables of telemetry have all that the seeds and the Go tools name, under these names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_core.telemetry.metric_table import ALL_LOGS, ALL_METRICS, COUNTER, GAUGE, HISTOGRAM, LOGS, UNTOLD

NAMED = """
gastown.bd.calls.total: status subcommand
gastown.bd.duration_ms: status subcommand
gastown.session.starts.total: status role
gastown.session.stops.total: status
gastown.agent.instantiations.total: agent_type role rig
gastown.agent.state_changes.total: status new_state
gastown.agent.events.total: session event_type role
gastown.prompt.sends.total: status
gastown.nudge.total: status
gastown.sling.dispatches.total: status
gastown.convoy.creates.total: status
gastown.polecat.spawns.total: status
gastown.polecat.removes.total: status
gastown.mol.squashes.total: status
gastown.mol.burns.total: status
gastown.pane.output.total: session
gastown.prime.total: status role hook_mode
gastown.mail.operations.total: status operation
gastown.done.total: status exit_type
gastown.formula.instantiations.total: status formula
gastown.mol.cooks.total: status formula
gastown.mol.wisps.total: status formula
gastown.bead.creates.total: mol_source
gastown.daemon.heartbeat.total:
gastown.daemon.restart.total: agent.type
gastown.daemon.agent_restarts.total: agent_type
gastown.dolt.connections:
gastown.dolt.max_connections:
gastown.dolt.query_latency_ms:
gastown.dolt.disk_usage_bytes:
gastown.dolt.healthy:
"""
RECORDS = """
agent.instantiate: instance town_root agent_type role agent_name session_id rig issue_id git_branch git_commit
session.start: session_id role
session.stop: session_id
prime: role hook_mode
prime.context: role hook_mode formula
prompt.send: session keys_len debounce_ms keys
bd.call: subcommand args duration_ms stdout stderr
mail: operation msg.id msg.from msg.to msg.subject msg.thread_id msg.priority msg.type msg.body
agent.state_change: agent_id new_state hook_bead
agent.event: session native_session_id agent_type event_type role content
agent.usage: session native_session_id agent_type input_tokens output_tokens cache_read_tokens cache_creation_tokens
sling: bead target
nudge: target
done: exit_type
polecat.spawn: name
polecat.remove: name
convoy.create: bead_id
formula.instantiate: formula_name bead_id
mol.cook: formula_name
mol.wisp: formula_name wisp_root_id bead_id
mol.squash: mol_id done_steps total_steps digest_created
mol.burn: mol_id children_closed
bead.create: bead_id parent_id mol_source
daemon.restart: agent_type
pane.output: session content
"""


def _rows(text: str) -> list[tuple[str, list[str]]]:
    return [(line.partition(":")[0], line.partition(":")[2].split()) for line in text.strip().splitlines()]


@pytest.mark.parametrize(("name", "attributes"), _rows(NAMED), ids=lambda one: one if isinstance(one, str) else "")
def test_each_metric_of_the_go_tools_is_in_the_table(name: str, attributes: list[str]) -> None:
    row = ALL_METRICS[name]
    assert [one.partition("=")[0] for one in row.attributes] == attributes
    kind = GAUGE if ".dolt." in name else HISTOGRAM if name.endswith("_ms") else COUNTER
    assert (row.kind, name.endswith(".total")) == (kind, kind == COUNTER)


@pytest.mark.parametrize(("name", "attributes"), _rows(RECORDS), ids=lambda one: one if isinstance(one, str) else "")
def test_each_record_of_the_go_tools_is_in_the_table(name: str, attributes: list[str]) -> None:
    row = ALL_LOGS[name]
    assert {*row.attributes, *(one for one, _ in row.opt_attributes)} == set(attributes)


def test_the_table_names_nothing_as_theirs_that_is_ours() -> None:
    assert [row.name for row in LOGS if row.name not in dict(_rows(RECORDS))] == []


def test_something_in_the_program_tells_each_record_but_those_that_say_so() -> None:
    root = Path(__file__).parents[3]
    files = [path for name in ("gastown_core", "gastown_cli") for path in (root / name).rglob("*.py")]
    text = "".join(path.read_text() for path in files if path.name != "metric_table.py")
    assert {kind for kind in ALL_LOGS if f'"{kind}"' not in text} == UNTOLD & set(ALL_LOGS)
