"""An agent's notification level, and the agents that a broadcast reaches.

The level is the field line ``notification_level`` of the agent's bead: ``verbose``, ``normal`` (also if unset) or
``muted`` (tmux-and-messaging.md section 6).  A muted agent gets no nudges; its mail waits in its inbox.
"""

from __future__ import annotations

from gastown_core.errors import UsageError
from gastown_core.events.log import append_event
from gastown_core.model.address import CREW, POLECAT, same_agent
from gastown_core.model.fields import read_fields
from gastown_core.town.agent_beads import get_agent_bead, put_agent_bead
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.inventory import RosterEntry

VERBOSE, NORMAL, MUTED = "verbose", "normal", "muted"
LEVELS = (VERBOSE, NORMAL, MUTED)
WORKERS = (CREW, POLECAT)


def level_of(ledger: TownLedger, entry: RosterEntry) -> str:
    """Return an agent's notification level; ``normal`` without a bead, or for an unknown word."""
    bead = get_agent_bead(ledger, entry.bead_id)
    level = read_fields(bead.description).get("notification_level", "") if bead is not None else ""
    return level if level in LEVELS else NORMAL


def set_level(root: str, ledger: TownLedger, entry: RosterEntry, level: str, *, actor: str) -> str:
    """Set an agent's notification level; return the one before. Raises UsageError for an unknown one."""
    if level not in LEVELS:
        raise UsageError(f"{level!r} is not a notification level", "", "one of " + ", ".join(LEVELS))
    before = level_of(ledger, entry)
    if before != level:
        prefix = rig_prefix(root, entry.address.rig) if entry.address.rig else ""
        put_agent_bead(ledger, entry.address, prefix, actor=actor, notification_level=level)
        payload = {"agent": entry.address.path, "from": before, "to": level}
        append_event(root, "notify_level", actor, payload)
    return before


def audience(root: str, sender: str, *, rig: str = "", everyone: bool = False) -> list[RosterEntry]:
    """Return the recipients of a broadcast: crew and polecats (or all agents) of the town or a rig, without its sender."""
    return [
        entry
        for entry in read_inventory(root).agents
        if (everyone or entry.address.role in WORKERS)
        and rig in ("", entry.address.rig)
        and not same_agent(sender, entry.address.path)
    ]
