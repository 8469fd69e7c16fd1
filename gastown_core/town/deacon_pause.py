"""The pause of the deacon: its patrol looks at nothing, and triage leaves its agent alone, until a person resumes it.

``.runtime/deacon/paused.json`` is the pause: a file that cannot be read counts too.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_local, format_seconds, parse_moment
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock

RESUME = "gt deacon resume"


class DeaconPause(Record):
    """Who paused the deacon, when (Unix seconds, 0 if unknown), and why."""

    by: str = ""
    at: float = 0.0
    reason: str = ""

    def words(self) -> str:
        """Return the pause as a sentence that says how it ends."""
        since = f" since {format_local(self.at)}" if self.at else ""
        why = f" ({self.reason})" if self.reason else ""
        return f"paused by {self.by or 'somebody'}{since}{why}; {RESUME} ends it"


def pause_path(root: str) -> str:
    """Return the file that is the pause."""
    return os.path.join(root, ".runtime", "deacon", "paused.json")


def read_pause(root: str) -> DeaconPause | None:
    """Return the pause in force, None if the deacon is at work."""
    path = pause_path(root)
    if not os.path.lexists(path):
        return None
    try:
        told = read_json(path) or {}
    except GastownError:
        return DeaconPause()
    if told.get("paused") is False:
        # the Go tools may leave the file when they resume
        return None
    words = [" ".join(str(told.get(key) or "").split()) for key in ("paused_by", "reason")]
    return DeaconPause(words[0], parse_moment(told.get("paused_at")) or 0.0, words[1])


def pause(root: str, reason: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Pause the deacon; return False if it was paused already (that record is kept). Raises StoreError."""
    if read_pause(root) is not None:
        return False
    private_folder(os.path.dirname(pause_path(root)))
    told = {"paused": True, "reason": reason, "paused_at": format_seconds(clock.now()), "paused_by": actor}
    write_json(pause_path(root), told, mode=0o600)
    append_event(root, "deacon_paused", actor, {"target": "deacon", "reason": reason}, clock=clock)
    return True


def resume(root: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> bool:
    """End the pause; return False if there was none."""
    was_paused = read_pause(root) is not None
    try:
        os.unlink(pause_path(root))
    except FileNotFoundError:
        return False
    if was_paused:
        append_event(root, "deacon_resumed", actor, {"target": "deacon"}, clock=clock)
    return was_paused
