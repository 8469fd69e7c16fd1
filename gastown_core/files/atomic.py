"""Whole files replaced in one step: a temporary file beside the target, fsync, rename.

A reader sees the old bytes or the new ones, never half; a full disk leaves the old file as it was.  Where the system can,
the temporary file has no name until it is complete; what a kill leaves behind all the same, ``<name>.tmp<pid>``, the
daemon sweeps.  A symbolic link in a file's place is a person's own way to keep the file somewhere else and is followed;
in a folder that others fill, a worktree, ``write_inside`` follows none.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os

from gastown_core.errors import SettingsError, StoreError
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import read_plain
from gastown_core.files.points import point
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def write_atomic(path: str, data: bytes, *, mode: int = 0o644, sync: bool = True) -> None:
    """Replace ``path`` by ``data``; keeps an existing file's mode, and a link, whose target is then the file.

    Raises StoreError, the old file then stands.
    """
    temp = ""
    try:
        path = end_of_links(path)
        temp = f"{path}.tmp{os.getpid()}"
        fd, is_named = open_new(temp, path, mode)
        try:
            fill(fd, (data,))
            if sync:
                os.fsync(fd)
            point("file filled")
            if not is_named:
                give_name(fd, temp)
        finally:
            os.close(fd)
        os.rename(temp, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temp)
        raise StoreError(f"cannot write {path}", error.strerror or str(error), "the old file is untouched") from error
    point(f"wrote {os.path.basename(path)}")


def end_of_links(path: str) -> str:
    """The file that ``path`` means if it is a symbolic link, which need not be there yet. Raises OSError for a circle."""
    if not os.path.islink(path):
        return path
    target = os.path.realpath(path)
    if os.path.islink(target):
        raise OSError(errno.ELOOP, "is a symbolic link that leads in a circle", path)
    return target


def open_new(temp: str, path: str, mode: int) -> tuple[int, bool]:
    """A new file to be filled in place of ``path``, and whether it bears the name ``temp`` from the start.

    It has the mode of the file that stands at ``path``, else ``mode``.  Raises OSError.
    """
    standing = mode_of(path)
    wanted = mode if standing is None else standing
    fd, is_named = _open_nameless(os.path.dirname(temp) or ".", wanted), False
    if fd < 0:
        fd, is_named = os.open(temp, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, wanted), True
    if standing is not None:
        # whatever the umask takes away from a new file
        os.fchmod(fd, standing)
    return fd, is_named


def _open_nameless(folder: str, mode: int) -> int:
    """A file in ``folder`` that goes with its descriptor unless it is given a name; -1 where that cannot be had."""
    try:
        fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode)
    except (AttributeError, OSError):
        # neither every system nor every file system can do so
        return -1
    if os.path.exists(f"/proc/self/fd/{fd}"):
        return fd
    os.close(fd)
    return -1


def fill(fd: int, chunks: Iterable[bytes]) -> None:
    """Write all of it. Raises OSError."""
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[os.write(fd, view) :]


def give_name(fd: int, temp: str) -> None:
    """Let an open file that has no name appear as ``temp``."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temp)
    # a descriptor to start from, any, makes Python follow the link to the file itself
    os.link(f"/proc/self/fd/{fd}", temp, src_dir_fd=fd)


def mode_of(path: str) -> int | None:
    """The permissions of the file that stands there, None if none does."""
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        return None


def link_on_the_way(folder: str, relative: str) -> str:
    """The first symbolic link among the parts of ``relative`` below ``folder``, the last one too; empty if none is one."""
    here = folder
    for part in relative.split("/"):
        here = os.path.join(here, part)
        if os.path.islink(here):
            return here
    return ""


def write_inside(folder: str, relative: str, data: bytes, *, mode: int = 0o644) -> None:
    """``write_atomic`` of a file below a folder that others fill; folders on the way are made.

    Raises StoreError where a symbolic link (which could lead out of the folder) or a file is on the way.
    """
    link = link_on_the_way(folder, relative)
    if link:
        raise StoreError(f"{relative} is not written", f"{link} is a symbolic link", "links are never followed here")
    path = os.path.join(folder, relative)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise StoreError(f"{relative} is not written", f"{error.filename}: {error.strerror}") from error
    write_atomic(path, data, mode=mode)


def read_json(path: str) -> dict[str, Any] | None:
    """The JSON object in ``path``, None if there is no such file. Raises SettingsError naming file and line."""
    try:
        data = read_plain(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"cannot read {path}", error.strerror or str(error)) from error
    try:
        value = decode_json(data)
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON", str(error), "correct that line; the file was not changed") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path} holds no JSON object", f"found {type(value).__name__}")
    return value


def write_json(path: str, value: dict[str, Any], *, mode: int = 0o644) -> None:
    """Write ``value`` as indented JSON with a final newline, atomically."""
    write_atomic(path, as_json(value), mode=mode)


def as_json(value: dict[str, Any]) -> bytes:
    """``value`` as the indented JSON of our files."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def edit_json(path: str, change: Callable[[dict[str, Any]], None], *, mode: int = 0o644) -> dict[str, Any]:
    """Read, change in place and write back under ``<path>.lock``; unknown keys stay. Returns the new object."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with FileLock(path + ".lock"):
        value = read_json(path) or {}
        change(value)
        write_json(path, value, mode=mode)
    return value
