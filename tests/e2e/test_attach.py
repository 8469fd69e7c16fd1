"""A person at a terminal goes to the mayor, is detached, and comes back to the same one."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import pytest

from gastown_core.tmux.sessions import attached_clients
from gastown_core.town import sessions
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.tmux import needs_tmux, until

pytestmark = [pytest.mark.e2e, needs_tmux]
HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Person:
    """``gt mayor attach`` on a terminal of its own, whose output is read away."""

    def __init__(self, root: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.set_blocking(self.master, False)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gastown_cli", "mayor", "attach"],
            cwd=root,
            env={**os.environ, "PYTHONPATH": HERE, "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def ended(self) -> bool:
        with suppress(BlockingIOError, OSError):
            while os.read(self.master, 65536):
                pass
        return self.process.poll() is not None

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.master)


def test_attach_detach_attach_finds_the_same_mayor(rigged, server):
    set_setting(rigged.root, "default_agent", "scripted")
    town_server = sessions.server_of(rigged.root)
    pids = []
    try:
        for _ in range(2):
            person = Person(rigged.root)
            try:
                until(lambda p=person: p.ended() or attached_clients(town_server, "hq-mayor"), "a client is attached")
                pids.append(sessions.find_session(rigged.root, rigged.entry("mayor")).pid)
                told = gt("mayor", "detach", cwd=rigged.root)
                assert told.code == 0 and "1 client detached" in told.out
                until(person.ended, "the terminal is free again")
                assert person.process.returncode == 0
            finally:
                person.close()
        assert pids[0] == pids[1]
        assert gt("mayor", "status", "--running", cwd=rigged.root).out == "true\n"
    finally:
        town_server.kill_server()
