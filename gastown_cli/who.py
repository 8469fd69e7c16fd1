"""Agents named on the command line: the caller, and the one a word means.

What reads the roster is imported when a command asks: that costs 10 ms, which a list of convoys does not need.
"""

from __future__ import annotations

from gastown_cli import context
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.town.inventory import Inventory, RosterEntry


def find(root: str, text: str) -> tuple[Inventory, RosterEntry]:
    """The roster and the entry that ``text`` means; empty text is the caller. Raises NotFoundError, UsageError."""
    from gastown_core.town.identity import caller, resolve_agent
    from gastown_core.town.inventory import read_inventory

    inventory = read_inventory(root)
    return inventory, resolve_agent(inventory, text, caller()) if text else me(root, inventory)


def me(root: str, inventory: Inventory | None = None) -> RosterEntry:
    """The caller's own entry, by its session or the folder it stands in. Raises UsageError for the human."""
    from gastown_core.town.identity import own_entry
    from gastown_core.town.inventory import read_inventory

    entry = own_entry(root, inventory or read_inventory(root))
    if entry is None:
        raise UsageError(
            "you are no agent of this town",
            "neither GT_ROLE nor this folder names one",
            "name an agent (gt agents lists them), or go into an agent's folder",
        )
    return entry


def acting(root: str) -> str:
    """The address under which the caller's acts are told: ``shop/polecats/opal``, ``mayor``, ``overseer``."""
    from gastown_core.town.identity import caller

    path = caller().path
    return path if path != "unknown" else context.actor()
