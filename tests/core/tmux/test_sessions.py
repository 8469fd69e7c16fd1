import os
import shutil
import signal
import subprocess

import pytest

from gastown_core.errors import TmuxError
from gastown_core.tmux import sessions
from gastown_core.tmux.clients import show_message
from gastown_core.tmux.control import ControlLink
from gastown_core.tmux.panes import capture_pane, find_pane, list_panes, read_pane
from gastown_core.tmux.server import NoServerError, TargetMissingError, exact, tmux_failure
from gastown_core.tmux.socket import server_process, socket_path
from gastown_core.tmux.theme import status_options
from tests.support.tmux import dead_pane, kill_session, pane_of, start_plain, until


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
    # the folder is written last
    text = until(lambda: (t := "".join(capture_pane(server, pane.pane_id))) and str(tmp_path) in t and t)
    assert repr(words) in text
    assert "v;a $l" in text
    assert pane.session == "gt-opal"
    assert server.run("show-environment", "-t", exact("gt-opal"), "GT_PANE_ID") == f"GT_PANE_ID={pane.pane_id}\n"


def test_a_second_session_of_the_name_is_refused_and_the_first_lives_on(server):
    pane = start_plain(server, "gt-opal")
    with pytest.raises(TmuxError, match="already exists"):
        start_plain(server, "gt-opal")
    assert pane_of(server, "gt-opal").pid == pane.pid


def test_a_program_that_fails_at_once_is_reported_with_its_words_and_leaves_no_session(server):
    with pytest.raises(TmuxError) as caught:
        sessions.create_session(server, "gt-opal", "/tmp", {}, ["sh", "-c", "echo no key found; sleep 0.05; exit 3"])
    assert "status 3" in caught.value.why
    assert "no key found" in caught.value.why
    assert find_pane(server, "gt-opal") is None


def test_what_cannot_start_is_said_before_anything_is_made(server):
    with pytest.raises(TmuxError, match="is not a folder"):
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
    sessions.respawn(server, old, {"GT_X": "two"}, ["python3", "-c", code], str(tmp_path))
    until(lambda: "two" in "".join(capture_pane(server, old.pane_id)))
    new = pane_of(server, "gt-opal")
    assert new.pane_id == old.pane_id
    assert new.pid != old.pid
    assert not alive(old.pid)


def test_respawn_revives_a_dead_pane(server):
    start_plain(server, "gt-opal", "sh", "-c", "sleep 0.1; false")
    dead = dead_pane(server, "gt-opal")
    sessions.respawn(server, dead, {}, ["cat"], "/tmp")
    until(lambda: pane_of(server, "gt-opal").command == "cat")


def test_the_noted_pane_stands_for_its_session_when_a_person_splits_it(server):
    agent = start_plain(server, "gt-opal", "cat", GT_PROCESS_NAMES="cat,claude", GT_AGENT="claude")
    server.run("split-window", "-b", "-t", agent.pane_id, "sleep 60")
    pane = pane_of(server, "gt-opal")
    assert pane.pane_id == agent.pane_id
    assert (pane.agent, pane.process_names) == ("claude", ("cat", "claude"))
    assert pane.runtime == "claude"
    assert list_panes(server)["gt-opal"].pane_id == agent.pane_id


def test_the_pane_of_an_alias_tells_what_runs_in_it(server):
    pane = start_plain(server, "gt-opal", "cat", GT_PROCESS_NAMES="cat", GT_AGENT="quick", GT_RUNTIME="codex")
    assert (pane_of(server, "gt-opal").agent, pane_of(server, "gt-opal").runtime) == ("quick", "codex")
    assert read_pane(server, pane.pane_id).runtime == "codex"


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
    client.communicate(timeout=60)
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


