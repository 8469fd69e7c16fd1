"""The time of a file: one that was written a while ago, and one that is written twice within one tick of its clock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.files import mark

TICK_AT = 1_700_000_000.25


def let_age(path: Path, seconds: float = 60.0) -> None:
    """Make the file look as if it was written earlier."""
    at = path.stat().st_mtime - seconds
    os.utime(path, (at, at))


class OneTick:
    """A file system whose clock stands still: what is written has one and the same time, which is now."""

    def hold(self, path: Path) -> Path:
        """Give the file the time of the tick."""
        os.utime(path, (TICK_AT, TICK_AT))
        return path


@pytest.fixture
def one_tick(monkeypatch: pytest.MonkeyPatch) -> OneTick:
    """A file system within one tick of its clock."""
    monkeypatch.setattr(mark, "SYSTEM_CLOCK", FixedClock(TICK_AT + 0.003))
    return OneTick()
