"""Search in the transcripts of all agents, the newest first; hits are yielded as they are found.

The raw bytes are searched first, and only lines with a hit are decoded: a program's JSON escapes some characters, so the
text is looked for in each form that it may have there.
"""

from __future__ import annotations

import json
import os
import re

from gastown_core.errors import UsageError
from gastown_core.files.jsonl import lines_backward
from gastown_core.model.record import Record
from gastown_core.runtimes.adapters import adapter_for
from gastown_core.transcripts.entries import entries_in
from gastown_core.usage.usage_ledger import UsageLedger, ledger_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.runtimes.adapter import Adapter

AROUND = 80
"""So many characters around a hit are shown."""
BLOCK = 1 << 20
MOST_LINE = 8 << 20
"""Longer lines are not decoded."""


class Place(Record):
    """A transcript of the town: its path, runtime, agent, and when it was last written."""

    path: str
    runtime: str
    agent: str
    written: float


class Hit(Record):
    """One hit: agent, kind of entry, time, the text around it, and the position of the match in that text."""

    agent: str
    kind: str
    at: float
    text: str
    start: int
    end: int
    path: str
    runtime: str


def places(root: str, *, agent: str = "", rig: str = "") -> list[Place]:
    """Return the town's transcripts that still exist, the last written first. Raises StoreError.

    ``agent`` is a part of an address; ``rig`` a rig's name.
    """
    if not os.path.exists(ledger_path(root)):
        return []
    with UsageLedger(root, only_read=True) as ledger:
        sources = ledger.sources_of(agent, rig)
    found = []
    for source in sources:
        try:
            found.append(Place(source.path, source.runtime, source.agent, os.stat(source.path).st_mtime))
        except OSError:
            # its program has deleted it
            continue
    return sorted(found, key=lambda one: (-one.written, one.path))


def newest_place(root: str, agent: str) -> Place | None:
    """Return the transcript that this agent wrote last, None if none is known."""
    return next((one for one in places(root, agent=agent) if one.agent == agent), None)


def search(found: list[Place], text: str, *, is_exact: bool = False) -> Iterator[Hit]:
    """Yield the hits, newest first in each transcript; without case unless ``is_exact``. Raises UsageError for no text."""
    if not text.strip():
        raise UsageError("nothing to search for")
    flags = 0 if is_exact else re.IGNORECASE
    wanted = re.compile(re.escape(text), flags)
    raw = re.compile(b"|".join(re.escape(form) for form in _forms(text)), flags)
    for place in found:
        adapter = adapter_for(place.runtime)
        if adapter is not None and adapter.keeps_transcript:
            yield from _in_file(place, adapter, wanted, raw, is_plain=text.isascii() or is_exact)


def _forms(text: str) -> list[bytes]:
    """Return the text as JSON writers may have written it."""
    forms = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    forms |= {form.replace("/", "\\/") for form in forms}
    return sorted(form.encode("utf-8", "replace") for form in forms)


def _in_file(
    place: Place, adapter: Adapter, wanted: re.Pattern[str], raw: re.Pattern[bytes], *, is_plain: bool
) -> Iterator[Hit]:
    for line in _lines(place.path, raw, is_plain=is_plain):
        for entry in reversed(list(entries_in(adapter, line))):
            match = wanted.search(entry.text)
            if match is not None:
                yield _hit(place, entry.kind, entry.at, entry.text, match)


def _lines(path: str, raw: re.Pattern[bytes], *, is_plain: bool) -> Iterator[bytes]:
    """Yield the lines that may hold a hit, the last first; a transcript that cannot be read has none.

    Letters beyond ASCII have no case among bytes: such a text is looked for in every line.
    """
    look = raw.search
    try:
        for _, line in lines_backward(path, block=BLOCK):
            if len(line) <= MOST_LINE and (not is_plain or look(line)):
                yield line
    except OSError:
        return


def _hit(place: Place, kind: str, at: float, text: str, match: re.Match[str]) -> Hit:
    """Return a hit with the text around it on one line."""
    head = ("…" if match.start() > AROUND else "") + _flat(text[max(0, match.start() - AROUND) : match.start()])
    body = _flat(match.group())
    tail = _flat(text[match.end() : match.end() + AROUND]) + ("…" if len(text) > match.end() + AROUND else "")
    return Hit(place.agent, kind, at, head + body + tail, len(head), len(head) + len(body), place.path, place.runtime)


def _flat(text: str) -> str:
    return re.sub(r"[\r\n\t]+", " ", text)