def test_options_are_set_on_their_session_only(server):
    start_plain(server, "gt-ruby")
    sessions.create_session(
        server, "gt-opal", "/tmp", {}, ["cat"], options=status_options("polecat", "opal", "shop"), watch_s=0.0
    )
    assert "opal" in server.run("show-options", "-t", exact("gt-opal"), "status-left")
    assert "opal" not in server.run("show-options", "-t", exact("gt-ruby"), "status-left")


def test_a_session_that_fails_half_way_is_taken_back_and_another_of_its_name_is_not(server):
    start_plain(server, "gt-ruby")
    with pytest.raises(TmuxError, match="refused"):
        sessions.create_session(server, "gt-opal", "/tmp", {}, ["cat"], options={"no-such-option": "x"}, watch_s=0.0)
    assert list(list_panes(server)) == ["gt-ruby"]
    pane = pane_of(server, "gt-ruby")
    with pytest.raises(TmuxError, match="already exists"):
        sessions.create_session(server, "gt-ruby", "/tmp", {}, ["cat"], options={"no-such-option": "x"}, watch_s=0.0)
    assert pane_of(server, "gt-ruby").pid == pane.pid


def test_a_session_is_whole_or_not_there_whenever_its_maker_is_killed(server, tmp_path, monkeypatch):
    """The one call that makes it is seen by the server whole: the program never runs without its notes."""
    calls = tmp_path / "calls"
    real = shutil.which("tmux")
    (tmp_path / "tmux").write_text(f'#!/bin/sh\necho "$@" | grep -c new-session >> {calls}\nexec {real} "$@"\n')
    (tmp_path / "tmux").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sessions.create_session(server, "gt-opal", "/tmp", {"GT_PROCESS_NAMES": "cat"}, ["cat"], watch_s=0.0)
    made = [line for line in calls.read_text().split() if line == "1"]
    assert len(made) == 1
    pane = pane_of(server, "gt-opal")
    assert (pane.command in ("cat", "tail"), pane.process_names) == (True, ("cat",))


PERSONS = """
set -s exit-unattached on
set -g destroy-unattached on
set -g default-size 1x1
set -g window-size manual
set -g prefix C-a
set -g default-command false
set -g default-shell /bin/false
set -g remain-on-exit on
set -g base-index 7
set -g pane-base-index 3
set-hook -g session-created kill-session
set-hook -g after-new-session kill-server
set-hook -g pane-died kill-pane
set-hook -g after-set-option kill-server
"""


def test_no_configuration_of_a_person_stops_a_start_and_their_keys_stay(server):
    with open(os.path.join(os.environ["HOME"], ".tmux.conf"), "w") as handle:
        handle.write(PERSONS)
    start_plain(server, "gt-opal")
    start_plain(server, "gt-ruby", "sh", "-c", "sleep 0.2; exit 3")
    assert dead_pane(server, "gt-ruby").dead_status == 3
    pane = pane_of(server, "gt-opal")
    assert (pane.width, pane.dead) == (200, False)
    assert server.run("show-options", "-g", "prefix") == "prefix C-a\n"
    with ControlLink(server) as link:
        assert set(link.panes()) == {"gt-opal", "gt-ruby"}
    until(lambda: not [n for n in server.run("list-sessions", "-F", "#S").split() if n.startswith("_gt-")], "it ends")


def test_a_server_whose_owner_read_such_a_configuration_later_still_takes_sessions(server):
    start_plain(server, "gt-opal")
    path = os.path.join(os.environ["HOME"], "theirs.conf")
    with open(path, "w") as handle:
        handle.write(
            "set -g destroy-unattached on\nset-hook -g session-created kill-session\nset -g window-size manual\n"
        )
    server.run("source-file", path)
    start_plain(server, "gt-ruby")
    assert set(list_panes(server)) == {"gt-opal", "gt-ruby"}


def test_a_session_is_as_another_client_library_sees_it(server):
    import libtmux

    start_plain(server, "gt-opal", "cat", GT_X="one", GT_AGENT="claude", GT_PROCESS_NAMES="cat")
    (session,) = libtmux.Server(socket_name=server.socket).sessions
    assert (session.session_name, session.show_environment()["GT_X"]) == ("gt-opal", "one")
    assert session.active_pane is not None and session.active_pane.pane_start_command == "env cat"


