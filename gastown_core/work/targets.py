"""Where work can be slung: the words a person types, checked before anything is touched."""

from __future__ import annotations

from collections import namedtuple

from gastown_core.errors import ConflictError, TownError, UsageError
from gastown_core.model.address import CREW, DEACON, MAYOR, OVERSEER, REFINERY, WITNESS, Address
from gastown_core.town.identity import HUMAN, resolve_agent
from gastown_core.town.inventory import find_agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from gastown_core.town.inventory import Inventory, RigEntry, RosterEntry

    class Target(NamedTuple):
        """A standing agent (``entry``), or a polecat of ``rig``: any (empty ``name``) or the one of that name."""

        entry: RosterEntry | None
        rig: str
        name: str
else:
    Target = namedtuple("Target", "entry rig name")

_ROLE_WORDS = ("mayor", "may", "deacon", "dea", "witness", "wit", "refinery", "ref")


def parse_target(inventory: Inventory, text: str, me: Address = HUMAN) -> Target:
    """The target that ``text`` names; empty or ``.`` is the caller.

    Raises UsageError for what is no target, TownError for a parked rig; nothing was touched then.
    """
    text = text.strip().rstrip("/")
    if text in ("", "."):
        if me.role == OVERSEER:
            raise UsageError("sling it to whom?", "only an agent can sling to itself", "name a rig or an agent")
        return Target(resolve_agent(inventory, me.path), me.rig, "")
    parts = text.split("/")
    _check_form(text, parts)
    rig = next((one for one in inventory.rigs if one.name == parts[0]), None)
    if rig is None:
        return Target(resolve_agent(inventory, text, me), "", "")
    _check_open(rig)
    if len(parts) == 1:
        return Target(None, rig.name, "")
    return _in_rig(inventory, rig, parts)


def _in_rig(inventory: Inventory, rig: RigEntry, parts: list[str]) -> Target:
    if parts[1] in (WITNESS, REFINERY):
        return Target(find_agent(inventory, Address(parts[1], rig.name, "")), rig.name, "")
    name = parts[-1]
    kind = parts[1] if len(parts) == 3 else ""
    crew = find_agent(inventory, Address(CREW, rig.name, name))
    if kind == "crew" or (not kind and crew is not None and crew.address.role == CREW):
        if crew is None or crew.address.role != CREW:
            raise UsageError(f"{rig.name} has no crew member {name}", "", f"gt crew add {name} --rig {rig.name}")
        return Target(crew, rig.name, "")
    return Target(None, rig.name, name)


def _check_form(text: str, parts: list[str]) -> None:
    if any(not part for part in parts) or len(parts) > 3:
        raise UsageError(f"{text!r} is no target", "", "RIG, RIG/NAME, RIG/crew/NAME, mayor, deacon, RIG/witness")
    if parts[0] in (MAYOR, DEACON) and len(parts) > 1 and parts[1] != "dogs":
        raise UsageError(f"{parts[0]} has nobody under it", "", f"say {parts[0]}")
    if len(parts) > 1 and parts[1] in (WITNESS, REFINERY) and len(parts) == 3:
        raise UsageError(f"{parts[0]}/{parts[1]} has nobody under it", "", f"say {parts[0]}/{parts[1]}")
    if len(parts) == 2 and parts[1] in ("crew", "polecats", "polecat"):
        raise UsageError(f"which one of {text}?", "", f"{text}/NAME, or the rig {parts[0]} itself")
    if len(parts) == 3 and parts[1] not in ("crew", "polecats", "polecat", "dogs"):
        raise UsageError(f"{text!r} is no target", f"there is no role {parts[1]}", "crew or polecats")


def _check_open(rig: RigEntry) -> None:
    if rig.state != "operational":
        raise TownError(f"rig {rig.name} is {rig.state}", "it takes no work", "choose another rig")


def check_belongs(target: Target, bead_id: str, bead_prefix: str, prefix: str, *, force: bool = False) -> None:
    """Refuse to give a polecat a bead of another store. Raises ConflictError."""
    if target.entry is None and bead_prefix != prefix and not force:
        owner = "the town" if bead_prefix == "hq" else f"the rig with prefix {bead_prefix}"
        raise ConflictError(
            f"{bead_id} does not belong to {target.rig}", f"it is work of {owner}", "create it in the rig's own ledger"
        )
