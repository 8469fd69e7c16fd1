"""Text of others on a terminal, in a log and in JSON."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_core.model import plain_text
from gastown_core.model.plain_text import clean, clean_lines, clean_styled, escape_json

ANY = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)
ODD = ["\x00", "\x1b", "\x7f", "\x85", "\x9b", "\u061c", "\u200b", "\u200e", "\u2028", "\u2029", "\u202e", "\u2066"]
ODD += ["\ufeff", "\ud800", "\U000e0041"]


def is_odd(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") and char not in "\u0600\u0601\u0602\u0603"


@pytest.mark.parametrize("char", [*ODD, "\n", "\r", "\t", "\x0b"], ids=lambda char: f"U+{ord(char):04X}")
def test_a_title_is_one_line_without_anything_a_terminal_acts_on(char: str) -> None:
    safe = clean(f"a{char}[12:00:00] mayor")
    assert char not in safe and len(safe.splitlines()) == 1
    assert not any(map(is_odd, safe))


@given(ANY)
def test_the_lines_of_a_text_are_its_own_lines_made_harmless(text: str) -> None:
    for line in clean_lines(text):
        assert len(line.splitlines()) <= 1
        line.encode()


@pytest.mark.parametrize("char", ODD, ids=lambda char: f"U+{ord(char):04X}")
def test_what_is_about_to_be_written_keeps_its_colours_and_lines_only(char: str) -> None:
    assert clean_styled("\x1b[1;32m✓\x1b[0m\n\tdone") == "\x1b[1;32m✓\x1b[0m\n\tdone"
    assert char not in clean_styled(f"a{char}b\x1b]0;title\x07")


@given(ANY, st.booleans())
def test_escaped_json_says_the_same_and_shows_nothing_odd(text: str, ascii_only: bool) -> None:
    shown = escape_json(json.dumps([text], ensure_ascii=False), ascii_only=ascii_only)
    assert json.loads(shown) == json.loads(json.dumps([text]))
    assert shown.isascii() or not ascii_only
    assert not any(char in shown for char in ODD)


def test_what_is_passed_unread_holds_no_sign_that_a_pattern_would_change() -> None:
    patterns = [re.compile(plain_text._ODD), re.compile(f"[{plain_text._HARD}]"), re.compile(plain_text._BLANKS)]
    marks = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]")
    for code in range(0x110000):
        char = chr(code)
        if plain_text._is_plain(char):
            assert not any(pattern.search(char) for pattern in (*patterns, marks)), f"U+{code:04X}"
    assert all(map(plain_text._is_plain, ("plain", "naïve", "漢字", "🎩 mayor", "○ ready", "█▓░ 3·1/20 …")))
