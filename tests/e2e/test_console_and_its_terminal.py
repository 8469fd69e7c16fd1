"""The console's terminal is taken away, comes back, changes its size or ends: what is on it is right afterwards."""

from __future__ import annotations

import fcntl
import os
import random
import re
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.screen import Screen
from gastown_core.events.log import append_event
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.e2e
GT = [sys.executable, "-P", "-m", "gastown_cli"]
SIZE = (110, 32)


@pytest.fixture
def screen(town: str) -> Iterator[Screen]:
    opened = Screen([*GT, "feed"], town, columns=SIZE[0], rows=SIZE[1])
    assert opened.wait(r"live", PATIENCE_S), opened.text()
    yield opened
    opened.close()


def wait_for(screen: Screen, condition, what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"never came: {what}\n{screen.text()}"
        screen.pump(0.05)


def state(screen: Screen) -> str:
    return Path(f"/proc/{screen.process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def rests(screen: Screen, seconds: float) -> bool:
    """Whether the console waits for something all the time: on a busy machine one that has to draw stands still, too."""
    end, slept = time.monotonic() + seconds, True
    while time.monotonic() < end:
        screen.pump(0.02)
        slept = slept and state(screen) in "ST"
    return slept


def settled(screen: Screen) -> list[str]:
    """The lines of the screen, once it stands, without what changes by itself: ages, clock, the message at the right."""
    until, before = time.monotonic() + PATIENCE_S, ""
    while time.monotonic() < until:
        slept = rests(screen, 0.6)
        now = re.sub(r"\d", "", screen.text())
        if slept and now == before:
            break
        before = now
    lines = screen.text().splitlines()
    lines[0], lines[-1] = lines[0][:20], lines[-1][:20]
    return [re.sub(r" *\b(\d+[smhd]|now)\b", " ~", line) for line in lines]


def assert_right(screen: Screen) -> None:
    """What is shown is what the console would draw from nothing: R draws everything again."""
    shown = settled(screen)
    screen.press("R")
    wait_for(screen, lambda: "redrawn" in screen.text(), "redrawn")
    again = settled(screen)
    assert shown == again, "\n".join([*shown, "drawn anew it is", *again])
    assert all(line.strip() for line in shown) and shown[1].startswith("╭"), "\n".join(shown)


def resize(screen: Screen, columns: int, rows: int) -> None:
    screen.screen.resize(rows, columns)
    fcntl.ioctl(screen.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.kill(screen.process.pid, signal.SIGWINCH)


def scribble(screen: Screen) -> None:
    """Another program writes over the screen."""
    screen.stream.feed(b"\x1b[2J\x1b[H" + b"shell text\r\n" * 40)


@pytest.mark.parametrize("stop", [signal.SIGTSTP, signal.SIGSTOP])
def test_suspended_and_resumed_it_draws_everything_anew(town: str, screen: Screen, stop: signal.Signals) -> None:
    for number in range(2):
        os.kill(screen.process.pid, stop)
        wait_for(screen, lambda: state(screen) == "T", "stopped")
        append_event(town, "mail", "mayor", {"to": "x", "subject": f"while it slept {number}"})
        screen.pump(0.2)
        scribble(screen)
        os.kill(screen.process.pid, signal.SIGCONT)
        wait_for(screen, lambda number=number: f"while it slept {number}" in screen.text(), "what came meanwhile")
        wait_for(screen, lambda: "shell text" not in screen.text(), "the whole screen")
        assert_right(screen)
        screen.press("j")
    screen.press("q")
    wait_for(screen, lambda: screen.process.poll() is not None, "its end")
    assert screen.process.returncode == 0


def test_continued_without_having_been_stopped_it_goes_on(screen: Screen) -> None:
    before = len(os.listdir(f"/proc/{screen.process.pid}/task"))
    for _ in range(12):
        os.kill(screen.process.pid, signal.SIGCONT)
        screen.pump(0.3)
    assert_right(screen)
    assert len(os.listdir(f"/proc/{screen.process.pid}/task")) < before + 12, (
        "a reader and a writer more for each signal"
    )


def test_a_storm_of_sizes_leaves_the_last_one(screen: Screen) -> None:
    rng = random.Random(20)
    for _ in range(60):
        resize(screen, rng.randint(20, 200), rng.randint(4, 60))
        if rng.random() < 0.3:
            screen.pump(0.01)
    for columns, rows in ((60, 15), (100, 30)):
        resize(screen, columns, rows)
        assert_right(screen)


def test_a_size_that_changes_while_it_sleeps_is_there_when_it_comes_back(screen: Screen) -> None:
    os.kill(screen.process.pid, signal.SIGTSTP)
    wait_for(screen, lambda: state(screen) == "T", "stopped")
    resize(screen, 90, 25)
    scribble(screen)
    os.kill(screen.process.pid, signal.SIGCONT)
    wait_for(screen, lambda: "shell text" not in screen.text(), "the whole screen")
    assert_right(screen)


def test_lent_to_an_editor_that_is_resized_and_stopped_it_comes_back_whole(town: str, tmp_path, monkeypatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text(
        "#!/bin/sh\nprintf 'editing'; i=0; while [ ! -e %s ]; do sleep 0.05; done; seq 60\n" % (tmp_path / "go")
    )
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    screen = Screen([*GT, "feed"], town, columns=SIZE[0], rows=SIZE[1])
    try:
        assert screen.wait(r"live", PATIENCE_S), screen.text()
        screen.press("B")
        assert screen.wait("New bead", PATIENCE_S), screen.text()
        screen.press("\x05")
        assert screen.wait("editing", PATIENCE_S), screen.text()
        os.kill(screen.process.pid, signal.SIGCONT)
        resize(screen, 96, 26)
        (tmp_path / "go").touch()
        wait_for(screen, lambda: screen.text().splitlines()[-1].strip().startswith("? help"), "the whole screen again")
        assert "New bead" in "\n".join(settled(screen))
        screen.press("\x1b")
        wait_for(screen, lambda: "New bead" not in screen.text(), "the form closed")
        assert_right(screen)
    finally:
        screen.close()


def test_a_terminal_that_hangs_up_ends_it_and_all_that_it_started(town: str) -> None:
    """With a controlling terminal, as in a window that is closed: the kernel sends SIGHUP."""
    pid, fd = os.forkpty()
    if not pid:
        os.chdir(town)
        os.environ["TERM"] = "xterm-256color"
        os.execv(GT[0], [*GT, "feed"])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    seen, until = b"", time.monotonic() + PATIENCE_S
    while b"live" not in seen and time.monotonic() < until:
        seen += os.read(fd, 65536)
    assert b"live" in seen
    children = _children(pid)
    os.close(fd)
    until = time.monotonic() + PATIENCE_S
    ended = (0, 0)
    while ended[0] == 0 and time.monotonic() < until:
        ended = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)
    if ended[0] == 0:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert ended[0] == pid, "it went on without its terminal"
    until = time.monotonic() + PATIENCE_S
    while any(map(_runs, children)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [child for child in children if _runs(child)]
    assert not Path(town, ".runtime", "console", "errors.log").exists(), "it ends without a fault"


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
