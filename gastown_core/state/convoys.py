"""Convoys as the faces show them: members looked up in their own stores, stages, progress, stalls; pure."""

from __future__ import annotations

from gastown_core.beads.graph import Graph
from gastown_core.beads.query import Excerpt
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS, is_identity, is_kind
from gastown_core.model.snapshot import ConvoyView, MemberView, OrphanView
from gastown_core.state.facts import LANDED_S, TownFacts
from gastown_core.state.standstill import standstills
from gastown_core.town.inventory import is_absent

IN_HAND = frozenset((HOOKED, IN_PROGRESS))


def is_convoy(bead: Excerpt) -> bool:
    """A convoy by type or by label."""
    return bead.issue_type == "convoy" or "gt:convoy" in bead.labels


def convoy_views(facts: TownFacts, now: float) -> tuple[ConvoyView, ...]:
    """Open convoys, oldest first, then those closed within a day, newest first."""
    shown = [
        bead
        for bead in facts.ledger.get("town", {}).values()
        if is_convoy(bead) and (bead.status != CLOSED or now - bead.closed_at <= LANDED_S)
    ]
    shown.sort(key=lambda b: (b.status == CLOSED, -b.closed_at if b.status == CLOSED else b.created_at, b.id))
    town = TownGraph(facts, now)
    views = (_view(bead, town, facts.fields.get(bead.id, {}), facts.thresholds.stalled_s) for bead in shown)
    died = _died_too_often(facts)
    return tuple(
        view._replace(standstills=standstills((member.bead_id for member in view.members), town.graph, died))
        if view.status != CLOSED
        else view
        for view in views
    )


def _died_too_often(facts: TownFacts) -> dict[str, int]:
    most = facts.thresholds.most_deaths
    return {bead_id: count for bead_id, count in facts.died.items() if most and count >= most}


def orphan_views(facts: TownFacts) -> tuple[OrphanView, ...]:
    """Work that hangs on hooks of agents who do not exist, the most urgent first, then the longest."""
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
    """All beads in view with their dependencies across stores; a bead out of view is long closed or unknown."""

    def __init__(self, facts: TownFacts, now: float) -> None:
        self.index = {
            bead_id: (store, bead) for store, beads in facts.ledger.items() for bead_id, bead in beads.items()
        }
        self.inventory = facts.inventory
        children: dict[str, list[str]] = {}
        for _, bead in self.index.values():
            for edge in bead.edges:
                if edge.type == "parent-child":
                    children.setdefault(edge.target, []).append(bead.id)
        self.graph = Graph(self._excerpt, lambda bead_id: children.get(bead_id, ()), now)

    def _excerpt(self, bead_id: str) -> Excerpt | None:
        found = self.index.get(bead_id)
        return found[1] if found is not None else _GONE._replace(id=bead_id)


_GONE = Excerpt("", "", CLOSED, 2, "task", "", 0.0, 0.0, 0.0, 0.0, (), (), False, False)


def _view(convoy: Excerpt, town: TownGraph, fields: dict[str, str], patience_s: float) -> ConvoyView:
    members = tuple(_member(edge.target, town) for edge in convoy.edges if edge.type == "tracks")
    stages = [member.stage for member in members]
    running = stages.count("running")
    stalled = None
    if convoy.status != CLOSED and ("ready" in stages or "orphaned" in stages) and not running:
        moved = [found[1].updated_at for m in members if (found := town.index.get(m.bead_id)) is not None]
        stalled = max([convoy.updated_at, *moved]) + patience_s
    return ConvoyView(
        id=convoy.id,
        title=convoy.title,
        status=convoy.status,
        owner=fields.get("owner", "") or convoy.assignee,
        members=members,
        done=stages.count("done"),
        in_review=stages.count("review"),
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
    rig = "" if store == "town" else store
    stage = town.graph.stage(bead_id)
    if stage == "running" and is_absent(town.inventory, bead.assignee):
        stage = "orphaned"
    return MemberView(bead_id, bead.title, bead.status, bead.assignee, rig, stage)
