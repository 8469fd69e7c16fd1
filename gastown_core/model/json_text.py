"""Reading JSON from other programs: every failure is a ValueError.

``json.loads`` raises RecursionError on ``[[[[…``, accepts ``NaN`` and ``Infinity``, which are not JSON, and lets
lone surrogates through, which cannot be encoded as UTF-8.  Text from files, pipes and other programs is decoded
here and encoded as valid UTF-8.
"""

from __future__ import annotations

try:
    # used by the package ``json`` too, which also imports ``re`` and so costs a command more than the parsing
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
except ImportError:
    make_scanner = make_encoder = None  # type: ignore[misc,assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

MAX_DEPTH = 200
"""Nesting levels that are accepted. Beads and events have about five; a value that is read can be written again."""

# ``re`` is imported on first use, since few texts need these patterns
_HALF_PAIR = "[\ud800-\udfff]"
_ESCAPED = r"\\u[dD][89a-fA-F]"
_BOM = "\ufeff"


def decode_json(data: bytes | str) -> Any:
    """Return the value of a JSON text, with or without a byte order mark.

    Lone surrogates (a title cut in the middle of an emoji) become U+FFFD.  Raises ValueError for invalid JSON or
    UTF-8, nesting deeper than MAX_DEPTH, ``NaN`` and ``Infinity``; it is a json.JSONDecodeError where the position
    in the text is known.
    """
    text = data if isinstance(data, str) else _text(data)
    try:
        value = scan_json(text.removeprefix(_BOM))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        raise ValueError("nested too deeply")
    return _whole(value) if _may_hold_halves(text) else value


def bulk_decoder() -> Callable[[bytes], object]:
    """A faster ``decode_json`` for callers that read a whole file and write none of it back; pays from 1000s of lines.

    Integers beyond 64 bits become floats.  What orjson refuses is passed to ``decode_json``, which may accept it.
    """
    # 13 ms to import, so not for a few lines
    from orjson import loads

    def decode(data: bytes) -> object:
        try:
            value = loads(data)
        except ValueError:
            return decode_json(data)
        return value if data.count(b"[") + data.count(b"{") <= MAX_DEPTH else decode_json(data)

    return decode


def encode_text(text: str) -> bytes:
    """Return the text as UTF-8; lone surrogates, also those of undecodable command-line bytes, become U+FFFD."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        import re

        return re.sub(_HALF_PAIR, "\ufffd", text).encode("utf-8")


def _may_hold_halves(text: str) -> bool:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return True
    if "\\u" not in text:
        return False
    import re

    return re.search(_ESCAPED, text) is not None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise error from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


class _Reading:
    """Options of the scanner, under the names that it looks up."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int

    def __init__(self, parse_constant: Callable[[str], object]) -> None:
        self.parse_constant = parse_constant


_BLANKS = " \t\n\r"


def scan_json(text: str) -> Any:
    """Return the value of JSON text written by this program. Raises ValueError, RecursionError."""
    if _scan is not None:
        start = len(text) - len(text.lstrip(_BLANKS)) if text[:1] in _BLANKS else 0
        try:
            value, end = _scan(text, start)
        except (StopIteration, SystemError):
            # Python 3.11's scanner raises SystemError instead of JSONDecodeError until ``json`` is imported
            pass
        else:
            if end == len(text) or not text[end:].strip(_BLANKS):
                return value
    # its error names the fault and the place
    import json

    return json.loads(text, parse_constant=_refuse)


_scan = make_scanner(_Reading(_refuse)) if make_scanner is not None else None  # type: ignore[arg-type]


def _unknown(value: object) -> NoReturn:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def encode_json(value: object, *, ascii_only: bool = False) -> str:
    """Return a value as JSON on one line, without blanks: ``json.dumps(value, separators=(",", ":"))``."""
    if make_encoder is None:
        import json

        return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    text = encode_basestring_ascii if ascii_only else encode_basestring
    if isinstance(value, str):
        return text(value)
    parts = make_encoder({}, _unknown, text, None, ":", ",", False, False, True)(value, 0)
    return "".join(parts)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _whole(value: object) -> object:
    if isinstance(value, str):
        import re

        return re.sub(_HALF_PAIR, "\ufffd", value)
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(inner) for key, inner in value.items()}
    return value
