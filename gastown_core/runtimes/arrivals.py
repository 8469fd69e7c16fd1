"""Which texts a program's own transcript shows as given to it: the proof that one particular text arrived.

A transcript is a file of JSON lines that grows.  Only lines that hold what a person or a hook gave count; what the agent
says or a tool prints may quote anything.
"""

from __future__ import annotations

import os

from gastown_core.clock import parse_moment
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

TAKEN, TURN = "taken", "turn"
"""The program keeps the text for later; the text is part of the conversation."""
LONGEST_READ = 32 * 1024 * 1024


class Arrival(Record):
    """One text that a transcript shows; ``at`` is 0 if the line has no moment."""

    kind: str
    text: str
    at: float


def arrivals(screens: str, path: str, offset: int = 0) -> Iterator[Arrival]:
    """What the transcript of that runtime (``Preset.screens``) shows from ``offset`` on; nothing if it cannot be read."""
    reader = _READERS.get(screens)
    if reader is None or not path:
        return
    for line in _lines(path, offset):
        try:
            value = decode_json(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            at = parse_moment(value.get("timestamp")) or 0.0
            for kind, text in reader(value):
                yield Arrival(kind, text, at)


def has_reader(screens: str) -> bool:
    """Whether transcripts of that runtime can be read here."""
    return screens in _READERS


def length_of(path: str) -> int:
    """How long the file is now, 0 if it is not there."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _lines(path: str, offset: int) -> Iterator[bytes]:
    try:
        with open(path, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            # a shorter file than before is another one
            start = offset if offset <= size else 0
            handle.seek(max(start, size - LONGEST_READ))
            yield from handle.read().splitlines()
    except OSError:
        return


def _claude(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    kind = line.get("type")
    if kind == "queue-operation" and line.get("operation") == "enqueue":
        yield from ((TAKEN, text) for text in _texts(line.get("content")))
    elif kind == "attachment" and isinstance(line.get("attachment"), dict):
        # a queued prompt that joined a running turn; what a prompt hook added
        for key in ("prompt", "content"):
            yield from ((TURN, text) for text in _texts(line["attachment"].get(key)))
    elif kind == "user" and isinstance(line.get("message"), dict):
        yield from ((TURN, text) for text in _texts(line["message"].get("content")))


def _codex(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    payload = line.get("payload")
    if line.get("type") != "response_item" or not isinstance(payload, dict) or payload.get("type") != "message":
        return
    if payload.get("role") in ("user", "developer"):
        yield from ((TURN, text) for text in _texts(payload.get("content")))


def _gemini(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if line.get("type") == "user":
        yield from ((TURN, text) for text in _texts(line.get("content")))


def _texts(content: object) -> Iterator[str]:
    """The texts in a message's content: a text, or parts of which some are texts (results of tools are not)."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, str):
                yield part
            elif isinstance(part, dict) and part.get("type", "text") in ("text", "input_text"):
                text = part.get("text")
                if isinstance(text, str):
                    yield text


_READERS: dict[str, Callable[[dict[str, Any]], Iterator[tuple[str, str]]]] = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
}
