import os
import signal
import threading

import pytest

from gastown_core.errors import TmuxError
from gastown_core.tmux import sessions
from gastown_core.tmux.control import ControlLink, LinkedServer, quote
from gastown_core.tmux.panes import capture_pane, list_panes, read_pane
from gastown_core.tmux.server import NoServerError, TargetMissingError
from tests.support.tmux import end, run_python, start_plain, until


class Changes:
    """Collects the pane lists that a link reports."""

    def __init__(self):
        self.seen = []

    def __call__(self, panes):
        self.seen.append(panes)

    def any(self, true):
        return next((panes for panes in self.seen if true(panes)), None)


def hidden_sessions(server):
    return [name for name in server.run("list-sessions", "-F", "#{session_name}").split() if name.startswith("_gt-")]


def test_a_link_never_starts_a_server(server):
    with pytest.raises(NoServerError):
        ControlLink(server)
    assert not server.is_running()


def test_a_link_to_a_server_that_ends_as_it_opens_finds_none(server, monkeypatch):
    start_plain(server, "gt-opal")
    version = server.version()

    def ends():
        server.kill_server()
        until(lambda: not server.is_running(), "it ends")
        return version

    monkeypatch.setattr(server, "version", ends)
    with pytest.raises(NoServerError):
        ControlLink(server)


def test_sessions_that_come_and_go_are_reported_without_asking(server):
    start_plain(server, "gt-toast")
    changes = Changes()
    with ControlLink(server, on_change=changes):
        until(lambda: changes.any(lambda panes: list(panes) == ["gt-toast"]), "the first list")
        start_plain(server, "gt-opal")
        until(lambda: changes.any(lambda panes: "gt-opal" in panes), "the new session")
        sessions.kill_session(server, "gt-toast")
        until(lambda: "gt-toast" not in changes.seen[-1], "the end of the old one")
    assert all(not name.startswith("_gt-") for panes in changes.seen for name in panes)


def test_a_program_that_dies_in_its_pane_is_reported(server):
    pane = start_plain(server, "gt-opal", "sleep", "60")
    changes = Changes()
    with ControlLink(server, on_change=changes) as link:
        assert link.subscribed
        until(lambda: changes.seen)
        os.kill(pane.pid, signal.SIGKILL)
        until(lambda: changes.any(lambda panes: "gt-opal" in panes and panes["gt-opal"].dead), "the death")


def test_answers_come_in_the_order_of_the_commands(server):
    start_plain(server, "gt-opal")
    with ControlLink(server) as link:
        futures = [link.command(f"display-message -p {quote(f'no {number}')}") for number in range(200)]
        bad = link.command("no-such-command")
        last = link.command("display-message -p last")
        assert [future.result(5.0) for future in futures] == [[f"no {number}"] for number in range(200)]
        assert isinstance(bad.exception(5.0), TmuxError)
        assert last.result(5.0) == ["last"]


