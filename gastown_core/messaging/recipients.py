"""Whom an address of mail means: agents and the overseer, groups, queues, channels, announcements, ``@`` lists.

Resolution is complete or fails: an unknown member stops a message to all.  Groups nest, cycles are passed over, and
everybody gets one copy.  A person's or role's address must exist; there is no fallback.
"""

from __future__ import annotations

import os

from gastown_core.errors import NotFoundError, UsageError
from gastown_core.messaging.mail_lists import CHANNEL, GROUP, QUEUE, all_lists, fits, need_list, old_config, queue_names
from gastown_core.model.address import CREW, DEACON, DOG, MAYOR, OVERSEER, POLECAT, REFINERY, WITNESS, parse_address
from gastown_core.model.record import Record
from gastown_core.town.discover import read_rigs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.store import BeadStore
    from gastown_core.messaging.mail_lists import OldConfig
    from gastown_core.model.address import Address
    from gastown_core.town.inventory import Inventory

AGENT, ANNOUNCE = "agent", "announce"
BUILT_IN = ("town", "overseer", "witnesses", "refineries", "deacons", "dogs", "crew", "polecats")
CODE_ROLES = (DEACON, WITNESS, REFINERY)
"""Roles that the code has unless the settings give them to an agent."""
_ROLES = {
    "witnesses": WITNESS,
    "refineries": REFINERY,
    "deacons": DEACON,
    "dogs": DOG,
    "crew": CREW,
    "polecats": POLECAT,
}


class Target(Record):
    """Where one copy goes: ``kind`` agent, queue, channel or announce; ``name`` is the mail identity, or the name."""

    kind: str
    name: str
    channel: str = ""

    @property
    def assignee(self) -> str:
        """The assignee of the copy's bead."""
        return self.name if self.kind == AGENT else f"{self.kind}:{self.name}"


