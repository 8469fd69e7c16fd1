"""Queued nudges: one file each under ``.runtime/nudge_queue/<session>/``.

The record is the Go tools', with ``mode``, ``about``, ``target`` and ``rig`` of ours.  A file appears complete or not at
all; name order is the order they were sent in.  A nudge leaves the queue in one of two ways: delivered (``handover``
keeps that list), or as a dead letter under ``dead/`` with the reason.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from gastown_core.clock import SYSTEM_CLOCK, format_micros, format_seconds, parse_moment
from gastown_core.errors import ConflictError, GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import open_plain
from gastown_core.messaging.reminder import harmless
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from gastown_core.clock import Clock

NORMAL, URGENT = "normal", "urgent"
NOW, IDLE, NEXT = "now", "idle", "next"
"""When to type: at once; when the agent is idle; never (the agent reads it at its next turn)."""
MODES = (NOW, IDLE, NEXT)
LOCK_S = 30.0
HELD = "held"
"""The file with the reason why the queue waits, from the last attempt; removed after a delivery."""


class QueuedNudge(Record):
    """One waiting nudge; ``name`` is its file's, ``until`` and ``not_before`` are 0 if it has no such moment.

    ``about`` is the bead that it concerns: once that is closed, the nudge is not delivered.
    """

    name: str
    sender: str
    message: str
    priority: str = NORMAL
    mode: str = IDLE
    about: str = ""
    target: str = ""
    rig: str = ""
    at: float = 0.0
    until: float = 0.0
    not_before: float = 0.0


class DeadLetter(Record):
    """A nudge that is not delivered any more, with the reason; ``message`` is empty if it could not be read."""

    name: str
    sender: str
    message: str
    reason: str
    at: float


def queue_dir(town_root: str, session: str) -> str:
    """The folder of a session's queued nudges."""
    return os.path.join(town_root, ".runtime", "nudge_queue", session)


def sessions_with_queue(town_root: str) -> list[str]:
    """The sessions that ever had a nudge queued."""
    try:
        return sorted(os.listdir(os.path.join(town_root, ".runtime", "nudge_queue")))
    except OSError:
        return []


def session_lock(town_root: str, session: str, timeout_s: float | None = None) -> FileLock:
    """The lock under which nudges of the session are taken and typed: one at a time, across processes."""
    folder = private_folder(queue_dir(town_root, session))
    patience_s = LOCK_S if timeout_s is None else timeout_s
    return FileLock(os.path.join(folder, ".lock"), timeout_s=patience_s, name_holder=True)


def waiting(town_root: str, session: str) -> list[str]:
    """Paths of the waiting nudges, oldest first."""
    return _nudges_in(queue_dir(town_root, session))


def retract(town_root: str, session: str, name: str) -> bool:
    """Take a waiting nudge out of the queue; return False if it is no longer there. Raises StoreError for a held lock."""
    with session_lock(town_root, session):
        path = os.path.join(queue_dir(town_root, session), os.path.basename(name))
        if path not in waiting(town_root, session):
            return False
        os.unlink(path)
        return True


