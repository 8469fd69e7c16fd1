"""Agent health: the states, and the evidence for a state."""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.model.string_enum import StringEnum


class Health(StringEnum):
    """The state of an agent, ordered by how urgently it needs a person (feed-and-events.md section 5)."""

    WAITING = "waiting"
    """A prompt or dialog is waiting for a person."""
    STOPPED_SHORT = "stopped-short"
    """Its turn ended and work is still on its hook: nothing moves until somebody tells it to go on."""
    GUPP = "gupp"
    """Hooked work has made no progress for so long that the agent violates GUPP."""
    STALLED = "stalled"
    """Hooked work makes little progress."""
    ZOMBIE = "zombie"
    """The agent should be running, but its session or process is gone."""
    LIMITED = "limited"
    """Held by a rate limit."""
    UNKNOWN = "unknown"
    """The state cannot be determined: a source failed, or the program is still starting."""
    WORKING = "working"
    """Hooked work is making progress."""
    IDLE = "idle"
    """No hooked work."""


HEALTH_ORDER = {state: number for number, state in enumerate(Health)}
NEEDS_HELP = (Health.WAITING, Health.STOPPED_SHORT, Health.GUPP, Health.STALLED, Health.ZOMBIE)

HEALTH_SYMBOLS: dict[Health, tuple[str, str, str]] = {
    Health.WAITING: ("✋", "?", "waiting on you"),
    Health.STOPPED_SHORT: ("⏸", "=", "stopped short"),
    Health.GUPP: ("🔥", "!", "silent with work"),
    Health.STALLED: ("⚠", "%", "stalled"),
    Health.ZOMBIE: ("☠", "X", "zombie"),
    Health.LIMITED: ("⏳", "~", "limited"),
    Health.UNKNOWN: ("·", "u", "unknown"),
    Health.WORKING: ("●", "*", "working"),
    Health.IDLE: ("○", "o", "idle"),
}
"""State → (symbol, ASCII symbol, label): the one table of health glyphs."""


class Reason(Record):
    """One piece of evidence as text; ``source`` is record, transcript, title, hook or telemetry (the program itself), heartbeat,
    ledger, git, process or screen."""

    text: str
    source: str
    at: float | None = None


class Forecast(Record):
    """The state at ``at`` (Unix seconds) if nothing happens before."""

    state: Health
    at: float


class HealthReport(Record):
    """The verdict on one agent: state, since when (Unix seconds), evidence, forecast, badges (``muted``, ``gate``)."""

    state: Health
    since: float | None
    reasons: tuple[Reason, ...] = ()
    forecast: Forecast | None = None
    badges: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The text of the decisive evidence, empty if there is none."""
        return self.reasons[0].text if self.reasons else ""


class Question(Record):
    """What an agent's screen asks: ``kind`` is permission, dialog or login, ``words`` a line of it, ``text`` all of it.

    ``options`` are its choices, ``cursor`` the place of the marked one (-1 if none is seen), ``id`` its fingerprint.
    """

    kind: str
    words: str
    text: str = ""
    options: tuple[str, ...] = ()
    cursor: int = -1
    id: str = ""


class Judged(Record):
    """The health of the agent that holds a piece of work, as a state and as text."""

    state: Health
    words: str
