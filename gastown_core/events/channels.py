"""Wake-up files ``<town>/events/<channel>/*.event`` for processes that sleep until something happens.

One JSON file per event, ``{"type", "channel", "timestamp", "payload"}`` with text values, under a name that sorts
by time: ``<unix-nanos>-<sequence>-<pid>.event`` (feed-and-events.md section 1.3).  A file appears by rename, complete.
"""

from __future__ import annotations

import json
import os
import re

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import GastownError, UsageError
from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json, encode_text
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.clock import Clock

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,100}\Z")
_sequence = 0


class WakeUp(Record):
    """One wake-up: the path of its file, its type, and its payload."""

    path: str
    type: str
    payload: Mapping[str, str]


def channel_folder(root: str, channel: str) -> str:
    """Return the folder of a channel. Raises UsageError for an invalid name."""
    if not _NAME.match(channel):
        raise UsageError(f"{channel!r} is not a channel name", "at most 100 letters, digits, _ and - are allowed")
    return os.path.join(root, "events", channel)


def emit(
    root: str, channel: str, event_type: str, payload: Mapping[str, str] | None = None, *, clock: Clock = SYSTEM_CLOCK
) -> str:
    """Write a wake-up; returns its path, empty if it could not be written, since sleepers also time out.

    A failed write never fails the action it reports.  Raises UsageError for an invalid channel name.
    """
    global _sequence
    folder = channel_folder(root, channel)
    now = clock.now()
    _sequence += 1
    path = os.path.join(folder, f"{int(now * 1e9)}-{_sequence}-{os.getpid()}.event")
    value = {"type": event_type, "channel": channel, "timestamp": format_seconds(now), "payload": dict(payload or {})}
    try:
        private_folder(folder)
        write_atomic(path, encode_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n"), mode=0o600, sync=False)
    except (GastownError, OSError):
        return ""
    return path


def pending(root: str, channel: str) -> list[WakeUp]:
    """Return the wake-ups of a channel, oldest first; unreadable files are skipped and kept."""
    folder = channel_folder(root, channel)
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".event"))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        path = os.path.join(folder, name)
        try:
            with open(open_plain(path), "rb") as handle:
                value = decode_json(handle.read())
        except (OSError, ValueError):
            continue
        if isinstance(value, dict) and isinstance(value.get("type"), str):
            payload = value.get("payload")
            found.append(WakeUp(path, value["type"], payload if isinstance(payload, dict) else {}))
    return found
