"""The event kinds of patrols: an incident opens, an order is given because of it, and the incident closes."""

from __future__ import annotations

from gastown_core.model.event_kinds import BAD, DONE, SYSTEM, WARN, kind, reason_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ORDER_WORDS = {
    "agent.nudge": "nudged",
    "agent.handoff": "handed off",
    "agent.restart": "restarted",
    "agent.stop": "ended the session of",
    "bead.release": "released",
    "convoy.refresh": "refreshed",
    "dog.clear": "cleared",
    "dog.remove": "removed",
    "town.backup": "copied the ledgers of",
    "town.tidy": "tidied the repositories of",
    "bead.redispatch": "dispatched again",
    "agent.ping": "asked for a sign of life:",
    "start": "started",
    "restart": "restarted",
    "told": "was told of",
}
"""Order → what it does to its subject, in one word where there is one."""


def _subjects(payload: Mapping[str, object]) -> str:
    names = payload.get("subjects")
    found = [str(one) for one in names] if isinstance(names, list) else []
    if len(found) > 3:
        return f"{', '.join(found[:2])} and {len(found) - 2} more"
    return ", ".join(found) or text_of(payload, "target", "?")


def _changes(payload: Mapping[str, object]) -> str:
    """Who joined and who left, in words."""
    told = []
    for key, word in (("joined", "joined"), ("left", "left")):
        names = payload.get(key)
        if isinstance(names, list) and names:
            told.append(f"{_subjects({'subjects': names})} {word}")
    return ", ".join(told) or "its subjects changed"


def acted_sentence(payload: Mapping[str, object]) -> str:
    """What a patrol did to whom, and why; or what it could not do."""
    order = text_of(payload, "order", "?")
    done = f"{ORDER_WORDS.get(order, order)} {text_of(payload, 'target', '?')}"
    why = text_of(payload, "reason")
    because = f", because: {why}" if why else ""
    if payload.get("ok") is False:
        error = text_of(payload, "error", "no reason was given")
        return f"could not do this to {text_of(payload, 'target', '?')}: {order} failed: {error}"
    return done + because


PATROLS = (
    kind(
        "incident_opened",
        SYSTEM,
        "⚠",
        "!",
        BAD,
        30,
        "incident patrol kind cause subjects since target escalated",
        lambda p: f"found {text_of(p, 'kind', 'trouble')}: {_subjects(p)}: {text_of(p, 'cause')}",
    ),
    kind(
        "incident_changed",
        SYSTEM,
        "⚠",
        "!",
        WARN,
        30,
        "incident patrol kind cause subjects joined left target",
        lambda p: f"{text_of(p, 'kind', 'trouble')}: {_changes(p)}: {text_of(p, 'cause')}",
    ),
    kind(
        "deacon_paused",
        SYSTEM,
        "⏸",
        "=",
        WARN,
        30,
        "target reason",
        lambda p: f"paused the deacon{reason_of(p)}",
    ),
    kind("deacon_resumed", SYSTEM, "▶", ">", DONE, 30, "target", lambda p: "resumed the deacon"),
    kind(
        "patrol_acted",
        SYSTEM,
        "⚕",
        "+",
        WARN,
        30,
        "patrol kind target order bead reason evidence saved ok error",
        acted_sentence,
    ),
    kind(
        "incident_closed",
        SYSTEM,
        "✓",
        "v",
        DONE,
        30,
        "incident patrol kind subjects lasted target",
        lambda p: (
            f"over after {text_of(p, 'lasted', '?')}: {text_of(p, 'kind', 'trouble')} of {_subjects(p)}{reason_of(p)}"
        ),
    ),
)
