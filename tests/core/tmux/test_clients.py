"""A message in attached clients: shown as it is, and in real clients only."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gastown_core.tmux.clients import show_message
from gastown_core.tmux.server import TmuxServer
from tests.support.patience import until
from tests.support.tmux import needs_tmux

pytestmark = needs_tmux


class Terminal:
    """A client attached to the server's session ``one``."""

    def __init__(self, server: TmuxServer) -> None:
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        env = {**os.environ, "TERM": "xterm"}
        words = [*server.argv, "attach-session", "-t", "one"]
        self.process = subprocess.Popen(words, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.seen = b""

    def shows(self, text: bytes) -> bool:
        with suppress(BlockingIOError, OSError):
            while more := os.read(self.master, 65536):
                self.seen += more
        return text in self.seen

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def terminal(server: TmuxServer) -> Iterator[Terminal]:
    server.run("new-session", "-d", "-s", "one", "-x", "200", "-y", "20", "cat")
    made = Terminal(server)
    until(lambda: server.run("list-clients", "-F", "#{client_name}").strip(), "it is attached")
    yield made
    made.close()


def test_what_is_shown_is_neither_format_nor_command(server: TmuxServer, terminal: Terminal, tmp_path: object) -> None:
    owned = f"{tmp_path}/owned"
    count = show_message(server, f"-x #{{pid}} %H 100% \x1b[31m #(touch {owned});")

    assert count == 1
    until(lambda: terminal.shows(b"#(touch"), "the message is on the status line")
    assert terminal.shows(b"#{pid} %H 100%"), terminal.seen[-600:]
    assert not os.path.exists(owned)


def test_nobody_attached_and_no_server_are_no_error(server: TmuxServer) -> None:
    assert show_message(server, "x") == 0
    server.run("new-session", "-d", "-s", "one", "cat")
    assert show_message(server, "x") == 0
