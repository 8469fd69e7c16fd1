"""JSON that can be read and means nothing: records with values of other types."""

from __future__ import annotations

import json
from collections.abc import Iterator

VALUES: list[str] = [
    "0",
    "-1",
    "1.5",
    str(10**30),
    "1e999",
    '"x"',
    '""',
    "[]",
    "{}",
    "null",
    "true",
    '[[1], {"a": 1}]',
    '{"a": [1]}',
]
"""What may stand where something else belongs, as JSON text."""


def changed(value: object, new: str) -> Iterator[object]:
    """The record with each of its parts in turn replaced (at two levels), as JSON text would have it."""
    mark = json.loads('"@@"')
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {**value, key: mark}
            if isinstance(inner, dict):
                yield {**value, key: dict.fromkeys(inner, mark)}
            if isinstance(inner, list) and inner:
                yield {**value, key: [mark, *inner]}
                if isinstance(inner[0], dict):
                    yield {**value, key: [dict.fromkeys(inner[0], mark)]}
        yield dict.fromkeys(value, mark)