def test_a_person_says_which_configuration_is_kept(server, monkeypatch):
    home = os.environ["HOME"]
    for name, key in (".tmux.conf", "C-a"), ("mine.conf", "C-x"):
        with open(os.path.join(home, name), "w") as handle:
            handle.write(f"set -g prefix {key}\n")
    monkeypatch.setenv("GT_TMUX_CONF", os.path.join(home, "mine.conf"))
    start_plain(server, "gt-opal")
    assert server.run("show-options", "-g", "prefix") == "prefix C-x\n"


def test_a_server_whose_socket_was_removed_is_called_back_and_no_second_one_is_started(server):
    pane = start_plain(server, "gt-opal")
    pid = server.pid()
    shutil.rmtree(os.path.dirname(socket_path(server.socket)))
    assert server_process(server.socket) == pid
    assert pane_of(server, "gt-opal").pid == pane.pid
    os.unlink(socket_path(server.socket))
    start_plain(server, "gt-ruby")
    assert server.pid() == pid
    assert set(list_panes(server)) == {"gt-opal", "gt-ruby"}
    os.unlink(socket_path(server.socket))
    assert server.is_running()


def test_a_server_that_lives_and_does_not_answer_is_an_error_and_not_an_empty_town(server, monkeypatch):
    from gastown_core.tmux import socket as socket_room

    start_plain(server, "gt-opal")
    pid = server.pid()
    monkeypatch.setattr(socket_room, "CALL_BACK_S", 0.1)
    os.unlink(socket_path(server.socket))
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TmuxError, match="does not answer") as caught:
            list_panes(server)
        assert not isinstance(caught.value, NoServerError)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert list(list_panes(server)) == ["gt-opal"]


@pytest.mark.parametrize(
    ("words", "is_gone"),
    [
        ("no server running on /tmp/x", True),
        ("error connecting to /tmp/x (No such file or directory)", True),
        ("error connecting to /tmp/x (Connection refused)", True),
        ("server exited unexpectedly", True),
        ("error connecting to /tmp/x (Permission denied)", False),
        ("error connecting to /tmp/x (File name too long)", False),
        ("access not allowed", False),
    ],
)
def test_only_words_that_mean_it_say_that_there_is_no_server(words, is_gone):
    assert isinstance(tmux_failure("list-panes", words), NoServerError) is is_gone


@pytest.mark.parametrize("words", ["can't find session: x", "no current target", "no such session: x"])
def test_a_target_that_is_not_there_is_told_from_a_server_that_is_not(words):
    assert isinstance(tmux_failure("list-panes", words), TargetMissingError)


def test_a_session_that_somebody_renamed_is_found_gets_its_name_back_and_can_be_ended(server):
    pane = start_plain(server, "gt-opal")
    server.run("rename-session", "-t", exact("gt-opal"), "mine")
    assert pane_of(server, "gt-opal").pid == pane.pid
    assert server.has_session("gt-opal")
    server.run("rename-session", "-t", exact("gt-opal"), "mine")
    assert list(list_panes(server)) == ["gt-opal"]
    server.run("rename-session", "-t", exact("gt-opal"), "mine")
    assert sessions.kill_session(server, "gt-opal") is True
    assert list_panes(server) == {}


def test_a_server_whose_last_session_ended_has_no_sessions_as_long_as_it_still_answers(server):
    """It answers for a moment longer; here it stays, so that the moment does not pass."""
    start_plain(server, "gt-opal")
    server.run("set-option", "-s", "exit-empty", "off")
    assert sessions.kill_session(server, "gt-opal") is True
    assert server.is_running()
    assert list_panes(server) == {}
    assert find_pane(server, "gt-opal") is None
    assert sessions.kill_session(server, "gt-opal") is False
    assert show_message(server, "hello") == 0


