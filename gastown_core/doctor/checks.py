"""The checks by group, in the order in which they run; adding a check is adding its module's name here."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.doctor.check import Check

AGENTS, TOWN = "agents", "town"
TABLE: dict[str, tuple[str, ...]] = {
    TOWN: (
        "town_tools",
        "town_settings",
        "town_ledgers",
        "town_databases",
        "town_rigs",
        "town_worktrees",
        "town_gate_trees",
        "town_daemon",
        "town_disk",
        "town_hooks",
    ),
    AGENTS: ("agent_starts", "agent_variables"),
}


def checks_of(group: str) -> list[Check]:
    """Return the checks of a group; each module is imported for the first run that needs it."""
    found: list[Check] = []
    for name in TABLE[group]:
        module = f"gastown_core.doctor.{name}"
        __import__(module)
        found += sys.modules[module].CHECKS
    return found
