"""Folders of our own: private ones, and caches that git never sees."""

from __future__ import annotations

import contextlib
import errno
import os

PRIVATE = 0o700
IGNORES_ITSELF = b"# nothing in this folder belongs into git\n*\n"


def private_folder(path: str) -> str:
    """Make the folder, and what is missing on the way to it, for its owner alone; one that stands keeps its mode. Raises OSError."""
    missing = []
    here = path
    while here and not os.path.isdir(here):
        missing.append(here)
        here = os.path.dirname(here)
    for folder in reversed(missing):
        # another process may be quicker
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, PRIVATE)
    if not os.path.isdir(path):
        raise NotADirectoryError(errno.ENOTDIR, "is no folder", path)
    return path


def cache_folder(path: str) -> str:
    """A private folder that git ignores wherever it lies: reading leaves no dirt in anybody's repository. Raises OSError."""
    private_folder(path)
    ignore = os.path.join(path, ".gitignore")
    if not os.path.exists(ignore):
        fd = os.open(ignore, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, IGNORES_ITSELF)
        finally:
            os.close(fd)
    return path
