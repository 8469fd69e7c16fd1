"""The event log ``<town>/.events.jsonl``: its one writer, and parsing of its lines.

A line is appended in one write under ``.events.jsonl.lock``, as the Go tools do, with ``ts`` in whole seconds; our
``ms`` (the fraction, in milliseconds) is ignored by other readers.  Retention takes the same lock, so no write is lost.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds, parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.jsonl import append_lines, lines_backward
from gastown_core.files.locks import FileLock
from gastown_core.model.json_text import decode_json, encode_json, encode_text
from gastown_core.model.town_event import TownEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gastown_core.clock import Clock

SHOWN = frozenset(("feed", "both"))
"""Visibilities that feeds show; ``audit`` events stay in the raw log."""

LOCK_S = 5.0
DISORDER_S = 6.0
"""How much older than the line before it a line may be: another tool stamps in whole seconds, before it has the lock."""
last_failure = ""
"""Why this process could not write its last failed event or log line; empty if none failed."""


def log_path(root: str) -> str:
    """Return the path of a town's event log."""
    return os.path.join(root, ".events.jsonl")


def append_event(
    root: str,
    event_type: str,
    actor: str,
    payload: Mapping[str, object] | None = None,
    *,
    visibility: str = "feed",
    clock: Clock = SYSTEM_CLOCK,
) -> bool:
    """Append one event; returns False, without raising, if it cannot be written, so the reported action never fails.

    ``last_failure`` then says why.  With an empty ``root`` there is no log, and nothing is written.
    """
    if not root:
        return False
    path = log_path(root)
    try:
        with FileLock(path + ".lock", timeout_s=LOCK_S):
            # stamped under the lock, so that the log is in order: readers from its end stop at the first that is too old
            line = encode_event(event_type, actor, payload or {}, visibility, clock.now())
            append_lines(path, [line], mode=0o600)
    except (GastownError, OSError, ValueError, TypeError, OverflowError, RecursionError) as error:
        # a held lock, a full disk, an unencodable payload: the reported action has already happened
        note_failure(f"{event_type} is missing from the event log: {error}")
        return False
    return True


def note_failure(why: str) -> None:
    """Record in ``last_failure`` what could not be logged, to be shown to the user."""
    global last_failure
    last_failure = why


def encode_event(event_type: str, actor: str, payload: Mapping[str, object], visibility: str, now: float) -> bytes:
    """Return the line of an event, without newline."""
    record: dict[str, object] = {"ts": format_seconds(now), "source": "gt", "type": event_type, "actor": actor}
    if payload:
        record["payload"] = dict(payload)
    record["visibility"] = visibility
    record["ms"] = int(now * 1000) % 1000
    return encode_text(encode_json(record))


def parse_event(line: bytes, offset: int = -1, decode: Callable[[bytes], object] = decode_json) -> TownEvent | None:
    """Return the event in a line, None if it is not one; callers that read whole files pass ``bulk_decoder()``."""
    try:
        record = decode(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    event_type = record.get("type")
    if not isinstance(event_type, str) or not event_type:
        return None
    moment = parse_moment(record.get("ts")) or 0.0
    millis = record.get("ms")
    if isinstance(millis, int) and 0 <= millis < 1000 and moment == int(moment):
        moment += millis / 1000
    payload = record.get("payload")
    summary = record.get("summary")
    payload = payload if isinstance(payload, dict) else {}
    count = record.get("count")
    if isinstance(summary, str) and isinstance(count, int):
        payload = {**payload, "count": count}
    actor = record.get("actor")
    visibility = record.get("visibility")
    return TownEvent(
        moment,
        event_type,
        actor if isinstance(actor, str) else "",
        payload,
        visibility if isinstance(visibility, str) else "feed",
        offset,
    )


def newest_events(path: str, *, end: int | None = None) -> Iterator[TownEvent]:
    """Events from newest to oldest, junk lines skipped; reads only as much as the caller consumes."""
    for offset, line in lines_backward(path, end=end):
        event = parse_event(line, offset)
        if event is not None:
            yield event


def events_since(path: str, since: float, *, end: int | None = None) -> Iterator[TownEvent]:
    """Events that may have happened at ``since`` or later, from newest to oldest; those without a readable time too."""
    for event in newest_events(path, end=end):
        if 0 < event.ts < since - DISORDER_S:
            return
        if not event.ts or event.latest > since:
            yield event
