"""Who lives: sessions, agents that tmux does not list, and whether a session was started for the work on its hook."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from gastown_core.errors import ConflictError
from gastown_core.state.collect import collect
from gastown_core.tmux.panes import find_pane
from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import socket_path
from gastown_core.town import liveness, sessions, start_plan
from gastown_core.town.settings import set_setting
from gastown_core.work.scheduler.reclaim import release_dead
from tests.support.tmux import kill_session, start_plain, until


@pytest.fixture
def town(sessions_too):
    set_setting(sessions_too.root, "default_agent", "scripted")
    return sessions_too


@pytest.fixture
def worker(town):
    """A bead with a scripted polecat at work on it."""
    result = town.sling(town.file("Long work", labels=["mood:stall"]).id, session=True).result
    entry = town.entry(result.agent)
    until(lambda: liveness.lives(town.root, entry), "it lives")
    return town, result, entry


def state_of(town, entry):
    snapshot = collect(town.root)
    view = next(view for view in snapshot.agents if view.session == entry.session)
    return view.health.state, view.health.badges, " ".join(reason.text for reason in view.health.reasons)


def pid_of(town, entry):
    return find_pane(sessions.server_of(town.root), entry.session).pid


def test_an_agent_whose_socket_was_removed_lives_on(worker):
    town, result, entry = worker
    path = socket_path(sessions.server_of(town.root).socket)
    os.unlink(path)
    assert entry.session in liveness.live_sessions(town.root)
    os.unlink(path)
    assert release_dead(town.root, town.ledger, bead_ids=[result.bead]) == []
    shutil.rmtree(os.path.dirname(path))
    assert state_of(town, entry)[0] == "working"
    assert town.sling(result.bead, session=True).result.was_hooked


def test_an_agent_whose_session_was_renamed_lives_on(worker):
    town, result, entry = worker
    server = sessions.server_of(town.root)
    for look in (
        lambda: entry.session in liveness.live_sessions(town.root),
        lambda: release_dead(town.root, town.ledger, bead_ids=[result.bead]) == [],
        lambda: state_of(town, entry)[0] == "working",
        lambda: town.sling(result.bead, session=True).result.was_hooked,
        lambda: sessions.stop_agent(town.root, entry, caller="overseer"),
    ):
        server.run("rename-session", "-t", f"={entry.session}:", "mine")
        assert look()
    assert find_pane(server, entry.session) is None


def test_an_agent_that_tmux_no_longer_lists_is_found_by_its_identity_and_gets_no_second_one(worker):
    """Its window was moved into another session, and the old name is free."""
    town, result, entry = worker
    server, pid = sessions.server_of(town.root), pid_of(town, entry)
    server.run("new-session", "-d", "-s", "mine", "--", "sleep", "600")
    server.run("move-window", "-s", f"={entry.session}:", "-t", "=mine:")
    assert find_pane(server, entry.session) is None
    assert liveness.found_elsewhere(town.root)[entry.session] == pid
    assert release_dead(town.root, town.ledger, bead_ids=[result.bead]) == []
    assert town.sling(result.bead, session=True).result.was_hooked
    state, badges, why = state_of(town, entry)
    assert (state, "no session" in badges) == ("working", True)
    assert f"lives as process {pid}" in why
    with pytest.raises(ConflictError, match="already running"):
        sessions.start_agent(town.root, start_plan.plan_start(town.root, entry))
    with pytest.raises(ConflictError, match="already running"):
        sessions.stop_agent(town.root, entry, caller="overseer")
    os.kill(pid, signal.SIGKILL)
    until(lambda: entry.session not in liveness.found_elsewhere(town.root), "it has ended")
    assert release_dead(town.root, town.ledger, bead_ids=[result.bead]) == [result.bead]


def test_another_server_is_asked_of_no_agent_but_its_process_counts(worker, monkeypatch, tmp_path):
    """Whoever has another TMUX_TMPDIR sees no session at all."""
    town, result, entry = worker
    here, there = os.environ["TMUX_TMPDIR"], f"{os.environ['TMUX_TMPDIR']}/x"
    os.mkdir(there)
    monkeypatch.setenv("TMUX_TMPDIR", there)
    assert entry.session in liveness.live_sessions(town.root)
    assert release_dead(town.root, town.ledger, bead_ids=[result.bead]) == []
    monkeypatch.setenv("TMUX_TMPDIR", here)


def test_a_person_who_runs_an_agent_by_hand_in_a_workers_folder_keeps_the_place(town, server, tmp_path):
    slung = town.sling(town.file().id).result
    entry = town.entry(slung.agent)
    deep = os.path.join(entry.work_dir, "src")
    os.makedirs(deep, exist_ok=True)
    (tmp_path / "codex").symlink_to(str(shutil.which("sleep")))
    pane = start_plain(server, "mine", str(tmp_path / "codex"), "60", cwd=deep)
    until(lambda: liveness.found_elsewhere(town.root) == {entry.session: pane.pid}, "it is found")
    with pytest.raises(ConflictError, match="works in its folder"):
        sessions.start_agent(town.root, start_plan.plan_start(town.root, entry))


def test_a_leftover_without_a_terminal_keeps_no_place(town, server):
    """A server that an agent left running in the background is no agent."""
    slung = town.sling(town.file().id).result
    entry = town.entry(slung.agent)
    env = {"GT_SESSION": entry.session, "GT_TOWN_ROOT": town.root, "GT_PROCESS_NAMES": "sleep"}
    start_plain(server, "mine", "sh", "-c", "setsid sleep 61 & exec sleep 62", cwd=entry.work_dir, **env)
    until(lambda: entry.session in liveness.found_elsewhere(town.root), "it is found while it has a terminal")
    kill_session(server, "mine")
    until(lambda: liveness.found_elsewhere(town.root) == {}, "the rest of it is no agent")
    assert liveness.found_elsewhere(os.path.dirname(town.root)) == {}


def test_a_placeholder_that_was_never_set_up_is_dead_and_is_taken_up(town):
    entry = town.entry("shop/witness")
    server = sessions.server_of(town.root)
    server.run("new-session", "-d", "-s", entry.session, "--", "tail", "-f", "/dev/null")
    assert not liveness.lives(town.root, entry)
    assert liveness.live_sessions(town.root) == frozenset()
    pane = sessions.start_agent(town.root, start_plan.plan_start(town.root, entry))
    assert pane.agent == "scripted"
    until(lambda: liveness.lives(town.root, entry), "it lives")


def test_a_session_that_was_made_meanwhile_is_taken_up(town, monkeypatch):
    """A killed start may leave a call on its way that the server hears after the next start has looked."""
    from gastown_core.tmux import panes

    entry, looks, look = town.entry("shop/witness"), [], panes.find_pane

    def too_early(server, session):
        looks.append(session)
        if len(looks) > 1:
            return look(server, session)
        server.run("new-session", "-d", "-s", session, "--", "tail", "-f", "/dev/null")
        return None

    monkeypatch.setattr(panes, "find_pane", too_early)
    pane = sessions.start_agent(town.root, start_plan.plan_start(town.root, entry))
    assert pane.agent == "scripted" and len(looks) == 2


def test_a_session_that_another_tool_made_is_judged_by_its_environment(server, town):
    entry = town.entry("shop/witness")
    host = TmuxServer(sessions.server_of(town.root).socket)
    words = ["env", "GT_PROCESS_NAMES=sleep", "sh", "-c", "sleep 60; true"]
    host.run("new-session", "-d", "-s", entry.session, "--", *words)
    until(lambda: liveness.lives(town.root, entry), "its agent lives")
    host.run(
        "respawn-pane", "-k", "-t", f"={entry.session}:", "env", "GT_PROCESS_NAMES=claude", "sh", "-c", "cat; true"
    )
    until(lambda: not liveness.lives(town.root, entry), "what runs there is no agent")
