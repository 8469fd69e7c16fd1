import os
import subprocess

import pytest

from gastown_core.errors import TmuxError
from gastown_core.tmux import sessions
from gastown_core.tmux.panes import capture_pane, find_pane, list_panes
from gastown_core.tmux.server import NoServerError, TargetMissingError, exact
from tests.support.tmux import dead_pane, pane_of, start_plain, until


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as handle:
            return handle.read().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def test_without_a_server_there_are_no_sessions_and_ending_one_is_fine(server):
    assert not server.is_running()
    assert list_panes(server) == {}
    assert find_pane(server, "gt-opal") is None
    assert sessions.kill_session(server, "gt-opal") is False
    assert not server.is_running()
    with pytest.raises(NoServerError):
        server.run("list-sessions")


def test_a_session_runs_its_words_without_a_shell_and_with_its_environment(server, tmp_path):
    words = ["a b", "$HOME", "`id`", "x;", "-n", "it's", 'say "hi"', ";"]
    code = "import os,sys,time; print(sys.argv[1:], os.environ['GT_X'], os.getcwd()); time.sleep(60)"
    pane = sessions.create_session(
        server, "gt-opal", str(tmp_path), {"GT_X": "v;a $l"}, ["python3", "-c", code, *words], watch_s=0.0
    )
    text = until(lambda: "".join(capture_pane(server, pane.pane_id)))
    assert repr(words) in text
    assert "v;a $l" in text
    assert str(tmp_path) in text
    assert pane.session == "gt-opal"
    assert server.run("show-environment", "-t", exact("gt-opal"), "GT_PANE_ID") == f"GT_PANE_ID={pane.pane_id}\n"


def test_a_second_session_of_the_name_is_refused_and_the_first_lives_on(server):
    pane = start_plain(server, "gt-opal")
    with pytest.raises(TmuxError, match="exists already"):
        start_plain(server, "gt-opal")
    assert pane_of(server, "gt-opal").pid == pane.pid


def test_a_program_that_fails_at_once_is_reported_with_its_words_and_leaves_no_session(server):
    with pytest.raises(TmuxError) as caught:
        sessions.create_session(server, "gt-opal", "/tmp", {}, ["sh", "-c", "echo no key found; sleep 0.05; exit 3"])
    assert "status 3" in caught.value.why
    assert "no key found" in caught.value.why
    assert find_pane(server, "gt-opal") is None


def test_what_cannot_start_is_said_before_anything_is_made(server):
    with pytest.raises(TmuxError, match="is no folder"):
        sessions.create_session(server, "gt-opal", "/no/such/folder", {}, ["cat"])
    with pytest.raises(TmuxError, match="not installed"):
        sessions.create_session(server, "gt-opal", "/tmp", {}, ["no-such-agent"])
    assert not server.is_running()


def test_an_agent_that_ends_stays_as_a_dead_pane_with_its_status(server):
    start_plain(server, "gt-opal", "sh", "-c", "sleep 0.1; exit 7")
    dead = dead_pane(server, "gt-opal")
    assert dead.dead_status == 7
    killed = start_plain(server, "gt-ruby", "sleep", "60")
    os.kill(killed.pid, 9)
    dead = dead_pane(server, "gt-ruby")
    assert dead.dead_status is None


def test_ending_a_session_never_touches_one_whose_name_begins_alike(server):
    start_plain(server, "gt-toast")
    other = start_plain(server, "gt-toaster")
    assert sessions.kill_session(server, "gt-toast") is True
    assert sessions.kill_session(server, "gt-toast") is False
    assert list(list_panes(server)) == ["gt-toaster"]
    assert alive(other.pid)
    dead = start_plain(server, "gt-toa", "true")
    until(lambda: pane_of(server, "gt-toa").dead, dead)
    assert sessions.kill_session(server, "gt-toa") is True
    assert list(list_panes(server)) == ["gt-toaster"]


def test_looking_at_a_missing_session_never_shows_one_whose_name_begins_alike(server):
    start_plain(server, "gt-toaster")
    assert find_pane(server, "gt-toast") is None
    assert not server.has_session("gt-toast")
    with pytest.raises(TargetMissingError):
        server.run("capture-pane", "-p", "-t", exact("gt-toast"))


def test_ending_a_session_ends_every_process_in_it_also_the_stubborn_and_the_reparented(server, tmp_path):
    script = (
        "trap '' TERM HUP; sh -c 'trap \"\" TERM HUP; echo $$ > stubborn; exec sleep 61' & "
        "(sh -c 'echo $$ > orphan; exec sleep 62' &) ; echo $$ > main; sleep 63"
    )
    start_plain(server, "gt-opal", "sh", "-c", script, cwd=str(tmp_path))
    names = ("stubborn", "orphan", "main")
    until(lambda: all((tmp_path / name).exists() and (tmp_path / name).read_text().strip() for name in names))
    pids = [int((tmp_path / name).read_text()) for name in names]
    assert all(alive(pid) for pid in pids)
    assert sessions.kill_session(server, "gt-opal", grace_s=0.2)
    until(lambda: not any(alive(pid) for pid in pids), "all processes are gone")