def _nudges_in(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
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
    mode: str = IDLE,
    about: str = "",
    target: str = "",
    rig: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> str:
    """Queue a nudge for the session; returns its path, or that of an equal one already queued.

    Raises ConflictError if the queue is full (``operational.nudge.depth``), StoreError if the file cannot be written.
    """
    queued = waiting(town_root, session)
    for path in queued:
        known = read_record(path)
        if known.get("sender") == sender and known.get("message") == message:
            return path
    settings = load_settings(town_root)
    if len(queued) >= settings.lenient("operational.nudge.depth"):
        raise ConflictError(
            f"{len(queued)} nudges wait for {session} already", "", "gt nudge --list AGENT shows what they wait for"
        )
    folder = private_folder(queue_dir(town_root, session))
    now = clock.now()
    lifetime = settings.seconds(f"operational.nudge.{'urgent' if priority == URGENT else 'normal'}_ttl")
    record = {
        "sender": sender,
        "message": message,
        "priority": priority,
        "kind": kind,
        "timestamp": format_seconds(now),
        "expires_at": format_seconds(now + lifetime),
    }
    record |= {key: word for key, word in (("about", about), ("target", target), ("rig", rig)) if word}
    if mode != IDLE:
        record["mode"] = mode
    # a counter that also advances within one clock tick keeps the order of sending
    stamp = max(int(now * 1e9), int(os.path.basename(queued[-1]).split("-")[0] or 0) + 1 if queued else 0)
    path = os.path.join(folder, f"{stamp:019d}-{os.urandom(4).hex()}.json")
    write_atomic(path, (json.dumps(record, ensure_ascii=False) + "\n").encode(), mode=0o600)
    return path


def read_nudge(path: str) -> QueuedNudge | None:
    """The nudge in the file, None if that cannot be read or holds no message."""
    value = read_record(path)
    message = value.get("message")
    if not isinstance(message, str) or not message:
        return None
    mode = str(value.get("mode") or IDLE)
    return QueuedNudge(
        name=os.path.basename(path),
        sender=str(value.get("sender") or "unknown"),
        message=message,
        priority=URGENT if value.get("priority") == URGENT else NORMAL,
        mode=mode if mode in MODES else IDLE,
        about=str(value.get("about") or ""),
        target=str(value.get("target") or ""),
        rig=str(value.get("rig") or ""),
        at=parse_moment(value.get("timestamp")) or 0.0,
        until=parse_moment(value.get("expires_at")) or 0.0,
        not_before=parse_moment(value.get("deliver_after")) or 0.0,
    )


def read_record(path: str) -> dict[str, Any]:
    """The JSON object in the file; empty if there is none."""
    try:
        with open(open_plain(path), "rb") as handle:
            value = decode_json(handle.read())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def ready_nudges(town_root: str, session: str, *, clock: Clock = SYSTEM_CLOCK) -> list[QueuedNudge]:
    """What may be delivered now, urgent before normal, oldest first; the caller holds the session's lock.

    Nudges that have expired, cannot be read, or concern a closed bead become dead letters on the way.
    """
    now = clock.now()
    found = []
    for path in waiting(town_root, session):
        nudge = read_nudge(path)
        reason = "it cannot be read" if nudge is None else "it expired before it could be delivered"
        if nudge is None or 0 < nudge.until < now:
            bury(town_root, session, path, reason, clock=clock)
        elif nudge.not_before <= now:
            found.append(nudge)
    over = _closed(town_root, {nudge.about for nudge in found if nudge.about})
    for nudge in [nudge for nudge in found if nudge.about in over]:
        path = os.path.join(queue_dir(town_root, session), nudge.name)
        bury(town_root, session, path, f"dropped: {nudge.about} is closed", clock=clock)
    return sorted((nudge for nudge in found if nudge.about not in over), key=lambda one: one.priority != URGENT)


def _closed(town_root: str, beads: set[str]) -> set[str]:
    """Those of these beads that are closed or deleted; none if the ledger cannot be read."""
    if not beads:
        return set()
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import CLOSED, TOMBSTONE

    try:
        ledger = TownLedger(town_root, read_only=True)
        try:
            known = ledger.statuses(sorted(beads))
        finally:
            ledger.close()
    except GastownError:
        return set()
    return {bead for bead, status in known.items() if status in (CLOSED, TOMBSTONE)}


def bury(town_root: str, session: str, path: str, reason: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
    """Turn the file of a nudge into a dead letter, with an event; a file that is gone is ignored."""
    folder = private_folder(os.path.join(queue_dir(town_root, session), "dead"))
    value = read_record(path)
    name = os.path.basename(path).partition(".json")[0] + ".json"
    letter = {**value, "reason": reason, "dead_at": format_micros(clock.now())}
    grave = os.path.join(folder, name)
    with suppress(FileNotFoundError):
        # the rename decides: only the process that renames the file writes the event
        os.rename(path, grave)
        write_atomic(grave, (json.dumps(letter, ensure_ascii=False) + "\n").encode(), mode=0o600)
        told = {"rig": str(value.get("rig") or ""), "target": str(value.get("target") or session)}
        sender = str(value.get("sender") or "gt")
        append_event(town_root, "nudge_dead", sender, {**told, "reason": reason}, clock=clock)


def dead_letters(town_root: str, session: str) -> list[DeadLetter]:
    """The session's dead letters, oldest first."""
    found = []
    for path in _nudges_in(os.path.join(queue_dir(town_root, session), "dead")):
        value = read_record(path)
        at = parse_moment(value.get("dead_at")) or os.lstat(path).st_mtime
        sender, message = str(value.get("sender") or ""), str(value.get("message") or "")
        found.append(DeadLetter(os.path.basename(path), sender, message, str(value.get("reason") or "unknown"), at))
    return found


def hold(town_root: str, session: str, why: str) -> None:
    """Record why nothing of the queue was delivered; an empty reason removes the record."""
    path = os.path.join(queue_dir(town_root, session), HELD)
    if why:
        write_atomic(path, why.encode(), mode=0o600, sync=False)
    else:
        with suppress(FileNotFoundError):
            os.unlink(path)


def held(town_root: str, session: str) -> str:
    """Why the queue waits, empty without an attempt or if the last one delivered something."""
    try:
        with open(open_plain(os.path.join(queue_dir(town_root, session), HELD)), encoding="utf-8") as handle:
            return handle.read(500)
    except (OSError, ValueError):
        return ""


def words_of(nudges: Iterable[QueuedNudge]) -> str:
    """The nudges as one text for the agent: one as a line of its sender, several as a list."""
    given = list(nudges)
    if len(given) == 1:
        return _line(given[0])
    lines = [f"{len(given)} messages for you:", *(f"- {_line(one)}" for one in given)]
    return "\n".join(line.replace("\n", "\n  ") if line.startswith("- ") else line for line in lines)


def _line(nudge: QueuedNudge) -> str:
    mark = ", urgent" if nudge.priority == URGENT else ""
    # the agent takes a reminder's tag for its own program's word, whoever wrote it
    return harmless(f"[from {nudge.sender}{mark}] {nudge.message}")
