"""What the operator points at: an agent, a group of them, a convoy, a bead or an event; pure."""

from __future__ import annotations

from collections import namedtuple

from gastown_tui.widgets.agent_tree import TOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from gastown_core.model.snapshot import AgentView, ConvoyView, TownSnapshot
    from gastown_core.state.filter import EventRow

    class Selection(NamedTuple):
        """``kind`` is agent, group, convoy, bead, event or empty; the field of that name is set, ``key`` always."""

        kind: str = ""
        key: str = ""
        agent: AgentView | None = None
        convoy: ConvoyView | None = None
        bead: str = ""
        group: str = ""
        serial: int = 0
        event: EventRow | None = None
else:
    Selection = namedtuple(
        "Selection", "kind key agent convoy bead group serial event", defaults=("", "", None, None, "", "", 0, None)
    )

NOTHING = Selection()


def of_agents(snapshot: TownSnapshot, key: str) -> Selection:
    """The selection of a row of the tree or of the problems."""
    if key.startswith("@"):
        return Selection("group", key, group="" if key == TOWN else key[1:])
    agent = snapshot.agent(key)
    return Selection("agent", key, agent=agent) if agent is not None else NOTHING


def of_convoys(snapshot: TownSnapshot, key: str) -> Selection:
    """The selection of a row of the convoys: a convoy, a member's bead, or the bead of a merge request."""
    if key.startswith("mr:"):
        request = next((request for request in snapshot.requests if request.id == key[3:]), None)
        return Selection("bead", key, bead=request.bead_id or request.id) if request is not None else NOTHING
    convoy_id, _, bead = key.partition("/")
    if bead:
        return Selection("bead", key, bead=bead)
    convoy = snapshot.convoy(convoy_id)
    return Selection("convoy", key, convoy=convoy) if convoy is not None else NOTHING


def of_events(chosen: tuple[int, EventRow] | None, key: str) -> Selection:
    """The selection of a row of the events."""
    if chosen is None:
        return NOTHING
    return Selection("event", key, serial=chosen[0], event=chosen[1])


def agents_of_group(snapshot: TownSnapshot, group: str) -> list[AgentView]:
    """The agents of a rig; the town's own for an empty name."""
    return [agent for agent in snapshot.agents if agent.address.rig == group]
