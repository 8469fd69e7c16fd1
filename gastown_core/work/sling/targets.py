"""Targets of a sling: parsed and checked before anything changes."""

from __future__ import annotations

from gastown_core.errors import ConflictError, NotFoundError, TownError, UsageError
from gastown_core.model.address import (
    CREW,
    DEACON,
    DOG,
    MAYOR,
    OVERSEER,
    POLECAT,
    REFINERY,
    WITNESS,
    Address,
)
from gastown_core.model.record import Record
from gastown_core.model.states import RigState
from gastown_core.town.dogs import check_dog_name
from gastown_core.town.identity import HUMAN, resolve_agent
from gastown_core.town.inventory import RosterEntry, find_agent
from gastown_core.town.names import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.town.inventory import Inventory, RigEntry

STANDING = "standing"
_SHORT = {"may": MAYOR, "dea": DEACON, "wit": WITNESS, "ref": REFINERY}
_GROUPS = ("crew", "polecats", "polecat")
FORMS = "RIG, RIG/NAME, RIG/crew/NAME, RIG/witness, mayor, deacon, dog: or ."


class Target(Record):
    """A standing agent (``entry``), or a worker to be found: ``kind`` polecat (of ``rig``) or dog.

    ``name`` asks for a certain one, empty for any.
    """

    entry: RosterEntry | None
    rig: str = ""
    name: str = ""
    kind: str = STANDING

    def words(self) -> str:
        """Return the target for a person: ``shop/opal``, ``shop/(a free polecat)``, ``a free dog``."""
        if self.entry is not None:
            return self.entry.address.short
        if self.kind == DOG:
            return f"deacon/dogs/{self.name}" if self.name else "a free dog"
        return f"{self.rig}/{self.name or '(a free polecat)'}"


def parse_target(inventory: Inventory, text: str, me: Address = HUMAN) -> Target:
    """Return the target that ``text`` names; empty or ``.`` is the caller.

    Raises UsageError for an invalid target, NotFoundError for an unknown name, TownError for a rig that is not
    operational.
    """
    text = text.strip().rstrip("/")
    if text in ("", ".", "crew"):
        return _myself(inventory, text, me)
    if text.startswith("dog:") or text == "deacon/dogs" or text.startswith("deacon/dogs/"):
        return _dog(text)
    parts = text.split("/")
    _check_form(text, parts)
    rig = next((one for one in inventory.rigs if one.name == parts[0]), None)
    if rig is None:
        if len(parts) > 1 and parts[0] not in (MAYOR, DEACON):
            raise _no_rig(inventory, f"no rig {parts[0]}", parts[0])
        return _role(inventory, _SHORT.get(text, text), me)
    _check_open(rig)
    if len(parts) == 1:
        return Target(None, rig.name, "", POLECAT)
    return _in_rig(inventory, rig, parts)


def _no_rig(inventory: Inventory, what: str, name: str) -> NotFoundError:
    import difflib

    rigs = [one.name for one in inventory.rigs]
    near = difflib.get_close_matches(name, rigs, n=2, cutoff=0.5)
    return NotFoundError(
        what, "", f"did you mean {' or '.join(near)}?" if near else f"rigs: {', '.join(rigs) or 'none'}"
    )


def _myself(inventory: Inventory, text: str, me: Address) -> Target:
    if me.role == OVERSEER or (text == "crew" and me.role != CREW):
        what = "which crew member?" if text == "crew" else "sling it to which rig or agent?"
        raise UsageError(what, "only an agent can sling to itself", "name a rig or an agent")
    return Target(resolve_agent(inventory, me.path), me.rig)


def _role(inventory: Inventory, text: str, me: Address) -> Target:
    try:
        entry = resolve_agent(inventory, text, me)
    except NotFoundError as error:
        if "did you mean" in error.hint:
            raise
        raise _no_rig(inventory, f"no rig or agent {text} in this town", text) from None
    if entry.address.role == POLECAT:
        return Target(None, entry.address.rig, entry.address.name, POLECAT)
    if entry.address.role == DOG:
        return Target(None, "", entry.address.name, DOG)
    if entry.address.rig:
        _check_open(next(rig for rig in inventory.rigs if rig.name == entry.address.rig))
    return Target(entry, entry.address.rig)


def _dog(text: str) -> Target:
    name = text.removeprefix("dog:").removeprefix("deacon/dogs").removeprefix("/")
    if "/" in name:
        raise UsageError(f"{text!r} is not a target", "a dog has no agents below it", "dog:NAME")
    if name:
        check_dog_name(name)
    return Target(None, "", name, DOG)


def _in_rig(inventory: Inventory, rig: RigEntry, parts: list[str]) -> Target:
    if parts[1] in (WITNESS, REFINERY):
        return Target(find_agent(inventory, Address(parts[1], rig.name, "")), rig.name)
    name = parts[-1]
    kind = parts[1] if len(parts) == 3 else ""
    crew = find_agent(inventory, Address(CREW, rig.name, name))
    if kind == "crew" or (not kind and crew is not None and crew.address.role == CREW):
        if crew is None or crew.address.role != CREW:
            raise NotFoundError(f"{rig.name} has no crew member {name}", "", f"gt crew add {name} --rig {rig.name}")
        return Target(crew, rig.name)
    problem = refusal(name, "a polecat's name") if crew is None else None
    if problem is not None:
        raise problem
    return Target(None, rig.name, name, POLECAT)


def _check_form(text: str, parts: list[str]) -> None:
    if any(not part for part in parts) or len(parts) > 3:
        raise UsageError(f"{text!r} is not a target", "", FORMS)
    if parts[0] in (MAYOR, DEACON, *_SHORT) and len(parts) > 1:
        raise UsageError(f"{parts[0]} has no agents below it", "", f"use {parts[0]}")
    if len(parts) > 1 and parts[1] in (WITNESS, REFINERY) and len(parts) == 3:
        raise UsageError(f"{parts[0]}/{parts[1]} has no agents below it", "", f"use {parts[0]}/{parts[1]}")
    if len(parts) == 2 and parts[1] in _GROUPS:
        raise UsageError(f"which one of {text}?", "", f"{text}/NAME, or the rig {parts[0]} itself")
    if len(parts) == 3 and parts[1] not in _GROUPS:
        raise UsageError(f"{text!r} is not a target", f"there is no role {parts[1]}", "crew or polecats")


def _check_open(rig: RigEntry) -> None:
    if rig.state == RigState.HALTED:
        raise TownError(f"rig {rig.name} is halted", "an emergency stop is in force", "gt thaw ends it")
    if rig.state != RigState.OPERATIONAL:
        raise TownError(f"rig {rig.name} is {rig.state}", "it takes no work", "choose another rig")


def check_belongs(target: Target, bead_id: str, bead_prefix: str, prefix: str, *, force: bool = False) -> None:
    """Refuse to give a polecat a bead of another store. Raises ConflictError."""
    if target.kind == POLECAT and bead_prefix != prefix and not force:
        owner = "the town" if bead_prefix == "hq" else f"the rig with prefix {bead_prefix}"
        raise ConflictError(
            f"{bead_id} does not belong to {target.rig}", f"it is work of {owner}", "create it in the rig's own ledger"
        )
