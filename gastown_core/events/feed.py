"""The curated feed ``<town>/.feed.jsonl``: the raw log with doubles dropped and bursts told as one.

Rules and windows of feed-and-events.md section 2.  State is read back from the files, never kept in memory, so
a curator that dies loses nothing but time.  ``curate`` is one step: give it fresh events, it appends records.
"""

from __future__ import annotations

import json
import os

from gastown_core.clock import format_seconds, parse_duration
from gastown_core.events.log import SHOWN, log_path, newest_events
from gastown_core.files.atomic import write_atomic
from gastown_core.files.jsonl import append_lines
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import open_plain
from gastown_core.model.event import TownEvent, describe
from gastown_core.model.json_text import encode_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, NamedTuple

    class CurationRules(NamedTuple):
        """Windows in seconds, and from how many slings on a burst is told as one."""

        done_dedupe_s: float = 10.0
        sling_aggregate_s: float = 30.0
        min_aggregate_count: int = 3
else:
    from gastown_core.model.record import record_type

    CurationRules = record_type(
        "CurationRules", "done_dedupe_s sling_aggregate_s min_aggregate_count", defaults=(10.0, 30.0, 3)
    )

MAX_BYTES = 10 << 20
LOOK_BACK_BYTES = 1 << 20


def feed_path(root: str) -> str:
    """Where a town's curated feed lies."""
    return os.path.join(root, ".feed.jsonl")


def read_rules(settings: Mapping[str, Any]) -> CurationRules:
    """The rules of ``feed_curator`` in the town settings; empty, invalid or non-positive values fall back one by one."""
    value = settings.get("feed_curator")
    value = value if isinstance(value, dict) else {}
    base = CurationRules()
    done = parse_duration(value.get("done_dedupe_window"))
    sling = parse_duration(value.get("sling_aggregate_window"))
    count = value.get("min_aggregate_count")
    return CurationRules(
        done if done and done > 0 else base.done_dedupe_s,
        sling if sling and sling > 0 else base.sling_aggregate_s,
        count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else base.min_aggregate_count,
    )


def curate(root: str, events: Iterable[TownEvent], rules: CurationRules | None = None) -> int:
    """Append the curated records of ``events`` (oldest first); returns how many were written."""
    path = feed_path(root)
    written = 0
    with FileLock(path + ".lock"):
        for line in choose(root, events, rules or CurationRules(), lambda since: _recent(path, since)):
            _cut_to_half(path)
            append_lines(path, [line], mode=0o600)
            written += 1
    return written


def choose(
    root: str, events: Iterable[TownEvent], rules: CurationRules, told: Callable[[float], Iterable[TownEvent]]
) -> Iterator[bytes]:
    """The curated lines of ``events``, one by one; ``told(since)`` are the records before, newest first."""
    for event in events:
        if event.visibility not in SHOWN or (event.type == "done" and _told_before(event, rules, told)):
            continue
        yield encode_curated(event, _burst(root, event, rules) if event.type == "sling" else 0)


def records_since(root: str, since: float) -> Iterable[TownEvent]:
    """The written records from ``since`` on, newest first, as far back as anything is looked up."""
    return _recent(feed_path(root), since)


def encode_curated(event: TownEvent, count: int = 0) -> bytes:
    """The curated line of an event; ``count`` above 1 tells a burst."""
    payload = dict(event.payload)
    told = event._replace(payload={**payload, "count": count}) if count else event
    record: dict[str, Any] = {
        "ts": format_seconds(event.ts),
        "source": "gt",
        "type": event.type,
        "actor": event.actor,
        "summary": f"{event.actor or 'system'} {describe(told)}",
    }
    if payload:
        record["payload"] = payload
    if count:
        record["count"] = count
    return encode_text(json.dumps(record, ensure_ascii=False, separators=(",", ":")))


def _recent(path: str, since: float) -> Iterable[TownEvent]:
    try:
        floor = os.stat(path).st_size - LOOK_BACK_BYTES
    except FileNotFoundError:
        return
    for event in newest_events(path):
        if event.ts < since or event.offset < floor:
            return
        yield event


def _told_before(event: TownEvent, rules: CurationRules, told: Callable[[float], Iterable[TownEvent]]) -> bool:
    since = event.ts - rules.done_dedupe_s
    return any(e.type == "done" and e.actor == event.actor and e.ts <= event.ts for e in told(since))


def _burst(root: str, event: TownEvent, rules: CurationRules) -> int:
    """How many slings of this actor lie in the window up to this one; 0 below the minimum."""
    count = 0
    for earlier in _recent(log_path(root), event.ts - rules.sling_aggregate_s):
        if earlier.type == "sling" and earlier.actor == event.actor and earlier.ts <= event.ts:
            if event.offset >= 0 and earlier.offset > event.offset:
                continue
            count += 1
    return count if count >= rules.min_aggregate_count else 0


def _cut_to_half(path: str) -> None:
    try:
        size = os.stat(path).st_size
    except FileNotFoundError:
        return
    if size <= MAX_BYTES:
        return
    with open(open_plain(path), "rb") as handle:
        handle.seek(size - MAX_BYTES // 2)
        handle.readline()
        rest = handle.read()
    write_atomic(path, rest, mode=0o600)
