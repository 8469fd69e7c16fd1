"""Patrols of a scripted witness or refinery: count the polecats and report."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_agent.session import Session


def patrol(session: Session) -> None:
    """Append a patrol's events and write a heartbeat."""
    identity = session.identity
    folder = os.path.join(identity.town, identity.rig, "polecats")
    names = sorted(os.listdir(folder)) if identity.rig and os.path.isdir(folder) else []
    count = sum(1 for name in names if not name.startswith(".") and not name.endswith(".pending"))
    session.event("patrol_started", rig=identity.rig, polecat_count=count)
    session.beat("idle", f"patrol: {count} polecats")
    session.event("patrol_complete", rig=identity.rig, polecat_count=count, message=f"checked {count} polecats")
