"""How agents, states and ages are worded, the same in every panel; pure."""

from __future__ import annotations

import time

from gastown_core.clock import format_age, format_span
from gastown_core.model.address import ROLE_ICONS
from gastown_core.model.agent import HEALTH_SYMBOLS, NEEDS_HELP, Health
from gastown_core.model.usage import short_tokens
from gastown_tui.text import clean, fit, fit_right, glyph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.model.snapshot import AgentView
    from gastown_core.model.source_status import SourceStatus
    from gastown_tui.text import Piece

SHORT_STATES = {
    Health.WAITING: "needs you",
    Health.STOPPED_SHORT: "stopped short",
    Health.GUPP: "silent",
    Health.STALLED: "stalled",
    Health.ZOMBIE: "zombie",
    Health.LIMITED: "limited",
    Health.UNKNOWN: "unknown",
    Health.WORKING: "working",
    Health.IDLE: "idle",
}
"""State → the words of the header."""


def state_glyph(state: Health, ascii_only: bool) -> str:
    """Return the glyph of a state in two cells."""
    return fit(HEALTH_SYMBOLS[state][1 if ascii_only else 0], 2)


def role_icon(role: str, ascii_only: bool) -> str:
    """Return the icon of a role in two cells."""
    return fit(ROLE_ICONS.get(role, ROLE_ICONS["other"])[1 if ascii_only else 0], 2)


def unsaid(texts: Iterable[str], said: str = "") -> list[str]:
    """Return the texts that tell more than ``said`` and those before them: one that repeats another is left out."""
    told = [said] if said else []
    for text in texts:
        if text and not any(text in other or other in text for other in told):
            told.append(text)
    return told[1:] if said else told


def age_of(agent: AgentView, now: float) -> str:
    """Return how long the agent has needed help, or else the age of its last event."""
    report = agent.health
    if report.state in (*NEEDS_HELP, Health.LIMITED) and report.since:
        return format_age(max(0.0, now - report.since))
    if agent.last_event is not None:
        return format_age(max(0.0, now - agent.last_event.at))
    return ""


def doing(agent: AgentView) -> tuple[str, str]:
    """Return (bead id, words) for the agent's row: its trouble, else its work, else its last activity."""
    report = agent.health
    bead = agent.work.bead_id if agent.work else ""
    if report.state in (*NEEDS_HELP, Health.LIMITED, Health.UNKNOWN) and report.reason:
        return bead, clean(report.reason)
    if agent.work is not None:
        return bead, clean(agent.work.title)
    if agent.activity:
        return "", clean(agent.activity)
    if report.state is Health.WORKING and agent.last_event is not None:
        return "", clean(agent.last_event.text)
    badges = [badge for badge in report.badges if badge]
    return "", " ".join(badges)


def usage_columns(agent: AgentView, is_wide: bool) -> Piece:
    """Return how full its context is and its tokens of today, in two columns; blank where nothing is known.

    Of a context whose limit is not told, its tokens stand there instead of a share.
    """
    used = agent.usage
    context = f"{used.share:.0%}" if used.share is not None else short_tokens(used.context) if used.context else ""
    today = short_tokens(used.spent.tokens) if used.spent.tokens else ""
    if not context and not today:
        return "", "dim"
    tone = "warn" if (used.share or 0.0) >= NEARLY_FULL else "dim"
    if is_wide and context:
        context = f"ctx {context}"
    return fit_right(context, 9 if is_wide else 5) + fit_right(today, 7 if is_wide else 6) + " ", tone


NEARLY_FULL = 0.8
"""The share of a context from which on it is told in another colour."""


def stamp_of(moment: float, now: float, *, is_long: bool, seconds: bool = True) -> str:
    """Return a local time: ``14:05``, with seconds if long; on another day the date, with the time if long."""
    if not moment:
        return "--:--"
    then, today = time.localtime(moment), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M:%S" if is_long and seconds else "%H:%M", then)
    if then[0] == today[0]:
        return time.strftime("%d %b %H:%M" if is_long else "%d %b", then)
    return time.strftime("%Y-%m-%d", then)


def since_text(agent: AgentView, now: float) -> str:
    """Return how long the state has lasted: ``17m``, in its first minute ``<1m``; empty if unknown."""
    since = agent.health.since
    if not since:
        return ""
    return format_span(now - since) if now - since >= 60 else "<1m"


def forecast_text(agent: AgentView, now: float, ascii_only: bool = False) -> str:
    """Return the expected next state and when: ``→ silent in 13m``; empty if there is none."""
    forecast = agent.health.forecast
    if forecast is None:
        return ""
    left = forecast.at - now
    when = f"in {format_span(left)}" if left >= 60 else "within a minute"
    return f"{glyph('arrow', ascii_only)} {SHORT_STATES[forecast.state]} {when}"


def trouble_text(source: SourceStatus | None, now: float) -> str:
    """Return a panel's words for a failing source: ``stale 14s: permission denied``."""
    if source is None:
        return ""
    if source.good_at is None:
        return f"no data: {clean(source.error)}"
    return f"stale {format_age(max(0.0, now - source.good_at))}: {clean(source.error)}"
