"""Boot's triage: looks at the daemon from outside, and starts it again when it died or hangs. Without a model.

The daemon's patrols watch everything but the daemon itself.  A person, or cron, runs this (``gt boot triage``); what it did
last is in ``deacon/dogs/boot/.boot-status.json`` (daemon-and-health.md section 4).
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.daemon import starting
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.model.daemon import DIED, LATE, NEVER, SILENT, STOPPED, DaemonView
from gastown_core.model.record import Record
from gastown_core.town import daemon_note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock

START, RESTART, NOTHING, ERROR = "start", "restart", "nothing", "error"


class TriageVerdict(Record):
    """What is to be done about the daemon, and why."""

    action: str
    why: str


def decide(daemon: DaemonView, now: float) -> TriageVerdict:
    """Return what a daemon in this condition needs; pure. One that was stopped, or never ran, is nobody's fault."""
    if daemon.state in (STOPPED, NEVER):
        return TriageVerdict(NOTHING, daemon.words(now))
    if daemon.state == DIED:
        return TriageVerdict(START, daemon.words(now))
    if daemon.state in (SILENT, LATE):
        return TriageVerdict(RESTART, daemon.words(now))
    return TriageVerdict(NOTHING, daemon.words(now))


def triage(root: str, *, actor: str, clock: Clock = SYSTEM_CLOCK, dry_run: bool = False) -> dict[str, object]:
    """Do what the daemon needs and record it; returns the record. A start that fails is in it as ``error``."""
    began = clock.now()
    verdict = decide(daemon_note.view(root, began), began)
    told: dict[str, object] = {"started_at": format_seconds(began), "last_action": verdict.action, "target": "daemon"}
    told |= {"why": verdict.why, "error": ""}
    if dry_run:
        return told
    try:
        if verdict.action == RESTART:
            starting.stop(root)
        if verdict.action in (START, RESTART):
            told["pid"] = starting.start(root)[0]
            acted = {"patrol": "boot", "kind": "daemon", "target": "daemon", "order": verdict.action}
            append_event(root, "patrol_acted", actor, acted | {"reason": verdict.why, "ok": True}, clock=clock)
    except GastownError as error:
        told |= {"last_action": ERROR, "error": str(error)}
    told["completed_at"] = format_seconds(clock.now())
    private_folder(os.path.dirname(status_path(root)))
    write_json(status_path(root), told)
    return told


def status_path(root: str) -> str:
    """Return the path of the record of the last triage."""
    return os.path.join(root, "deacon", "dogs", "boot", ".boot-status.json")


def last_triage(root: str) -> dict[str, object]:
    """Return the record of the last triage, empty if there was none or it cannot be read."""
    try:
        return read_json(status_path(root)) or {}
    except GastownError:
        return {}
