"""The daemon's log: one line per happening, rotated by size; what a duty did, and what it could not do and why."""

from __future__ import annotations

import contextlib
import os

from gastown_core.clock import format_seconds
from gastown_core.errors import GastownError
from gastown_core.files.locks import FileLock
from gastown_core.model.plain_text import clean_lines
from gastown_core.town.daemon_note import log_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock

MOST_BYTES = 10_000_000
KEPT = 3
"""How many older logs stay, ``daemon.log.1`` the youngest."""


class DaemonLog:
    """Appends to ``daemon/daemon.log``; ``echo`` gets each line too (the terminal of a daemon in the foreground).

    A line that cannot be written (a full disk) is counted and the next one that can tells of it; nothing is raised.
    """

    def __init__(self, root: str, clock: Clock, echo: Callable[[str], None] | None = None) -> None:
        self.path = log_path(root)
        self.lost = 0
        self._clock = clock
        self._echo = echo

    def line(self, text: str) -> None:
        """Write one line; line breaks in ``text`` are indented, so that a line that starts with a date is a happening."""
        shown = "\n    ".join(clean_lines(text.rstrip()))
        moment = format_seconds(self._clock.now())
        gap = f"{moment} {self.lost} lines before this one could not be written\n" if self.lost else ""
        try:
            # under one lock: two that rotate at once would throw a log away
            with FileLock(self.path + ".lock", timeout_s=2.0):
                self._rotate()
                self._append(f"{gap}{moment} {shown}\n".encode("utf-8", "replace"))
            self.lost = 0
        except (GastownError, OSError):
            self.lost += 1
        if self._echo is not None:
            # a terminal that is gone is no reason to end
            with contextlib.suppress(OSError, ValueError):
                self._echo(shown)

    def _append(self, data: bytes) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            while data:
                data = data[os.write(fd, data) :]
        finally:
            os.close(fd)

    def _rotate(self) -> None:
        """Under the lock: the log becomes ``.1``, ``.1`` becomes ``.2`` and so on; the oldest goes."""
        try:
            if os.stat(self.path).st_size < MOST_BYTES:
                return
        except FileNotFoundError:
            return
        for number in range(KEPT - 1, 0, -1):
            older = f"{self.path}.{number}"
            if os.path.exists(older):
                os.replace(older, f"{self.path}.{number + 1}")
        os.replace(self.path, f"{self.path}.1")
