"""Ending the demonstration: exactly the sessions and the daemon that it started."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.daemon import starting
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import sessions
from gastown_core.town.inventory import read_inventory


def stop_town(root: str, *, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """End the daemon and every session of the town's agents; returns what was ended. Files stay."""
    ended = ["daemon"] if starting.stop(root) else []
    if has_tmux():
        agents = read_inventory(root).agents
        ended += sessions.stop_all(root, agents, reason="demo stopped", caller="overseer", clock=clock)
    return ended
