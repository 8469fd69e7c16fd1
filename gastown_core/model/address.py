"""THE parser of identities: addresses, mail identities, GT_ROLE values, tmux session names, agent bead ids.

Every form in use (town-and-agents.md section 8, feed-and-events.md section 1) becomes one Address.  Text that names
no agent (``gt``, ``daemon``, ``unknown``, an unregistered rig) gets role ``other`` and no rig.
"""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


MAYOR, DEACON, BOOT, DOG, OVERSEER = "mayor", "deacon", "boot", "dog", "overseer"
WITNESS, REFINERY, CREW, POLECAT, OTHER = "witness", "refinery", "crew", "polecat", "other"

TOWN_ROLES = (MAYOR, DEACON, BOOT, DOG, OVERSEER)
RIG_ROLES = (WITNESS, REFINERY, CREW, POLECAT)
ROLE_ORDER = {role: number for number, role in enumerate((*TOWN_ROLES, *RIG_ROLES, OTHER))}
"""Order of roles in trees and lists."""

ROLE_ICONS = {
    MAYOR: ("🎩", "M"),
    DEACON: ("🐺", "D"),
    BOOT: ("🐾", "b"),
    DOG: ("🐕", "d"),
    OVERSEER: ("👤", "O"),
    WITNESS: ("🦉", "W"),
    REFINERY: ("🏭", "R"),
    CREW: ("👷", "c"),
    POLECAT: ("😺", "p"),
    OTHER: ("·", "."),
}
"""Role → (symbol, ASCII letter), the one table of role icons."""


class Address(Record):
    """An identity: a role, with the rig and name the role needs; for role ``other``, ``name`` is the original text."""

    role: str
    rig: str
    name: str

    @property
    def is_agent(self) -> bool:
        """Whether this is an agent or the overseer, not ``gt``, ``daemon`` or the like."""
        return self.role != OTHER

    @property
    def path(self) -> str:
        """The canonical long form: ``mayor``, ``shop/witness``, ``shop/polecats/opal``, ``deacon/dogs/rex``."""
        role, rig, name = self
        if role == POLECAT:
            return f"{rig}/polecats/{name}"
        if role == CREW:
            return f"{rig}/crew/{name}"
        if role in (WITNESS, REFINERY):
            return f"{rig}/{role}"
        if role == DOG:
            return f"deacon/dogs/{name}"
        return name if role == OTHER else role

    @property
    def short(self) -> str:
        """The form a person types: ``mayor``, ``shop/witness``, ``shop/opal``, ``shop/crew/ana``."""
        return f"{self.rig}/{self.name}" if self.role == POLECAT else self.path

    @property
    def mail(self) -> str:
        """The mail identity: ``mayor/``, ``overseer``, ``shop/witness``, ``shop/opal`` (crew too: ``shop/ana``)."""
        if self.role in (MAYOR, DEACON):
            return self.role + "/"
        if self.role in (CREW, POLECAT):
            return f"{self.rig}/{self.name}"
        return self.path

    @property
    def label(self) -> str:
        """The last part, for a row whose rig is known: ``mayor``, ``opal``."""
        return self.name if self.role in (CREW, POLECAT, DOG, OTHER) else self.role

    @property
    def gt_role(self) -> str:
        """The value of GT_ROLE in the agent's session."""
        return "deacon/boot" if self.role == BOOT else self.path

    @property
    def bd_actor(self) -> str:
        """The value of BD_ACTOR: the path, or ``deacon-boot`` for boot."""
        return "deacon-boot" if self.role == BOOT else self.path

    def session(self, prefix: str) -> str:
        """The name of its tmux session; ``prefix`` is the rig's bead prefix without hyphen (unused for town roles)."""
        role, _, name = self
        if role == DOG:
            return f"hq-dog-{name}"
        if role in TOWN_ROLES:
            return f"hq-{role}"
        if role == CREW:
            return f"{prefix}-crew-{name}"
        return f"{prefix}-{name}" if role == POLECAT else f"{prefix}-{role}"

    def bead_id(self, prefix: str) -> str:
        """The id of its agent bead: ``hq-mayor``, ``<prefix>-<rig>-<role>[-<name>]``; no rig if equal to the prefix."""
        role, rig, name = self
        if role == DOG:
            return f"hq-dog-{name}"
        if role in TOWN_ROLES:
            return f"hq-{role}"
        parts = [prefix] if rig == prefix else [prefix, rig]
        parts.append(role)
        if role in (CREW, POLECAT):
            parts.append(name)
        return "-".join(parts)


