"""THE tailer: new complete lines of one growing file, whatever happens to the file.

It remembers device, inode and offset, and holds back an incomplete last line.  It handles lines of any length, late
creation, truncation, and replacement by rename; the last two set ``reset``, and the caller decides what to re-read.
It never blocks or watches: call ``read`` after a change.
"""

from __future__ import annotations

import os

from gastown_core.files import system
from gastown_core.files.plain import open_plain
from gastown_core.model.record import Record


class TailBatch(Record):
    """The result of one ``read``: ``lines`` as (offset, bytes), ``reset`` if the file was replaced or truncated."""

    lines: list[tuple[int, bytes]]
    reset: bool


READ_SIZE = 1 << 20


class Tailer:
    """Follows ``path`` from ``offset`` (default: its current end; 0: its beginning).

    After a replacement or truncation it continues at the beginning of the new file, so nothing is lost; callers that
    know the old content skip duplicates.  With ``reread=False`` it continues at the new file's end.
    """

    def __init__(self, path: str, *, offset: int | None = None, reread: bool = True) -> None:
        self.path = path
        self.offset = 0
        self._identity: tuple[int, int] | None = None
        self._fd = -1
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._reread = reread
        self._open(offset)

    def _open(self, offset: int | None) -> bool:
        try:
            fd = open_plain(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        self._take(fd, offset)
        return True

    def _take(self, fd: int, offset: int | None) -> None:
        self.close()
        self._fd = fd
        status = os.fstat(fd)
        self._identity = (status.st_dev, status.st_ino)
        self.offset = status.st_size if offset is None else min(offset, status.st_size)
        self._drop_pending()

    def _drop_pending(self) -> None:
        self._pending.clear()
        self._pending_size = 0

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read(self, limit: int = 64 << 20) -> TailBatch:
        """Return all complete lines since the last call, about ``limit`` bytes at most. Raises OSError."""
        lines: list[tuple[int, bytes]] = []
        reset = self._follow_path(lines)
        if self._fd >= 0:
            if os.fstat(self._fd).st_size < self.offset + self._pending_size:
                reset = True
                self.offset = 0
                self._drop_pending()
            self._drain(lines, limit)
        return TailBatch(lines, reset)

    def _follow_path(self, lines: list[tuple[int, bytes]]) -> bool:
        """Detect creation and replacement; reads the rest of a replaced file first, so no line is lost."""
        try:
            status = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if self._fd < 0:
            is_first = self._identity is None
            return self._open(0) and not is_first
        if (status.st_dev, status.st_ino) == self._identity:
            return False
        try:
            # open the new file before closing the old one, so nothing is lost if that fails
            fresh = open_plain(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        self._drain(lines, 64 << 20)
        self._take(fresh, 0 if self._reread else None)
        return True

    def _drain(self, lines: list[tuple[int, bytes]], limit: int) -> None:
        position = self.offset + self._pending_size
        taken = 0
        while taken < limit:
            chunk = system.read_at(self._fd, READ_SIZE, position)
            if not chunk:
                return
            position += len(chunk)
            taken += len(chunk)
            last = chunk.rfind(b"\n")
            if last < 0:
                self._pending.append(chunk)
                self._pending_size += len(chunk)
                continue
            complete = b"".join((*self._pending, chunk[: last + 1]))
            self._drop_pending()
            at = self.offset
            for line in complete.split(b"\n")[:-1]:
                if line:
                    lines.append((at, line))
                at += len(line) + 1
            self.offset = at
            rest = chunk[last + 1 :]
            if rest:
                self._pending.append(rest)
                self._pending_size = len(rest)
