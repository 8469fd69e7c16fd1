"""Agents on the command line: the caller, and agents named by a word.

The roster is imported only when a command needs it: that takes 10 ms, which ``gt convoy list`` can save.
"""

from __future__ import annotations

from gastown_cli import context
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.town.inventory import Inventory, RosterEntry


def find(root: str, text: str) -> tuple[Inventory, RosterEntry]:
    """Return the roster and the entry that ``text`` names; "" is the caller. Raises NotFoundError, UsageError."""
    from gastown_core.town.identity import caller, resolve_agent
    from gastown_core.town.inventory import read_inventory

    inventory = read_inventory(root)
    return inventory, resolve_agent(inventory, text, caller()) if text else me(root, inventory)


def me(root: str, inventory: Inventory | None = None) -> RosterEntry:
    """Return the caller's entry, by its session or working directory. Raises UsageError for the human."""
    from gastown_core.town.identity import own_entry
    from gastown_core.town.inventory import read_inventory

    entry = own_entry(root, inventory or read_inventory(root))
    if entry is None:
        raise UsageError(
            "you are not an agent of this town",
            "neither GT_ROLE nor the current folder names an agent",
            "name an agent (gt agents lists them), or change to an agent's folder",
        )
    return entry


def acting(root: str) -> str:
    """Return the address under which the caller's actions are logged: ``shop/polecats/opal``, ``mayor``, ``overseer``."""
    from gastown_core.town.identity import caller

    path = caller().path
    return path if path != "unknown" else context.actor()
