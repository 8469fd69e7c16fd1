"""Opens regular files only: a folder, pipe or device is an error at once and never blocks."""

from __future__ import annotations

import errno
import os
import stat

from gastown_core.files import system


def open_plain(path: str, flags: int = os.O_RDONLY, mode: int = 0o644) -> int:
    """Return a descriptor of the regular file at ``path``. Raises OSError, also if it is not a regular file."""
    # without O_NONBLOCK, opening a pipe waits for its other end; it has no effect on regular files
    fd = os.open(path, flags | system.EXACT | system.NONBLOCK, mode)
    kind = os.fstat(fd).st_mode
    if stat.S_ISREG(kind):
        return fd
    os.close(fd)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, "is a directory", path)
    raise OSError(errno.EINVAL, "is not a regular file", path)


def read_plain(path: str) -> bytes:
    """Return the content of a regular file. Raises OSError."""
    with open(open_plain(path), "rb") as handle:
        return handle.read()
