"""A program on a pty, observed as a person sees it: cells, not bytes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import psutil
import pyte

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?62;22c", b"\x1b]11;?": b"\x1b]11;rgb:0000/0000/0000\x1b\\"}


class Screen:
    """Starts ``argv`` on a pty of the given size; ``started`` is the moment before the start."""

    def __init__(
        self,
        argv: list[str],
        cwd: str,
        *,
        columns: int = 160,
        rows: int = 45,
        term: str = "xterm-256color",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {**(os.environ if env is None else env), "TERM": term, "COLORTERM": "truecolor"}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            argv, cwd=cwd, env=env, stdin=child, stdout=child, stderr=child, start_new_session=True
        )
        os.close(child)

    def read(self, timeout: float) -> bytes:
        """What the program wrote; waits at most ``timeout`` for the first byte. Answers the terminal's questions."""
        if not select.select([self.fd], [], [], timeout)[0]:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            return b""
        for question, answer in ANSWERS.items():
            if question in data:
                os.write(self.fd, answer)
        return data

    def pump(self, timeout: float) -> None:
        """Feed what came to the screen."""
        self.stream.feed(self.read(timeout))

    def arrival(self, pattern: bytes, timeout: float = 10.0) -> float | None:
        """The moment at which ``pattern`` had been written, by the bytes: drawing them here takes longer than there."""
        wanted, end, seen = re.compile(pattern), time.perf_counter() + timeout, b""
        while time.perf_counter() < end:
            data = self.read(0.005)
            seen += data
            if data and wanted.search(seen):
                now = time.perf_counter()
                self.stream.feed(seen)
                return now
        self.stream.feed(seen)
        return None

    def text(self) -> str:
        """The screen as lines of text."""
        # the second half of a wide character is an empty cell, also once the first was written over: pyte's own
        # ``display`` fails there
        columns, rows = range(self.screen.columns), self.screen.buffer
        return "\n".join("".join(rows[y][x].data for x in columns) for y in range(self.screen.lines))

    def wait(self, pattern: str, timeout: float = 10.0) -> float | None:
        """The moment at which ``pattern`` was on the screen, None if it never was."""
        wanted, end = re.compile(pattern), time.perf_counter() + timeout
        while time.perf_counter() < end:
            if wanted.search(self.text()):
                return time.perf_counter()
            self.pump(0.005)
        return None

    def rest(self, seconds: float) -> None:
        """Keep feeding the screen for a while."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.pump(0.02)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())

    def cpu_s(self) -> float:
        """Processor seconds of the program and its children so far."""
        me = psutil.Process(self.process.pid)
        everyone = [me, *me.children(recursive=True)]
        return sum(sum(p.cpu_times()[:2]) for p in everyone)

    def memory_mb(self) -> float:
        """Resident megabytes of the program and its children."""
        me = psutil.Process(self.process.pid)
        return sum(p.memory_info().rss for p in [me, *me.children(recursive=True)]) / 1e6

    def close(self) -> None:
        """End the program."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.fd)
