"""Bringing the curated feed up to the raw log: from where the last one stopped, once, whoever asks.

The place is noted in ``.runtime/curator.json`` (device, inode, offset) under a lock, so two readers never tell an
event twice.  A log that was replaced is read from its beginning, but only for events newer than the last told one.
"""

from __future__ import annotations

import os
from collections import deque

from gastown_core.events.feed import CurationRules, choose, curate, feed_path, records_since
from gastown_core.events.log import log_path, newest_events, parse_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import open_plain
from gastown_core.files.tail import Tailer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from gastown_core.model.event import TownEvent

REMEMBERED = 1000
TRIES = 5
FIRST_BYTES = 1 << 20
"""How far back a first run goes."""


def catch_up(root: str, rules: CurationRules | None = None) -> int:
    """Curate what came since the last time; returns how many records were written."""
    note = note_path(root)
    private_folder(os.path.dirname(note))
    with FileLock(note + ".lock"):
        try:
            status = os.stat(log_path(root))
        except FileNotFoundError:
            return 0
        start, told_until = _place(root, status)
        tail = Tailer(log_path(root), offset=start)
        events = [e for at, line in tail.read().lines if (e := parse_event(line, at)) is not None and e.ts > told_until]
        written = curate(root, events, rules)
        write_json(note, {"device": status.st_dev, "inode": status.st_ino, "offset": tail.offset}, mode=0o600)
        tail.close()
    return written


class CuratedView:
    """The curated feed for whoever only looks: what was written, then what the log has beyond it. Writes nothing.

    ``end`` is the length of the feed that counts as written; ``fresh`` gives what is not in it.
    """

    def __init__(self, root: str, rules: CurationRules) -> None:
        self.root = root
        self.rules = rules
        self._told: deque[TownEvent] = deque(maxlen=REMEMBERED)
        for _ in range(TRIES):
            # the daemon writes feed and note one after the other; what both sides of a look agree on is settled
            before = _noted(root)
            self.end = _length(feed_path(root))
            if before == _noted(root):
                break
        try:
            start, self._told_until = _place(root, os.stat(log_path(root)))
        except FileNotFoundError:
            start, self._told_until = 0, 0.0
        self._tail = Tailer(log_path(root), offset=start)

    def fresh(self) -> list[TownEvent]:
        """Curated records of what the log got since the last time, oldest first. Raises OSError."""
        batch = self._tail.read()
        if batch.reset and self._told:
            self._told_until = self._told[-1].ts
        raw = (parse_event(line, at) for at, line in batch.lines)
        events = [event for event in raw if event is not None and event.ts > self._told_until]
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
    """Where the curator notes how far it is."""
    return os.path.join(root, ".runtime", "curator.json")


def _noted(root: str) -> dict[str, Any]:
    return read_json(note_path(root)) or {}


def _place(root: str, status: os.stat_result) -> tuple[int, float]:
    """Where in the log to go on, and up to which moment all is told already (0: the place says it all)."""
    before = _noted(root)
    same = (before.get("device"), before.get("inode")) == (status.st_dev, status.st_ino)
    offset = before.get("offset") if same else None
    if isinstance(offset, int) and 0 <= offset <= status.st_size:
        return offset, 0.0
    return _first_offset(root, status.st_size), _last_told(root)


def _length(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _first_offset(root: str, size: int) -> int:
    """The first line's start within the newest mebibyte."""
    if size <= FIRST_BYTES:
        return 0
    with open(open_plain(log_path(root)), "rb") as handle:
        handle.seek(size - FIRST_BYTES)
        handle.readline()
        return handle.tell()


def _last_told(root: str) -> float:
    return next((event.ts for event in newest_events(feed_path(root))), 0.0)
