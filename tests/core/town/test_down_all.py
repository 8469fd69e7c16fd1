from __future__ import annotations

import glob
import os
import subprocess
import sys

import pytest

from gastown_core.process import FAMILY
from gastown_core.process_table import environment_of, lives, process_table
from gastown_core.tmux.control import ControlLink
from gastown_core.tmux.server import TmuxError
from gastown_core.tmux.socket import server_process, socket_name, socket_path
from gastown_core.town import daemon_note, lifecycle, remains, restoring, sessions
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.crew import add_crew
from gastown_core.town.inventory import read_inventory
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.tmux import needs_tmux, until

pytestmark = needs_tmux


@pytest.fixture
def town(sessions_too):
    """A town whose agents are scripted, on a private tmux server."""
    set_setting(sessions_too.root, "default_agent", "scripted")
    yield sessions_too
    gt("daemon", "stop", cwd=sessions_too.root)


def sleeper(root, **env):
    """A process in a session of its own that ends only by a signal."""
    code = "import signal, time; signal.signal(signal.SIGHUP, signal.SIG_IGN); time.sleep(600)"
    words = [sys.executable, "-c", code]
    started = subprocess.Popen(words, cwd=root, env={**os.environ, **env}, start_new_session=True)
    until(lambda: environment_of(started.pid).get("PATH"), "its environment is set")
    return started


def ours(root):
    """Every process of the machine that was started with this town in its environment, or in its folder by gt."""
    return [row.pid for row in process_table().values() if not row.is_gone and _mentions(row.pid, root)]


def _mentions(pid, root):
    return pid != os.getpid() and environment_of(pid).get("GT_TOWN_ROOT") == root


def test_down_all_leaves_no_process_socket_or_held_lock(town):
    assert gt("up", cwd=town.root).code == 0
    server = sessions.server_of(town.root)
    assert server_process(socket_name(town.root)) and daemon_note.is_running(town.root)
    server.run("new-session", "-d", "-s", "sh-gone", "sleep 600")
    server.run("set-option", "-t", "=sh-gone:", "@gt_session", "sh-gone")
    tool = sleeper(town.root, GT_TOWN_ROOT=town.root, GT_SESSION="sh-opal")
    orphan = sleeper(town.root, **{FAMILY: "999999999-ab"})
    mine = sleeper(town.root)
    try:
        assert tool.pid in ours(town.root)
        planned = gt("down", "--all", "--dry-run", cwd=town.root)
        assert planned.code == 0 and lives(tool.pid) and server_process(socket_name(town.root))
        done = gt("down", "--all", "--json", cwd=town.root)
        assert done.code == 0 and done.json["left"] == [], done.err
        assert {"daemon", "mayor", "session sh-gone", "tmux server"} <= set(done.json["stopped"])
        assert ours(town.root) == [] and remains.processes_of(town.root) == []
        assert not server_process(socket_name(town.root)) and not os.path.exists(socket_path(socket_name(town.root)))
        assert glob.glob(socket_path(socket_name(town.root)) + "*") == []
        assert not daemon_note.is_running(town.root)
        assert tool.wait(60) and orphan.wait(60) and mine.poll() is None, "a person's own process goes on"
    finally:
        for one in (tool, orphan, mine):
            one.kill()
            one.wait()
    again = gt("down", "--all", cwd=town.root)
    assert (again.code, again.out) == (0, "nothing was running\n")


def test_down_all_leaves_a_session_of_somebody_else_and_says_so(town):
    lifecycle.bring_up(town.root, sender="overseer")
    sessions.server_of(town.root).run("new-session", "-d", "-s", "mine", "cat")
    done = gt("down", "--all", cwd=town.root)
    assert done.code == 3 and "left: session mine is not the town's" in done.err
    assert sessions.server_of(town.root).has_session("mine")
    assert gt("down", "--all", "--keep-workers", cwd=town.root).code == 2


@pytest.mark.parametrize("words", [(), ("--all",)])
def test_an_open_console_does_not_keep_the_server_with_its_old_variables(town, words):
    lifecycle.bring_up(town.root, sender="overseer")
    server = sessions.server_of(town.root)
    old = server_process(server.socket)
    link = ControlLink(server)
    try:
        done = gt("down", *words, cwd=town.root)
        assert (done.code, done.err) == (0, "")
        until(lambda: not lives(old), "the server ends")
    finally:
        link.close()

    lifecycle.bring_up(town.root, sender="overseer")
    link = ControlLink(server)
    try:
        assert gt("down", "--keep-workers", cwd=town.root).code == 0
        server.run("new-session", "-d", "-s", "mine", "cat")
        assert gt("down", cwd=town.root).code == 0 and server.has_session("mine")
    finally:
        link.close()


def test_a_link_to_a_server_that_ends_just_now_begins_none(town, monkeypatch):
    server = sessions.server_of(town.root)
    monkeypatch.setattr(server, "is_running", lambda: True)
    with pytest.raises(TmuxError):
        ControlLink(server)
    assert not server_process(server.socket)


def test_restore_starts_workers_with_work_and_the_crew_that_settings_name(town):
    add_crew(town.root, "shop", "ana")
    add_crew(town.root, "shop", "bo")
    bead, paused = town.file(), town.file()
    worker = town.sling(bead.id, session=True).result.agent
    other = town.sling(paused.id, session=True).result.agent
    lifecycle.bring_down(town.root, caller="overseer")
    put_agent_bead(town.ledger, town.entry(other).address, "sh", agent_state="paused")
    inventory = read_inventory(town.root)
    assert restoring.to_restore(town.root, town.ledger, inventory) == {town.entry(worker).address: bead.id}
    set_setting(town.root, "crew.startup", "bo and cy", scope="rig", rig="shop")
    done = gt("up", "--restore", "--json", cwd=town.root)
    rows = {row["name"]: row for row in done.json["services"]}
    assert done.code == 0 and {worker, "shop/crew/bo", "mayor", "daemon"} <= set(rows)
    assert not {other, "shop/crew/ana"} & set(rows)
    assert town.ledger.get(bead.id).assignee and rows[worker]["ok"]
