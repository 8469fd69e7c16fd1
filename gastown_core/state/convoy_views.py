"""Convoys as front ends show them: members from their own stores, stages, progress, stalls; pure.

A standstill is a member that stays blocked however long one waits: the reason why the convoy cannot finish as it is.
"""

from __future__ import annotations

from gastown_core.beads.graph import Graph, is_released, stage_of
from gastown_core.beads.query import Excerpt
from gastown_core.beads.stalls import stall_reason
from gastown_core.clock import format_age
from gastown_core.model.bead import (
    CLOSED,
    HOOKED,
    IN_PROGRESS,
    IN_REVIEW,
    OPEN,
    PARENT_CHILD,
    TRACKS,
    MemberStage,
    is_convoy,
    is_identity,
    is_kind,
)
from gastown_core.model.convoy import LANDED_S, ConvoyView, MemberView, StandstillView
from gastown_core.town.inventory import is_absent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_core.model.snapshot import OrphanView
    from gastown_core.state.ledger_facts import LedgerFacts
MOST_TOLD = 3
MOVING = frozenset((HOOKED, IN_PROGRESS, IN_REVIEW))
"""Statuses of work that an agent or the merge queue has."""


def standstills(members: Iterable[str], graph: Graph, died: Mapping[str, int]) -> tuple[StandstillView, ...]:
    """The members that only a person can unblock, each with the reason; those that wait for another one come last.

    ``died`` counts the dead workers of beads that cost more than the town allows.
    """
    wanted = list(members)
    own: dict[str, str] = {}
    sources: dict[str, list[str]] = {}
    level = dict.fromkeys(wanted)
    seen = set(level)
    while level:
        ahead: dict[str, None] = {}
        for bead_id in level:
            bead = graph.bead(bead_id)
            if bead is None or is_released(bead) or bead.status in MOVING:
                continue
            stall = stall_reason(bead, graph, died.get(bead_id, 0))
            if stall is not None:
                own[bead_id] = stall.text
                continue
            if not bead.edges:
                continue
            for hold in graph.own_holds(bead_id):
                sources.setdefault(hold.id, []).append(bead_id)
                ahead[hold.id] = None
        level = {one: None for one in ahead if one not in seen}
        seen.update(level)
    found = own | _behind(own, sources)
    held = sorted((one for one in wanted if one in found), key=lambda one: one not in own)
    return tuple(StandstillView(one, found[one]) for one in held)


def _behind(own: Mapping[str, str], sources: Mapping[str, list[str]]) -> dict[str, str]:
    """All members that wait for a blocked one, directly or not, each with its next dependency on the way there."""
    found: dict[str, str] = {}
    level = list(own)
    while level:
        following = []
        for target in level:
            why = f"waits for {target} ({own[target]})" if target in own else f"waits for {target}"
            for source in sources.get(target, ()):
                if source not in found:
                    found[source] = why
                    following.append(source)
        level = following
    return found


def stuck_word(convoy: ConvoyView, now: float) -> str:
    """Return ``2 stuck`` for a convoy that cannot finish as it is, ``stalled 5m`` for one that nobody works on; else empty."""
    if convoy.closed_at is not None:
        return ""
    if convoy.standstills:
        return f"{len(convoy.standstills)} stuck"
    if convoy.stalled_since is not None and convoy.is_stalled(now):
        return f"stalled {format_age(max(1.0, now - convoy.stalled_since))}"
    return ""


def stuck_words(convoy: ConvoyView, now: float) -> list[str]:
    """Why a convoy makes no progress: its blocked and its idle members; bead text is included unsanitised."""
    parts = [f"cannot finish: {one.bead_id} {one.why}" for one in convoy.standstills[:MOST_TOLD]]
    more = len(convoy.standstills) - MOST_TOLD
    parts += [f"and {more} more"] if more > 0 else []
    if convoy.stalled_since is not None and convoy.is_stalled(now):
        idle = [
            member.bead_id for member in convoy.members if member.stage in (MemberStage.READY, MemberStage.ORPHANED)
        ]
        halted = {one.bead_id for one in convoy.standstills}
        idle = [bead_id for bead_id in idle if bead_id not in halted]
        one = len(idle) == 1
        named = ", ".join(idle[:MOST_TOLD]) + (" …" if len(idle) > MOST_TOLD else "")
        words = f"{len(idle)} bead{'' if one else 's'} {'is' if one else 'are'} ready but nobody is on {'it' if one else 'them'}: {named}"
        parts += [f"stalled {format_age(max(1.0, now - convoy.stalled_since))}: {words}"] if idle else []
    return parts


