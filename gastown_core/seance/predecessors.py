"""The sessions that agents of the town have had, as their programs keep them.

They are found by the programs' own transcripts, which ``gt costs`` reads too; when and why a session was started is
in the event log.  A session whose transcript its program has deleted is not listed: nothing of it can be asked.
"""

from __future__ import annotations

import os

from gastown_core.clock import parse_moment
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.events.log import log_path, newest_events
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record
from gastown_core.runtimes.adapters import adapter_for
from gastown_core.town.session_record import is_id
from gastown_core.usage.collect import collect
from gastown_core.usage.usage_ledger import UsageLedger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

HEAD_BYTES = 1 << 18
START_S = 600.0
"""A program begins its transcript at most so long after its session was started: with its first prompt."""


class Predecessor(Record):
    """One session: the program's id of it, runtime, agent, transcript, folder; start and last line in Unix seconds.

    ``topic`` is what its session was started for, empty if that is not known.
    """

    id: str
    runtime: str
    agent: str
    path: str
    folder: str
    began: float
    ended: float
    topic: str = ""


def predecessors(root: str, *, agent: str = "", rig: str = "") -> list[Predecessor]:
    """Return the town's sessions, newest first, of agents whose address contains ``agent``, and of a rig.

    Raises StoreError, ConflictError if another process reads the transcripts for long.
    """
    collect(root)
    with UsageLedger(root) as ledger:
        sources = ledger.sources_of(agent, rig)
    found = []
    for source in sources:
        one = _read(source.path, source.runtime, source.agent, str(source.memory.get("cwd") or ""))
        if one is not None:
            found.append(one)
    found.sort(key=lambda one: (-one.began, one.id))
    return _with_topics(root, found)


def find(known: Iterable[Predecessor], text: str) -> Predecessor:
    """Return the session with this id, or whose id begins so. Raises NotFoundError, UsageError if several do."""
    rows = list(known)
    wanted = text.strip()
    fits = [one for one in rows if one.id == wanted] or [one for one in rows if wanted and one.id.startswith(wanted)]
    if not fits:
        raise NotFoundError(f"no session {text}", "", "gt seance lists them")
    if len({one.id for one in fits}) > 1:
        shown = ", ".join(f"{one.id[:18]} ({one.agent})" for one in fits[:3])
        raise UsageError(f"several sessions begin with {text}", shown, "give more of the id")
    return fits[0]


def _read(path: str, runtime: str, agent: str, folder: str) -> Predecessor | None:
    """Return the session of a transcript; None if it is gone, or is a part of another session."""
    adapter = adapter_for(runtime)
    if adapter is None:
        return None
    try:
        with open(open_plain(path), "rb") as handle:
            ended = os.fstat(handle.fileno()).st_mtime
            head = handle.read(HEAD_BYTES)
    except OSError:
        return None
    lines = [told for line in head.split(b"\n") if (told := _object(line))]
    session = adapter.session_in(path, lines)
    if not is_id(session):
        return None
    return Predecessor(session, runtime, agent, path, folder or _folder(lines), _began(lines) or ended, ended)


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = decode_json(line) if line.strip() else None
    except ValueError:
        # junk, or a line that the head cuts
        return {}
    return value if isinstance(value, dict) else {}


def _began(lines: Iterable[dict[str, object]]) -> float:
    for line in lines:
        moment = parse_moment(line.get("timestamp") or line.get("startTime"))
        if moment:
            return moment
    return 0.0


def _folder(lines: Iterable[dict[str, object]]) -> str:
    for line in lines:
        payload = line.get("payload")
        for holder in (line, payload if isinstance(payload, dict) else {}):
            if isinstance(holder.get("cwd"), str):
                return str(holder["cwd"])
    return ""


def _with_topics(root: str, found: list[Predecessor]) -> list[Predecessor]:
    """Add what each session was started for: the agent's last start before its transcript begins."""
    if not found:
        return found
    oldest = min(one.began for one in found) - START_S
    starts: dict[str, list[tuple[float, str]]] = {}
    for event in newest_events(log_path(root)):
        if 0 < event.ts < oldest:
            break
        if event.type == "session_start":
            starts.setdefault(event.actor, []).append((event.ts, str(event.payload.get("topic") or "")))

    def topic(one: Predecessor) -> str:
        near = (words for at, words in starts.get(one.agent, ()) if one.began - START_S <= at <= one.began + 1)
        return next(near, "")

    return [one._replace(topic=topic(one)) for one in found]
