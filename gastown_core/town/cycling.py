"""Which session comes next when a person cycles through the town's: agents that belong together, in a ring by name."""

from __future__ import annotations

from gastown_core.model.address import CREW, TOWN_ROLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from gastown_core.model.address import Address
    from gastown_core.town.inventory import RosterEntry

NEXT, PREV = "next", "prev"
TOWN = "town"


def ring_of(address: Address) -> tuple[str, str]:
    """The group of an agent: the town's, a rig's crew, or a rig's witness, refinery and polecats."""
    if address.role in TOWN_ROLES:
        return "", TOWN
    return address.rig, CREW if address.role == CREW else "workers"


def neighbour(
    agents: Iterable[RosterEntry], live: Container[str], session: str, direction: str, group: str = ""
) -> RosterEntry | None:
    """Return the agent whose live session comes after (or before) this one; None if there is no other, or no agent has it.

    ``group`` asks for the town's ring, or for the crew of the same rig; who is not in it comes to its first or last.
    """
    agents = list(agents)
    here = next((one for one in agents if one.session == session), None)
    if here is None:
        return None
    mine = ("", TOWN) if group == TOWN else (here.address.rig, CREW) if group == CREW else ring_of(here.address)
    ring = sorted(
        (one for one in agents if ring_of(one.address) == mine and (one.session in live or one is here)),
        key=lambda one: one.session,
    )
    if here not in ring:
        return (ring[0] if direction == NEXT else ring[-1]) if ring else None
    step = 1 if direction == NEXT else -1
    found = ring[(ring.index(here) + step) % len(ring)]
    return found if found is not here else None
