"""Boot's triage: what a daemon in each condition needs, and that it gets it."""

from __future__ import annotations

import os
import signal

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.daemon import starting, triage
from gastown_core.daemon.triage import NOTHING, NUDGE, RESTART, START, decide, decide_deacon
from gastown_core.model.agent import Health
from gastown_core.model.daemon import DIED, FAILS, LATE, NEVER, RUNS, SILENT, STOPPED, DaemonView
from gastown_core.town import daemon_note as note
from tests.support.cli import gt
from tests.support.fake_town import NOW, agent
from tests.support.patience import until
from tests.support.rigged import Rigged


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (RUNS, NOTHING),
        (FAILS, NOTHING),
        (STOPPED, NOTHING),
        (NEVER, NOTHING),
        (DIED, START),
        (SILENT, RESTART),
        (LATE, RESTART),
    ],
)
def test_what_a_daemon_needs_in_each_condition(state: str, action: str) -> None:
    late = (("dispatch", "has not run", 900.0),) if state == LATE else ()
    assert decide(DaemonView(state, 7, 500.0, late=late), 1000.0).action == action


def test_one_that_is_silent_for_a_reason_that_no_restart_ends_is_left() -> None:
    verdict = decide(DaemonView(SILENT, 7, 500.0, why="the town's disk is full"), 1000.0)
    assert verdict.action == NOTHING and "disk is full" in verdict.why


def test_a_killed_daemon_is_started_again_and_a_stopped_one_is_left(rigged: Rigged) -> None:
    pid, _ = starting.start(rigged.root)
    try:
        os.kill(pid, signal.SIGKILL)
        until(lambda: not note.is_running(rigged.root), "the killed daemon still holds the lock")
        assert gt("boot", "triage", "--dry-run", "--json", cwd=rigged.root).json["last_action"] == START
        assert not note.is_running(rigged.root)
        done = gt("boot", "triage", "--json", cwd=rigged.root).json
        assert done["last_action"] == START and note.running_pid(rigged.root) == done["pid"] != pid
        assert rigged.events("patrol_acted")[0]["payload"]["order"] == START  # type: ignore[index]
        assert gt("boot", "triage", "--json", cwd=rigged.root).json["last_action"] == NOTHING
    finally:
        starting.stop(rigged.root)
    assert gt("boot", "triage", "--json", cwd=rigged.root).json["last_action"] == NOTHING
    assert not note.is_running(rigged.root)
    assert "last: nothing" in gt("boot", "status", cwd=rigged.root).out


def test_a_start_that_fails_is_told_and_kept(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    from gastown_core.errors import TownError

    def fails(root: str) -> tuple[int, bool]:
        raise TownError("the daemon did not start", "no space left")

    monkeypatch.setattr(triage.daemon_note, "view", lambda root, now: DaemonView(DIED, 0, now - 60))
    monkeypatch.setattr(triage.starting, "start", fails)
    done = triage.triage(rigged.root, actor="overseer", clock=SYSTEM_CLOCK)
    assert done["last_action"] == triage.ERROR and "did not start" in done["error"]
    assert triage.last_triage(rigged.root) == done


ALIVE = {"pane": "%2"}


@pytest.mark.parametrize(
    ("state", "quiet_s", "more", "has_work", "action"),
    [
        (Health.ZOMBIE, 0.0, ALIVE, True, RESTART),
        (Health.IDLE, 0.0, {}, True, START),  # it has no session
        (Health.IDLE, 240.0, ALIVE, True, NOTHING),
        (Health.IDLE, 360.0, ALIVE, True, NUDGE),
        (Health.IDLE, 360.0, ALIVE, False, NOTHING),  # it only sleeps
        (Health.IDLE, 1260.0, ALIVE, True, RESTART),
        (Health.IDLE, 1260.0, {**ALIVE, "attached": 1}, True, NUDGE),  # not under a person's eyes
    ],
)
def test_what_a_deacon_in_charge_needs(
    state: Health, quiet_s: float, more: dict[str, object], has_work: bool, action: str
) -> None:
    deacon = agent("deacon", state, last_output_at=NOW - quiet_s, reasons=(("killed", "process", 1),), **more)
    assert decide_deacon(deacon, town_up=True, has_work=has_work, now=NOW).action == action
    assert decide_deacon(deacon, town_up=False, has_work=has_work, now=NOW).action == NOTHING
    # the daemon has the role
    assert decide_deacon(None, town_up=True, has_work=has_work, now=NOW).action == NOTHING


def test_boots_agent_is_started_once_shown_and_ended(sessions_too: Rigged) -> None:
    rigged = sessions_too
    assert gt("config", "set", "default_agent", "scripted", cwd=rigged.root).code == 0
    first = gt("boot", "spawn", "--json", cwd=rigged.root)
    assert first.code == 0, first.err
    assert (first.json["started"], first.json["session"]) == (True, "hq-boot")
    again = gt("boot", "start", "--json", cwd=rigged.root).json
    assert (again["started"], again["pid"]) == (False, first.json["pid"])
    assert gt("boot", "status", "--json", cwd=rigged.root).json["session_alive"] is True
    assert gt("boot", "stop", "--json", cwd=rigged.root).json["stopped"] is True
    assert gt("boot", "status", "--json", cwd=rigged.root).json["session_alive"] is False
    assert gt("boot", "stop", cwd=rigged.root).out.strip() == "boot's session was not running"
