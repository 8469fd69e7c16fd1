"""A transcript as entries: who said or did what, and when.  Long files are read from their end.

A runtime's adapter knows what a line means (``Adapter.told``); texts are as the program wrote them, and whoever shows
them cleans them.
"""

from __future__ import annotations

import os

from gastown_core.clock import parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record
from gastown_core.runtimes.adapters import adapter_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from gastown_core.runtimes.adapter import Adapter

READ_BYTES = 2 << 20
"""So much of a transcript's end is read at once."""
USER, AGENT, TOOL, RESULT = "user", "agent", "tool", "result"
KINDS = (USER, AGENT, TOOL, RESULT)
"""What was given to the agent, what it said, which tool it called, and what the tool gave back."""


class Entry(Record):
    """One entry; ``at`` is in Unix seconds, 0 if the line has no moment."""

    kind: str
    text: str
    at: float = 0.0


class Reading(Record):
    """The newest entries of a transcript, oldest first; ``is_cut``: it has earlier ones."""

    entries: tuple[Entry, ...]
    is_cut: bool = False


def read_entries(path: str, runtime: str, *, most_bytes: int = READ_BYTES) -> Reading:
    """Return what stands at the end of a transcript. Raises GastownError if it cannot be read, or not by us."""
    adapter = reader_of(runtime)
    try:
        with open(open_plain(path), "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            start = max(0, size - most_bytes)
            handle.seek(start)
            data = handle.read(most_bytes)
    except OSError as error:
        raise GastownError(f"cannot read the transcript {path}", error.strerror or str(error)) from error
    if start:
        data = data[data.find(b"\n") + 1 :]
    return Reading(tuple(entry for line in data.split(b"\n") for entry in entries_in(adapter, line)), start > 0)


def reader_of(runtime: str) -> Adapter:
    """Return the adapter that reads a runtime's transcripts. Raises GastownError if none does."""
    adapter = adapter_for(runtime)
    if adapter is None or not adapter.keeps_transcript:
        raise GastownError(
            f"the transcripts of {runtime or 'this program'} cannot be read",
            "",
            "attach to its session to see what it does",
        )
    return adapter


def entries_in(adapter: Adapter, line: bytes) -> Iterator[Entry]:
    """Yield the entries of one line; junk and lines of other kinds have none."""
    value = _object(line)
    if not value:
        return
    at = parse_moment(value.get("timestamp")) or 0.0
    for kind, text in adapter.told(value):
        if text.strip():
            yield Entry(kind, text, at)


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        value = decode_json(line) if line.strip() else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
