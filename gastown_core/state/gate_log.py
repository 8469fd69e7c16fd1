"""The log of a running gate, read as it grows: only what came since the last look, only the newest lines kept."""

from __future__ import annotations

import os
from collections import deque

from gastown_core.files.plain import open_plain

HEAD_BYTES = 256 * 1024
READ_BYTES = 1 << 20
LINES = 2000
LINE_LIMIT = 4000


class GateLog:
    """The newest lines of the file at ``path``; ``skipped`` tells that its beginning was passed over."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: deque[str] = deque(maxlen=LINES)
        self.came = 0
        self.skipped = False
        self.error = ""
        self._offset = -1
        self._inode = 0
        self._rest = b""

    def read(self) -> bool:
        """Take in what was appended; returns whether anything changed. A missing file is one that has said nothing yet."""
        try:
            with open(open_plain(self.path), "rb") as handle:
                return self._take(handle.fileno())
        except FileNotFoundError:
            return False
        except OSError as error:
            changed, self.error = self.error == "", error.strerror or str(error)
            return changed

    def _take(self, descriptor: int) -> bool:
        status = os.fstat(descriptor)
        if self._offset < 0 or status.st_ino != self._inode or status.st_size < self._offset:
            self._begin(status.st_size, status.st_ino)
        # a flood is not read through: what scrolled by since the last look is passed over
        if status.st_size - self._offset > READ_BYTES:
            self._offset, self._rest, self.skipped = status.st_size - HEAD_BYTES, b"", True
        chunk = os.pread(descriptor, READ_BYTES, self._offset)
        if not chunk:
            return False
        self._offset += len(chunk)
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > READ_BYTES:
            whole, self._rest = [*whole, self._rest], b""
        for line in whole:
            self.lines.append(_last_of(line))
        self.came += len(whole)
        return True

    def _begin(self, size: int, inode: int) -> None:
        """From the beginning, or from the last part of a long log."""
        self.lines.clear()
        self._inode = inode
        self._offset = max(0, size - HEAD_BYTES)
        self.skipped = self._offset > 0
        self._rest = b""

    @property
    def partial(self) -> str:
        """The line that is being written, without its end yet."""
        return _last_of(self._rest) if self._rest else ""


def _last_of(line: bytes) -> str:
    """What a line shows in the end: a progress bar that was drawn over again counts once."""
    text = line.rstrip(b"\r").rpartition(b"\r")[2]
    return text[:LINE_LIMIT].decode("utf-8", "replace")
