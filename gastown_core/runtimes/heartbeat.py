"""Heartbeats: ``<town>/.runtime/heartbeats/<session>.json``, an agent's own word on how it is.

Keys of the Go tools (timestamp, state, context, bead) plus ours: ``until`` (when a limit ends) and ``turn``, a
counter that moves when a submitted text begins to be worked on.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_micros, format_seconds, parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock


class Heartbeat(Record):
    """One heartbeat; ``at`` and ``until`` in Unix seconds (0 if not told), ``turn`` 0 if the agent counts none."""

    at: float
    state: str
    context: str = ""
    bead: str = ""
    until: float = 0.0
    turn: int = 0


STATES = ("working", "idle", "exiting", "stuck", "waiting", "limited")
"""The four of the Go tools, and ours: waiting (for a person) and limited (by a rate limit)."""


def heartbeat_path(town_root: str, session: str) -> str:
    """Where that session's heartbeat lies."""
    return os.path.join(town_root, ".runtime", "heartbeats", f"{session}.json")


def read_heartbeat(town_root: str, session: str) -> Heartbeat | None:
    """The session's last heartbeat; None if there is none or it is junk."""
    try:
        value = read_json(heartbeat_path(town_root, session))
    except GastownError:
        return None
    return None if value is None else parse_heartbeat(value)


def parse_heartbeat(value: dict[str, object]) -> Heartbeat | None:
    """The Heartbeat of a JSON object; None without a readable timestamp."""
    at = parse_moment(value.get("timestamp"))
    if at is None:
        return None
    turn = value.get("turn")
    return Heartbeat(
        at,
        str(value.get("state") or "working"),
        str(value.get("context") or ""),
        str(value.get("bead") or ""),
        parse_moment(value.get("until")) or 0.0,
        turn if isinstance(turn, int) else 0,
    )


def write_heartbeat(
    town_root: str,
    session: str,
    state: str = "working",
    *,
    context: str = "",
    bead: str = "",
    until: float = 0.0,
    turn: int | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Write the session's heartbeat, atomically and private; a ``turn`` of None keeps the counter. Raises StoreError."""
    path = heartbeat_path(town_root, session)
    private_folder(os.path.dirname(path))
    if turn is None:
        last = read_heartbeat(town_root, session)
        turn = last.turn if last else 0
    from json import dumps

    record: dict[str, object] = {
        "timestamp": format_micros(clock.now()),
        "state": state,
        "context": context,
        "bead": bead,
    }
    if until:
        record["until"] = format_seconds(until)
    if turn:
        record["turn"] = turn
    write_atomic(path, (dumps(record, ensure_ascii=False) + "\n").encode(), mode=0o600, sync=False)
