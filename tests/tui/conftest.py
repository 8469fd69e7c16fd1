"""The console over a town in memory, at a fixed time and in a fixed zone; pictures live in ``snapshots/``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
import pytest_textual_snapshot
from syrupy.location import PyTestLocation

SNAPSHOTS = os.path.join(os.path.dirname(__file__), "..", "..", "snapshots")


@pytest.fixture(autouse=True)
def _fixed_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NO_COLOR", "GT_NO_EMOJI", "GT_THEME", "CLICOLOR", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _dirname(cls: type, *, test_location: PyTestLocation) -> str:
    """``snapshots/<test module>``: pictures stand together at the top of the project, not beside each test."""
    stem = os.path.splitext(os.path.basename(test_location.filepath))[0]
    return os.path.join(os.path.realpath(SNAPSHOTS), stem)


pytest_textual_snapshot.SVGImageExtension.dirname = classmethod(_dirname)
