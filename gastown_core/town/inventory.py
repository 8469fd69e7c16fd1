"""THE roster: a town's rigs and agents, from its folders and registers alone.

All code asks here which agents exist.  It costs a few directory listings: no tmux, no git, no ledger.  Mayor and
deacon always exist, witness and refinery in each registered rig, crew and polecats by their folders.
"""

from __future__ import annotations

import os

from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json
from gastown_core.model.address import (
    BOOT,
    CREW,
    DEACON,
    DOG,
    MAYOR,
    POLECAT,
    REFINERY,
    WITNESS,
    Address,
    parse_address,
)
from gastown_core.model.record import Record
from gastown_core.model.states import RigState
from gastown_core.town.discover import read_rigs
from gastown_core.town.estop import is_halted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LOCAL_LAYER = os.path.join(".beads-wisp", "config")
"""The folder of a rig's settings for this machine, its state among them."""


class RosterEntry(Record):
    """One agent: address, tmux session, work folder, agent bead."""

    address: Address
    session: str
    work_dir: str
    bead_id: str


class RigEntry(Record):
    """One rig: name, bead prefix without hyphen, folder, state (operational, parked, docked, halted)."""

    name: str
    prefix: str
    path: str
    state: str


class Inventory(Record):
    """The agents in display order, the rigs in register order; ``faults`` names unreadable files, with why.

    Without ``is_listed`` the agents were not looked for: ``find_agent`` looks for the one that it is asked for.
    """

    name: str
    root: str
    rigs: tuple[RigEntry, ...]
    agents: tuple[RosterEntry, ...]
    faults: tuple[str, ...] = ()
    is_listed: bool = True


def read_inventory(root: str) -> Inventory:
    """Return the roster of the town at ``root``. Raises SettingsError if the register of rigs is not JSON.

    If the town's file or a rig's local layer is unreadable, its defaults apply and ``faults`` says so.
    """
    return _inventory(root, read_rigs(root), [])


def survey(root: str, *, with_agents: bool = True) -> Inventory:
    """Return the roster for display: with an unreadable register it has no rigs, and ``faults`` says so.

    Without agents, what a town of hundreds costs to list is saved by who asks for a few of them alone.
    """
    faults: list[str] = []
    try:
        rigs = read_rigs(root)
    except SettingsError as error:
        faults.append(str(error))
        rigs = {}
    return _inventory(root, rigs, faults, with_agents=with_agents)


def _inventory(root: str, register: dict[str, str], faults: list[str], *, with_agents: bool = True) -> Inventory:
    name = _read_or_note(os.path.join(root, "mayor", "town.json"), faults).get("name")
    rigs = tuple(
        RigEntry(rig, prefix, os.path.join(root, rig), _rig_state(root, rig, faults))
        for rig, prefix in register.items()
    )
    agents = _town_agents(root, _folders) if with_agents else []
    for rig in rigs if with_agents else ():
        agents += _rig_agents(rig, _folders)
    name = name if isinstance(name, str) and name else os.path.basename(root)
    return Inventory(name, root, rigs, tuple(agents), tuple(faults), with_agents)


def _town_agents(root: str, folders: Callable[[str], list[str]]) -> list[RosterEntry]:
    dogs = os.path.join(root, "deacon", "dogs")
    found = [_entry(Address(MAYOR, "", ""), "", os.path.join(root, "mayor"))]
    found.append(_entry(Address(DEACON, "", ""), "", os.path.join(root, "deacon")))
    found += [_entry(Address(DOG, "", dog), "", os.path.join(dogs, dog)) for dog in folders(dogs) if dog != "boot"]
    return found


def boot_entry(root: str) -> RosterEntry:
    """Return boot, which is no member of the roster: its session lives for one look at the deacon."""
    return _entry(Address(BOOT, "", ""), "", os.path.join(root, "deacon", "dogs", "boot"))


def _read_or_note(path: str, faults: list[str]) -> dict[str, object]:
    """Return the JSON object at ``path``; empty if it is unreadable, with the reason in ``faults``."""
    try:
        return read_json(path) or {}
    except SettingsError as error:
        faults.append(str(error))
        return {}


def _rig_agents(rig: RigEntry, folders: Callable[[str], list[str]]) -> list[RosterEntry]:
    path = rig.path
    found = [_entry(Address(WITNESS, rig.name, ""), rig.prefix, os.path.join(path, "witness"))]
    found.append(_entry(Address(REFINERY, rig.name, ""), rig.prefix, os.path.join(path, "refinery", "rig")))
    for name in folders(os.path.join(path, "crew")):
        found.append(_entry(Address(CREW, rig.name, name), rig.prefix, os.path.join(path, "crew", name)))
    for name in folders(os.path.join(path, "polecats")):
        found.append(_entry(Address(POLECAT, rig.name, name), rig.prefix, polecat_dir(path, rig.name, name)))
    return found


def polecat_dir(rig_path: str, rig: str, name: str) -> str:
    """Return a polecat's worktree: ``polecats/<name>/<rig>``, or the older flat ``polecats/<name>``."""
    nested = os.path.join(rig_path, "polecats", name, rig)
    return nested if os.path.isdir(nested) else os.path.join(rig_path, "polecats", name)


def _entry(address: Address, prefix: str, work_dir: str) -> RosterEntry:
    return RosterEntry(address, address.session(prefix), work_dir, address.bead_id(prefix))


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _rig_state(root: str, rig: str, faults: list[str]) -> str:
    """Return ``halted`` under an emergency stop, else the state in the local layer, else ``operational``."""
    return RigState.HALTED if is_halted(root, rig) else kept_state(root, rig, faults)


def kept_state(root: str, rig: str, faults: list[str] | None = None) -> str:
    """Return the state in the local layer (``.beads-wisp/config/<rig>.json``), which an emergency stop leaves as it is."""
    local = _read_or_note(os.path.join(root, LOCAL_LAYER, f"{rig}.json"), [] if faults is None else faults)
    values = local.get("values")
    status = values.get("status") if isinstance(values, dict) else None
    return status if status in (RigState.PARKED, RigState.DOCKED) else RigState.OPERATIONAL


def find_agent(inventory: Inventory, address: Address) -> RosterEntry | None:
    """Return the roster entry of an address (``rig/name`` finds crew and polecats), None if there is none."""
    agents = inventory.agents if inventory.is_listed else _agents_named(inventory, address)
    for entry in agents:
        if entry.address == address:
            return entry
    for entry in agents:
        if entry.address.mail == address.mail:
            return entry
    return None


def _agents_named(inventory: Inventory, address: Address) -> list[RosterEntry]:
    """Return the agents that an address may mean, looked for in the folders of its rig alone."""

    def folders(path: str) -> list[str]:
        name = address.name
        is_hidden = not name or name.startswith(".") or os.sep in name
        return [] if is_hidden or not os.path.isdir(os.path.join(path, name)) else [name]

    if not address.rig:
        return _town_agents(inventory.root, folders)
    return [entry for rig in inventory.rigs if rig.name == address.rig for entry in _rig_agents(rig, folders)]


def is_absent(inventory: Inventory, assignee: str) -> bool:
    """Whether an assignee names an agent that this town does not have; False for a person's name.

    ``team/bob`` may be a person while no rig ``team`` is registered; ``team/polecats/bob`` is always an agent.
    """
    who = parse_address(assignee) if assignee else None
    if who is None or who.role not in (WITNESS, REFINERY, CREW, POLECAT, DOG):
        return False
    if who.role == POLECAT and assignee.count("/") == 1 and all(rig.name != who.rig for rig in inventory.rigs):
        return False
    return find_agent(inventory, who) is None