def test_many_threads_share_one_link(server):
    start_plain(server, "gt-opal")
    wrong = []
    with ControlLink(server) as link:

        def ask(name):
            for number in range(50):
                if link.run(f"display-message -p '{name} {number}'") != [f"{name} {number}"]:
                    wrong.append((name, number))

        threads = [threading.Thread(target=ask, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_the_link_captures_what_the_one_shot_client_captures(server):
    pane = start_plain(
        server, "gt-opal", "sh", "-c", "for i in $(seq 100); do echo line $i; done; echo '%end x'; sleep 60"
    )
    until(lambda: "%end x" in capture_pane(server, pane.pane_id))
    with ControlLink(server) as link:
        assert link.capture(pane.pane_id) == capture_pane(server, pane.pane_id)
        assert link.capture(pane.pane_id, 80) == capture_pane(server, pane.pane_id, 80)
        assert link.capture(pane.pane_id, 3) == ["line 99", "line 100", "%end x"]
        assert link.panes() == list_panes(server)


def test_closing_leaves_no_session_and_no_process_behind(server):
    start_plain(server, "gt-opal")
    closed = []
    link = ControlLink(server, on_close=lambda: closed.append(1))
    assert len(hidden_sessions(server)) == 1
    link.close()
    link.close()
    assert link.closed
    assert closed == []
    assert hidden_sessions(server) == []
    with pytest.raises(NoServerError):
        link.run("display-message -p x")


def test_a_killed_process_leaves_no_session_behind_and_the_server_lives(server):
    start_plain(server, "gt-opal", "sh", "-c", "while :; do echo x; sleep 0.05; done")
    code = (
        "import sys, time\n"
        "from gastown_core.tmux.control import ControlLink\n"
        "from gastown_core.tmux.server import TmuxServer\n"
        "link = ControlLink(TmuxServer(sys.argv[1]), on_change=lambda panes: None)\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    holders = [run_python(code, server.socket) for _ in range(4)]
    for holder in holders:
        assert holder.stdout.readline() == "up\n"
    assert len(hidden_sessions(server)) == 4
    for holder in holders:
        end(holder)
    until(lambda: hidden_sessions(server) == [], "the hidden sessions vanish")
    assert list(list_panes(server)) == ["gt-opal"]


def test_the_end_of_the_server_is_told_once(server):
    start_plain(server, "gt-opal")
    closed = []
    link = ControlLink(server, on_close=lambda: closed.append(1))
    server.kill_server()
    until(lambda: closed, "the end is told")
    assert link.closed
    with pytest.raises(NoServerError):
        link.run("display-message -p x")
    link.close()
    assert closed == [1]


def test_a_callback_may_not_wait_for_its_own_link(server):
    start_plain(server, "gt-opal")
    caught = []

    def ask(panes):
        try:
            link.run("display-message -p x")
        except TmuxError as error:
            caught.append(error)

    ready = threading.Event()
    link = ControlLink(server, on_change=lambda panes: ready.wait(60.0) and ask(panes))
    ready.set()
    until(lambda: caught)
    link.close()


def test_a_human_viewer_is_not_confused_with_the_link(server):
    start_plain(server, "gt-opal")
    with ControlLink(server) as link:
        assert link.panes()["gt-opal"].attached == 0
        assert sessions.attached_clients(server, "gt-opal") == []


NASTY = "-x; \"q\" 'a' $HOME `id` \\ #{pane_id} ~ {a} % 漢字 🚚;"


def test_the_linked_server_answers_as_the_one_shot_client_does(server):
    pane = start_plain(server, "gt-opal")
    with ControlLink(server) as link:
        linked = LinkedServer(link, server)
        for one in (server, linked):
            one.run("set-option", "-t", pane.pane_id, "@x", NASTY)
            assert one.run("show-options", "-t", pane.pane_id, "-v", "@x") == NASTY + "\n"
            one.run("load-buffer", "-b", "x", "-", stdin=(NASTY + "\n\tz").encode())
            assert server.run("show-buffer", "-b", "x") == NASTY + "\n\tz"
            with pytest.raises(TargetMissingError):
                read_pane(one, "%99")
        assert list_panes(linked) == list_panes(server)
    assert list(list_panes(linked)) == ["gt-opal"]


def test_a_link_that_fails_half_way_leaves_no_client_no_thread_and_no_session(server, monkeypatch):
    start_plain(server, "gt-toast")
    threads = threading.active_count()

    def fail(self):
        raise TmuxError("half way")

    monkeypatch.setattr(ControlLink, "_subscribe", fail)
    for _ in range(3):
        with pytest.raises(TmuxError, match="half way"):
            ControlLink(server, on_change=lambda panes: None)
    until(lambda: hidden_sessions(server) == [], "the end of the hidden sessions")
    assert server.run("list-clients").strip() == ""
    assert threading.active_count() == threads


def test_a_client_whose_pipe_never_opens_leaves_no_session(server, monkeypatch):
    start_plain(server, "gt-toast")

    def fail(fifo, client, timeout_s=5.0):
        until(lambda: hidden_sessions(server), "the hidden session")
        client.kill()
        client.wait()
        raise TmuxError("tmux did not open a control link")

    monkeypatch.setattr("gastown_core.tmux.control._open_lifeline", fail)
    with pytest.raises(TmuxError, match="control link"):
        ControlLink(server)
    until(lambda: hidden_sessions(server) == [], "the end of the hidden session")
