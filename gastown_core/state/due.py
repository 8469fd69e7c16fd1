"""When the same facts will be judged differently by waiting alone: forecasts, limits that end, words that grow old."""

from __future__ import annotations

from gastown_core.model.snapshot import TownSnapshot
from gastown_core.state.facts import TownFacts

AT_LEAST_EVERY_S = 15.0
"""Judged anew after this even if nothing is foreseen: ages inside reasons are told in minutes."""


def next_due(facts: TownFacts, snapshot: TownSnapshot, now: float) -> float:
    """The next moment (Unix seconds) at which judging again can change anything."""
    moments = [view.health.forecast.at for view in snapshot.agents if view.health.forecast is not None]
    for beat in facts.heartbeats.values():
        moments.append(beat.at + facts.thresholds.heartbeat_stale_s)
        if beat.until:
            moments.append(beat.until)
    ahead = [moment for moment in moments if moment > now]
    return min([now + AT_LEAST_EVERY_S, *ahead])
