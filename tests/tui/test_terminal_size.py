"""The size of the terminal: one that tells none, and one that changes again while the console looks."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import sys
import termios

import pytest
from rich.console import Console

from bench.screen import Screen
from gastown_tui.driver import ConsoleDriver
from tests.support.patience import PATIENCE_S

RESIZED_WHILE_LOOKED_AT = """
import fcntl, os, signal, struct, termios
from textual.app import App
from textual.widgets import Static
from gastown_tui.driver import ConsoleDriver

class Interrupted(ConsoleDriver):
    def _get_terminal_size(self):
        size = super()._get_terminal_size()
        if size == (90, 20):
            fcntl.ioctl(self.fileno, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.kill(os.getpid(), signal.SIGWINCH)
        return size

class Shows(App):
    def compose(self):
        yield Static()

    def on_resize(self, event):
        self.query_one(Static).update(f"it is {event.size.width}x{event.size.height}")

Shows(driver_class=Interrupted).run()
"""


def test_a_change_while_the_size_is_looked_at_is_the_last_one_told() -> None:
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    screen = Screen([sys.executable, "-c", RESIZED_WHILE_LOOKED_AT], os.getcwd(), columns=80, rows=24, env=env)
    try:
        assert screen.wait("it is 80x24", PATIENCE_S), screen.text()
        screen.screen.resize(30, 100)
        fcntl.ioctl(screen.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 90, 0, 0))
        os.kill(screen.process.pid, signal.SIGWINCH)
        assert screen.wait("it is (?!80x24)", PATIENCE_S), screen.text()
        screen.rest(0.5)
        assert screen.wait("it is 100x30", PATIENCE_S), screen.text()
    finally:
        screen.close()


@pytest.mark.parametrize(("told", "taken"), [((0, 0), (80, 25)), ((50, 132), (132, 50)), ((0, 100), (100, 25))])
def test_driver_and_rich_agree_so_that_no_frame_is_a_resize(monkeypatch, told, taken) -> None:
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *told, 0, 0))
        driver = ConsoleDriver.__new__(ConsoleDriver)
        driver.fileno = slave
        monkeypatch.delenv("COLUMNS", raising=False)
        monkeypatch.delenv("LINES", raising=False)
        assert driver._get_terminal_size() == taken
        monkeypatch.setenv("COLUMNS", "70")
        assert driver._get_terminal_size() == (70, taken[1])
        monkeypatch.delenv("COLUMNS")
        with os.fdopen(os.dup(slave), "w") as terminal:
            monkeypatch.setattr(sys, "__stdin__", terminal)
            monkeypatch.setattr("rich.console._STD_STREAMS", (slave,))
            assert tuple(Console(file=terminal, legacy_windows=False, _environ={}).size) == taken
    finally:
        os.close(master)
        os.close(slave)
