"""Whole files replaced in one step: a temporary file beside the target, fsync, rename.

A reader sees the old bytes or the new ones, never half; a full disk leaves the old file as it was.
"""

from __future__ import annotations

import contextlib
import json
import os

from gastown_core.errors import SettingsError, StoreError
from gastown_core.files.locks import FileLock
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def write_atomic(path: str, data: bytes, *, mode: int = 0o644, sync: bool = True) -> None:
    """Replace ``path`` by ``data``; keeps an existing file's mode. Raises StoreError, the old file then stands."""
    temp = f"{path}.tmp{os.getpid()}"
    try:
        with contextlib.suppress(OSError):
            mode = os.stat(path).st_mode & 0o777
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temp, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temp)
        raise StoreError(f"cannot write {path}", error.strerror or str(error), "the old file is untouched") from error


def read_json(path: str) -> dict[str, Any] | None:
    """The JSON object in ``path``, None if there is no such file. Raises SettingsError naming file and line."""
    try:
        with open(path, "rb") as handle:
            data = handle.read()
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
    write_atomic(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(), mode=mode)


def edit_json(path: str, change: Callable[[dict[str, Any]], None], *, mode: int = 0o644) -> dict[str, Any]:
    """Read, change in place and write back under ``<path>.lock``; unknown keys stay. Returns the new object."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with FileLock(path + ".lock"):
        value = read_json(path) or {}
        change(value)
        write_json(path, value, mode=mode)
    return value
