"""What tells that a file has changed: also two writes of equal length within one tick of the file system's clock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.files import mark
from gastown_core.files.mark import is_settled, mark_at
from tests.support.file_time import OneTick, let_age


def test_an_old_file_that_has_not_changed_keeps_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    let_age(path)

    first = mark_at(str(path))
    assert first is not None and is_settled(first) and mark_at(str(path)) == first
    path.write_text("two")
    assert mark_at(str(path)) != first
    assert mark_at(str(tmp_path / "none")) is None


def test_two_writes_of_equal_length_in_one_tick_have_two_marks(tmp_path: Path, one_tick: OneTick) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    first = mark_at(str(one_tick.hold(path)))
    path.write_text("two")

    assert mark_at(str(one_tick.hold(path))) != first


@pytest.mark.parametrize(
    ("written_at", "looked_after", "settled"),
    [
        (1_700_000_000.25, 0.0, False),
        (1_700_000_000.25, 0.019, False),
        (1_700_000_000.25, 0.021, True),
        # its file system keeps whole seconds, or even ones
        (1_700_000_000.0, 0.021, False),
        (1_700_000_000.0, 1.9, False),
        (1_700_000_000.0, 2.1, True),
        # the clock of its server is ahead; it was set by hand to next year
        (1_700_000_000.25, -1.0, False),
        (1_700_000_000.25, -3e7, True),
    ],
)
def test_a_mark_settles_when_no_later_write_can_have_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written_at: float, looked_after: float, settled: bool
) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    os.utime(path, (written_at, written_at))
    monkeypatch.setattr(mark, "SYSTEM_CLOCK", FixedClock(written_at + looked_after))

    first = mark_at(str(path))
    assert first is not None and is_settled(first) is settled and (mark_at(str(path)) == first) is settled
