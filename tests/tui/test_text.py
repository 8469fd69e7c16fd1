from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_core.model.address import Address
from gastown_core.state.rows import EventRow
from gastown_tui.rowtext import stamp_of
from gastown_tui.text import (
    GLYPHS,
    cells,
    clean,
    clip,
    cut,
    fit,
    fit_right,
    highlight,
    only_colours,
    pane_pieces,
    to_ascii,
    two_ends,
    width_of,
    wrap,
)  # fmt: skip
from gastown_tui.widgets.event_stream import event_pieces

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x00\x7f\u202eabc\u2066\u200b\ud800\r\n"


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_clean_text_holds_no_control_or_direction_character(text: str) -> None:
    safe = clean(text)
    for char in safe:
        code = ord(char)
        assert code >= 0x20 and not 0x7F <= code <= 0x9F
        assert not 0x202A <= code <= 0x202E and not 0x2066 <= code <= 0x2069
        assert not 0xD800 <= code <= 0xDFFF
    safe.encode()


def test_clean_shows_what_it_took_out() -> None:
    assert clean("a\x1b[31mb") == "a␛[31mb"
    assert clean("two\nlines") == "two lines"
    assert clean("x\u202ey") == "x�y"
    assert clean("fam\u200dily\ufe0f") == "family"
    assert clean(EVIL).isprintable()


def test_piled_accents_are_thinned() -> None:
    assert len(clean("a" + "\u0301" * 50)) == 3


@given(st.text(max_size=40), st.integers(0, 30))
def test_fit_has_exactly_the_width(text: str, width: int) -> None:
    assert cells(fit(clean(text), width)) == width
    assert cells(fit_right(clean(text), width)) == width


@pytest.mark.parametrize(
    ("text", "width", "want"),
    [("hello", 5, "hello"), ("hello world", 7, "hello…"), ("日本語", 4, "日…"), ("日本語", 5, "日本…"), ("abc", 0, "")],
)
def test_cut_never_halves_a_wide_character(text: str, width: int, want: str) -> None:
    assert cut(text, width) == want


@given(st.text(alphabet="ab 日", max_size=60), st.integers(2, 20))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    assert all(cells(line) <= width for line in wrap(text, width))


def test_clip_and_two_ends_keep_the_width() -> None:
    row = (("left side ", "a"), ("日本語", "b"), ("more", "c"))
    for width in range(1, 25):
        assert width_of(clip(row, width)) <= width
        assert width_of(two_ends(row, (("end", "d"),), width)) <= width
    assert two_ends((("ab", "x"),), (("z", "y"),), 6)[-1] == ("z", "y")


def test_highlight_marks_across_pieces() -> None:
    marked = highlight((("gas", "a"), ("town", "b")), "sto")
    assert "".join(text for text, tone in marked if tone == "match") == "sto"
    assert "".join(text for text, _ in marked) == "gastown"


def test_only_colours_survive_from_a_pane() -> None:
    line = "\x1b[31mred\x1b[0m\x1b]8;;http://x\x07link\x1b]8;;\x07\x1b[2J\x1b[5;5Hend\x07"
    assert only_colours(line) == "\x1b[31mred\x1b[0mlinkend␇"


def test_pane_pieces_have_no_escape_in_their_text() -> None:
    pieces = pane_pieces("\x1b[1;32m⏺\x1b[0m Bash(\x1b[?25lrm\x1b[0K)" + EVIL)
    text = "".join(part for part, _ in pieces)
    assert text.startswith("⏺ Bash(rm)")
    assert "\x1b" not in text and "\x9b" not in text


@given(st.text(max_size=40))
def test_ascii_keeps_the_number_of_cells(text: str) -> None:
    safe = clean(text)
    plain = to_ascii(safe)
    assert plain.isascii()


def test_every_glyph_has_an_ascii_twin() -> None:
    assert all(twin.isascii() and twin for _, twin in GLYPHS.values())


@pytest.mark.parametrize(
    ("then", "long", "short"),
    [
        ((2026, 11, 27, 9, 5, 7), "09:05:07", "09:05"),
        ((2026, 11, 26, 23, 59, 58), "26 Nov 23:59", "26 Nov"),
        ((2025, 11, 27, 9, 5, 7), "2025-11-27", "2025-11-27"),
    ],
)
def test_a_row_of_another_day_bears_its_date(then, long, short) -> None:
    now = time.mktime((2026, 11, 27, 12, 0, 0, 0, 0, -1))
    moment = time.mktime((*then, 0, 0, -1))
    assert (stamp_of(moment, now, is_long=True), stamp_of(moment, now, is_long=False)) == (long, short)
    row = EventRow(moment, "sling", "work", "info", "·", ".", Address("polecat", "shop", "opal"), "", "said", "", "log")
    texts = {width: "".join(text for text, _ in event_pieces(row, now, width, False)) for width in (60, 100)}
    assert texts[60].startswith(short) and texts[100].startswith(long)
    today = "".join(text for text, _ in event_pieces(row._replace(ts=now), now, 100, False))
    assert texts[100].index("said") == today.index("said"), "the sentences stay in line"
