"""Bringing the curated feed up to the raw log: from where the last one stopped, once, whoever asks.

The place is noted in ``.runtime/curator.json`` (device, inode, offset) under a lock, so two readers never tell an
event twice.  A log that was replaced is read from its beginning, but only for events newer than the last told one.
"""

from __future__ import annotations

import os

from gastown_core.events.feed import CurationRules, curate, feed_path
from gastown_core.events.log import log_path, newest_events, parse_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.locks import FileLock
from gastown_core.files.tail import Tailer

FIRST_BYTES = 1 << 20
"""How far back a first run goes."""


def catch_up(root: str, rules: CurationRules | None = None) -> int:
    """Curate what came since the last time; returns how many records were written."""
    folder = os.path.join(root, ".runtime")
    os.makedirs(folder, exist_ok=True)
    note = os.path.join(folder, "curator.json")
    with FileLock(note + ".lock"):
        try:
            status = os.stat(log_path(root))
        except FileNotFoundError:
            return 0
        before = read_json(note) or {}
        same = (before.get("device"), before.get("inode")) == (status.st_dev, status.st_ino)
        offset = before.get("offset") if same else None
        start = offset if isinstance(offset, int) and offset <= status.st_size else _first_offset(root, status.st_size)
        tail = Tailer(log_path(root), offset=start)
        told_until = 0.0 if start == offset else _last_told(root)
        events = [e for at, line in tail.read().lines if (e := parse_event(line, at)) is not None and e.ts > told_until]
        written = curate(root, events, rules)
        write_json(note, {"device": status.st_dev, "inode": status.st_ino, "offset": tail.offset}, mode=0o600)
        tail.close()
    return written


def _first_offset(root: str, size: int) -> int:
    """The first line's start within the newest mebibyte."""
    if size <= FIRST_BYTES:
        return 0
    with open(log_path(root), "rb") as handle:
        handle.seek(size - FIRST_BYTES)
        handle.readline()
        return handle.tell()


def _last_told(root: str) -> float:
    return next((event.ts for event in newest_events(feed_path(root))), 0.0)