def tmux_that_first(tmp_path, monkeypatch, command, says):
    """A tmux that answers the first call with ``command`` among its words by ``says`` and failure; returns the calls' file."""
    calls, real = tmp_path / "calls", shutil.which("tmux")
    test = f'case " $* " in *" {command} "*) echo x >> {calls}; [ "$(wc -l < {calls})" != 1 ] || {{ echo "{says}" >&2; exit 1; }};; esac'
    (tmp_path / "tmux").write_text(f'#!/bin/sh\n{test}\nexec {real} "$@"\n')
    (tmp_path / "tmux").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return calls


def test_a_session_that_meets_a_server_just_ending_starts_on_the_next(server, tmp_path, monkeypatch):
    calls = tmux_that_first(tmp_path, monkeypatch, "new-session", "server exited unexpectedly")
    pane = start_plain(server, "gt-opal")
    assert calls.read_text() == "x\nx\n"
    assert pane_of(server, "gt-opal").pid == pane.pid


def test_a_session_can_be_made_anew_at_once_after_the_last_one_ended(server):
    for _ in range(10):
        start_plain(server, "gt-opal")
        kill_session(server, "gt-opal")


def test_a_server_that_never_comes_is_told(server, tmp_path, monkeypatch):
    (tmp_path / "tmux").write_text("#!/bin/sh\necho server exited unexpectedly >&2\nexit 1\n")
    (tmp_path / "tmux").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(sessions, "LEAVING_S", 0.1)
    with pytest.raises(NoServerError, match="no tmux server"):
        start_plain(server, "gt-opal")


def test_a_name_that_could_not_be_given_back_is_told_and_the_rest_is_listed(server, tmp_path, monkeypatch):
    start_plain(server, "gt-opal")
    start_plain(server, "gt-ruby")
    server.run("rename-session", "-t", exact("gt-opal"), "mine")
    tmux_that_first(tmp_path, monkeypatch, "rename-session", "out of memory")
    assert {name: pane.renamed for name, pane in list_panes(server).items()} == {"gt-opal": "mine", "gt-ruby": ""}
    assert not server.has_session("gt-opal")
    assert {name: pane.renamed for name, pane in list_panes(server).items()} == {"gt-opal": "", "gt-ruby": ""}
    assert server.has_session("gt-opal")


def test_a_server_that_ends_while_it_is_called_back_is_no_server(server, monkeypatch):
    start_plain(server, "gt-opal")
    pid = server.pid()
    os.unlink(socket_path(server.socket))
    real = os.kill

    def ends(told, number):
        real(told, signal.SIGKILL if number == signal.SIGUSR1 else number)

    monkeypatch.setattr(os, "kill", ends)
    assert server.is_running() is False
    assert not alive(pid)


def test_who_bears_a_name_comes_before_who_once_had_it(server):
    start_plain(server, "gt-opal")
    server.run("rename-session", "-t", exact("gt-opal"), "mine")
    server.run("new-session", "-d", "-s", "gt-opal", "--", "sleep", "60")
    # until the program is there, tmux names its own fork
    until(lambda: pane_of(server, "gt-opal").command == "sleep")


def test_what_a_session_was_started_for_is_noted(server):
    start_plain(server, "gt-plain")
    for name, orders in ("gt-none", []), ("gt-two", ["gt-two/a1", "gt-two/b2"]):
        sessions.create_session(server, name, "/tmp", {}, ["cat"], orders=orders, watch_s=0.0)
    noted = {name: pane.orders for name, pane in list_panes(server).items()}
    assert noted == {"gt-plain": None, "gt-none": (), "gt-two": ("gt-two/a1", "gt-two/b2")}
    sessions.respawn(server, pane_of(server, "gt-two"), {}, ["cat"], "/tmp", orders=["gt-two/c3"])
    assert pane_of(server, "gt-two").orders == ("gt-two/c3",)
