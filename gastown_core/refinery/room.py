"""Whether the disk has room for what an engine has to note before it pushes: without that, its gates would run in vain.

The rig is then held until there is room again, and a person is told once.
"""

from __future__ import annotations

import os

from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.messaging.escalation import escalate, settle
from gastown_core.model.refinery import INFRASTRUCTURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.place import Refinery

LEAST_KB = 256
"""How much has to be free: notes, the state, and the beginnings of logs."""
_TOLD: dict[str, bool] = {}
"""Rig's folder → whether a person was told last that there is no room; absent while this process does not know."""


def why_no_room(place: Refinery) -> str:
    """Why an engine of the rig can note nothing, and what to do, in a sentence; empty if there is room."""
    folder = next((one for one in (place.folder, os.path.dirname(place.folder)) if os.path.isdir(one)), place.path)
    fault = _fault(folder)
    if not fault:
        return ""
    return f"{folder} {fault}, so that no landing could be noted; make room there, and merging goes on by itself"


def _fault(folder: str) -> str:
    """What is wrong with the disk of a folder, empty if it has room or that cannot be asked."""
    try:
        status = os.statvfs(folder)
    except (AttributeError, OSError):
        return ""
    if status.f_flag & os.ST_RDONLY:
        return "cannot be written to (the disk is mounted read-only)"
    if status.f_bavail * status.f_frsize < LEAST_KB * 1024:
        return f"is on a full disk (less than {LEAST_KB} kB are free)"
    return "is on a disk that takes no more files" if status.f_files and not status.f_favail else ""


def tell_room(place: Refinery, why: str, *, is_wanted: bool = True) -> None:
    """Alarm a person once that the rig has no room, for this reason, or end the alarm where ``why`` is empty.

    Where the ledger has no room either, nobody can be told; the lists and the console say it, and the next turn tries again.
    """
    if not is_wanted or _TOLD.get(place.path) == bool(why):
        return
    key = f"refinery-room:{place.rig}"
    payload = {"rig": place.rig, "target": place.default, "kind": INFRASTRUCTURE}
    try:
        if why:
            subject = f"merging in {place.rig} waits: its disk is full"
            more = {"sender": place.actor, "reason": why, "about": place.rig, "key": key}
            is_new = escalate(place.root, place.ledger, "high", subject, clock=place.clock, **more).is_new
        else:
            gone = "there is room again"
            is_new = bool(settle(place.root, place.ledger, key, gone, actor=place.actor, clock=place.clock))
    except (GastownError, OSError):
        return
    _TOLD[place.path] = bool(why)
    if is_new:
        kind, reason = ("queue_held", why) if why else ("queue_released", gone)
        append_event(place.root, kind, place.actor, {**payload, "reason": reason}, clock=place.clock)
