"""The first frame: real lines, of this size, marked with their age; and who asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gastown_cli.fastpath import PICTURE, frame, overlay, read_picture, wants_screen
from gastown_cli.output import cells, clean, shorten, table
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.events.log import append_event


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        ([], True),
        (["--since", "1h", "--rig=shop"], True),
        (["--plain"], False),
        (["--json"], False),
        (["--problems"], False),
        (["--help"], False),
        (["--nonsense"], False),
    ],
)
def test_only_calls_for_the_full_screen_are_painted(argv: list[str], wanted: bool) -> None:
    assert wants_screen(argv) is wanted


@pytest.mark.parametrize(
    ("line", "left", "room", "text", "result"),
    [
        ("abcdef", 2, 2, "XY", "abXYef"),
        ("🎯bcdef", 2, 2, "X", "🎯X def"),
        ("ab", 4, 3, "xyz", "ab  xyz"),
        ("│ab│", 1, 2, "long", "│l…│"),
    ],
)
def test_overlay_counts_cells(line: str, left: int, room: int, text: str, result: str) -> None:
    assert overlay(line, left, room, text) == result


def picture(root: Path, width: int = 40, height: int = 5) -> None:
    lines = [" gt demo                 live · now 12:00", "┌ Events ┐", "│ old    │", "│ old    │", "└────────┘"]
    value = {
        "width": width,
        "height": height,
        "taken_at": SYSTEM_CLOCK.now() - 90,
        "lines": lines,
        "events": [2, 1, 38, 2],
    }
    path = root / PICTURE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(value))


def test_the_frame_holds_the_picture_with_its_age_and_the_fresh_tail(tmp_path: Path) -> None:
    picture(tmp_path)
    append_event(str(tmp_path), "mail", "mayor", {"to": "shop/opal", "subject": "fresh \x1b[31mnews"})
    lines = frame(str(tmp_path), 40, 5, read_picture(str(tmp_path), 40, 5))
    assert "as of 1m ago" in lines[0]
    assert "live" not in lines[0]
    assert "old" not in lines[2]
    assert "mayor" in lines[2]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("size", [(80, 24), (40, 6)])
def test_a_picture_of_another_size_is_not_shown(tmp_path: Path, size: tuple[int, int]) -> None:
    picture(tmp_path)
    assert read_picture(str(tmp_path), *size) is None
    assert any("demo" not in line for line in frame(str(tmp_path), *size, None))


@pytest.mark.parametrize("junk", ["", "[]", "{", '{"width": 40, "height": 5, "lines": [1]}'])
def test_a_broken_picture_is_no_picture(tmp_path: Path, junk: str) -> None:
    path = tmp_path / PICTURE
    path.parent.mkdir(parents=True)
    path.write_text(junk)
    assert read_picture(str(tmp_path), 40, 5) is None


def test_control_characters_and_direction_marks_become_visible() -> None:
    assert clean("a\x1b[31mb\x07\u202ec\x9b") == "a␛[31mb␇�c�"


def test_columns_are_aligned_by_cells() -> None:
    lines = table([["😺 a", "1"], ["b", "22"]], right=[1]).split("\n")
    assert lines == ["😺 a   1", "b     22"]
    assert cells("é") == 1
    assert shorten("日本語です", 5) == "日本…"


def test_audit_events_take_no_room_in_the_first_frame(tmp_path: Path) -> None:
    append_event(str(tmp_path), "mail", "mayor", {"to": "x", "subject": "the one to see"})
    for _ in range(20):
        append_event(str(tmp_path), "patrol_started", "deacon", {}, visibility="audit")
    assert any("the one to see" in line for line in frame(str(tmp_path), 80, 10, None))
