"""What the operator points at: an agent, a group of them, a convoy, a bead, a merge request, a batch or an event; pure."""

from __future__ import annotations

from collections import namedtuple

from gastown_tui.widgets.agent_tree import TOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from gastown_core.model.snapshot import AgentView, ConvoyView, RequestView, TownSnapshot
    from gastown_core.orders.registry import Subject
    from gastown_core.state.rows import EventRow

    class Selection(NamedTuple):
        """``kind`` is agent, group, convoy, bead, request, batch, event or empty; the field of that name is set, ``key``
        always; ``group`` also names the rig of a batch or request.
        """

        kind: str = ""
        key: str = ""
        agent: AgentView | None = None
        convoy: ConvoyView | None = None
        bead: str = ""
        group: str = ""
        serial: int = 0
        event: EventRow | None = None
        request: RequestView | None = None
else:
    Selection = namedtuple(
        "Selection",
        "kind key agent convoy bead group serial event request",
        defaults=("", "", None, None, "", "", 0, None, None),
    )

NOTHING = Selection()


def of_agents(snapshot: TownSnapshot, key: str) -> Selection:
    """The selection of a row of the tree or of the problems."""
    if key.startswith("@"):
        return Selection("group", key, group="" if key == TOWN else key[1:])
    agent = snapshot.agent(key)
    return Selection("agent", key, agent=agent) if agent is not None else NOTHING


def of_problems(snapshot: TownSnapshot, key: str) -> Selection:
    """The selection of a row of the problems: an agent, or a bead with a fault (``bead:<id>``)."""
    if key.startswith("bead:"):
        return Selection("bead", key, bead=key[5:])
    if key.startswith("convoy:"):
        convoy = snapshot.convoy(key[7:])
        return Selection("convoy", key, convoy=convoy) if convoy is not None else NOTHING
    return of_agents(snapshot, key)


def of_convoys(snapshot: TownSnapshot, key: str) -> Selection:
    """The selection of a row of the convoys: a convoy, a member's bead, or a row of the merge queue."""
    if key.startswith(("mr:", "batch:")):
        return of_queue(snapshot, key)
    convoy_id, _, bead = key.partition("/")
    convoy = snapshot.convoy(convoy_id)
    if bead:
        return Selection("bead", key, bead=bead, convoy=convoy)
    return Selection("convoy", key, convoy=convoy) if convoy is not None else NOTHING


def of_queue(snapshot: TownSnapshot, key: str) -> Selection:
    """The selection of a row of the merge queue: ``mr:<id>``, ``batch:<rig>``, ``probe:<rig>/<number>``, ``past:<rig>/<batch>``."""
    what, _, name = key.partition(":")
    if what == "mr":
        request = snapshot.request(name)
        if request is None:
            # sent back, landed or taken out of the queue: its bead tells
            return Selection("bead", key, bead=name) if name else NOTHING
        return Selection("request", key, bead=request.bead_id or name, group=request.rig, request=request)
    if what in ("batch", "probe", "past"):
        return Selection("batch", key, group=name.partition("/")[0])
    return NOTHING


def of_events(chosen: tuple[int, EventRow] | None, key: str) -> Selection:
    """The selection of a row of the events."""
    if chosen is None:
        return NOTHING
    return Selection("event", key, serial=chosen[0], event=chosen[1])


def agents_of_group(snapshot: TownSnapshot, group: str) -> list[AgentView]:
    """The agents of a rig; the town's own for an empty name."""
    return [agent for agent in snapshot.agents if agent.address.rig == group]


def subject_of(snapshot: TownSnapshot, chosen: Selection, needs: str) -> Subject:
    """What of the selection an order that ``needs`` such a thing is about; None if there is nothing of the kind."""
    if needs == "agent":
        return chosen.agent
    if needs == "convoy":
        return chosen.convoy
    if needs == "request":
        return chosen.request
    if needs == "bead":
        return chosen.bead or (chosen.event.bead if chosen.event is not None else "")
    if needs == "rig":
        return chosen.group or (chosen.agent.address.rig if chosen.agent is not None else "") or queued_rig(snapshot)
    return None


def queued_rig(snapshot: TownSnapshot) -> str:
    """The rig that the merge queue is about when nothing is pointed at: the busy or held one, else the first queue's."""
    for refinery in snapshot.refineries:
        if refinery.is_busy or refinery.is_held:
            return refinery.rig
    for request in snapshot.requests:
        if request.rig:
            return request.rig
    return snapshot.refineries[0].rig if snapshot.refineries else snapshot.rigs[0].name if snapshot.rigs else ""
