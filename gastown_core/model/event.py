"""The typed catalogue of event kinds, and the event itself.

One table feeds the stream, the plain mode, curation, help and retention: name, category, symbol, colour,
lifetime, expected payload keys, and the sentence.  A kind that is not in the table still shows, as
``actor: type`` (feed-and-events.md sections 1, 3 and 4.2).
"""

from __future__ import annotations

import time
from collections import namedtuple

from gastown_core.clock import parse_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NamedTuple

    class TownEvent(NamedTuple):
        """One line of the event log; ``ts`` in Unix seconds (0 if unreadable), ``offset`` its place in the file or -1."""

        ts: float
        type: str
        actor: str
        payload: Mapping[str, Any]
        visibility: str
        offset: int

    class EventKind(NamedTuple):
        """A row of the catalogue; ``sentence`` gets the payload, ``ttl_s`` is how long retention keeps it."""

        name: str
        category: str
        symbol: str
        ascii: str
        tone: str
        ttl_s: float
        keys: tuple[str, ...]
        sentence: Callable[[Mapping[str, Any]], str]
else:
    TownEvent = namedtuple("TownEvent", "ts type actor payload visibility offset")
    EventKind = namedtuple("EventKind", "name category symbol ascii tone ttl_s keys sentence")

AGENT, WORK, COMMS, SYSTEM = "agent", "work", "comms", "system"
CATEGORIES = (AGENT, WORK, COMMS, SYSTEM)

GOOD, DONE, BAD, WARN, INFO = "good", "done", "bad", "warn", "info"
TONES = (GOOD, DONE, BAD, WARN, INFO)

DAY = 86400.0
DEFAULT_TTL_S = 7 * DAY


def _text(payload: Mapping[str, Any], key: str, default: str = "") -> str:
    value = payload.get(key)
    return value if isinstance(value, str) and value else default if value is None or value == "" else str(value)


def _reason(payload: Mapping[str, Any]) -> str:
    reason = _text(payload, "reason") or _text(payload, "message") or _text(payload, "error")
    return f": {reason}" if reason else ""


def _until(payload: Mapping[str, Any]) -> str:
    """`` until 14:05`` in local time, for a moment; the text itself for anything else."""
    text = _text(payload, "until")
    moment = parse_moment(text)
    told = time.strftime("%H:%M", time.localtime(moment)) if moment else text
    return f" until {told}" if told else ""


def _named(payload: Mapping[str, Any]) -> str:
    title = _text(payload, "title")
    bead = _text(payload, "bead")
    return f"{bead} {title}".strip()


def _sling(p: Mapping[str, Any]) -> str:
    count = p.get("count")
    if isinstance(count, int) and count > 1:
        return f"dispatching work to {count} agents"
    return f"slung {_text(p, 'bead', '?')} to {_text(p, 'target', '?')}"


def _escalation(p: Mapping[str, Any]) -> str:
    if p.get("reescalated"):
        return f"escalated {_text(p, 'escalation_id')} again: {_text(p, 'old_severity')} → {_text(p, 'new_severity')}"
    severity = _text(p, "severity").upper()
    head = f"escalated{' ' + severity if severity else ''} to {_text(p, 'to', 'nobody')}"
    return head + _reason(p)


def _boot(p: Mapping[str, Any]) -> str:
    agents = p.get("agents")
    return f"town up: {', '.join(map(str, agents))}" if isinstance(agents, list) and agents else "town up"


def _halt(p: Mapping[str, Any]) -> str:
    services = p.get("services")
    return f"town down: {', '.join(map(str, services))}" if isinstance(services, list) and services else "town down"


def _mass_death(p: Mapping[str, Any]) -> str:
    cause = _text(p, "possible_cause")
    return f"{_text(p, 'count', '?')} sessions died within {_text(p, 'window', '?')}" + (f": {cause}" if cause else "")


def _status(p: Mapping[str, Any]) -> str:
    old, new = _text(p, "from"), _text(p, "to")
    moved = f" {old} → {new}" if old and new and old != new else ""
    who = _text(p, "assignee")
    return f"{_named(p)}{moved}{' · ' + who if who else ''}"


def _kind(
    name: str,
    category: str,
    symbol: str,
    ascii_: str,
    tone: str,
    days: float,
    keys: str,
    sentence: Callable[[Mapping[str, Any]], str],
) -> EventKind:
    return EventKind(name, category, symbol, ascii_, tone, days * DAY, tuple(keys.split()), sentence)


