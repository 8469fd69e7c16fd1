"""The session of a refinery's agent is told apart from the engine that works under its address."""

from __future__ import annotations

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.events.log import append_event
from gastown_core.model.agent import Health
from gastown_core.model.snapshot import AgentView
from gastown_core.state.collect import collect
from gastown_core.tmux.server import TmuxServer
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.rigged import Rigged
from tests.support.tmux import kill_session, needs_tmux

pytestmark = needs_tmux


@pytest.fixture
def up(sessions_too: Rigged) -> Rigged:
    """A town whose mayor runs."""
    set_setting(sessions_too.root, "default_agent", "scripted")
    assert gt("mayor", "start", cwd=sessions_too.root).code == 0
    return sessions_too


def refinery(town: Rigged) -> AgentView:
    view = collect(town.root).agent("shop/refinery")
    assert view is not None
    return view


def merge(town: Rigged) -> None:
    append_event(town.root, "merged", "shop/refinery", {"branch": "polecat/opal/sh-1", "mr": "sh-mr1"})


def test_an_engine_that_merges_is_no_agent_that_died(up: Rigged) -> None:
    merge(up)
    assert refinery(up).health.state is Health.IDLE


def test_a_request_that_the_engine_has_claimed_is_not_on_the_agents_hook(up: Rigged) -> None:
    bead = up.file("a request", issue_type="merge-request")
    with up.ledger.store_for("sh-x").write("shop/refinery") as batch:
        batch.update(bead.id, {"status": "in_progress", "assignee": "shop/refinery"})
    # longer than an agent may take to start
    later = FixedClock(SYSTEM_CLOCK.now() + 60)
    view = collect(up.root, clock=later).agent("shop/refinery")
    assert view is not None
    assert (view.health.state, view.work) == (Health.IDLE, None)
    assert gt("session", "start", "shop/refinery", cwd=up.root).code == 0
    assert refinery(up).work is None


def test_one_that_was_started_and_is_gone_is_a_zombie(up: Rigged, server: TmuxServer) -> None:
    assert gt("session", "start", "shop/refinery", cwd=up.root).code == 0
    merge(up)
    kill_session(server_of_town(up), "sh-refinery")
    assert refinery(up).health.state is Health.ZOMBIE


def test_one_that_a_person_stopped_stays_stopped_while_the_engine_merges(up: Rigged) -> None:
    assert gt("session", "start", "shop/refinery", cwd=up.root).code == 0
    assert gt("session", "stop", "shop/refinery", cwd=up.root).code == 0
    merge(up)
    assert refinery(up).health.state is Health.IDLE


def server_of_town(town: Rigged) -> TmuxServer:
    from gastown_core.town.sessions import server_of

    return server_of(town.root)
