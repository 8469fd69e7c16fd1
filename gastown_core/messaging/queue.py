"""Nudges that wait: one file each under ``.runtime/nudge_queue/<session>/``, read by the agent at its next turn.

The record is the Go tools'.  A file appears complete or not at all; name order is the order they were sent in.
"""

from __future__ import annotations

import json
import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds, parse_moment
from gastown_core.errors import ConflictError
from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock

NORMAL, URGENT = "normal", "urgent"
TTL_S = {NORMAL: 30 * 60.0, URGENT: 2 * 3600.0}
MAX_DEPTH = 50


def queue_dir(town_root: str, session: str) -> str:
    """Where a session's waiting nudges lie."""
    return os.path.join(town_root, ".runtime", "nudge_queue", session)


def waiting(town_root: str, session: str) -> list[str]:
    """Paths of the waiting nudges, oldest first."""
    folder = queue_dir(town_root, session)
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(".json")]


def enqueue(
    town_root: str,
    session: str,
    sender: str,
    message: str,
    *,
    priority: str = NORMAL,
    kind: str = "nudge",
    clock: Clock = SYSTEM_CLOCK,
) -> str:
    """Keep a nudge for the session; returns its path, that of an equal waiting one if there is one.

    Raises ConflictError when MAX_DEPTH nudges wait already, StoreError if the file cannot be written.
    """
    queued = waiting(town_root, session)
    for path in queued:
        known = _read(path)
        if known.get("sender") == sender and known.get("message") == message:
            return path
    if len(queued) >= MAX_DEPTH:
        raise ConflictError(f"{len(queued)} nudges wait for {session} already", "", "let the agent read them first")
    folder = queue_dir(town_root, session)
    private_folder(folder)
    now = clock.now()
    record = {
        "sender": sender,
        "message": message,
        "priority": priority,
        "kind": kind,
        "timestamp": format_seconds(now),
        "expires_at": format_seconds(now + TTL_S.get(priority, TTL_S[NORMAL])),
    }
    # a counter that also moves while the clock stands still keeps the order of sending
    stamp = max(int(now * 1e9), int(os.path.basename(queued[-1]).split("-")[0] or 0) + 1 if queued else 0)
    path = os.path.join(folder, f"{stamp:019d}-{os.urandom(4).hex()}.json")
    write_atomic(path, (json.dumps(record, ensure_ascii=False) + "\n").encode(), mode=0o600)
    return path


def drain(town_root: str, session: str, *, clock: Clock = SYSTEM_CLOCK) -> list[dict[str, object]]:
    """Take the waiting nudges out, oldest first, urgent ones before the rest; each goes to one taker only.

    Expired and unreadable ones are dropped; those with a ``deliver_after`` in the future stay.
    """
    now = clock.now()
    taken = []
    for path in waiting(town_root, session):
        claimed = f"{path}.claimed.{os.urandom(4).hex()}"
        try:
            os.rename(path, claimed)
        except FileNotFoundError:
            continue
        record = _read(claimed)
        if (parse_moment(record.get("deliver_after")) or 0.0) > now:
            os.rename(claimed, path)
            continue
        if record.get("message") and (parse_moment(record.get("expires_at")) or now) >= now:
            taken.append(record)
        os.unlink(claimed)
    return sorted(taken, key=lambda record: record.get("priority") != URGENT)


def _read(path: str) -> dict[str, object]:
    try:
        with open(open_plain(path), "rb") as handle:
            value = decode_json(handle.read())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


__all__ = ["MAX_DEPTH", "NORMAL", "URGENT", "drain", "enqueue", "queue_dir", "waiting"]
