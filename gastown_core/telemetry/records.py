"""A note as a log record: its body, severity and attributes, and the attributes of who did it.  Pure.

Content (prompts, subjects, output) is left out unless its opt-in is given, and then cut to its limit.
"""

from __future__ import annotations

import os

from gastown_core.model.address import parse_address
from gastown_core.model.json_text import encode_json, encode_text
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256
from gastown_core.telemetry.metric_table import AGENT_OUTPUT, ALL_LOGS, BD_OUTPUT, ERROR, OK, PANE_OUTPUT, STATUS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gastown_core.telemetry.notes import Note

    Value = str | int | float | bool

RUN, UID = "run.id", "log.record.uid"
LIMITS = {
    BD_OUTPUT: ("GT_LOG_BD_CONTENT_LIMIT", 2048),
    AGENT_OUTPUT: ("GT_LOG_AGENT_CONTENT_LIMIT", 512),
    PANE_OUTPUT: ("GT_LOG_PANE_CONTENT_LIMIT", 8192),
}
"""Opt-in → the variable of its limit in bytes (0: none), and the usual limit."""
USUAL_LIMIT = 256
LONGEST_WORD = 1024
"""Bytes of an attribute that is no content."""


class LogLine(Record):
    """A record: when, its body, whether it tells of a failure, its attributes, and those of its origin."""

    at: float
    body: str
    is_error: bool
    attributes: Mapping[str, Value]
    origin: Mapping[str, str]


def record_of(root: str, note: Note, content: Collection[str], env: Mapping[str, str] = os.environ) -> LogLine | None:
    """Return the record of a note; None if the tables have none of its kind, or its opt-in is not given."""
    row = ALL_LOGS.get(note.kind)
    if row is None or (row.opt_in and row.opt_in not in content):
        return None
    told: dict[str, Value] = {}
    allowed = [(name, row.opt_in) for name in row.attributes]
    allowed += [(name, opt_in) for name, opt_in in row.opt_attributes if opt_in in content]
    for name, opt_in in (*allowed, (RUN, "")):
        value = note.attributes.get(name)
        if isinstance(value, bool | int | float):
            told[name] = value
        elif value:
            told[name] = cut(str(value), _limit(opt_in, env))
    if note.kind == "agent.instantiate":
        import platform

        told |= {"instance": f"{platform.node()}:{os.path.basename(root)}", "town_root": root}
    if not row.notice:
        told[STATUS] = ERROR if note.error else OK
    if note.error:
        told[ERROR] = note.error
    told[UID] = _uid(note)
    return LogLine(note.at, note.kind, bool(note.error), told, origin_of(note.actor))


def origin_of(actor: str) -> dict[str, str]:
    """Return the attributes of who did it: ``gt.actor``, and for an agent its role, rig and name."""
    who = parse_address(actor)
    told = {"gt.actor": who.bd_actor, "gt.role": who.gt_role if who.is_agent else "", "gt.rig": who.rig}
    told["gt.agent"] = who.name if who.is_agent else ""
    return {name: value for name, value in told.items() if value}


def _uid(note: Note) -> str:
    """Return what is the same when a record is sent twice, so that a backend can know it again."""
    told = encode_json([note.kind, round(note.at, 3), note.actor, dict(note.attributes), note.error])
    return sha256(encode_text(told)).hex()[:32]


def _limit(opt_in: str, env: Mapping[str, str]) -> int:
    if not opt_in:
        return LONGEST_WORD
    name, usual = LIMITS.get(opt_in, ("", USUAL_LIMIT))
    text = env.get(name, "").strip() if name else ""
    return int(text) if text.isdecimal() else usual


def cut(text: str, limit: int) -> str:
    """Return ``text`` in at most ``limit`` bytes of UTF-8, with ``…`` where something is cut off; 0: all of it."""
    data = encode_text(text)
    if not limit or len(data) <= limit:
        return text
    return data[: max(limit - 3, 0)].decode("utf-8", "ignore") + "…"