def test_an_idle_shell_ends_without_waiting_for_the_grace(server):
    pane = start_plain(server, "gt-opal", "bash", "--norc", "-i")
    until(lambda: "".join(capture_pane(server, pane.pane_id)))
    sessions.kill_session(server, "gt-opal", grace_s=30.0)
    assert not alive(pane.pid)


def test_respawn_puts_a_new_program_into_the_same_pane(server, tmp_path):
    old = start_plain(server, "gt-opal", "cat", GT_X="one")
    code = "import os,time; print(os.environ['GT_X']); time.sleep(60)"
    sessions.respawn(server, old.pane_id, {"GT_X": "two"}, ["python3", "-c", code], str(tmp_path))
    until(lambda: "two" in "".join(capture_pane(server, old.pane_id)))
    new = pane_of(server, "gt-opal")
    assert new.pane_id == old.pane_id
    assert new.pid != old.pid
    assert not alive(old.pid)


def test_respawn_revives_a_dead_pane(server):
    start_plain(server, "gt-opal", "sh", "-c", "sleep 0.1; false")
    dead = dead_pane(server, "gt-opal")
    sessions.respawn(server, dead.pane_id, {}, ["cat"], "/tmp")
    until(lambda: pane_of(server, "gt-opal").command == "cat")


def test_the_noted_pane_stands_for_its_session_when_a_person_splits_it(server):
    agent = start_plain(server, "gt-opal", "cat", GT_PROCESS_NAMES="cat,claude", GT_AGENT="claude")
    server.run("split-window", "-b", "-t", agent.pane_id, "sleep 60")
    pane = pane_of(server, "gt-opal")
    assert pane.pane_id == agent.pane_id
    assert (pane.agent, pane.process_names) == ("claude", ("cat", "claude"))
    assert list_panes(server)["gt-opal"].pane_id == agent.pane_id


def test_a_title_with_separators_does_not_break_the_list(server):
    pane = start_plain(server, "gt-opal")
    server.run("select-pane", "-t", pane.pane_id, "-T", "a | b, c ␟ d }")
    assert list_panes(server)["gt-opal"].title == "a | b, c ␟ d }"


def test_detach_leaves_the_agent_running_and_is_fine_without_clients(server):
    pane = start_plain(server, "hq-mayor")
    assert sessions.detach_clients(server, "hq-mayor") == 0
    client = subprocess.Popen(
        ["script", "-qfc", f"tmux -L {server.socket} attach -t =hq-mayor:", "/dev/null"],
        env={**os.environ, "TERM": "xterm"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    until(lambda: len(sessions.attached_clients(server, "hq-mayor")) == 1, "a client attaches")
    assert pane_of(server, "hq-mayor").attached == 1
    assert sessions.detach_clients(server, "hq-mayor") == 1
    client.communicate(timeout=10)
    assert pane_of(server, "hq-mayor").pid == pane.pid
    assert sessions.detach_clients(server, "no-such") == 0


def test_attach_switches_inside_the_same_server_and_leaves_another_one(server, monkeypatch):
    from gastown_core.tmux.socket import socket_path

    assert "attach-session" in sessions.attach_argv(server, "hq-mayor")
    monkeypatch.setenv("TMUX", "/tmp/other/default,1,0")
    assert sessions.attach_argv(server, "hq-mayor")[:3] == ["env", "-u", "TMUX"]
    monkeypatch.setenv("TMUX", f"{socket_path(server.socket)},1,0")
    assert sessions.attach_argv(server, "hq-mayor")[-2:] == ["-t", "=hq-mayor:"]
    assert "switch-client" in sessions.attach_argv(server, "hq-mayor")


def test_the_theme_is_set_on_its_session_only(server):
    start_plain(server, "gt-opal")
    start_plain(server, "gt-ruby")
    sessions.apply_theme(server, "gt-opal", role="polecat", label="opal", rig="shop")
    assert "opal" in server.run("show-options", "-t", exact("gt-opal"), "status-left")
    assert "opal" not in server.run("show-options", "-t", exact("gt-ruby"), "status-left")


def test_libtmux_can_be_loaded_where_stdout_has_no_encoding(server):
    code = (
        "import sys\n"
        "class Captured:\n    def write(self, text): pass\n    def flush(self): pass\n"
        "sys.stdout = Captured()\n"
        "from gastown_core.tmux.sessions import load_libtmux\n"
        "load_libtmux()\nassert isinstance(sys.stdout, Captured)\n"
    )
    import sys

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
