"""``gt deacon``: its pause, and what it does by hand."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.daemon.duties import duties_of
from gastown_core.daemon.duty import Duty
from gastown_core.patrols import deacon_acts
from gastown_core.patrols.deacon_acts import PING, check_health, unanswered
from gastown_core.patrols.memory import read_memory
from gastown_core.town.daemon_note import view
from gastown_core.town.deacon_pause import pause_path, read_pause
from gastown_core.town.sessions import start_agent
from gastown_core.town.start_plan import plan_start
from tests.core.daemon.test_daemon import Living
from tests.support.cli import gt
from tests.support.patience import until
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux


def test_a_paused_deacon_does_nothing_and_says_so(rigged: Rigged) -> None:
    root = rigged.root
    assert gt("deacon", "pause", "-r", "migration", cwd=root).code == 0
    again = gt("deacon", "pause", "-r", "other", "--json", cwd=root).json
    assert (again["changed"], again["reason"]) == (False, "migration"), "who paused first is kept"
    assert "migration" in gt("incident", "list", cwd=root).out
    assert "migration" in gt("patrol", "list", cwd=root).out
    assert gt("deacon", "status", "--json", cwd=root).json["paused"] is True
    refused = gt("deacon", "heartbeat", "on patrol", cwd=root)
    assert refused.code == 1 and "gt deacon resume" in refused.err

    runs: list[str] = []
    deacon = next(one for one in duties_of(root) if one.name == "deacon")
    watched = Duty("deacon", lambda _: runs.append("looked") or "", (), 0.02, 0.01, rests=True, paused=deacon.paused)
    with Living(root, watched) as living:
        told = living.daemon.attendants["deacon"].told
        until(lambda: told["runs"] >= 3, "the duty did not come by")
        assert runs == [] and "migration" in told["paused"]
        assert gt("deacon", "resume", "--json", cwd=root).json == {"paused": False, "changed": True}
        until(lambda: runs, "it did not go on")
        until(lambda: not told["paused"], "it says that it is paused for ever")
    assert sum("migration" in line for line in living.said) == 1, "a pause is told once in the log, not at each look"
    assert [one["type"] for one in rigged.events("deacon_paused", "deacon_resumed")] == [
        "deacon_paused",
        "deacon_resumed",
    ]
    assert gt("deacon", "resume", "--json", cwd=root).json["changed"] is False


def test_the_daemon_s_state_tells_of_the_pause(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    now = SYSTEM_CLOCK.now()
    state = {
        "pid": 7,
        "running": True,
        "last_heartbeat": now,
        "duties": {"deacon": {"paused": "paused by me", "every_s": 15.0}},
    }
    monkeypatch.setattr("gastown_core.town.daemon_note.running_pid", lambda _: 7)
    found = view(rigged.root, now, state)
    assert found.paused == (("deacon", "paused by me"),) and "deacon is paused by me" in found.words(now)


@pytest.mark.parametrize(("text", "is_paused"), [("{", True), ('{"paused": false}', False), ('{"paused": true}', True)])
def test_the_file_is_the_pause(rigged: Rigged, text: str, is_paused: bool) -> None:
    path = Path(pause_path(rigged.root))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert (read_pause(rigged.root) is not None) is is_paused


@needs_tmux
def test_an_agent_is_asked_only_if_it_shows_nothing(sessions_too: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    root, mayor = sessions_too.root, sessions_too.entry("mayor")
    told = gt("deacon", "health-check", "mayor", "--json", cwd=root)
    assert (told.code, told.json["state"]) == (0, "not running")

    start_agent(root, plan_start(root, mayor, agent="scripted"))
    asked: list[str] = []
    monkeypatch.setattr(deacon_acts, "nudge", lambda *_, **__: asked.append("asked") or iter(()))
    options = {"failures": 2, "cooldown_s": 0.0, "actor": "overseer"}
    assert check_health(root, mayor, timeout_s=3600.0, **options).state == "responded"
    assert asked == [], "one that shows life is not disturbed"

    with monkeypatch.context() as hung:
        hung.setattr(deacon_acts, "_last_sign", lambda *_: 1.0)
        first, second = (check_health(root, mayor, timeout_s=0.0, **options) for _ in range(2))
    assert (first.state, first.failures, first.should_end) == ("silent", 1, False)
    assert (second.failures, second.should_end, asked) == (2, True, ["asked", "asked"])
    shown = gt("deacon", "health-state", "--json", cwd=root).json
    assert [(one["agent_id"], one["consecutive_failures"]) for one in shown] == [("mayor", 2)]

    assert check_health(root, mayor, timeout_s=3600.0, **options).state == "responded"
    memory = read_memory(root, SYSTEM_CLOCK.now())
    assert unanswered(memory, "mayor", SYSTEM_CLOCK.now()) == 0 and memory.acts[-1].order == PING


@needs_tmux
def test_a_scan_names_the_dead_and_changes_nothing(sessions_too: Rigged) -> None:
    root, mayor = sessions_too.root, sessions_too.entry("mayor")
    assert gt("deacon", "zombie-scan", cwd=root).out.strip() == "no dead agent"
    pane = start_agent(root, plan_start(root, mayor, agent="scripted"))
    os.kill(pane.pid, signal.SIGKILL)

    def named() -> list[dict[str, str]]:
        found: list[dict[str, str]] = gt("deacon", "zombie-scan", "--dry-run", "--json", cwd=root).json
        return found

    until(named, "nobody is named as dead")
    assert [(one["agent"], one["session"]) for one in named()] == [("mayor", "hq-mayor")]
    assert "gt session restart" in gt("deacon", "zombie-scan", cwd=root).out
    assert gt("deacon", "cleanup-orphans", "--dry-run", cwd=root).out.strip() == "no orphaned process"


@needs_tmux
def test_hooks_of_the_dead_are_released_and_those_of_persons_stay(sessions_too: Rigged) -> None:
    rigged, root = sessions_too, sessions_too.root
    dead = rigged.sling(rigged.file("dead").id).result
    mine = rigged.file("mine", status="in_progress", assignee="alice")
    gone = rigged.file("gone", status="hooked", assignee="shop/polecats/nobody")
    young = gt("deacon", "stale-hooks", "--dry-run", "--json", cwd=root).json
    assert {one["bead"]: bool(one["kept"]) for one in young} == {dead.bead: False, gone.id: True}

    done = gt("deacon", "stale-hooks", "--max-age", "0s", "--json", cwd=root).json
    assert {one["bead"] for one in done if one["released"]} >= {gone.id}
    assert rigged.bead(gone.id).status == "open" and rigged.bead(mine.id).status == "in_progress"
    assert rigged.bead(mine.id).assignee == "alice"


@needs_tmux
def test_a_bead_that_came_back_is_slung_a_few_times_and_then_a_person_is_told(sessions_too: Rigged) -> None:
    rigged, root = sessions_too, sessions_too.root
    Path(root, "settings", "config.json").write_text(json.dumps({"default_agent": "scripted"}))
    bead = rigged.file("comes back").id
    first = gt("deacon", "redispatch", bead, "--json", cwd=root)
    assert (first.code, first.json["action"]) == (0, "slung"), first.err
    assert gt("deacon", "redispatch", bead, "--cooldown", "1h", cwd=root).code == 2
    busy = gt("deacon", "redispatch", bead, "--cooldown", "0s", "--json", cwd=root)
    assert (busy.code, busy.json["action"]) == (3, "not open")
    up = gt("deacon", "redispatch", bead, "--cooldown", "0s", "--max-attempts", "1", "--json", cwd=root)
    assert (up.code, up.json["action"]) == (0, "given up")
    assert gt("deacon", "redispatch", bead, "--cooldown", "0s", "--json", cwd=root).json["action"] == "already given up"
    told = gt("escalate", "list", "--json", cwd=root).json
    assert sum(bead in one["title"] for one in told) == 1
    assert gt("deacon", "redispatch-state", "--json", cwd=root).json[0]["id"] == bead


def test_a_stranded_convoy_is_fed_once_in_its_cooldown(rigged: Rigged) -> None:
    root = rigged.root
    assert gt("deacon", "feed-stranded", cwd=root).out.strip() == "no stranded convoy"
    assert gt("config", "set", "convoy.feed_grace", "0s", cwd=root).code == 0
    bead = rigged.file("ready").id
    convoy = gt("convoy", "create", "Feed me", bead, "--json", cwd=root).json["id"]
    none = gt("deacon", "feed-stranded", "--max-feeds", "0", "--json", cwd=root).json
    assert (none["skipped"], none["details"][0]["convoy_id"]) == (1, convoy)
    first = gt("deacon", "feed-stranded", "--json", cwd=root).json
    assert first["skipped"] == 0 and first["details"][0]["action"] != "skipped"
    again = gt("deacon", "feed-stranded", "--json", cwd=root).json
    assert [one["action"] for one in again["details"]] in (["skipped"], []), "fed a moment ago, or at work by now"
    shown = gt("deacon", "feed-stranded-state", "--json", cwd=root).json
    assert [(one["id"], one["attempts"]) for one in shown] == [(convoy, 1)]
