"""The event log ``<town>/.events.jsonl``: its one writer, and reading its lines.

A line is appended under ``.events.jsonl.lock`` in one write, as the Go tools do it, with ``ts`` in whole
seconds; ours adds ``ms`` (the fraction, in milliseconds), which old readers ignore.  Retention takes the same
lock, so nothing written meanwhile is lost.
"""

from __future__ import annotations

import json
import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds, parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.jsonl import append_lines, lines_backward
from gastown_core.files.locks import FileLock
from gastown_core.model.json_text import decode_json, encode_text
from gastown_core.model.town_event import TownEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from gastown_core.clock import Clock

SHOWN = frozenset(("feed", "both"))
"""Visibilities that feed readers show; ``audit`` stays in the raw log."""

LOCK_S = 5.0
last_failure = ""
"""Why the last event, or line for people, that this process could not write was not written."""


def log_path(root: str) -> str:
    """Where a town's event log lies."""
    return os.path.join(root, ".events.jsonl")


def append_event(
    root: str,
    event_type: str,
    actor: str,
    payload: Mapping[str, Any] | None = None,
    *,
    visibility: str = "feed",
    clock: Clock = SYSTEM_CLOCK,
) -> bool:
    """Append one event. Returns False where it could not be written: an event never fails the act it tells of.

    ``last_failure`` then says why, for whoever talks to people.
    """
    if not root:
        return False
    path = log_path(root)
    try:
        line = encode_event(event_type, actor, payload or {}, visibility, clock.now())
        with FileLock(path + ".lock", timeout_s=LOCK_S):
            append_lines(path, [line], mode=0o600)
    except (GastownError, OSError, ValueError, TypeError, OverflowError, RecursionError) as error:
        # a lock that somebody holds, a full disk, a payload that is no JSON: what has happened has happened
        note_failure(f"{event_type} is missing in the event log: {error}")
        return False
    return True


def note_failure(why: str) -> None:
    """Keep what could not be written down for whoever talks to people; the act it told of has happened."""
    global last_failure
    last_failure = why


def encode_event(event_type: str, actor: str, payload: Mapping[str, Any], visibility: str, now: float) -> bytes:
    """The line of an event, without its newline."""
    record: dict[str, Any] = {"ts": format_seconds(now), "source": "gt", "type": event_type, "actor": actor}
    if payload:
        record["payload"] = dict(payload)
    record["visibility"] = visibility
    record["ms"] = int(now * 1000) % 1000
    return encode_text(json.dumps(record, ensure_ascii=False, separators=(",", ":")))


def parse_event(line: bytes, offset: int = -1, decode: Callable[[bytes], Any] = decode_json) -> TownEvent | None:
    """The event in a line, None for junk; ``decode`` is ``bulk_decoder()`` for those who read whole files."""
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
    """Events from the newest to the oldest; junk lines are passed over. Costs what is taken, not what is there."""
    for offset, line in lines_backward(path, end=end):
        event = parse_event(line, offset)
        if event is not None:
            yield event
