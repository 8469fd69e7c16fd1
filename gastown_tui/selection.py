"""The selection: the value that a row stands for, and the town's facts about it; pure."""

from __future__ import annotations

from functools import lru_cache

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from gastown_core.attention.item import Item
    from gastown_core.model.convoy import ConvoyView
    from gastown_core.model.incident import Incident
    from gastown_core.model.snapshot import AgentView, RequestView, TownSnapshot
    from gastown_core.model.wanted import Wanted
    from gastown_core.orders.registry import Subject
    from gastown_core.state.rows import EventRow

AGENT, GROUP, CONVOY, BEAD, REQUEST = "agent", "group", "convoy", "bead", "request"
SECTION = "section"
"""A group of agents by state or convoy: nothing of the town."""
BATCH, PROBE, PAST, EVENT, ITEM, INCIDENT = "batch", "probe", "past", "event", "item", "incident"
WANTED, NEIGHBOUR = "wanted", "neighbour"
"""Of a commons: an item, and another town."""


class Selection(Record):
    """What a row stands for.

    ``rig`` is set where it is the name (of a group; empty for the town's) or part of it (of a batch, a probe, a past
    batch); ``convoy`` where the row is a convoy's member.  An agent's ``id`` is its key, its whole path.
    """

    kind: str
    rig: str = ""
    id: str = ""
    convoy: str = ""


@lru_cache(maxsize=8192)
def point_at(kind: str, rig: str = "", name: str = "", convoy: str = "") -> Selection:
    """Return the selection, cached: every row of every frame asks for its own."""
    return Selection(kind, rig, name, convoy)


class Chosen(Record):
    """A selection and the current facts about it.

    ``kind`` is agent, group, convoy, bead, request, batch, event, incident, wanted, neighbour or empty, and the field of that name is
    set; for a batch it is ``group``, its rig.  A request's rig is in ``group`` too, a wanted item's other town in ``neighbour``.
    """

    kind: str = ""
    key: Hashable = None
    agent: AgentView | None = None
    convoy: ConvoyView | None = None
    bead: str = ""
    group: str = ""
    serial: int = 0
    event: EventRow | None = None
    request: RequestView | None = None
    incident: Incident | None = None
    wanted: Wanted | None = None
    neighbour: str = ""


NOTHING = Chosen()


def resolve(snapshot: TownSnapshot, selection: Selection | None) -> Chosen:
    """Return the facts about a selection; NOTHING if it is gone."""
    if selection is None:
        return NOTHING
    kind, rig, name, convoy_id = selection
    if kind == AGENT:
        agent = snapshot.agent(name)
        return Chosen(AGENT, selection, agent=agent) if agent is not None else NOTHING
    if kind == GROUP:
        return Chosen(GROUP, selection, group=rig)
    if kind == CONVOY:
        convoy = snapshot.convoy(name)
        return Chosen(CONVOY, selection, convoy=convoy) if convoy is not None else NOTHING
    if kind == BEAD:
        return Chosen(BEAD, selection, bead=name, convoy=snapshot.convoy(convoy_id) if convoy_id else None)
    if kind == REQUEST:
        request = snapshot.request(name)
        if request is None:
            # sent back, landed or taken out of the queue: its bead says which
            return Chosen(BEAD, selection, bead=name)
        return Chosen(REQUEST, selection, bead=request.bead_id or name, group=request.rig, request=request)
    if kind == INCIDENT:
        incident = snapshot.incident(name)
        return Chosen(INCIDENT, selection, incident=incident) if incident is not None else NOTHING
    if kind in (BATCH, PROBE, PAST):
        return Chosen(BATCH, selection, group=rig)
    return NOTHING


def of_event(found: tuple[int, EventRow] | None, key: Hashable) -> Chosen:
    """Return the selection of an event; ``found`` is (serial number, row)."""
    if found is None:
        return NOTHING
    return Chosen(EVENT, key, serial=found[0], event=found[1])


def of_item(snapshot: TownSnapshot, item: Item | None, key: Hashable) -> Chosen:
    """Return what a row of the inbox is about: an agent, convoy, incident, request, rig or bead; NOTHING without a row."""
    if item is None:
        return NOTHING
    kind, name, _ = item.subject
    if kind == WANTED:
        judged = snapshot.commons.to_judge if snapshot.commons is not None else ()
        return next((of_wanted(one.item, snapshot, key) for one in judged if one.item.id == name), NOTHING)
    if kind == "rig":
        return Chosen(BATCH, key, group=name)
    found = resolve(snapshot, Selection(kind, "", name)) if kind in (AGENT, CONVOY, INCIDENT) else NOTHING
    if found is NOTHING and snapshot.request(name) is not None:
        found = resolve(snapshot, Selection(REQUEST, "", name))
    if found is NOTHING:
        bead = item.bead or (name if kind == BEAD else "")
        found = Chosen(BEAD, key, bead=bead) if bead else NOTHING
    return found._replace(key=key) if found.kind else NOTHING


def of_wanted(item: Wanted, snapshot: TownSnapshot, key: Hashable) -> Chosen:
    """Return the selection of a wanted item, and of the other town that works on it or posted it."""
    own = snapshot.commons.handle if snapshot.commons is not None else ""
    other = next((one for one in (item.claimed_by, item.posted_by) if one and one != own), "")
    return Chosen(WANTED, key, wanted=item, neighbour=other)


def agents_of_group(snapshot: TownSnapshot, group: str) -> list[AgentView]:
    """Return the agents of a rig; of the town itself for an empty name."""
    return [agent for agent in snapshot.agents if agent.address.rig == group]


def subject_of(snapshot: TownSnapshot, chosen: Chosen, needs: str) -> Subject:
    """Return the part of the selection that an order with ``needs`` is about; None or empty if there is none."""
    if needs == "agent":
        return chosen.agent
    if needs == "convoy":
        return chosen.convoy
    if needs == "request":
        return chosen.request
    if needs == "incident":
        return chosen.incident
    if needs == "bead":
        return chosen.bead or (chosen.event.bead if chosen.event is not None else "")
    if needs == WANTED:
        return chosen.wanted
    if needs == NEIGHBOUR:
        return chosen.neighbour
    if needs == "rig":
        return chosen.group or (chosen.agent.address.rig if chosen.agent is not None else "") or queued_rig(snapshot)
    return None


def queued_rig(snapshot: TownSnapshot) -> str:
    """Return the rig that the merge queue shows without a selection: a busy or held one, else the first queue's."""
    for refinery in snapshot.refineries:
        if refinery.is_busy or refinery.is_held:
            return refinery.rig
    for request in snapshot.requests:
        if request.rig:
            return request.rig
    return snapshot.refineries[0].rig if snapshot.refineries else snapshot.rigs[0].name if snapshot.rigs else ""
