"""Why a bead cannot proceed without a person: THE table of reasons for a stalled convoy; pure functions.

The console shows why a convoy cannot finish; the board, and through it ``gt convoy refresh`` and mountains, why a bead
is not dispatched.  Reasons that pass by themselves (a live worker, a full town, a retry delay) belong to the board.
"""

from __future__ import annotations

from gastown_core.beads.graph import NO_FAILURE, REASONS, UNMERGED
from gastown_core.model.bead import DEFERRED, OPEN
from gastown_core.model.merge_request import TROUBLES
from gastown_core.model.obstacle import ASLEEP, BLOCKED, BROKEN, MARKED, Obstacle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.beads.graph import Graph
    from gastown_core.beads.query import Excerpt

NEVER = (NO_FAILURE, UNMERGED)
"""Reasons of holds that remain although the blocker is closed."""


def undated(bead: Excerpt, graph: Graph, deaths: int) -> Obstacle | None:
    """The bead is deferred without a date."""
    if bead.status != DEFERRED or bead.defer_until:
        return None
    return Obstacle(ASLEEP, "deferred without a date", (), f"bd update {bead.id} --status open")


def marked(bead: Excerpt, graph: Graph, deaths: int) -> Obstacle | None:
    """The status was set by hand, or by the refinery after it sent the work back too often."""
    if bead.status in (OPEN, DEFERRED):
        return None
    trouble = next((TROUBLES[label] for label in bead.labels if label in TROUBLES), "")
    why = f"sent back too often, {trouble}" if trouble else f"its status is {bead.status}"
    return Obstacle(MARKED, why, (), f"bd update {bead.id} --status open when it may begin")


def deadly(bead: Excerpt, graph: Graph, deaths: int) -> Obstacle | None:
    """The bead has cost as many workers as the town allows; ``deaths`` is 0 below that."""
    if not deaths:
        return None
    why = f"{deaths} workers died on it (operational.witness.max_bead_respawns)"
    return Obstacle(BROKEN, why, (), f"check why, then: gt sling respawn-reset {bead.id}")


def held_for_ever(bead: Excerpt, graph: Graph, deaths: int) -> Obstacle | None:
    """A blocker is closed in a way that does not release it."""
    never = next((hold for hold in graph.own_holds(bead.id) if hold.reason in NEVER), None) if bead.edges else None
    return (
        Obstacle(BLOCKED, f"waits for {never.id}, {REASONS[never.reason]}", (never.id,)) if never is not None else None
    )


def circular(bead: Excerpt, graph: Graph, deaths: int) -> Obstacle | None:
    """The bead and its blockers wait for each other."""
    cycle = graph.cycle_behind(bead.id) if bead.edges else ()
    return Obstacle(BLOCKED, circle_words(cycle), tuple(cycle[:-1]), untie(cycle)) if bead.id in cycle else None


RULES = (undated, marked, deadly, held_for_ever, circular)
"""Rules in order; each gets the bead, the graph, and the number of workers lost (0 while within the limit)."""


def stall_reason(bead: Excerpt, graph: Graph, deaths: int = 0) -> Obstacle | None:
    """Return the reason that only a person can remove, None if the bead can proceed by itself.

    The bead must have no worker; a bead deferred to a date has no reason until that date.
    """
    if bead.status == DEFERRED and bead.defer_until:
        return None
    if bead.status == OPEN and not deaths and not (bead.edges and graph.holds(bead.id)):
        # what no rule asks about; most beads of a convoy are so
        return None
    return next((found for rule in RULES if (found := rule(bead, graph, deaths)) is not None), None)


def circle_words(cycle: Sequence[str]) -> str:
    """Return a cycle of beads as text."""
    return f"they wait for each other: {' → '.join(cycle)}"


def untie(cycle: Sequence[str]) -> str:
    """Return the command that breaks the cycle."""
    return f"bd dep remove {cycle[0]} {cycle[1]} unties it"
