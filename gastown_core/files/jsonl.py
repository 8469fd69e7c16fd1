"""Appends lines so that no reader sees half of one, and reads a file from its end.

An append is one ``os.write`` by a caller that holds the file's lock.  The kernel grows a file page by page, so readers
that must see all lines of an append or none take the length from ``settled_status``.  If the disk fills up during
the write, the file is cut back to its old length.  If an earlier writer died mid-line, the torn line is terminated
first, so it stays as one junk line and does not damage the next.
"""

from __future__ import annotations

import errno
import os

from gastown_core.errors import StoreError
from gastown_core.files import system
from gastown_core.files.locks import BriefLock
from gastown_core.files.plain import open_plain
from gastown_core.files.points import point

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK = 64 * 1024


def append_lines(path: str, lines: Iterable[bytes], *, mode: int = 0o644, sync: bool = False) -> tuple[int, int]:
    """Append ``lines`` (without newlines) in one write; the caller holds the lock.

    Returns the offset of the first line and the file's new length.  Raises StoreError after cutting the file back.
    """
    data = b"".join(line + b"\n" for line in lines)
    try:
        fd = open_plain(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, mode)
    except OSError as error:
        raise StoreError(f"cannot open {path}", error.strerror or str(error), "nothing was written") from error
    try:
        size = os.fstat(fd).st_size
        start = size
        if size and system.read_at(fd, 1, size - 1) != b"\n":
            data = b"\n" + data
            start += 1
        try:
            _write_whole(fd, data, size)
            point(f"appended {os.path.basename(path)}")
            if sync:
                _sync(fd, size)
        except OSError as error:
            why = error.strerror or str(error)
            raise StoreError(
                f"cannot write {path}", why, "the file is unchanged; free some space and try again"
            ) from error
        return start, size + len(data)
    finally:
        os.close(fd)


def _write_whole(fd: int, data: bytes, size: int) -> None:
    with BriefLock(fd, shared=False):
        try:
            if os.write(fd, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            _cut_back(fd, size)
            raise


def _sync(fd: int, size: int) -> None:
    try:
        system.sync_data(fd)
    except OSError:
        with BriefLock(fd, shared=False):
            _cut_back(fd, size)
        raise


def _cut_back(fd: int, size: int) -> None:
    try:
        os.ftruncate(fd, size)
    except OSError:
        pass


def settled_status(fd: int) -> os.stat_result:
    """Return the status of an open file while no append is in progress."""
    with BriefLock(fd, shared=True):
        return os.fstat(fd)


def lines_backward(path: str, *, end: int | None = None, block: int = BLOCK) -> Iterator[tuple[int, bytes]]:
    """Yield ``(offset, line)`` from the last complete line before ``end`` to the first; skips an incomplete last line.

    Reads ``block`` bytes at a time from the end, so the newest lines cost the same in a file of any length.
    A missing file yields nothing.  Raises OSError.
    """
    try:
        fd = open_plain(path)
    except FileNotFoundError:
        return
    try:
        position = os.fstat(fd).st_size if end is None else end
        # parts of a line that spans blocks, last part first
        pending: list[bytes] = []
        seen_newline = False
        while position > 0:
            start = max(0, position - block)
            chunk = system.read_at(fd, position - start, start)
            cut = len(chunk)
            while (newline := chunk.rfind(b"\n", 0, cut)) >= 0:
                if seen_newline:
                    line = chunk[newline + 1 : cut] + b"".join(reversed(pending))
                    if line:
                        yield start + newline + 1, line
                pending.clear()
                seen_newline = True
                cut = newline
            pending.append(chunk[:cut])
            position = start
        if seen_newline:
            line = b"".join(reversed(pending))
            if line:
                yield 0, line
    finally:
        os.close(fd)