IN_HAND = frozenset((HOOKED, IN_PROGRESS))


def convoy_views(facts: LedgerFacts, now: float) -> tuple[ConvoyView, ...]:
    """Open convoys, oldest first, then those closed within a day, newest first."""
    shown = [
        bead
        for bead in facts.ledger.get("town", {}).values()
        if is_convoy(bead) and (bead.status != CLOSED or now - bead.closed_at <= LANDED_S)
    ]
    shown.sort(key=lambda b: (b.status == CLOSED, -b.closed_at if b.status == CLOSED else b.created_at, b.id))
    town = TownGraph(facts, now)
    room = Room(facts)
    views = (_view(bead, town, facts.fields.get(bead.id, {}), room) for bead in shown)
    died = _died_too_often(facts)
    return tuple(
        view._replace(standstills=standstills(_in_doubt(view, died), town.graph, died))
        if view.status != CLOSED
        else view
        for view in views
    )


def _in_doubt(view: ConvoyView, died: Mapping[str, int]) -> list[str]:
    """Return the members that may be blocked: not those that are done or plainly ready, which are most of them."""
    return [
        one.bead_id
        for one in view.members
        if one.stage not in _PLAIN_STAGES or one.status not in _PLAIN_STATUSES or one.bead_id in died
    ]


_PLAIN_STAGES = frozenset((MemberStage.DONE, MemberStage.READY))
_PLAIN_STATUSES = frozenset((OPEN, CLOSED))


def _died_too_often(facts: LedgerFacts) -> dict[str, int]:
    most = facts.thresholds.most_deaths
    return {bead_id: count for bead_id, count in facts.died.items() if most and count >= most}


def orphan_views(facts: LedgerFacts) -> tuple[OrphanView, ...]:
    """Work on hooks of agents that do not exist, most urgent first, then longest waiting."""
    # imported here: ``gt convoy list`` needs no snapshot
    from gastown_core.model.snapshot import OrphanView

    found = []
    for store, beads in facts.ledger.items():
        for bead in beads.values():
            is_work = bead.status in IN_HAND and not is_kind(bead, "gt:message") and not is_identity(bead)
            if is_work and is_absent(facts.inventory, bead.assignee):
                rig = "" if store == "town" else store
                found.append(
                    OrphanView(bead.id, bead.title, bead.status, bead.assignee, rig, bead.priority, bead.updated_at)
                )
    return tuple(sorted(found, key=lambda one: (one.priority, one.since, one.bead_id)))


class TownGraph:
    """All beads in view with their dependencies across stores; a bead out of view was closed long ago or is unknown."""

    def __init__(self, facts: LedgerFacts, now: float) -> None:
        self.index = {
            bead_id: (store, bead) for store, beads in facts.ledger.items() for bead_id, bead in beads.items()
        }
        self.inventory = facts.inventory
        children: dict[str, list[str]] = {}
        for _, bead in self.index.values():
            for edge in bead.edges:
                if edge.type == PARENT_CHILD:
                    children.setdefault(edge.target, []).append(bead.id)
        self.graph = Graph(self._excerpt, lambda bead_id: children.get(bead_id, ()), now)

    def _excerpt(self, bead_id: str) -> Excerpt | None:
        found = self.index.get(bead_id)
        return found[1] if found is not None else _GONE._replace(id=bead_id)


_GONE = Excerpt("", "", CLOSED, 2, "task", "", 0.0, 0.0, 0.0, 0.0, (), (), False, False)