class Directory:
    """The addresses of a town; it reads registers and folders only when an address needs them."""

    def __init__(self, root: str, store: BeadStore, sender: str = "") -> None:
        self.root = root
        self.store = store
        self.sender = parse_address(sender)
        self._inventory: Inventory | None = None
        self._rigs: dict[str, str] | None = None
        self._old: OldConfig | None = None

    @property
    def rigs(self) -> dict[str, str]:
        """Registered rigs with their prefixes."""
        if self._rigs is None:
            self._rigs = read_rigs(self.root)
        return self._rigs

    @property
    def inventory(self) -> Inventory:
        """The roster, read once."""
        if self._inventory is None:
            from gastown_core.town.inventory import read_inventory

            self._inventory = read_inventory(self.root)
        return self._inventory

    @property
    def old(self) -> OldConfig:
        """The older configuration, read once."""
        if self._old is None:
            self._old = old_config(self.root)
        return self._old

    def resolve(self, address: str) -> list[Target]:
        """Return the targets of an address, each once. Raises NotFoundError for an unknown one, UsageError."""
        return list(dict.fromkeys(self._resolve(address.strip(), ())))

    def _resolve(self, address: str, seen: tuple[str, ...]) -> list[Target]:
        if not address:
            raise UsageError("no recipient", "", "gt mail directory lists the addresses")
        kind, colon, name = address.partition(":")
        if colon:
            return self._named(kind, name, address, seen)
        if address.startswith("@"):
            return self._at(address[1:], seen)
        one = parse_address(address)
        if one.role in (MAYOR, DEACON, OVERSEER):
            return [Target(AGENT, one.mail)]
        if "/" not in address:
            return self._bare(address, seen)
        return self._path(address)

    def _named(self, kind: str, name: str, address: str, seen: tuple[str, ...]) -> list[Target]:
        """Resolve ``kind:name``."""
        if kind == GROUP:
            return self._members(need_list(self.store, GROUP, name).members, f"group:{name}", seen)
        if kind == QUEUE:
            if name not in queue_names(self.root, self.store):
                need_list(self.store, QUEUE, name)
            return [Target(QUEUE, name)]
        if kind == CHANNEL:
            one = need_list(self.store, CHANNEL, name)
            readers = self._members(one.members, f"channel:{name}", seen)
            mine = self.sender.mail
            return [Target(CHANNEL, name), *(to._replace(channel=name) for to in readers if to.name != mine)]
        if kind == "list" and name in self.old.lists:
            return self._members(self.old.lists[name], f"list:{name}", seen)
        if kind == ANNOUNCE and name in self.old.announces:
            return [Target(ANNOUNCE, name)]
        raise NotFoundError(f"unknown recipient {address}", "", "gt mail directory lists the addresses")

    def _members(self, members: tuple[str, ...], own: str, seen: tuple[str, ...]) -> list[Target]:
        """Resolve the members of a list; a list that contains itself adds nobody the second time."""
        if own in seen:
            return []
        return [target for member in members for target in self._resolve(member, (*seen, own))]

    def _at(self, name: str, seen: tuple[str, ...]) -> list[Target]:
        """Resolve ``@name``: a group of the town, else a built-in list."""
        if any(group.name == name for group in all_lists(self.store, GROUP)):
            return self._named(GROUP, name, f"@{name}", seen)
        if name == OVERSEER:
            return [Target(AGENT, OVERSEER)]
        word, slash, rig = name.partition("/")
        if slash and rig not in self.rigs:
            raise NotFoundError(
                f"unknown recipient @{name}", f"no rig {rig}", f"rigs: {', '.join(self.rigs) or 'none'}"
            )
        if word == "town" and not slash:
            return self._matching(lambda one: True)
        if word == "rig" and slash:
            return self._matching(lambda one: one.rig == rig)
        if word in _ROLES:
            return self._matching(lambda one: one.role == _ROLES[word] and rig in ("", one.rig))
        lists = ", ".join(f"@{one}" for one in BUILT_IN)
        raise NotFoundError(f"unknown recipient @{name}", "no group has that name", f"built in: {lists}, @rig/RIG")

    def _matching(self, wanted: Callable[[Address], bool]) -> list[Target]:
        """Return the agents that fit, without the sender."""
        mine = self.sender.mail
        entries = (entry.address for entry in self.inventory.agents)
        return [Target(AGENT, one.mail) for one in entries if wanted(one) and one.mail != mine]

    def _bare(self, name: str, seen: tuple[str, ...]) -> list[Target]:
        """Resolve a word: a role of the sender's rig, else the one group, queue or channel with that name."""
        if name in (WITNESS, REFINERY):
            rig = self.sender.rig or (next(iter(self.rigs)) if len(self.rigs) == 1 else "")
            if not rig:
                ways = " or ".join(f"{one}/{name}" for one in self.rigs)
                raise UsageError(f"which {name}?", "the town has several rigs", f"say {ways}")
            return self._path(f"{rig}/{name}")
        kinds = [kind for kind in (GROUP, CHANNEL) if any(one.name == name for one in all_lists(self.store, kind))]
        kinds += [QUEUE] if name in queue_names(self.root, self.store) else []
        if len(kinds) > 1:
            ways = " or ".join(f"{kind}:{name}" for kind in kinds)
            raise UsageError(f"{name} is ambiguous", f"it names a {' and a '.join(kinds)}", f"say {ways}")
        if kinds:
            return self._named(kinds[0], name, name, seen)
        named = {entry.address.mail for entry in self.inventory.agents if entry.address.name == name}
        if len(named) == 1:
            return [Target(AGENT, named.pop())]
        if named:
            raise UsageError(f"{name} is ambiguous", "", f"say {' or '.join(sorted(named))}")
        raise self._unknown(name)

    def _path(self, address: str) -> list[Target]:
        """Resolve an address with ``/``: an agent, a pattern with ``*``, or all of a rig (``shop/``)."""
        if address.endswith("/") and address.rstrip("/") in self.rigs:
            return self._at(f"rig/{address.rstrip('/')}", ())
        if "*" in address:
            found = self._matching(lambda one: fits(address, one.path) or fits(address, one.short))
            if not found:
                raise NotFoundError(f"nobody matches {address}", "", "gt mail directory lists the addresses")
            return found
        first, _, name = address.rstrip("/").partition("/")
        if first == CREW:
            homes = [rig for rig in self.rigs if os.path.isdir(os.path.join(self.root, rig, CREW, name))]
            if len(homes) > 1:
                raise UsageError(
                    f"{address} is ambiguous", "", f"say {' or '.join(f'{rig}/crew/{name}' for rig in homes)}"
                )
            address = f"{homes[0]}/crew/{name}" if homes else address
        one = parse_address(address, self.rigs)
        if not one.is_agent or not self._exists(one):
            raise self._unknown(address)
        return [Target(AGENT, one.mail)]

    def _exists(self, one: Address) -> bool:
        """Return whether the town has the agent: its role is a standing one, or it has a folder or an agent bead."""
        if one.role not in (CREW, POLECAT, DOG):
            return True
        if one.role == DOG:
            return os.path.isdir(os.path.join(self.root, "deacon", "dogs", one.name))
        if not one.name or one.name in (".", ".."):
            return False
        folders = (CREW, "polecats") if one.role == POLECAT else (CREW,)
        if any(os.path.isdir(os.path.join(self.root, one.rig, folder, one.name)) for folder in folders):
            return True
        prefix = self.rigs[one.rig]
        ids = [one._replace(role=role).bead_id(prefix) for role in (CREW, POLECAT)]
        return bool(self.store.statuses(ids))

    def _unknown(self, address: str) -> NotFoundError:
        import difflib

        known = [address for address, _ in self.addresses()]
        near = difflib.get_close_matches(address, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "gt mail directory lists the addresses"
        return NotFoundError(
            f"unknown recipient {address}", "the town has no such agent, group, queue or channel", hint
        )

    def addresses(self) -> list[tuple[str, str]]:
        """Return every address of the town with its kind."""
        found = [(OVERSEER, OVERSEER), *((entry.address.mail, AGENT) for entry in self.inventory.agents)]
        found += [(f"{kind}:{one.name}", kind) for kind in (GROUP, CHANNEL) for one in all_lists(self.store, kind)]
        found += [(f"{QUEUE}:{name}", QUEUE) for name in queue_names(self.root, self.store)]
        found += [(f"list:{name}", "list") for name in self.old.lists]
        found += [(f"{ANNOUNCE}:{name}", ANNOUNCE) for name in self.old.announces]
        found += [(f"@{name}", "special") for name in BUILT_IN]
        return [*found, *((f"@{word}/{rig}", "special") for rig in self.rigs for word in ("rig", "crew", "polecats"))]


def is_read_by_code(root: str, identity: str) -> bool:
    """Whether the code treats what is sent to this mail identity while its role has no session (``role_mail``)."""
    from gastown_core.town.settings import agent_has_role

    role = parse_address(identity).role
    return role in CODE_ROLES and not agent_has_role(root, role)