_TABLE = (
    # changes of beads (from our own ledger)
    _kind("create", WORK, "+", "+", GOOD, 14, "bead title", _named),
    _kind("update", WORK, "→", ">", INFO, 7, "bead title from to assignee", _status),
    _kind("complete", WORK, "✓", "v", DONE, 14, "bead title reason", lambda p: f"{_named(p)} closed{_reason(p)}"),
    _kind("reopen", WORK, "↺", "o", INFO, 14, "bead title", lambda p: f"{_named(p)} reopened"),
    _kind("fail", WORK, "✗", "x", BAD, 14, "bead title reason", lambda p: f"{_named(p)} failed{_reason(p)}"),
    _kind("delete", WORK, "⊘", "-", WARN, 30, "bead title", lambda p: f"{_named(p)} deleted"),
    _kind("pin", WORK, "📌", "^", INFO, 14, "bead title", lambda p: f"{_named(p)} pinned"),
    # work
    _kind("sling", WORK, "🎯", "@", GOOD, 14, "bead target formula", _sling),
    _kind("hook", WORK, "🪝", "J", GOOD, 14, "bead", lambda p: f"hooked {_text(p, 'bead', '?')}"),
    _kind("unhook", WORK, "↩", "<", INFO, 14, "bead", lambda p: f"let go of {_text(p, 'bead', '?')}"),
    _kind(
        "done",
        WORK,
        "✓",
        "v",
        DONE,
        14,
        "bead branch exit",
        lambda p: f"done: {_text(p, 'bead', '?')}" + (f", branch {_text(p, 'branch')}" if _text(p, "branch") else ""),
    ),
    _kind(
        "step",
        WORK,
        "·",
        ".",
        INFO,
        3,
        "bead step of message",
        lambda p: f"{_text(p, 'bead')} {_text(p, 'message') or 'step ' + _text(p, 'step')}".strip(),
    ),
    _kind(
        "convoy_created",
        WORK,
        "🚚",
        "C",
        GOOD,
        30,
        "convoy title members",
        lambda p: f"convoy {_text(p, 'convoy')} {_text(p, 'title')}",
    ),
    _kind("convoy_added", WORK, "🚚", "C", INFO, 30, "convoy beads", lambda p: f"added to convoy {_text(p, 'convoy')}"),
    _kind(
        "convoy_landed",
        WORK,
        "🚚",
        "C",
        DONE,
        30,
        "convoy title",
        lambda p: f"convoy {_text(p, 'convoy')} landed: {_text(p, 'title')}",
    ),
    _kind(
        "mr_queued",
        WORK,
        "○",
        "o",
        INFO,
        30,
        "mr worker branch bead",
        lambda p: f"queued {_text(p, 'branch')} for merge",
    ),
    _kind(
        "merge_started",
        WORK,
        "⚙",
        "*",
        INFO,
        30,
        "mr worker branch",
        lambda p: f"merging {_text(p, 'branch') or _text(p, 'mr')}",
    ),
    _kind(
        "merged",
        WORK,
        "✓",
        "v",
        DONE,
        30,
        "mr worker branch",
        lambda p: f"merged {_text(p, 'branch') or 'work from ' + _text(p, 'worker')}",
    ),
    _kind(
        "merge_failed",
        WORK,
        "✗",
        "x",
        BAD,
        30,
        "mr worker branch reason",
        lambda p: f"merge failed: {_text(p, 'branch')}{_reason(p)}",
    ),
    _kind(
        "merge_skipped",
        WORK,
        "⊘",
        "-",
        WARN,
        30,
        "mr worker branch reason",
        lambda p: f"merge skipped: {_text(p, 'branch')}{_reason(p)}",
    ),
    # agents
    _kind(
        "spawn", AGENT, "🚀", "^", GOOD, 7, "rig polecat", lambda p: f"spawned {_text(p, 'rig')}/{_text(p, 'polecat')}"
    ),
    _kind(
        "kill", AGENT, "💀", "X", BAD, 30, "rig target reason", lambda p: f"stopped {_text(p, 'target')}{_reason(p)}"
    ),
    _kind(
        "nudge",
        AGENT,
        "⚡",
        "!",
        BAD,
        3,
        "rig target reason",
        lambda p: f"nudged {_text(p, 'target', '?')}{_reason(p)}",
    ),
    _kind(
        "handoff",
        AGENT,
        "🤝",
        "=",
        INFO,
        7,
        "to_session subject",
        lambda p: f"handoff: {_text(p, 'subject', 'fresh session')}",
    ),
    _kind(
        "session_start",
        AGENT,
        "▶",
        ">",
        GOOD,
        3,
        "session_id role actor_pid topic cwd",
        lambda p: "session started" + (f" ({_text(p, 'topic')})" if _text(p, "topic") else ""),
    ),
    _kind("session_end", AGENT, "⏹", "#", INFO, 3, "session_id role actor_pid topic cwd", lambda p: "session ended"),
    _kind(
        "session_death",
        AGENT,
        "☠",
        "X",
        BAD,
        30,
        "session agent reason caller",
        lambda p: f"session {_text(p, 'session')} died{_reason(p)}",
    ),
    _kind("mass_death", AGENT, "💥", "X", BAD, 90, "count window sessions possible_cause", _mass_death),
    _kind("waiting", AGENT, "✋", "?", WARN, 3, "bead message", lambda p: f"waits for a person{_reason(p)}"),
    _kind(
        "limited",
        AGENT,
        "⏳",
        "~",
        WARN,
        3,
        "until message",
        lambda p: "rate limited" + _until(p),
    ),
    # comms
    _kind("mail", COMMS, "✉", "m", INFO, 30, "to subject", lambda p: f"→ {_text(p, 'to', '?')}: {_text(p, 'subject')}"),
    _kind("escalation_sent", COMMS, "⬆", "!", BAD, 30, "rig target to reason severity actions source", _escalation),
    _kind(
        "escalation_acked",
        COMMS,
        "👍",
        "k",
        INFO,
        30,
        "escalation_id acked_by",
        lambda p: f"acknowledged {_text(p, 'escalation_id')}",
    ),
    _kind(
        "escalation_closed",
        COMMS,
        "🔕",
        "k",
        DONE,
        30,
        "escalation_id closed_by reason",
        lambda p: f"closed escalation {_text(p, 'escalation_id')}{_reason(p)}",
    ),
    # system
    _kind("boot", SYSTEM, "🔌", "+", GOOD, 7, "rig agents", _boot),
    _kind("halt", SYSTEM, "⏹", "#", INFO, 7, "services", _halt),
    _kind("rig_added", SYSTEM, "🏗", "+", GOOD, 30, "rig git_url prefix", lambda p: f"rig {_text(p, 'rig')} added"),
    _kind(
        "crew_added",
        SYSTEM,
        "👷",
        "+",
        GOOD,
        30,
        "rig crew",
        lambda p: f"crew {_text(p, 'rig')}/{_text(p, 'crew')} added",
    ),
    _kind("settings_changed", SYSTEM, "⚙", "*", INFO, 30, "key file", lambda p: f"settings changed: {_text(p, 'key')}"),
    _kind(
        "patrol_started",
        SYSTEM,
        "🦉",
        "w",
        INFO,
        1,
        "rig polecat_count message",
        lambda p: f"patrol started ({_text(p, 'polecat_count', '0')} polecats)",
    ),
    _kind(
        "patrol_complete",
        SYSTEM,
        "✓",
        "v",
        DONE,
        1,
        "rig polecat_count message",
        lambda p: f"patrol complete{_reason(p)}",
    ),
    _kind(
        "polecat_checked",
        SYSTEM,
        "·",
        ".",
        INFO,
        1,
        "rig polecat status issue",
        lambda p: f"checked {_text(p, 'polecat')} ({_text(p, 'status', 'checked')})",
    ),
    _kind(
        "polecat_nudged",
        SYSTEM,
        "⚡",
        "!",
        BAD,
        1,
        "rig target reason polecat",
        lambda p: f"nudged {_text(p, 'target') or _text(p, 'polecat')}{_reason(p)}",
    ),
    _kind(
        "scheduler_enqueue",
        SYSTEM,
        "⏱",
        "t",
        INFO,
        7,
        "bead rig",
        lambda p: f"queued {_text(p, 'bead')} for {_text(p, 'rig')}",
    ),
    _kind(
        "scheduler_dispatch",
        SYSTEM,
        "⏱",
        "t",
        GOOD,
        7,
        "bead rig polecat",
        lambda p: f"dispatched {_text(p, 'bead')} to {_text(p, 'rig')}/{_text(p, 'polecat')}",
    ),
    _kind(
        "scheduler_dispatch_failed",
        SYSTEM,
        "⏱",
        "t",
        BAD,
        7,
        "bead rig error",
        lambda p: f"could not dispatch {_text(p, 'bead')}{_reason(p)}",
    ),
    _kind(
        "scheduler_close_retry",
        SYSTEM,
        "⏱",
        "t",
        WARN,
        7,
        "bead rig polecat",
        lambda p: f"retried closing {_text(p, 'bead')}",
    ),
)

CATALOGUE: dict[str, EventKind] = {kind.name: kind for kind in _TABLE}

BEAD_CHANGES = frozenset(("create", "update", "complete", "reopen", "fail", "delete", "pin"))
"""Kinds that tell of a change to a bead's record; readers of the ledger itself derive the same ones."""


def kind_of(event_type: str) -> EventKind:
    """The catalogue row of a type; an unknown type gets a plain row of category ``system``."""
    kind = CATALOGUE.get(event_type)
    if kind is not None:
        return kind
    return EventKind(event_type, SYSTEM, "•", "*", INFO, DEFAULT_TTL_S, (), lambda p: _text(p, "message") or event_type)


def describe(event: TownEvent) -> str:
    """The sentence of an event, without its actor; never fails, whatever the payload holds."""
    kind = kind_of(event.type)
    try:
        return kind.sentence(event.payload) or event.type
    except (TypeError, ValueError, KeyError, AttributeError):
        return event.type


def target_of(event: TownEvent) -> str:
    """The bead, convoy, request or agent that an event is about; empty if none."""
    for key in ("bead", "convoy", "mr", "target", "escalation_id"):
        value = event.payload.get(key)
        if isinstance(value, str) and value:
            return value
    return ""
