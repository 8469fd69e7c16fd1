"""Folders that we create: private ones, and caches that git ignores."""

from __future__ import annotations

import errno
import os

from gastown_core.files import system

PRIVATE = 0o700
IGNORES_ITSELF = b"# nothing in this folder belongs in git\n*\n"


def private_folder(path: str) -> str:
    """Create the folder and missing parents with mode 0700; an existing one keeps its mode. Raises OSError."""
    missing = []
    here = path
    while here and not os.path.isdir(here):
        missing.append(here)
        here = os.path.dirname(here)
    for folder in reversed(missing):
        # another process may have created it
        try:
            os.mkdir(folder, PRIVATE)
        except FileExistsError:
            pass
    if not os.path.isdir(path):
        raise NotADirectoryError(errno.ENOTDIR, "is not a folder", path)
    return path


def cache_folder(path: str) -> str:
    """A private folder that contains its own ``.gitignore``, so it never shows up in a repository. Raises OSError."""
    private_folder(path)
    ignore = os.path.join(path, ".gitignore")
    if not os.path.exists(ignore):
        fd = os.open(ignore, os.O_WRONLY | os.O_CREAT | system.EXACT, 0o600)
        try:
            os.write(fd, IGNORES_ITSELF)
        finally:
            os.close(fd)
    return path
