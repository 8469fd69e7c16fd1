"""What one of the supported systems lacks, or does otherwise, about files: macOS has no ``fdatasync``, Windows no ``flock``.

Linux and macOS lock whole files with ``flock``.  Windows locks bytes, for everybody and only exclusively: there a lock is
one byte at LOCK_BYTE, which no file reaches, so that the file itself stays readable.
"""

from __future__ import annotations

import os
import time

try:
    import fcntl
except ModuleNotFoundError:
    HAS_FLOCK = False
else:
    HAS_FLOCK = True

EXACT = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""For ``os.open``: bytes as they are, and no child inherits the descriptor."""
NONBLOCK = getattr(os, "O_NONBLOCK", 0)
NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)

LOCK_BYTE = 1 << 40
REPLACE_S = 2.0
"""How long ``replace`` waits on Windows for a reader that has the old file open."""


def lock(fd: int, *, shared: bool = False) -> None:
    """Lock an open file at once. Raises BlockingIOError if another process holds it, OSError if it cannot be locked."""
    if HAS_FLOCK:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        return
    _lock_byte(fd, "LK_NBLCK")


def unlock(fd: int) -> None:
    """Give the lock of an open file back. Raises OSError."""
    if HAS_FLOCK:
        fcntl.flock(fd, fcntl.LOCK_UN)
        return
    _lock_byte(fd, "LK_UNLCK")


def _lock_byte(fd: int, mode: str) -> None:
    import msvcrt

    here = os.lseek(fd, 0, os.SEEK_CUR)
    try:
        os.lseek(fd, LOCK_BYTE, os.SEEK_SET)
        msvcrt.locking(fd, getattr(msvcrt, mode), 1)  # type: ignore[attr-defined]
    except PermissionError as error:
        raise BlockingIOError(error.errno, error.strerror) from error
    finally:
        os.lseek(fd, here, os.SEEK_SET)


if hasattr(os, "pread"):
    read_at, write_at = os.pread, os.pwrite
else:

    def read_at(fd: int, length: int, offset: int, /) -> bytes:
        """Return at most ``length`` bytes at ``offset``; other threads must not move in the same descriptor."""
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, length)

    def write_at(fd: int, data: bytes, offset: int, /) -> int:  # type: ignore[misc]
        """Write ``data`` at ``offset`` and return how many bytes were written."""
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)


sync_data = getattr(os, "fdatasync", os.fsync)
"""Bring the content of an open file to the disk, with its other properties where there is no call for the content alone."""


def replace(source: str, target: str) -> None:
    """Rename a file over another one; on Windows, wait up to REPLACE_S for those that have it open. Raises OSError."""
    deadline = time.monotonic() + REPLACE_S
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if os.name != "nt" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def keep_mode(fd: int, path: str, mode: int) -> None:
    """Give an open file its permission bits, by its name where the system cannot do it by descriptor. Raises OSError."""
    if hasattr(os, "fchmod"):
        os.fchmod(fd, mode)
    else:
        os.chmod(path, mode)
