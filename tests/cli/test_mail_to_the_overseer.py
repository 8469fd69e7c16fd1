"""Mail to the person: seen at once in an attached terminal, shown literally, and kept in the inbox."""

from __future__ import annotations

from gastown_core.tmux.panes import capture_pane, find_pane
from gastown_core.tmux.sessions import create_session
from gastown_core.town import sessions, start_plan
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.tmux import needs_tmux, until

ODD = "'; touch owned; ' #(touch owned) $(touch owned) #{pane_pid} 50%"


def send(rigged, **env):
    return gt("mail", "send", "overseer", "-s", ODD, "-m", "x", cwd=rigged.root, GT_ROLE="mayor", **env)


@needs_tmux
def test_an_attached_terminal_shows_the_line_literally(rigged, server):
    set_setting(rigged.root, "default_agent", "scripted")
    town = sessions.server_of(rigged.root)
    try:
        entry = rigged.entry("mayor")
        sessions.start_agent(rigged.root, start_plan.plan_start(rigged.root, entry))
        attach = ["env", "-u", "TMUX", *town.argv, "attach-session", "-t", "=hq-mayor:"]
        create_session(server, "outer", "/tmp", {}, attach, watch_s=0.0)
        outer = find_pane(server, "outer")
        until(lambda: "1" in town.run("list-clients", "-F", "1"), "somebody is attached")
        assert send(rigged).code == 0
        wanted = f"Mail from mayor/: {ODD} (gt mail inbox)"
        until(lambda: any(wanted in line for line in capture_pane(server, outer.pane_id)), "the terminal shows it")
    finally:
        town.kill_server()
    (message,) = gt("mail", "inbox", "--json", cwd=rigged.root).json
    assert message["subject"] == ODD


def test_without_a_terminal_the_message_waits_and_nothing_is_started(rigged, server):
    done = send(rigged)
    assert (done.code, done.err) == (0, "")
    assert not sessions.server_of(rigged.root).is_running()
    assert [one["subject"] for one in gt("mail", "inbox", "--json", cwd=rigged.root).json] == [ODD]
