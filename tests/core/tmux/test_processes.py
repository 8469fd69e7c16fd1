import os
import subprocess
import sys
import threading

import pytest

from gastown_core.process_table import is_running, read_process
from gastown_core.tmux import processes
from gastown_core.tmux.panes import list_panes
from gastown_core.tmux.processes import agents_alive, foreground_is, is_called, pane_processes
from tests.support.tmux import pane_of, screen, start_plain, until

NAMES = ("claude",)


def fake(tmp_path, name="claude", body="exec sleep 60"):
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def copy_of_sleep(tmp_path, name="claude"):
    path = tmp_path / name
    path.symlink_to(subprocess.check_output(["which", "sleep"], text=True).strip())
    return str(path)


def front(server, session, names=NAMES):
    pane = pane_of(server, session)
    return foreground_is(pane.pid, pane.command, names)


def test_an_agent_that_is_the_pane_s_program_is_in_front_and_alive(server, tmp_path):
    start_plain(server, "gt-opal", copy_of_sleep(tmp_path), "60")
    until(lambda: pane_of(server, "gt-opal").command == "claude")
    assert front(server, "gt-opal")
    assert agents_alive(list_panes(server).values(), {"gt-opal": NAMES}) == {"gt-opal": True}


def test_an_agent_started_from_a_shell_is_in_front_while_it_runs_and_not_after(server, tmp_path):
    agent = copy_of_sleep(tmp_path)
    pane = start_plain(server, "gt-opal", "bash", "--norc", "-i", PS1="$ ")
    until(lambda: "$" in screen(server, pane))
    assert not front(server, "gt-opal")
    server.run("send-keys", "-t", pane.pane_id, f"{agent} 60", "Enter")
    until(lambda: front(server, "gt-opal"), "the agent comes to the front")
    server.run("send-keys", "-t", pane.pane_id, "C-c")
    until(lambda: not front(server, "gt-opal"), "the shell is back in front")
    assert agents_alive(list_panes(server).values(), {"gt-opal": NAMES}) == {"gt-opal": False}


def test_an_agent_in_the_background_of_a_shell_lives_but_does_not_read(server, tmp_path):
    agent = copy_of_sleep(tmp_path)
    pane = start_plain(server, "gt-opal", "bash", "--norc", "-i", PS1="$ ")
    until(lambda: "$" in screen(server, pane))
    server.run("send-keys", "-t", pane.pane_id, f"{agent} 60 &", "Enter")
    until(lambda: agents_alive(list_panes(server).values(), {"gt-opal": NAMES})["gt-opal"], "it lives")
    assert not front(server, "gt-opal")


def test_a_wrapper_that_runs_the_agent_counts_as_the_agent(server, tmp_path):
    copy_of_sleep(tmp_path)
    start_plain(server, "gt-opal", "sh", "-c", f"{tmp_path}/claude 60; true")
    until(lambda: front(server, "gt-opal"), "the agent is in front")


def test_an_interpreter_is_known_by_what_it_runs(server, tmp_path):
    (tmp_path / "claude.py").write_text("import time; time.sleep(60)")
    start_plain(server, "gt-opal", sys.executable, str(tmp_path / "claude.py"))
    until(lambda: front(server, "gt-opal"))
    start_plain(server, "gt-ruby", sys.executable, "-c", "import time; time.sleep(60)")
    assert not front(server, "gt-ruby")


def test_the_names_noted_in_the_pane_win(server):
    start_plain(server, "gt-opal", "cat", GT_PROCESS_NAMES="cat")
    until(lambda: pane_of(server, "gt-opal").command == "cat")
    assert agents_alive(list_panes(server).values(), {"gt-opal": NAMES}) == {"gt-opal": True}


def test_a_session_without_names_lives_if_more_than_a_shell_or_a_placeholder_runs_in_it(server):
    for name, words in {
        "gt-left": ["tail", "-f", "/dev/null"],
        "gt-shell": ["sh", "-c", "while :; do read x; done"],
        "gt-agent": ["cat"],
        "gt-below": ["sh", "-c", "cat; true"],
    }.items():
        start_plain(server, name, *words)
    want = {"gt-left": False, "gt-shell": False, "gt-agent": True, "gt-below": True}
    until(lambda: agents_alive(list_panes(server).values(), {}) == want, "the judgement")


UNBORN = """
import os, sys, time
with open("/proc/self/comm", "w") as name:
    name.write("tmux: server")
while not os.path.exists(sys.argv[1]):
    time.sleep(0.005)
os.execvp("tail", ["tail", "-f", "/dev/null"])
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/comm"), reason="a process names itself in /proc")
def test_what_has_not_become_its_program_yet_is_waited_for(server, tmp_path):
    start_plain(server, "gt-new", sys.executable, "-c", UNBORN, str(tmp_path / "go"))
    pane = pane_of(server, "gt-new")
    until(lambda: read_process(pane.pid).name == "tmux: server", "it is called as a pane's process is before its exec")
    later = threading.Timer(0.1, (tmp_path / "go").touch)
    later.start()
    assert agents_alive([pane], {}) == {"gt-new": False}
    later.join()


def test_a_process_that_becomes_another_program_is_known_by_its_new_name(server, tmp_path):
    copy_of_sleep(tmp_path)
    start_plain(server, "gt-opal", "sh", "-c", f"sleep 0.3; exec {tmp_path}/claude 60")
    assert agents_alive(list_panes(server).values(), {"gt-opal": NAMES}) == {"gt-opal": False}
    until(lambda: agents_alive(list_panes(server).values(), {"gt-opal": NAMES})["gt-opal"], "it is the agent now")


@pytest.mark.parametrize("words", [[], ["python3", "parent.py"]])
def test_one_seen_during_its_exec_is_known_by_its_script_afterwards(tmp_path, monkeypatch, words):
    script = tmp_path / "claude"
    script.write_text("input()\n")
    child = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE)
    try:
        with monkeypatch.context() as early:
            early.setattr(processes, "words_of", lambda pid: words)
            assert not is_called(read_process(child.pid), frozenset(NAMES))
        until(lambda: is_called(read_process(child.pid), frozenset(NAMES)), "it has its own words")
    finally:
        child.communicate(b"\n")


def test_a_dead_pane_has_no_living_agent(server):
    start_plain(server, "gt-opal", "true", GT_PROCESS_NAMES="true")
    until(lambda: pane_of(server, "gt-opal").dead)
    assert agents_alive(list_panes(server).values(), {}) == {"gt-opal": False}


def test_a_process_is_told_from_another_with_its_number():
    own = read_process(os.getpid())
    assert own is not None
    assert is_running(own)
    assert not is_running(own._replace(started=own.started + 1))
    assert read_process(2**22 + 1) is None


def test_the_processes_of_a_pane_come_children_first(server):
    pane = start_plain(server, "gt-opal", "sh", "-c", "sh -c 'sleep 60; true'; true")
    # a fresh child bears its parent's name until it has become its program
    rows = until(lambda: len(found := pane_processes(pane.pid)) == 3 and found[0].name == "sleep" and found)
    assert [row.name for row in rows] == ["sleep", "sh", "sh"]
    assert rows[-1].pid == pane.pid
