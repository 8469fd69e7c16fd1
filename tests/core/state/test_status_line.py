"""The words of the status lines, and tmux showing them without a process."""

from __future__ import annotations

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.daemon.duties import write_status_lines
from gastown_core.daemon.duty import Shift
from gastown_core.patrols.lookout import close_all
from gastown_core.state.status_line import status_words
from gastown_core.tmux import status_line
from gastown_core.tmux.panes import capture_pane, find_pane
from gastown_core.tmux.sessions import create_session
from gastown_core.tmux.theme import status_options
from gastown_core.town import sessions, start_plan
from gastown_core.town.settings import set_setting
from tests.support.tmux import kill_session, start_plain, until
from tests.support.world import World


def right(server, session):
    """What tmux shows on the right of that session's status line."""
    return server.run("display-message", "-p", "-t", f"={session}:", "#{T:status-right}").strip()


def test_each_role_sees_what_concerns_it():
    w = World()
    w.start("shop/witness")
    w.give("gt-1", "opal")
    w.hand_in("gt-2")
    w.hand_in("gt-3")
    words = status_words(w.town())
    assert words["gt-opal"] == "🪝 gt-1 Title of gt-1"
    assert words["hq-mayor"] == "1 working · 2 to merge"
    assert words["gt-witness"] == "1 working"
    assert "gt-ruby" not in words, "an agent without a session has no status line"


def test_a_problem_and_the_emergency_stop_stand_first():
    w = World()
    w.give("gt-1", "opal")
    w.beat("shop/polecats/opal", "waiting", "allow Bash?")
    words = status_words(w.town(), is_stopped=True)
    assert words["gt-opal"] == "ESTOP · ✋ waiting on you · 🪝 gt-1 Title of gt-1"
    assert words["hq-mayor"] == "ESTOP · 0 working · 1 with problems"
    assert status_words(w.town(), need=2)["hq-mayor"] == "✋ 2 need you · 0 working · 1 with problems"


def test_the_first_unread_subject_stands_where_no_work_does():
    w = World()
    mayor = w.town().agent("mayor")._replace(unread=3, first_subject="Which database " + "x" * 60)
    town = w.town()._replace(agents=(mayor,))
    words = status_words(town)["hq-mayor"]
    assert words.startswith("0 working · 📬 3 Which database x") and words.endswith("…")


def test_words_do_not_change_with_time_alone():
    w = World()
    w.give("gt-1", "opal")
    before = status_words(w.town())
    w.clock.advance(59)
    assert status_words(w.town()) == before


@pytest.fixture
def session(server):
    pane = start_plain(server, "gt-opal")
    for key, value in status_options("polecat", "opal", "shop").items():
        server.run("set-option", "-t", pane.pane_id, key, value)
    return server


def test_a_client_sees_the_words_literally(session):
    odd = "🪝 gt-1 50% of #(touch owned) #[fg=red]#{pane_pid} %H ; é"
    assert status_line.write_words(session, {"gt-opal": odd, "gt-gone": "x"}, SYSTEM_CLOCK.now()) == 1
    attach = ["env", "-u", "TMUX", *session.argv, "attach-session", "-t", "=gt-opal:"]
    create_session(session, "gt-viewer", "/tmp", {}, attach, watch_s=0.0)
    viewer = find_pane(session, "gt-viewer")
    until(lambda: any(odd in line for line in capture_pane(session, viewer.pane_id)), "the client shows the words")


def test_no_status_line_runs_a_command():
    options = status_options("polecat", "opal", "shop")
    assert not any("#(" in value for value in options.values())


def test_only_what_changed_is_set_and_a_new_session_gets_its_words_again(session):
    now = SYSTEM_CLOCK.now()
    assert status_line.write_words(session, {"gt-opal": "one #1"}, now) == 1
    assert status_line.write_words(session, {"gt-opal": "one #1"}, now) == 0
    assert status_line.write_words(session, {"gt-opal": "two"}, now) == 1
    kill_session(session, "gt-opal")
    start_plain(session, "gt-opal")
    assert status_line.write_words(session, {"gt-opal": "two"}, now) == 1


def test_old_words_are_not_shown_as_if_they_were_new(session):
    status_line.write_words(session, {"gt-opal": "at work"}, SYSTEM_CLOCK.now() - status_line.FRESH_S - 5)
    told = right(session, "gt-opal")
    assert "daemon silent" in told and "at work" not in told
    status_line.write_words(session, {"gt-opal": "at work"}, SYSTEM_CLOCK.now())
    told = right(session, "gt-opal")
    assert "at work" in told and "silent" not in told


def test_before_the_first_look_only_the_time_is_shown(session):
    told = right(session, "gt-opal")
    assert "silent" not in told and len(told) == 5


def test_the_daemons_duty_sets_the_words_of_running_agents(rigged, server):
    set_setting(rigged.root, "default_agent", "scripted")
    entry = rigged.entry("mayor")
    shift = Shift(rigged.root, FixedClock(SYSTEM_CLOCK.now()), lambda: False)
    try:
        sessions.start_agent(rigged.root, start_plan.plan_start(rigged.root, entry))
        town = sessions.server_of(rigged.root)
        bead = rigged.file("Mend the gate")
        rigged.sling(bead.id, "mayor")
        write_status_lines(shift)
        assert f"🪝 {bead.id} Mend the gate" in right(town, entry.session)
    finally:
        close_all()
        sessions.server_of(rigged.root).kill_server()


def test_without_a_server_the_duty_does_nothing(rigged, server):
    try:
        assert write_status_lines(Shift(rigged.root, FixedClock(SYSTEM_CLOCK.now()), lambda: False)) == ""
        assert not sessions.server_of(rigged.root).is_running()
    finally:
        close_all()
