"""Checks that the daemon works and its duties run on time."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.doctor.check import Check, Finding
from gastown_core.model.daemon import DIED, NEVER, SILENT
from gastown_core.town.daemon_note import view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.doctor.checked_town import Place


class DaemonCheck(Check):
    """The daemon and its duties."""

    name = "daemon"
    about = "the daemon works, or was stopped on purpose"

    def detect(self, place: Place) -> list[Finding]:
        """Return a daemon that died or is silent, and duties that fail or are late; a stopped one is no fault."""
        now = SYSTEM_CLOCK.now()
        seen = view(place.root, now)
        idle = "nothing is dispatched or merged meanwhile"
        found = []
        if seen.state == DIED:
            found.append(Finding(self.name, seen.short(now), idle, "gt daemon start"))
        elif seen.state == SILENT:
            found.append(Finding(self.name, seen.short(now), idle, "gt daemon logs, then gt daemon restart"))
        elif seen.state == NEVER and _was_up(place.root):
            found.append(Finding(self.name, "no daemon has run in this town", idle, "gt daemon start"))
        for duty, what, _ in seen.late:
            found.append(
                Finding(self.name, f"duty {duty} {what}", "its work is not done", "gt daemon restart", (duty,))
            )
        for duty, error, _ in seen.failing:
            found.append(
                Finding(self.name, f"duty {duty} fails: {error}", "its work is not done", "gt daemon logs", (duty,))
            )
        return found


def _was_up(root: str) -> bool:
    """Return whether the town has sessions; a town that was only installed needs no daemon."""
    from gastown_core.town.liveness import live_sessions

    return bool(live_sessions(root))


CHECKS = [DaemonCheck()]
