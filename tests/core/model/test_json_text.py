"""JSON of other programs: read whole, or refused with a ValueError."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_core.model import json_text
from gastown_core.model.json_text import MAX_DEPTH, bulk_decoder, decode_json, encode_json, scan_json


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


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from((None, 2)), st.sampled_from(("", " ", "\n\t", "\r\n")))
def test_a_value_is_read_as_json_reads_it(value: object, indent: int | None, around: str) -> None:
    text = around + json.dumps(value, indent=indent) + around
    assert scan_json(text) == json.loads(text) == value


@given(st.text(alphabet='{}[],:"\\u0d8-1.eE truefalsn\u00a0\n', max_size=12))
def test_what_is_no_json_is_refused_in_the_words_of_json(text: str) -> None:
    try:
        wanted: object = json.loads(text)
    except ValueError as error:
        wanted = str(error)
    try:
        found = scan_json(text)
    except ValueError as error:
        found = str(error)
    assert found == wanted or (isinstance(found, str) and "is not JSON" in found)


@given(VALUES, st.booleans())
def test_a_value_is_written_as_json_writes_it(value: object, ascii_only: bool) -> None:
    wanted = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    assert encode_json(value, ascii_only=ascii_only) == wanted


def test_what_json_cannot_hold_is_a_type_error_and_a_circle_a_value_error() -> None:
    with pytest.raises(TypeError, match="Object of type set is not JSON serializable"):
        encode_json({"a": {1}})
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular"):
        encode_json(circle)


def test_without_the_interpreters_own_scanner_json_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "_scan", None)
    monkeypatch.setattr(json_text, "make_encoder", None)
    assert decode_json('{"a": [1, 2.5, "é"]}') == {"a": [1, 2.5, "é"]}
    assert encode_json({"a": [1, 2.5, "é"]}) == '{"a":[1,2.5,"é"]}'


FAULTS = (
    "",
    "{",
    '{"a": ',
    "[1,",
    '{"a" 1}',
    '"cut',
    '"\\x"',
    '"\\ud8"',
    "nul",
    "[1 2]",
    '{"a": tru}',
    "{} {}",
    "NaN",
    "-",
)


def test_a_fault_is_a_value_error_also_while_json_is_not_imported() -> None:
    program = (
        "import sys\nfrom gastown_core.model.json_text import decode_json\nassert 'json' not in sys.modules\n"
        "try:\n    decode_json(sys.argv[1])\nexcept ValueError as error:\n    print(error)"
    )
    for text in FAULTS:
        done = subprocess.run([sys.executable, "-c", program, text], capture_output=True, text=True, timeout=120)
        with pytest.raises(ValueError) as wanted:
            decode_json(text)
        assert (done.stdout.strip(), done.stderr) == (str(wanted.value), "")
