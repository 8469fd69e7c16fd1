"""Files that vanish while they are read: between check and open, or between open and read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

WAYS = ("gone before it is opened", "gone once it is open", "cut once it is open", "empty once it is open")


def vanishing(path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the file at ``path`` go the next time it is opened to be read; the list tells whether it happened."""
    really = os.open
    happened: list[str] = []

    def opening(name: object, flags: int, *args: object, **options: object) -> int:
        is_meant = not happened and str(name) == str(path) and flags & (os.O_WRONLY | os.O_RDWR) == 0
        if is_meant:
            happened.append(way)
            if way == WAYS[0]:
                os.unlink(path)
        fd = really(name, flags, *args, **options)  # type: ignore[arg-type]
        if is_meant and way == WAYS[1]:
            os.unlink(path)
        elif is_meant:
            os.truncate(path, os.fstat(fd).st_size // 2 if way == WAYS[2] else 0)
        return fd

    monkeypatch.setattr(os, "open", opening)
    return happened
