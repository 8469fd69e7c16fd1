"""Reading JSON from other programs: every failure is a ValueError.

``json.loads`` raises RecursionError on ``[[[[…``, accepts ``NaN`` and ``Infinity``, which are not JSON, and lets
lone surrogates through, which cannot be encoded as UTF-8.  Text from files, pipes and other programs is decoded
here and encoded as valid UTF-8.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

MAX_DEPTH = 200
"""Nesting levels that are accepted. Beads and events have about five; a value that is read can be written again."""

# compiled by ``re`` on first use, since few texts need them
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
        value = _decode(text.removeprefix(_BOM))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        raise ValueError("nested too deeply")
    return _whole(value) if _may_hold_halves(text) else value


def bulk_decoder() -> Callable[[bytes], Any]:
    """A faster ``decode_json`` for callers that read a whole file and write none of it back; pays from 1000s of lines.

    Integers beyond 64 bits become floats.  What orjson refuses is passed to ``decode_json``, which may accept it.
    """
    # 13 ms to import, so not for a few lines
    from orjson import loads

    def decode(data: bytes) -> Any:
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
    raise ValueError(f"{constant} is not JSON")


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
