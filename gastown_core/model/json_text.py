"""Reading JSON that somebody else wrote: every reason not to read it is a ValueError.

``json.loads`` ends with RecursionError on ``[[[[…``, accepts ``NaN`` and ``Infinity``, which no other program
reads, and lets half a surrogate pair through, which no file and no terminal takes.  Text from files, pipes and
other programs comes in here, and goes out as UTF-8 that everybody reads.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

MAX_DEPTH = 200
"""Levels of nesting that are read. Records of beads and events have about five; what is read can be written again."""

# compiled by ``re`` when a text needs them, which few do
_HALF_PAIR = "[\ud800-\udfff]"
_ESCAPED = r"\\u[dD][89a-fA-F]"
_BOM = "\ufeff"


def decode_json(data: bytes | str) -> Any:
    """The value of a JSON text, with or without a byte order mark.

    Half a surrogate pair (a title cut in the middle of an emoji) becomes U+FFFD.  Raises ValueError for what is no
    JSON, no UTF-8, nested deeper than MAX_DEPTH, or ``NaN`` and ``Infinity``; it is a json.JSONDecodeError where a
    place in the text can be named.
    """
    text = data if isinstance(data, str) else _text(data)
    try:
        value = _decode(text.removeprefix(_BOM))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        raise ValueError("nested too deeply")
    return _whole(value) if _may_hold_halves(text) else value


def bulk_decoder() -> Callable[[bytes], Any]:
    """``decode_json`` for those who read a whole file and write none of it back; quicker from some thousand lines on.

    Integers past 64 bits become floats.  What orjson refuses is judged by ``decode_json``, which may still read it.
    """
    # 13 ms to import, so not for a handful of lines
    from orjson import loads

    def decode(data: bytes) -> Any:
        try:
            value = loads(data)
        except ValueError:
            return decode_json(data)
        return value if data.count(b"[") + data.count(b"{") <= MAX_DEPTH else decode_json(data)

    return decode


def encode_text(text: str) -> bytes:
    """The UTF-8 of a text; half a surrogate pair and bytes that were none (from a command line) become U+FFFD."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return re.sub(_HALF_PAIR, "\ufffd", text).encode("utf-8")


def _may_hold_halves(text: str) -> bool:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return True
    return "\\" in text and re.search(_ESCAPED, text) is not None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise error from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_decode = json.JSONDecoder(parse_constant=_refuse).decode


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


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(_HALF_PAIR, "\ufffd", value)
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(inner) for key, inner in value.items()}
    return value
