"""The daemon's log: one entry per event, rotated by size: what a duty did, or why it failed."""

from __future__ import annotations

import contextlib
import os
from logging import Formatter, LogRecord, makeLogRecord
from logging.handlers import RotatingFileHandler

from gastown_core.clock import format_seconds
from gastown_core.errors import GastownError
from gastown_core.files import system
from gastown_core.files.locks import FileLock
from gastown_core.model.plain_text import clean_lines
from gastown_core.town.daemon_note import log_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import TextIOWrapper

    from gastown_core.clock import Clock

MOST_BYTES = 10_000_000
KEPT = 3
"""How many older logs are kept; ``daemon.log.1`` is the newest."""


class DaemonLog:
    """Appends to ``daemon/daemon.log``; ``echo`` gets each line too (the terminal of a daemon in the foreground).

    A line that cannot be written (full disk) is counted, and the next one that can says so; nothing is raised.
    """

    def __init__(self, root: str, clock: Clock, echo: Callable[[str], None] | None = None) -> None:
        self.lost = 0
        self._file = _SharedFile(log_path(root))
        self._clock = clock
        self._echo = echo

    def line(self, text: str) -> None:
        """Write one entry; further lines of ``text`` are indented, so that only an entry starts with a date."""
        shown = "\n    ".join(clean_lines(text.rstrip()))
        now = self._clock.now()
        gap = f"{self.lost} lines before this one could not be written\n{format_seconds(now)} " if self.lost else ""
        try:
            self._append(makeLogRecord({"msg": gap + shown, "created": now}))
            self.lost = 0
        except (GastownError, OSError):
            self.lost += 1
        if self._echo is not None:
            # a closed terminal is no reason to end
            with contextlib.suppress(OSError, ValueError):
                self._echo(shown)

    def _append(self, record: LogRecord) -> None:
        self._file.handle(record)


class _SharedFile(RotatingFileHandler):
    """A rotating file for several processes: opened, measured and closed for each record, under a lock.

    Two rotations at once would lose a log.  Errors are raised.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, maxBytes=MOST_BYTES, backupCount=KEPT, encoding="utf-8", errors="replace", delay=True)
        self.setFormatter(_Dated("%(asctime)s %(message)s"))

    def emit(self, record: LogRecord) -> None:
        with FileLock(self.baseFilename + ".lock", timeout_s=2.0), contextlib.ExitStack() as leaving:
            leaving.callback(self._let_go)
            super().emit(record)

    def _let_go(self) -> None:
        # the next record opens the file again, which may have been rotated
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=_private)

    def handleError(self, record: LogRecord) -> None:
        raise


class _Dated(Formatter):
    def formatTime(self, record: LogRecord, datefmt: str | None = None) -> str:
        return format_seconds(record.created)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | system.EXACT, 0o600)
