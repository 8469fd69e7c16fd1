"""The record of an event kind, and the sentences that need more than one line (the rows: ``event_table``)."""

from __future__ import annotations

import time

from gastown_core.clock import parse_moment
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class EventKind(Record):
    """A row of the catalogue; ``sentence`` takes the payload, ``ttl_s`` is the retention time in seconds."""

    name: str
    category: str
    symbol: str
    ascii: str
    tone: str
    ttl_s: float
    keys: tuple[str, ...]
    sentence: Callable[[Mapping[str, object]], str]


AGENT, WORK, COMMS, SYSTEM = "agent", "work", "comms", "system"
CATEGORIES = (AGENT, WORK, COMMS, SYSTEM)

GOOD, DONE, BAD, WARN, INFO = "good", "done", "bad", "warn", "info"
TONES = (GOOD, DONE, BAD, WARN, INFO)

DAY = 86400.0
DEFAULT_TTL_S = 7 * DAY


def text_of(payload: Mapping[str, object], key: str, default: str = "") -> str:
    """Return the value under ``key`` as text; ``default`` if it is absent or empty."""
    value = payload.get(key)
    return value if isinstance(value, str) and value else default if value is None or value == "" else str(value)


def reason_of(payload: Mapping[str, object]) -> str:
    """``: why``, from reason, message or error; empty if none is set."""
    reason = text_of(payload, "reason") or text_of(payload, "message") or text_of(payload, "error")
    return f": {reason}" if reason else ""


def told_why(payload: Mapping[str, object]) -> str:
    """`` (why)``, from reason; empty if none is set."""
    reason = text_of(payload, "reason")
    return f" ({reason})" if reason else ""


def count_of(payload: Mapping[str, object], key: str, word: str) -> str:
    """``3 waves``, ``1 wave``; ``some waves`` if the payload has no number."""
    value = payload.get(key)
    if not isinstance(value, int):
        return f"some {word}s"
    return f"{value} {word}{'' if value == 1 else 's'}"


def until_of(payload: Mapping[str, object]) -> str:
    """`` until 14:05`` in local time; text that is no timestamp is kept as it is."""
    text = text_of(payload, "until")
    moment = parse_moment(text)
    told = time.strftime("%H:%M", time.localtime(moment)) if moment else text
    return f" until {told}" if told else ""


def named(payload: Mapping[str, object]) -> str:
    """Return the bead's id and title."""
    title = text_of(payload, "title")
    bead = text_of(payload, "bead")
    return f"{bead} {title}".strip()


def sling_sentence(p: Mapping[str, object]) -> str:
    """Return which bead was slung to whom, or to how many agents."""
    count = p.get("count")
    if isinstance(count, int) and count > 1:
        return f"dispatching work to {count} agents"
    return f"slung {text_of(p, 'bead', '?')} to {text_of(p, 'target', '?')}"


def escalation_sentence(p: Mapping[str, object]) -> str:
    """Severity, recipient and reason; or the new severity of an older escalation."""
    if p.get("reescalated"):
        return f"escalated {text_of(p, 'escalation_id')} again: {text_of(p, 'old_severity')} → {text_of(p, 'new_severity')}"
    severity = text_of(p, "severity").upper()
    head = f"escalated{' ' + severity if severity else ''} to {text_of(p, 'to', 'nobody')}"
    return head + reason_of(p)


def boot_sentence(p: Mapping[str, object]) -> str:
    """Return which agents started."""
    agents = p.get("agents")
    return f"town up: {', '.join(map(str, agents))}" if isinstance(agents, list) and agents else "town up"


def halt_sentence(p: Mapping[str, object]) -> str:
    """Return which services stopped."""
    services = p.get("services")
    return f"town down: {', '.join(map(str, services))}" if isinstance(services, list) and services else "town down"


def mass_death_sentence(p: Mapping[str, object]) -> str:
    """Return how many sessions died, within what time, and the likely cause."""
    cause = text_of(p, "possible_cause")
    return f"{text_of(p, 'count', '?')} sessions died within {text_of(p, 'window', '?')}" + (
        f": {cause}" if cause else ""
    )


def status_sentence(p: Mapping[str, object]) -> str:
    """Return which bead changed from which status to which, and its assignee."""
    old, new = text_of(p, "from"), text_of(p, "to")
    moved = f" {old} → {new}" if old and new and old != new else ""
    who = text_of(p, "assignee")
    return f"{named(p)}{moved}{' · ' + who if who else ''}"


def kind(
    name: str,
    category: str,
    symbol: str,
    ascii_: str,
    tone: str,
    days: float,
    keys: str,
    sentence: Callable[[Mapping[str, object]], str],
) -> EventKind:
    """Return a row of the table; ``days`` is its lifetime, ``keys`` its payload keys separated by blanks."""
    return EventKind(name, category, symbol, ascii_, tone, days * DAY, tuple(keys.split()), sentence)


def answered_sentence(payload: Mapping[str, object]) -> str:
    """``answered shop/opal: Yes (do you trust this folder?)``, and by which standing answer."""
    question, rule = text_of(payload, "question"), text_of(payload, "rule")
    words = f"answered {text_of(payload, 'target', '?')}: {text_of(payload, 'answer', '?')}"
    own = text_of(payload, "words")
    words += (
        (f", {own!r}" if own else "")
        + (f" ({question})" if question else "")
        + (f", by the standing answer {rule}" if rule else "")
    )
    return words + ("; it went on asking the same" if payload.get("unconfirmed") else "")
