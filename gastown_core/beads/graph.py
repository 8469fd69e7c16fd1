"""THE ready rule, and what blocks a bead: pure functions over excerpts (beads.md section 4).

A Graph uses two look-ups (a bead by id, the children of a bead) and caches the results, so a question about one bead
costs its own edges and ancestors, never the whole store.  A target in a store that is not available blocks its
dependents (``unresolved``); one that its own store does not have (such as a wisp of another clone, which exports
omit) does not block, like a deleted, closed or pinned one.
"""

from __future__ import annotations

from gastown_core.model.bead import (
    BLOCKED,
    BLOCKS,
    CLOSED,
    CONDITIONAL,
    DEFERRED,
    EPIC,
    IN_REVIEW,
    MERGE_BLOCKS,
    OPEN,
    PARENT_CHILD,
    PINNED,
    STATUS_CATEGORY,
    TOMBSTONE,
    WAITS_FOR,
    MemberStage,
)
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gastown_core.beads.query import Excerpt


class Hold(Record):
    """One reason that blocks a bead: an id, and why (one of REASONS)."""

    id: str
    reason: str


BLOCKING_TYPES = frozenset((BLOCKS, CONDITIONAL, WAITS_FOR, MERGE_BLOCKS, PARENT_CHILD))
ORDERING_TYPES = frozenset((BLOCKS, CONDITIONAL, MERGE_BLOCKS, PARENT_CHILD))
"""Edge types that must not form a cycle."""
STILL_OPEN, UNRESOLVED, NO_FAILURE, UNMERGED = "open", "unresolved", "condition", "unmerged"
OPEN_CHILDREN, PARENT_BLOCKED = "children", "parent"
REASONS = {
    STILL_OPEN: "not closed yet",
    UNRESOLVED: "unknown bead",
    NO_FAILURE: "closed without the failure it waits for",
    UNMERGED: "closed, but not by a merge",
    OPEN_CHILDREN: "has open children",
    PARENT_BLOCKED: "parent is blocked",
}
NEVER_READY_TYPES = frozenset("merge-request gate molecule message agent role rig convoy event".split())
"""Types that are never ready work; ours adds convoys, which bundle work, and events."""
RELEASED = frozenset((CLOSED, PINNED, TOMBSTONE))


