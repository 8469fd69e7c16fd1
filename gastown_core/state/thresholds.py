"""The thresholds that a town's settings give: after which spans what counts as stalled, and how many polecats may work."""

from __future__ import annotations

from gastown_core.state.evidence import Thresholds
from gastown_core.town.settings import load_settings
from gastown_core.town.settings_table import RIG_KEY, SCHEDULER_KEY, TOWN_KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.town.settings import Settings


def read_thresholds(root: str) -> Thresholds:
    """Thresholds of ``settings/config.json``. Raises SettingsError."""
    return thresholds_of(load_settings(root))


def thresholds_of(settings: Settings) -> Thresholds:
    """Thresholds from the town's settings, with defaults for those not set."""
    session = "operational.session."
    places, queued = (int(settings.lenient(key)) for key in (TOWN_KEY, SCHEDULER_KEY))
    return Thresholds(
        stalled_s=settings.seconds(session + "stalled"),
        gupp_s=settings.seconds(session + "gupp_violation"),
        long_turn_s=settings.seconds(session + "long_turn"),
        ralph_stalled_s=settings.seconds(session + "ralph_stalled"),
        ralph_gupp_s=settings.seconds(session + "ralph_gupp_violation"),
        hung_s=settings.seconds(session + "hung_session"),
        heartbeat_stale_s=settings.seconds("operational.polecat.heartbeat_stale"),
        spawn_grace_s=settings.seconds(session + "spawn_grace"),
        most_deaths=int(settings.lenient("operational.witness.max_bead_respawns")),
        dam_s=settings.seconds("dam.after"),
        unexplained_s=settings.seconds("dam.unexplained"),
        feed_grace_s=settings.seconds("convoy.feed_grace"),
        places=min(places, queued) if queued > 0 else places,
        rig_places=int(settings.lenient(RIG_KEY)),
        is_deferred=queued > 0,
        mass_count=int(settings.lenient("operational.daemon.mass_death_count")),
        mass_window_s=settings.seconds("operational.daemon.mass_death_window"),
    )
