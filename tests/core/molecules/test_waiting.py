"""Patrols that sleep: woken by events and wake-ups, sleeping longer while nothing comes."""

from __future__ import annotations

import threading

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.errors import UsageError
from gastown_core.events.channels import emit
from gastown_core.events.log import append_event
from gastown_core.molecules.waiting import Patience, await_event, await_signal
from gastown_core.town.install import install_town

SOON = Patience(timeout_s=0.05)
LONG = Patience(timeout_s=20.0)


@pytest.fixture
def root(tmp_path):
    install_town(str(tmp_path / "gt"), git=False)
    return str(tmp_path / "gt")


@pytest.fixture
def agent(root):
    with TownLedger(root).store_for("hq-x").write("gt") as batch:
        return batch.create({"title": "deacon", "labels": ["gt:agent"]}, bead_id="hq-deacon-x").id


def test_time_runs_out_when_nothing_happens(root):
    waited = await_signal(root, SOON)
    assert (waited.reason, waited.found, waited.as_json()["effort_level"]) == ("timeout", (), "abbreviated")


def test_the_next_event_wakes(root):
    timer = threading.Timer(0.1, append_event, (root, "sling", "mayor", {"bead": "sh-1"}))
    timer.start()
    waited = await_signal(root, LONG)
    timer.join()
    assert (waited.reason, waited.as_json()["signal"]["type"]) == ("signal", "sling")


def test_what_happens_between_two_waits_is_not_missed_and_ones_own_acts_do_not_wake(root, agent):
    ledger = TownLedger(root)
    await_signal(root, SOON, ledger=ledger, agent_bead=agent, actor="deacon")
    append_event(root, "patrol_complete", "deacon", {})
    assert await_signal(root, SOON, ledger=ledger, agent_bead=agent, actor="deacon").reason == "timeout"
    append_event(root, "sling", "mayor", {})
    assert await_signal(root, SOON, ledger=ledger, agent_bead=agent, actor="deacon").reason == "signal"


def test_idle_waits_are_counted_on_the_agents_bead_and_grow(root, agent):
    ledger = TownLedger(root)
    patience = Patience(base_s=0.01, factor=2.0, most_s=0.03)
    assert [patience.span_s(idle) for idle in range(4)] == [0.01, 0.02, 0.03, 0.03]
    for idle in (1, 2):
        assert await_signal(root, patience, ledger=ledger, agent_bead=agent, actor="deacon").idle == idle
    labels = ledger.get(agent).labels
    assert "idle:2" in labels and "gt:agent" in labels and any(one.startswith("heartbeat:") for one in labels)
    append_event(root, "sling", "mayor", {})
    await_signal(root, patience, ledger=ledger, agent_bead=agent, actor="deacon")
    assert "idle:0" in ledger.get(agent).labels


def test_a_wait_that_was_cut_short_goes_on_to_its_old_end(root, agent):
    ledger = TownLedger(root)
    at = int(ledger.clock.now())
    with ledger.store_for(agent).write("gt") as batch:
        batch.update(agent, {"labels": ["idle:3", f"backoff-until:{at + 1}"]})
    waited = await_signal(root, Patience(base_s=60.0), ledger=ledger, agent_bead=agent, actor="deacon")
    assert waited.reason == "timeout" and waited.idle == 4


def test_wake_ups_that_lie_there_are_taken_oldest_first(root):
    for kind in ("one", "two"):
        emit(root, "refinery", kind, {"bead": "sh-1"})
    waited = await_event(root, "refinery", LONG, cleanup=True)
    assert [one["type"] for one in waited.found] == ["one", "two"]
    assert await_event(root, "refinery", SOON).reason == "timeout"


def test_a_wake_up_wakes(root):
    timer = threading.Timer(0.1, emit, (root, "refinery", "ready", {}))
    timer.start()
    waited = await_event(root, "refinery", LONG)
    timer.join()
    assert [one["type"] for one in waited.found] == ["ready"]


def test_a_bad_channel_or_agent_is_refused(root):
    with pytest.raises(UsageError):
        await_event(root, "no/way", SOON)
    with pytest.raises(UsageError, match="no agent bead"):
        await_signal(root, SOON, ledger=TownLedger(root), agent_bead="hq-nobody")
