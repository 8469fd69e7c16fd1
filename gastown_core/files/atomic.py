"""Replaces whole files in one step: a temporary file beside the target, fsync, rename.

A reader sees either the old bytes or the new ones; if the disk is full, the old file stays.  Where the system supports
it, the temporary file has no name until it is complete; ``<name>.tmp<thread>`` files left by a kill are swept by the
daemon.  A symbolic link is followed, since a person may keep a file elsewhere; ``write_inside``, for folders that
others fill (worktrees), follows none.
"""

from __future__ import annotations

import errno
import os
from _thread import get_native_id

from gastown_core.errors import SettingsError, StoreError
from gastown_core.files import system
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import read_plain
from gastown_core.files.points import point
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def write_atomic(path: str, data: bytes, *, mode: int = 0o644, sync: bool = True) -> None:
    """Replace the file ``path`` (or the target of that link) with ``data``, keeping an existing file's mode.

    Raises StoreError; the old file then stays.
    """
    temp = ""
    try:
        path = end_of_links(path)
        # by thread, not by process: no two threads of a machine have the same id, and a daemon's write at once
        temp = f"{path}.tmp{get_native_id()}"
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
        system.replace(temp, path)
    except OSError as error:
        try:
            os.unlink(temp)
        except OSError:
            pass
        raise StoreError(f"cannot write {path}", error.strerror or str(error), "the old file is unchanged") from error
    point(f"wrote {os.path.basename(path)}")


def end_of_links(path: str) -> str:
    """The target of a symbolic link, which need not exist; other paths are unchanged. Raises OSError for a loop."""
    if not os.path.islink(path):
        return path
    target = os.path.realpath(path)
    if os.path.islink(target):
        raise OSError(errno.ELOOP, "is a symbolic link loop", path)
    return target


def open_new(temp: str, path: str, mode: int) -> tuple[int, bool]:
    """Open a new file to replace ``path``; returns the descriptor and whether it already has the name ``temp``.

    It gets the mode of the existing file at ``path``, otherwise ``mode``.  Raises OSError.
    """
    standing = mode_of(path)
    wanted = mode if standing is None else standing
    fd, is_named = _open_nameless(os.path.dirname(temp) or ".", wanted), False
    if fd < 0:
        fd, is_named = os.open(temp, os.O_RDWR | os.O_CREAT | os.O_TRUNC | system.EXACT, wanted), True
    if standing is not None:
        # undo the umask's effect on the new file
        system.keep_mode(fd, temp, standing)
    return fd, is_named


def _open_nameless(folder: str, mode: int) -> int:
    """Open an unnamed file in ``folder``, deleted on close unless it is named; -1 if that is not supported."""
    try:
        fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | system.EXACT, mode)
    except (AttributeError, OSError):
        # not every system and file system supports it
        return -1
    if os.path.exists(f"/proc/self/fd/{fd}"):
        return fd
    os.close(fd)
    return -1


def fill(fd: int, chunks: Iterable[bytes]) -> None:
    """Write all chunks. Raises OSError."""
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[os.write(fd, view) :]


def give_name(fd: int, temp: str) -> None:
    """Link an open unnamed file as ``temp``."""
    try:
        os.unlink(temp)
    except FileNotFoundError:
        pass
    # with src_dir_fd (any descriptor), Python follows the /proc link to the file itself
    os.link(f"/proc/self/fd/{fd}", temp, src_dir_fd=fd)


def mode_of(path: str) -> int | None:
    """Return the permission bits of the file at ``path``, None if it cannot be read."""
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        return None


def link_on_the_way(folder: str, relative: str) -> str:
    """The first symbolic link among the parts of ``relative`` below ``folder``, including the last; empty if none."""
    here = folder
    for part in relative.split("/"):
        here = os.path.join(here, part)
        if os.path.islink(here):
            return here
    return ""


def write_inside(folder: str, relative: str, data: bytes, *, mode: int = 0o644) -> None:
    """``write_atomic`` for a file below a folder that others fill; creates folders on the way.

    Raises StoreError if a symbolic link (it could lead out of the folder) or a file is on the way.
    """
    link = link_on_the_way(folder, relative)
    if link:
        raise StoreError(f"cannot write {relative}", f"{link} is a symbolic link", "links are not followed here")
    path = os.path.join(folder, relative)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {relative}", f"{error.filename}: {error.strerror}") from error
    write_atomic(path, data, mode=mode)


def read_json(path: str) -> dict[str, Any] | None:
    """Return the JSON object in ``path``, None if there is no such file. Raises SettingsError."""
    try:
        data = read_plain(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"cannot read {path}", error.strerror or str(error)) from error
    try:
        value = decode_json(data)
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON", str(error), "fix that line; the file was not changed") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path} is not a JSON object", f"found {type(value).__name__}")
    return value


def write_json(path: str, value: dict[str, Any], *, mode: int = 0o644) -> None:
    """Write ``value`` atomically as indented JSON with a final newline."""
    write_atomic(path, as_json(value), mode=mode)


def as_json(value: dict[str, object]) -> bytes:
    """``value`` as indented JSON with a final newline."""
    import json

    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def as_json_like(old: bytes, value: dict[str, object]) -> bytes:
    """``value`` as JSON with the indentation and the end of ``old``, another JSON text; two spaces where that is empty."""
    import json

    text = old.decode("utf-8", "replace")
    indent = _indent_of(text)
    new = json.dumps(value, indent=indent, separators=None if indent is not None else (",", ":"), ensure_ascii=False)
    return (new + ("\n" if text.endswith("\n") or not text else "")).encode()


def _indent_of(text: str) -> str | int | None:
    """Return the indentation of a JSON text; None if it is on one line."""
    if not text.strip():
        return 2
    lines = text.splitlines()
    if len(lines) < 2:
        return None
    first = lines[1]
    return first[: len(first) - len(first.lstrip())] or 0


def edit_json(path: str, change: Callable[[dict[str, Any]], None], *, mode: int = 0o644) -> dict[str, Any]:
    """Read, change in place and write back under ``<path>.lock``; returns the new object, unknown keys kept."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with FileLock(path + ".lock"):
        value = read_json(path) or {}
        change(value)
        write_json(path, value, mode=mode)
    return value
