"""Opening what must be a plain file: a folder, pipe or device in its place is an error at once, never a wait."""

from __future__ import annotations

import errno
import os
import stat


def open_plain(path: str, flags: int = os.O_RDONLY, mode: int = 0o644) -> int:
    """A descriptor of the regular file at ``path``. Raises OSError, also where something else has that name."""
    # without O_NONBLOCK, opening a pipe waits for its other end; a regular file does not know it
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, mode)
    kind = os.fstat(fd).st_mode
    if stat.S_ISREG(kind):
        return fd
    os.close(fd)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, "is a directory", path)
    raise OSError(errno.EINVAL, "is no regular file", path)


def read_plain(path: str) -> bytes:
    """The whole of a regular file. Raises OSError."""
    with open(open_plain(path), "rb") as handle:
        return handle.read()
