"""The spans that health is judged by, from the town's settings."""

from __future__ import annotations

from gastown_core.state.health import Thresholds
from gastown_core.town.settings import load_settings


def read_thresholds(root: str) -> Thresholds:
    """Thresholds of ``settings/config.json``; what is not set there has its default. Raises SettingsError."""
    settings = load_settings(root)
    session = "operational.session."
    return Thresholds(
        stalled_s=settings.seconds(session + "stalled"),
        gupp_s=settings.seconds(session + "gupp_violation"),
        ralph_stalled_s=settings.seconds(session + "ralph_stalled"),
        ralph_gupp_s=settings.seconds(session + "ralph_gupp_violation"),
        hung_s=settings.seconds(session + "hung_session"),
        heartbeat_stale_s=settings.seconds("operational.polecat.heartbeat_stale"),
        spawn_grace_s=settings.seconds(session + "spawn_grace"),
        most_deaths=int(settings.lenient("operational.witness.max_bead_respawns")),
    )
