"""The size that the console takes for a terminal that tells none."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios

import pytest
from rich.console import Console

from gastown_tui.driver import ConsoleDriver


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
