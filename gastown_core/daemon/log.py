"""The daemon's log: one line per happening, rotated by size; what a duty did, and what it could not do and why."""

from __future__ import annotations

import os

from gastown_core.clock import format_seconds
from gastown_core.daemon.note import log_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock

MOST_BYTES = 10_000_000
KEPT = 3
"""How many older logs stay, ``daemon.log.1`` the youngest."""


class DaemonLog:
    """Appends to ``daemon/daemon.log``; ``echo`` gets each line too (the terminal of a daemon in the foreground)."""

    def __init__(self, root: str, clock: Clock, echo: Callable[[str], None] | None = None) -> None:
        self.path = log_path(root)
        self._clock = clock
        self._echo = echo

    def line(self, text: str) -> None:
        """Write one line; line breaks in ``text`` are indented, so that a line that starts with a date is a happening."""
        shown = text.rstrip().replace("\n", "\n    ")
        told = f"{format_seconds(self._clock.now())} {shown}\n"
        self._rotate()
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, told.encode("utf-8", "replace"))
        finally:
            os.close(fd)
        if self._echo is not None:
            self._echo(shown)

    def _rotate(self) -> None:
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
