"""JSON of other programs: read whole, or refused with a ValueError."""

from __future__ import annotations

import json

import pytest

from gastown_core.model.json_text import MAX_DEPTH, bulk_decoder, decode_json


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[" * 3000,
        b'{"a":' * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"NaN",
        b'{"priority": Infinity}',
        b"[1,",
        b"{} {}",
        b'"caf\xe9"',
        b"9" * 5000,
        b"\x00",
    ],
    ids=[
        "empty",
        "deep list",
        "deep object",
        "a level too deep",
        "NaN",
        "infinity",
        "cut",
        "two",
        "latin-1",
        "digits",
        "NUL",
    ],
)
def test_what_cannot_be_read_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):
        decode_json(text)


def test_what_is_read_can_be_written_again() -> None:
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert json.dumps(decode_json(deepest)).encode() == deepest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["\\ud83d\\ude00"]', ["\N{GRINNING FACE}"]),
        ('["cut \\ud83d"]', ["cut \ufffd"]),
        ('{"\\udc00": {"a": ["\\ud800"]}}', {"\ufffd": {"a": ["\ufffd"]}}),
        ('["\\\\ud83d"]', ["\\ud83d"]),
        ('\ufeff{"a": 1}\n', {"a": 1}),
    ],
    ids=["a pair", "half a pair", "halves in keys and inside", "an escaped backslash", "a byte order mark"],
)
def test_every_text_that_comes_out_can_be_encoded(text: str, value: object) -> None:
    assert decode_json(text) == decode_json(text.encode()) == value
    json.dumps(decode_json(text), ensure_ascii=False).encode()


def test_bytes_that_encode_half_a_pair_are_read_as_the_replacement_character() -> None:
    assert decode_json(b'["\xed\xa0\xbd"]') == ["\ufffd"]


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": [1, 2.5, null, "caf\xc3\xa9"]}',
        b'["cut \\ud83d"]',
        b"\xef\xbb\xbf{}",
        b" [1]\n",
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
    ],
)
def test_the_decoder_for_whole_files_reads_the_same(text: bytes) -> None:
    assert bulk_decoder()(text) == decode_json(text)


@pytest.mark.parametrize("text", [b"[" * 3000, b"[" * 500 + b"]" * 500, b"NaN", b'{"a": 1e999}'[:5], b"\xff"])
def test_and_refuses_the_same(text: bytes) -> None:
    with pytest.raises(ValueError):
        bulk_decoder()(text)
