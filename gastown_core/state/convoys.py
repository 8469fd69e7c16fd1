"""Convoys as the faces show them: members looked up in their own stores, stages, progress, stalls; pure."""

from __future__ import annotations

from gastown_core.beads.store import Excerpt
from gastown_core.model.bead import CLOSED, DEFERRED, HOOKED, IN_PROGRESS, IN_REVIEW, OPEN
from gastown_core.model.snapshot import ConvoyView, MemberView
from gastown_core.state.facts import LANDED_S, TownFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Lookup = Callable[[str], tuple[str, Excerpt] | None]


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
    index = {bead_id: (store, bead) for store, beads in facts.ledger.items() for bead_id, bead in beads.items()}
    return tuple(_view(bead, index.get, facts.fields.get(bead.id, {}), now) for bead in shown)


def _view(convoy: Excerpt, lookup: Lookup, fields: dict[str, str], now: float) -> ConvoyView:
    members = tuple(_member(edge.target, lookup, now) for edge in convoy.edges if edge.type == "tracks")
    stages = [member.stage for member in members]
    running = stages.count("running")
    stalled = None
    if convoy.status != CLOSED and "ready" in stages and not running:
        moved = [found[1].updated_at for m in members if (found := lookup(m.bead_id)) is not None]
        stalled = max([convoy.updated_at, *moved])
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


def _member(bead_id: str, lookup: Lookup, now: float) -> MemberView:
    found = lookup(bead_id)
    if found is None:
        return MemberView(bead_id, "", "", "", "", "missing")
    store, bead = found
    rig = "" if store == "town" else store
    return MemberView(bead_id, bead.title, bead.status, bead.assignee, rig, stage_of(bead, lookup, now))


def stage_of(bead: Excerpt, lookup: Lookup, now: float) -> str:
    """Where a bead is on its way: done, review, running, deferred, blocked or ready."""
    status = bead.status
    if status == CLOSED:
        return "done"
    if status == IN_REVIEW:
        return "review"
    if status in (HOOKED, IN_PROGRESS):
        return "running"
    if status == DEFERRED or bead.defer_until > now:
        return "deferred"
    return "blocked" if status != OPEN or is_blocked(bead, lookup) else "ready"


def is_blocked(bead: Excerpt, lookup: Lookup, depth: int = 0) -> bool:
    """Whether an open blocker holds it, or its parent (beads.md section 4)."""
    for edge in bead.edges:
        if edge.type in ("blocks", "conditional-blocks"):
            target = lookup(edge.target)
            if target is not None and target[1].status != CLOSED and not target[1].is_pinned:
                return True
        elif edge.type == "parent-child" and depth < 16:
            parent = lookup(edge.target)
            if parent is not None and parent[1].status != CLOSED and is_blocked(parent[1], lookup, depth + 1):
                return True
    return False
