"""Heartbeats: ``<town>/.runtime/heartbeats/<session>.json``, an agent's own word on how it is.

Keys of the Go tools (timestamp, state, context, bead) plus ours: ``until`` (when a limit ends), ``turn``, a counter
that moves when a submitted text begins to be worked on, and ``prompts``, digests of the last texts that the program
accepted, by which the arrival of one particular text is proved.
"""

from __future__ import annotations

import os
from contextlib import suppress

from gastown_core.clock import SYSTEM_CLOCK, format_micros, format_seconds, parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256

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


KEPT_PROMPTS = 20


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


def prompt_sha(text: str) -> str:
    """The digest by which a text is known: 16 hex digits. White space at its ends is dropped, any other run of it is one space."""
    return sha256(plain_prompt(text).encode("utf-8", "surrogatepass"))[:8].hex()


def plain_prompt(text: str) -> str:
    """``text`` on one line, as programs that wrap, indent or expand it leave it recognisable."""
    return " ".join(text.split())


def accepted_prompts(value: dict[str, object] | None) -> list[dict[str, str]]:
    """The entries ``{"sha", "at"}`` of a heartbeat's object, oldest first; what is no entry is passed over."""
    found = value.get("prompts") if value else None
    if not isinstance(found, list):
        return []
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("sha"), str)]


def read_prompts(town_root: str, session: str) -> list[tuple[str, float]]:
    """(digest, moment) of the texts that the session's program accepted last, oldest first."""
    try:
        value = read_json(heartbeat_path(town_root, session))
    except GastownError:
        return []
    return [(one["sha"], parse_moment(one.get("at")) or 0.0) for one in accepted_prompts(value)]


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
    prompt: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Write the session's heartbeat, atomically and private; a ``turn`` of None keeps the counter. Raises StoreError.

    ``prompt`` is a text that the program has just accepted; the digests of earlier ones stay.
    """
    path = heartbeat_path(town_root, session)
    private_folder(os.path.dirname(path))
    last: dict[str, object] = {}
    with suppress(GastownError):
        # a heartbeat that is junk has nothing to keep
        last = read_json(path) or {}
    if turn is None:
        before = parse_heartbeat(last)
        turn = before.turn if before else 0
    prompts = accepted_prompts(last)
    if prompt:
        prompts = [*prompts, {"sha": prompt_sha(prompt), "at": format_micros(clock.now())}][-KEPT_PROMPTS:]
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
    if prompts:
        record["prompts"] = prompts
    write_atomic(path, (dumps(record, ensure_ascii=False) + "\n").encode(), mode=0o600, sync=False)
