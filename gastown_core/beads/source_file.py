"""A ledger file as the index reads it: its identity, and its complete lines from an offset.

The index stays valid only while device, inode and the blocks at both ends of what it has read are the same; a file
edited in place, or replaced under the same inode number, is read again.
"""

from __future__ import annotations

import errno
import os
import stat

from gastown_core.files import system
from gastown_core.files.jsonl import settled_status
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Mark(Record):
    """How much of a file was read, and how to recognise it; ``mtime_ns`` is from the time of reading."""

    device: int
    inode: int
    offset: int
    mtime_ns: int
    head: bytes
    tail: bytes


NO_MARK = Mark(0, 0, 0, 0, b"", b"")
HEAD_SIZE = 1024
TAIL_SIZE = 256
CHUNK = 1 << 20
_BITS = (1 << 63) - 1


def stamp_of(status: os.stat_result) -> tuple[int, int, int]:
    """Device, inode and mtime, cut to the 63 bits of an SQLite integer; some file systems use more."""
    return status.st_dev & _BITS, status.st_ino & _BITS, status.st_mtime_ns & _BITS


class SourceFile:
    """An open ledger file; a missing one reads as empty."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.device = 0
        self.inode = 0
        self._fd = -1

    def follow(self) -> os.stat_result | None:
        """Reopen the path if the file was replaced; returns the status, None if there is no file."""
        try:
            status = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            self.close()
            return None
        if self._fd >= 0 and (status.st_dev, status.st_ino) == (self.device, self.inode):
            return settled_status(self._fd)
        self.close()
        if not stat.S_ISREG(status.st_mode):
            # opening a pipe would block until its other end is opened
            raise OSError(errno.EINVAL, "is not a regular file", self.path)
        try:
            self._fd = os.open(self.path, os.O_RDONLY | system.EXACT)
        except FileNotFoundError:
            return None
        status = settled_status(self._fd)
        self.device, self.inode = status.st_dev, status.st_ino
        return status

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self.device, self.inode = -1, 0, 0

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes at ``offset``, fewer at the end of the file. Raises OSError."""
        return system.read_at(self._fd, length, offset) if self._fd >= 0 else b""

    def knows(self, mark: Mark, status: os.stat_result) -> bool:
        """Return whether everything before the mark is unchanged since it was read."""
        device, inode, mtime_ns = stamp_of(status)
        if (device, inode) != (mark.device, mark.inode) or status.st_size < mark.offset:
            return False
        if status.st_size == mark.offset:
            return mtime_ns == mark.mtime_ns
        return (
            self.read(0, len(mark.head)) == mark.head
            and self.read(mark.offset - len(mark.tail), len(mark.tail)) == mark.tail
        )

    def mark_at(self, offset: int, status: os.stat_result) -> Mark:
        """Return the mark after reading up to ``offset``; ``status`` is from before the reading."""
        head = self.read(0, min(HEAD_SIZE, offset))
        size = min(TAIL_SIZE, offset)
        tail = self.read(offset - size, size)
        device, inode, mtime_ns = stamp_of(status)
        return Mark(device, inode, offset, mtime_ns, head, tail)

    def lines(self, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield ``(offset, line)`` for the complete lines in ``offset..end``, a multi-line record in one piece.

        A last line without newline is yielded only if it is complete.
        """
        from gastown_core.beads.unfolding import unfolded

        return unfolded(self._lines(offset, end))

    def _lines(self, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
        pending = b""
        position = offset
        while position < end:
            chunk = self.read(position, min(CHUNK, end - position))
            if not chunk:
                break
            position += len(chunk)
            if b"\n" not in chunk:
                pending += chunk
                continue
            *complete, rest = (pending + chunk).split(b"\n")
            at = position - len(chunk) - len(pending)
            for line in complete:
                yield at, line
                at += len(line) + 1
            pending = rest
        if pending and _is_whole(pending):
            yield position - len(pending), pending


def size_of(path: str) -> int:
    """Return the size of a file in bytes, 0 if it is missing."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _is_whole(line: bytes) -> bool:
    """Whether a line without newline is complete: an editor omitted the newline, rather than a writer being killed."""
    text = line.strip()
    if text in (b"}", b"]", b"}]"):
        return True
    if text.endswith(b"}]"):
        # the last record of an array with one record per line
        text = text[:-1].lstrip(b"[")
    if not text.endswith(b"}"):
        return False
    try:
        return isinstance(decode_json(text), dict)
    except ValueError:
        return False