UNKNOWN = Address(OTHER, "", "unknown")

_TOWN_FORMS = {
    "mayor": Address(MAYOR, "", ""),
    "coordinator": Address(MAYOR, "", ""),
    "deacon": Address(DEACON, "", ""),
    "health-check": Address(DEACON, "", ""),
    "deacon-boot": Address(BOOT, "", ""),
    "deacon/boot": Address(BOOT, "", ""),
    "boot": Address(BOOT, "", ""),
    "overseer": Address(OVERSEER, "", ""),
    "human": Address(OVERSEER, "", ""),
    "hq/mayor": Address(MAYOR, "", ""),
    "hq/deacon": Address(DEACON, "", ""),
    "hq/boot": Address(BOOT, "", ""),
}


def parse_address(text: str, rigs: Mapping[str, str] | None = None) -> Address:
    """Return the Address for any form; ``rigs`` maps registered rig names to prefixes.

    With ``rigs``, a path whose first part is not registered becomes ``other``, and session names are recognised.
    Without ``rigs``, any first part is taken as a rig.  ``shop/ana`` is parsed as a polecat: only the inventory
    knows who is crew.
    """
    text = text.strip().rstrip("/")
    known = _TOWN_FORMS.get(text)
    if known is not None:
        return known
    if "/" not in text:
        return parse_session(text, rigs) if rigs else Address(OTHER, "", text)
    parts = text.split("/")
    if parts[0] == "deacon" and len(parts) == 3 and parts[1] == "dogs":
        return Address(DOG, "", parts[2])
    rig = parts[0]
    if rigs is not None and rig not in rigs:
        return Address(OTHER, "", text)
    if len(parts) == 2:
        if parts[1] in (WITNESS, REFINERY):
            return Address(parts[1], rig, "")
        if parts[1] in (MAYOR, DEACON):
            return _TOWN_FORMS[parts[1]]
        return Address(POLECAT, rig, parts[1]) if parts[1] else Address(OTHER, "", text)
    if len(parts) == 3 and parts[2]:
        if parts[1] in ("crew",):
            return Address(CREW, rig, parts[2])
        if parts[1] in ("polecats", "polecat"):
            return Address(POLECAT, rig, parts[2])
    return Address(OTHER, "", text)


def parse_session(session: str, rigs: Mapping[str, str] | None) -> Address:
    """Return the Address of a tmux session name; ``rigs`` maps rig names to prefixes, and the longest prefix wins."""
    if session.startswith("hq-"):
        rest = session[3:]
        if rest in (MAYOR, DEACON, BOOT, OVERSEER):
            return _TOWN_FORMS[rest]
        if rest.startswith("dog-"):
            return Address(DOG, "", rest[4:])
    best = ("", "")
    for rig, prefix in (rigs or {}).items():
        if session.startswith(prefix + "-") and len(prefix) > len(best[1]):
            best = (rig, prefix)
    if not best[0]:
        return Address(OTHER, "", session)
    rest = session[len(best[1]) + 1 :]
    if rest in (WITNESS, REFINERY):
        return Address(rest, best[0], "")
    if rest.startswith("crew-") and len(rest) > 5:
        return Address(CREW, best[0], rest[5:])
    return Address(POLECAT, best[0], rest) if rest else Address(OTHER, "", session)


def parse_bead_id(bead_id: str, rigs: Mapping[str, str]) -> Address:
    """Return the Address of an agent bead id; ``rigs`` maps rig names, which may contain hyphens, to prefixes."""
    if bead_id.startswith("hq-"):
        return parse_session(bead_id, None)
    for rig, prefix in sorted(rigs.items(), key=lambda item: -len(item[0])):
        head = f"{prefix}-" if rig == prefix else f"{prefix}-{rig}-"
        if not bead_id.startswith(head):
            continue
        rest = bead_id[len(head) :]
        if rest in (WITNESS, REFINERY):
            return Address(rest, rig, "")
        for role in (CREW, POLECAT):
            if rest.startswith(role + "-") and len(rest) > len(role) + 1:
                return Address(role, rig, rest[len(role) + 1 :])
    return Address(OTHER, "", bead_id)


def same_agent(one: str, other: str) -> bool:
    """Return whether two texts name the same agent in any form (``shop/opal`` and ``shop/polecats/opal``)."""
    return one == other or parse_address(one).mail == parse_address(other).mail
