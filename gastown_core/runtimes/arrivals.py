"""Which texts a program's own transcript shows as given to it: the proof that one particular text arrived.

A transcript is a file of JSON lines that grows; the runtime's adapter knows what a line means.  Only what a person or a
hook gave counts: what the agent says or a tool prints may quote anything.
"""

from __future__ import annotations

import os

from gastown_core.clock import parse_moment
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.runtimes.adapter import Adapter

LONGEST_READ = 32 * 1024 * 1024


class Arrival(Record):
    """One text that a transcript shows, as TAKEN or TURN; ``at`` is 0 if the line has no moment."""

    kind: str
    text: str
    at: float


def arrivals(adapter: Adapter, path: str, offset: int = 0) -> Iterator[Arrival]:
    """The texts in the transcript from ``offset`` on; none if it cannot be read."""
    kept = adapter.arrived(path) if path else None
    if kept is not None:
        yield from (Arrival(*one) for one in kept)
        return
    for line in _lines(path, offset):
        try:
            value = decode_json(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            at = parse_moment(value.get("timestamp")) or 0.0
            for kind, text in adapter.given(value):
                yield Arrival(kind, text, at)


def length_of(path: str) -> int:
    """The length of the file now, 0 if it does not exist."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _lines(path: str, offset: int) -> Iterator[bytes]:
    try:
        with open(open_plain(path), "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            # a shorter file than before is another one
            start = offset if offset <= size else 0
            handle.seek(max(start, size - LONGEST_READ))
            yield from handle.read().splitlines()
    except OSError:
        return