class Graph:
    """Dependencies as of ``now`` (Unix seconds).

    ``lookup`` returns an excerpt (status ``tombstone`` for a deleted bead) or None for an unknown id; ``children``
    returns the ids of a bead's children; ``merged`` says whether a closed bead was closed by a merge (default: any
    closing counts).  ``is_absent`` says whether the store that should have an unknown id is available (default: no).
    """

    def __init__(
        self,
        lookup: Callable[[str], Excerpt | None],
        children: Callable[[str], Iterable[str]],
        now: float,
        merged: Callable[[str], bool] | None = None,
        is_absent: Callable[[str], bool] | None = None,
    ) -> None:
        self.now = now
        self._lookup = lookup
        self._children = children
        self._merged = merged
        self._is_absent = is_absent
        self._known: dict[str, Excerpt | None] = {}
        self._direct: dict[str, tuple[Hold, ...]] = {}
        self._circles: dict[str, list[str]] = {}

    def bead(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead, cached; None if it is unknown."""
        if bead_id not in self._known:
            self._known[bead_id] = self._lookup(bead_id)
        return self._known[bead_id]

    def learn(self, excerpt: Excerpt) -> None:
        """Add an excerpt to the cache, to save its look-up."""
        self._known[excerpt.id] = excerpt

    def blockers(self, bead_id: str) -> tuple[str, ...]:
        """Ids that block the bead: its direct blockers, or else its blocked ancestor; empty if it is not blocked."""
        return tuple(hold.id for hold in self.holds(bead_id))

    def holds(self, bead_id: str) -> tuple[Hold, ...]:
        """Return what blocks the bead, with reasons. A closed, pinned or unknown bead is not blocked."""
        bead = self.bead(bead_id)
        if bead is None or not bead.edges or is_released(bead):
            return ()
        direct = self._direct_holds(bead)
        if direct:
            return direct
        ancestor = self._blocked_ancestor(bead)
        return (Hold(ancestor, PARENT_BLOCKED),) if ancestor else ()

    def own_holds(self, bead_id: str) -> tuple[Hold, ...]:
        """As ``holds``, by the bead's own edges only, ignoring a blocked parent (for convoys and waves)."""
        bead = self.bead(bead_id)
        return () if bead is None or is_released(bead) else self._direct_holds(bead)

    def _blocked_ancestor(self, bead: Excerpt) -> str:
        seen = {bead.id}
        level = parents_of(bead)
        while level:
            above: list[str] = []
            for parent_id in level:
                if parent_id in seen:
                    continue
                seen.add(parent_id)
                parent = self.bead(parent_id)
                if parent is None or is_released(parent):
                    continue
                if self._direct_holds(parent):
                    return parent_id
                above += parents_of(parent)
            level = above
        return ""

    def _direct_holds(self, bead: Excerpt) -> tuple[Hold, ...]:
        if not bead.edges:
            return ()
        known = self._direct.get(bead.id)
        if known is None:
            found: list[Hold] = []
            for edge in bead.edges:
                if edge.type in (BLOCKS, CONDITIONAL, MERGE_BLOCKS):
                    reason = self._blocking(edge.target, edge.type)
                    if reason:
                        found.append(Hold(edge.target, reason))
                elif edge.type == WAITS_FOR:
                    found += self._waiting(edge.target, edge.metadata)
            known = self._direct[bead.id] = tuple(found)
        return known

    def _blocking(self, target_id: str, edge_type: str) -> str:
        target = self.bead(target_id)
        if target is None:
            return UNRESOLVED if self._may_come(target_id) else ""
        if not is_released(target):
            return STILL_OPEN
        if edge_type == CONDITIONAL and target.status == CLOSED and not target.is_failed:
            return NO_FAILURE
        if edge_type == MERGE_BLOCKS and target.status == CLOSED and self._merged and not self._merged(target_id):
            return UNMERGED
        return ""

    def _may_come(self, unknown_id: str) -> bool:
        return self._is_absent is None or not self._is_absent(unknown_id)

    def _waiting(self, spawner_id: str, metadata: str) -> list[Hold]:
        spawner = self.bead(spawner_id)
        if spawner is None:
            return [Hold(spawner_id, UNRESOLVED)] if self._may_come(spawner_id) else []
        if '"after"' in metadata and not is_released(spawner):
            # a step of a molecule: until its spawner is closed, more children may come
            return [Hold(spawner_id, STILL_OPEN)]
        children = [child for child in (self.bead(x) for x in self._children(spawner_id)) if child is not None]
        still = [child for child in children if not is_released(child)]
        if not still:
            return []
        if "any-children" in metadata and any(child.status == CLOSED for child in children):
            return []
        return [Hold(child.id, OPEN_CHILDREN) for child in still]

    def cycle_behind(self, bead_id: str) -> list[str]:
        """Return the cycle that blocks the bead, directly or not, as a path that ends at its start; empty if none."""
        if bead_id not in self._circles:
            if self.holds(bead_id):
                self._find_circles(bead_id)
            else:
                self._circles[bead_id] = []
        return self._circles[bead_id]

    def _find_circles(self, bead_id: str) -> None:
        """Determine for all direct and indirect blockers whether a cycle blocks them; visits each once."""
        targets: dict[str, list[str]] = {}
        level = [bead_id]
        while level:
            targets.update((here, [hold.id for hold in self.holds(here)]) for here in level)
            ahead = dict.fromkeys(there for here in level for there in targets[here])
            level = [there for there in ahead if there not in targets and there not in self._circles]
        found: dict[str, list[str]] = {}
        sources: dict[str, list[str]] = {}
        for here, those in targets.items():
            for there in those:
                sources.setdefault(there, []).append(here)
        for cycle in find_cycles(targets):
            found.update(dict.fromkeys(cycle, cycle))
        found |= {there: self._circles[there] for there in sources if self._circles.get(there)}
        behind = list(found)
        while behind:
            here = behind.pop()
            for source in sources.get(here, ()):
                if source not in found:
                    found[source] = found[here]
                    behind.append(source)
        self._circles.update((here, found.get(here, [])) for here in targets)

    def is_deferred(self, bead: Excerpt) -> bool:
        """Return whether the bead's or a parent's defer_until is in the future, or it is deferred without a date."""
        if bead.defer_until > self.now or (bead.status == DEFERRED and not bead.defer_until):
            return True
        for parent_id in parents_of(bead) if bead.edges else ():
            parent = self.bead(parent_id)
            if parent is not None and parent.defer_until > self.now:
                return True
        return False

    def is_ready(self, bead: Excerpt, *, types: Sequence[str] = (), with_wisps: bool = False) -> bool:
        """THE ready rule: open (or no longer deferred), not pinned, not blocked, not deferred, of a type that is work.

        An epic is ready only if no child of it is open: until then the children are the work.  Types in ``types`` are
        accepted even if they are normally never ready.
        """
        return (
            status_now(bead, self.now) == OPEN
            and not bead.is_pinned
            and (with_wisps or not bead.is_ephemeral)
            and (bead.issue_type in types or bead.issue_type not in NEVER_READY_TYPES)
            and not self.is_deferred(bead)
            and not self.holds(bead.id)
            and (bead.issue_type != EPIC or EPIC in types or not self._has_open_child(bead.id))
        )

    def _has_open_child(self, epic_id: str) -> bool:
        children = (self.bead(child) for child in self._children(epic_id))
        return any(child is not None and not is_released(child) for child in children)

    def stage(self, bead_id: str) -> str:
        """Return the stage: ``missing``, ``done``, ``review``, ``running``, ``deferred``, ``blocked`` or ``ready``."""
        return stage_of(self.bead(bead_id), self)


def status_now(bead: Excerpt, now: float) -> str:
    """Return the status; a deferral that has passed counts as ``open``."""
    if bead.status == DEFERRED and 0 < bead.defer_until <= now:
        return OPEN
    return bead.status


def is_released(bead: Excerpt) -> bool:
    """Return whether the bead no longer blocks others: closed, pinned or deleted."""
    return bead.status in RELEASED or bead.is_pinned


def parents_of(bead: Excerpt) -> list[str]:
    """Targets of its ``parent-child`` edges."""
    return [edge.target for edge in bead.edges if edge.type == PARENT_CHILD]


def stage_of(bead: Excerpt | None, graph: Graph) -> str:
    """Return the stage of a bead in a convoy or plan; see ``Graph.stage``."""
    if bead is None or bead.status == TOMBSTONE:
        return MemberStage.MISSING
    if bead.status == CLOSED:
        return MemberStage.DONE
    if bead.status == OPEN and not bead.edges:
        return MemberStage.DEFERRED if bead.defer_until > graph.now else MemberStage.READY
    status = status_now(bead, graph.now)
    if STATUS_CATEGORY.get(status) == "done":
        return MemberStage.DONE
    if status == IN_REVIEW:
        return MemberStage.REVIEW
    if status == BLOCKED:
        return MemberStage.BLOCKED
    if STATUS_CATEGORY.get(status) == "wip":
        return MemberStage.RUNNING
    if status == PINNED or graph.is_deferred(bead):
        return MemberStage.DEFERRED
    return MemberStage.BLOCKED if graph.holds(bead.id) else MemberStage.READY


def path_between(
    start: str, goal: str, neighbours: Callable[[str], Iterable[str]], *, limit: int = 200_000
) -> list[str]:
    """Ids on a shortest path from ``start`` to ``goal``, inclusive; empty if there is none within ``limit`` nodes."""
    came_from: dict[str, str] = {start: ""}
    level = [start]
    while level and len(came_from) < limit:
        following: list[str] = []
        for here in level:
            if here == goal:
                path = [here]
                while came_from[path[-1]]:
                    path.append(came_from[path[-1]])
                return path[::-1]
            for there in neighbours(here):
                if there not in came_from:
                    came_from[there] = here
                    following.append(there)
        level = following
    return []


def find_cycles(targets: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return one cycle per group of beads that wait for each other, as a path that ends where it began."""
    cycles = []
    for knot in _knots(targets):
        start = min(knot)
        if len(knot) == 1 and start not in targets.get(start, ()):
            continue
        inside = {node: [x for x in targets.get(node, ()) if x in knot] for node in knot}
        best: list[str] = []
        for first in inside[start]:
            path = [start, *path_between(first, start, lambda node, inside=inside: inside[node])]  # type: ignore[misc]
            if not best or len(path) < len(best):
                best = path
        cycles.append(best)
    return sorted(cycles)


def _knots(targets: Mapping[str, Sequence[str]]) -> list[set[str]]:
    """Return strongly connected components (Tarjan's algorithm), without recursion because chains may be deep."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[set[str]] = []
    for root in targets:
        if root in order:
            continue
        work = [(root, iter(targets.get(root, ())))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            for there in rest:
                if there not in order:
                    order[there] = low[there] = len(order)
                    stack.append(there)
                    on_stack.add(there)
                    work.append((there, iter(targets.get(there, ()))))
                    break
                if there in on_stack:
                    low[node] = min(low[node], order[there])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    found.append(_unstack(stack, on_stack, node))
    return found


def _unstack(stack: list[str], on_stack: set[str], node: str) -> set[str]:
    knot: set[str] = set()
    while True:
        top = stack.pop()
        on_stack.discard(top)
        knot.add(top)
        if top == node:
            return knot
