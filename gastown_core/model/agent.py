"""Agents: the health states, and the evidence a state rests on."""

from __future__ import annotations

from enum import StrEnum

from gastown_core.model.record import Record


class Health(StrEnum):
    """How an agent is; the order is the order of how much a person is needed (feed-and-events.md section 5)."""

    WAITING = "waiting"
    """A prompt or dialog waits for a person."""
    GUPP = "gupp"
    """Hooked work without progress for so long that the rule "work on the hook is run" is broken."""
    STALLED = "stalled"
    """Hooked work with little progress."""
    ZOMBIE = "zombie"
    """Should be alive, and its session or its process is gone."""
    LIMITED = "limited"
    """Held by a rate limit."""
    UNKNOWN = "unknown"
    """A source failed; nothing is claimed."""
    WORKING = "working"
    """Hooked work, and it moves."""
    IDLE = "idle"
    """No hooked work."""


HEALTH_ORDER = {state: number for number, state in enumerate(Health)}
NEEDS_HELP = (Health.WAITING, Health.GUPP, Health.STALLED, Health.ZOMBIE)

HEALTH_SYMBOLS: dict[Health, tuple[str, str, str]] = {
    Health.WAITING: ("✋", "?", "waiting on you"),
    Health.GUPP: ("🔥", "!", "gupp violation"),
    Health.STALLED: ("⚠", "%", "stalled"),
    Health.ZOMBIE: ("☠", "X", "zombie"),
    Health.LIMITED: ("⏳", "~", "limited"),
    Health.UNKNOWN: ("·", "u", "unknown"),
    Health.WORKING: ("●", "*", "working"),
    Health.IDLE: ("○", "o", "idle"),
}
"""State → (symbol, ASCII symbol, words), the one table of health glyphs."""


class Reason(Record):
    """One piece of evidence, in words; ``source`` is runtime, heartbeat, ledger, git, process or screen."""

    text: str
    source: str
    at: float | None = None


class Forecast(Record):
    """What the state becomes at ``at`` (Unix seconds) if nothing happens."""

    state: Health
    at: float


class HealthReport(Record):
    """The verdict on one agent: state, since when (Unix seconds), why, what next, and badges (``muted``, ``gate``)."""

    state: Health
    since: float | None
    reasons: tuple[Reason, ...] = ()
    forecast: Forecast | None = None
    badges: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The deciding piece of evidence, empty if there is none."""
        return self.reasons[0].text if self.reasons else ""


class Judged(Record):
    """How the agent that has a piece of work in hand is, in a state and in words."""

    state: Health
    words: str
