"""The curated feed ``<town>/.feed.jsonl``: the log without repeated ``done`` events, and with sling bursts counted."""

from __future__ import annotations

import json
import os
from collections import deque

from gastown_core.clock import format_seconds, parse_duration
from gastown_core.events.log import SHOWN, events_since, log_path, newest_events, parse_event
from gastown_core.files.atomic import read_json, write_atomic, write_json
from gastown_core.files.folders import private_folder
from gastown_core.files.jsonl import append_lines
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import open_plain
from gastown_core.files.tail import Tailer
from gastown_core.model.event import TownEvent, describe
from gastown_core.model.json_text import encode_text
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


class CurationRules(Record):
    """Time windows in seconds, and the number of slings that makes a burst."""

    done_dedupe_s: float = 10.0
    sling_aggregate_s: float = 30.0
    min_aggregate_count: int = 3


MAX_BYTES = 10 << 20
LOOK_BACK_BYTES = 1 << 20


def feed_path(root: str) -> str:
    """Return the path of a town's curated feed."""
    return os.path.join(root, ".feed.jsonl")


def read_rules(settings: Mapping[str, object]) -> CurationRules:
    """The rules ``feed_curator`` of the town settings; each missing, invalid or non-positive value gets its default."""
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
    """Append the curated records of ``events`` (oldest first); returns the number written."""
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
    """Yield the curated lines of ``events``; ``told(since)`` returns earlier records, newest first."""
    for event in events:
        if event.visibility not in SHOWN or (event.type == "done" and _told_before(event, rules, told)):
            continue
        yield encode_curated(event, _burst(root, event, rules) if event.type == "sling" else 0)


def records_since(root: str, since: float) -> Iterable[TownEvent]:
    """Return the written records from ``since`` on, newest first, within the last mebibyte."""
    return _recent(feed_path(root), since)


def encode_curated(event: TownEvent, count: int = 0) -> bytes:
    """Return the curated line of an event; ``count`` above 1 describes a burst."""
    payload = dict(event.payload)
    told = event._replace(payload={**payload, "count": count}) if count else event
    record: dict[str, object] = {
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
    for event in events_since(path, since):
        if event.offset < floor:
            return
        yield event


def _told_before(event: TownEvent, rules: CurationRules, told: Callable[[float], Iterable[TownEvent]]) -> bool:
    since = event.ts - rules.done_dedupe_s
    return any(e.type == "done" and e.actor == event.actor and e.ts <= event.ts for e in told(since))


def _burst(root: str, event: TownEvent, rules: CurationRules) -> int:
    """Return the number of this actor's slings in the window up to this one; 0 below the minimum."""
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


REMEMBERED = 1000
TRIES = 5
FIRST_BYTES = 1 << 20
"""The most bytes of the log that a first run reads."""


def catch_up(root: str, rules: CurationRules | None = None) -> int:
    """Curate the events since the last run; returns the number of records written."""
    note = note_path(root)
    private_folder(os.path.dirname(note))
    with FileLock(note + ".lock"):
        try:
            status = os.stat(log_path(root))
        except FileNotFoundError:
            return 0
        start, told = _place(root, status)
        tail = Tailer(log_path(root), offset=start)
        events = [e for at, line in tail.read().lines if (e := parse_event(line, at)) is not None and told.is_new(e)]
        written = curate(root, events, rules)
        write_json(note, {"device": status.st_dev, "inode": status.st_ino, "offset": tail.offset}, mode=0o600)
        tail.close()
    return written


class Curated(Record):
    """Up to which second of the log events are curated already, and which of that second's; none by default.

    The feed has whole seconds, so its newest time alone cannot tell what else of that second it has.
    """

    second: float = 0.0
    keys: frozenset[str] = frozenset()

    def is_new(self, event: TownEvent) -> bool:
        """Whether an event of the log is not in the feed yet."""
        return event.ts >= self.second + 1 or (0 < event.ts >= self.second and _key(event) not in self.keys)


def curated(newest: Iterable[TownEvent]) -> Curated:
    """What these records of the feed, newest first, say of the log."""
    second, keys = 0.0, set[str]()
    for one in newest:
        if keys and one.ts < second:
            break
        second = second or float(int(one.ts))
        keys.add(_key(one))
    return Curated(second, frozenset(keys))


def _key(event: TownEvent) -> str:
    # a burst is told with its count
    payload = {name: value for name, value in event.payload.items() if name != "count"}
    return json.dumps([event.type, event.actor, payload], sort_keys=True)


class CuratedView:
    """A read-only view of the curated feed: the written records, then what the log has beyond them.

    ``end`` is the length of the feed that counts as written; ``fresh`` returns later records.
    """

    def __init__(self, root: str, rules: CurationRules) -> None:
        self.root = root
        self.rules = rules
        self._told: deque[TownEvent] = deque(maxlen=REMEMBERED)
        for _ in range(TRIES):
            # the daemon writes the feed, then the note; an unchanged note means that both agree
            before = _noted(root)
            self.end = _length(feed_path(root))
            if before == _noted(root):
                break
        try:
            start, self._known = _place(root, os.stat(log_path(root)))
        except FileNotFoundError:
            start, self._known = 0, Curated()
        self._tail = Tailer(log_path(root), offset=start)

    def fresh(self) -> list[TownEvent]:
        """Curated records of new events, oldest first. Raises OSError."""
        batch = self._tail.read()
        if batch.reset and self._told:
            self._known = curated(reversed(self._told))
        raw = (parse_event(line, at) for at, line in batch.lines)
        events = [event for event in raw if event is not None and self._known.is_new(event)]
        found = []
        for line in choose(self.root, events, self.rules, self._told_since):
            record = parse_event(line)
            if record is not None:
                self._told.append(record)
                found.append(record)
        return found

    def _told_since(self, since: float) -> Iterator[TownEvent]:
        for event in reversed(self._told):
            if event.ts < since:
                return
            yield event
        yield from records_since(self.root, since)


def note_path(root: str) -> str:
    """Return the path of the curator's position in the log."""
    return os.path.join(root, ".runtime", "curator.json")


def _noted(root: str) -> dict[str, object]:
    return read_json(note_path(root)) or {}


def _place(root: str, status: os.stat_result) -> tuple[int, Curated]:
    """The offset in the log to continue at, and what is curated already behind it."""
    before = _noted(root)
    same = (before.get("device"), before.get("inode")) == (status.st_dev, status.st_ino)
    offset = before.get("offset") if same else None
    if isinstance(offset, int) and 0 <= offset <= status.st_size:
        return offset, Curated()
    return _first_offset(root, status.st_size), curated(newest_events(feed_path(root)))


def _length(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _first_offset(root: str, size: int) -> int:
    """Return the start of the first complete line within the last mebibyte."""
    if size <= FIRST_BYTES:
        return 0
    with open(open_plain(log_path(root)), "rb") as handle:
        handle.seek(size - FIRST_BYTES)
        handle.readline()
        return handle.tell()
