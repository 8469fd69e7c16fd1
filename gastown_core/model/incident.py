"""An incident: one cause, all who suffer from it, and what can be done for all of them at once."""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256

SAME, MASS = "same-cause", "mass-death"
"""Kinds of incidents that many agents share: they say the same of the same state, or died together."""
NUDGE, RESTART, STOP, ANSWER = "nudge", "restart", "stop", "answer"
"""What can be done for all agents of an incident."""
_HELPS = {"limited": (STOP, NUDGE, RESTART), "waiting": (ANSWER, RESTART), "unknown": ()}
"""State that agents share → acts that help.  What cannot be read is mended where it lies, not in the agents."""


class Incident(Record):
    """One cause and all that suffer from it, open since ``since``."""

    key: str
    patrol: str
    kind: str
    cause: str
    subjects: tuple[str, ...]
    since: float
    escalated: bool = False

    @property
    def name(self) -> str:
        """A short name to type: ``in-3fa2c``."""
        return f"in-{sha256(self.key.encode()).hex()[:5]}"

    @property
    def state(self) -> str:
        """The state that agents with the same cause are in, empty for other incidents."""
        return self.key.split(":", 2)[1] if self.kind == SAME else ""

    @property
    def reason(self) -> str:
        """The cause without the state before it: what each of its agents says by itself."""
        return self.cause.partition(": ")[2] if self.kind == SAME else self.cause

    @property
    def helps(self) -> tuple[str, ...]:
        """The acts on its agents that can help against such a cause, the most useful first; none if only ``advice`` does.

        Whether all ask the same, so that one answer fits, the snapshot knows (``helps_against``).
        """
        if self.kind == MASS:
            return (RESTART,)
        return _HELPS.get(self.state, (RESTART,)) if self.kind == SAME else (NUDGE, RESTART)

    def advice(self, helps: tuple[str, ...]) -> str:
        """Return the command that helps, or where to look if no act on the agents does."""
        return f"gt incident act {self.name} {'|'.join(helps)}" if helps else "gt doctor"