class Room:
    """Whether a polecat of a rig could take ready work: work that waits its turn in a full town does not stand still."""

    def __init__(self, facts: LedgerFacts) -> None:
        self._facts = facts
        self._hands: dict[str, int] | None = None
        self._freed: dict[str, float] = {}

    def is_free(self, rig: str) -> bool:
        """Whether the town and the rig have fewer polecats with work than they may have."""
        if self._hands is None:
            self._hands = {
                store: sum(1 for bead in beads.values() if bead.status in IN_HAND and "/polecats/" in bead.assignee)
                for store, beads in self._facts.ledger.items()
            }
        limits = self._facts.thresholds
        return sum(self._hands.values()) < limits.places and self._hands.get(rig, 0) < limits.rig_places

    def freed_at(self, rig: str) -> float:
        """When the last piece of work of the rig was closed, which made room."""
        if rig not in self._freed:
            beads = self._facts.ledger.get(rig, {}).values()
            self._freed[rig] = max([bead.closed_at for bead in beads], default=0.0)
        return self._freed[rig]

    def stalled_at(self, waiting: Sequence[MemberView], moved: float) -> float | None:
        """From when on it is a stall that nobody works on these members; None while all of them wait their turn.

        ``moved`` is when one of the convoy's members changed last.
        """
        rigs = {one.rig for one in waiting if one.stage == MemberStage.ORPHANED or self.is_free(one.rig)}
        if not rigs:
            return None
        # a place that has just become free is given away by the dispatcher in a moment
        freed = max(self.freed_at(rig) for rig in rigs)
        limits = self._facts.thresholds
        return max(moved + limits.stalled_s, freed + limits.dam_s)


def _view(convoy: Excerpt, town: TownGraph, fields: dict[str, str], room: Room) -> ConvoyView:
    members = tuple(_member(edge.target, town) for edge in convoy.edges if edge.type == TRACKS)
    stages = [member.stage for member in members]
    running = stages.count(MemberStage.RUNNING)
    stalled = None
    waiting = [member for member in members if member.stage in (MemberStage.READY, MemberStage.ORPHANED)]
    if convoy.status != CLOSED and waiting and not running:
        moved = [found[1].updated_at for m in members if (found := town.index.get(m.bead_id)) is not None]
        stalled = room.stalled_at(waiting, max([convoy.updated_at, *moved]))
    return ConvoyView(
        id=convoy.id,
        title=convoy.title,
        status=convoy.status,
        owner=fields.get("owner", "") or convoy.assignee,
        members=members,
        done=stages.count(MemberStage.DONE),
        in_review=stages.count(MemberStage.REVIEW),
        running=running,
        created_at=convoy.created_at,
        closed_at=convoy.closed_at or None,
        stalled_since=stalled,
        is_mountain="mountain" in convoy.labels,
    )


def _member(bead_id: str, town: TownGraph) -> MemberView:
    found = town.index.get(bead_id)
    if found is None:
        return MemberView(bead_id, "", "", "", "", "missing")
    store, bead = found
    known = _BY_RECORD.get(bead_id)
    if known is not None and known[0] is bead and known[1] == store:
        return known[2]
    rig = "" if store == "town" else store
    is_free = bead.status == OPEN and not bead.edges and not bead.defer_until
    if is_free or bead.status == CLOSED:
        stage = MemberStage.READY if is_free else MemberStage.DONE
        view = MemberView(bead_id, bead.title, bead.status, bead.assignee, rig, stage)
        if len(_BY_RECORD) >= MOST_BY_RECORD:
            _BY_RECORD.clear()
        _BY_RECORD[bead_id] = (bead, store, view)
        return view
    town.graph.learn(bead)
    stage = stage_of(bead, town.graph)
    if stage == MemberStage.RUNNING and is_absent(town.inventory, bead.assignee):
        stage = MemberStage.ORPHANED
    return MemberView(bead_id, bead.title, bead.status, bead.assignee, rig, stage)


MOST_BY_RECORD = 20_000
_BY_RECORD: dict[str, tuple[Excerpt, str, MemberView]] = {}
"""Views of members that depend on their record alone, closed or free: most of a busy town, and asked for at each change."""
