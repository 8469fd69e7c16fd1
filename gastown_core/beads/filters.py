"""A BeadQuery applied in Python, and the sort orders; the index's SQL must give the same results."""

from __future__ import annotations

from gastown_core.beads.graph import status_now
from gastown_core.beads.query import HYBRID_WINDOW_S
from gastown_core.errors import UsageError
from gastown_core.model.bead import NO_PRIORITY, PARENT_CHILD, kind_labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from gastown_core.beads.query import BeadQuery, Excerpt

SORTS: dict[str, Callable[[Excerpt], object]] = {
    "priority": lambda b: (b.priority, -b.created_at, b.id),
    "created": lambda b: (-b.created_at, b.id),
    "updated": lambda b: (-b.updated_at, b.id),
    "closed": lambda b: (-b.closed_at, b.id),
    "oldest": lambda b: (b.created_at, b.id),
    "id": lambda b: b.id,
    "title": lambda b: (b.title.lower(), b.id),
    "status": lambda b: (b.status, b.priority, -b.created_at, b.id),
    "type": lambda b: (b.issue_type, b.priority, -b.created_at, b.id),
    "assignee": lambda b: (b.assignee, b.priority, -b.created_at, b.id),
}
"""Sort keys by name; times sort newest first, except ``oldest``."""


def sort_key(name: str, now: float = 0.0) -> Callable[[Excerpt], Any]:
    """Return the sort key of an order, including ``hybrid``. Raises UsageError that lists the known orders."""
    if name == "hybrid":
        return lambda b: hybrid_key(b, now)
    try:
        return SORTS[name]
    except KeyError:
        raise UsageError(f"unknown sort order {name!r}", "", f"orders: {', '.join([*SORTS, 'hybrid'])}") from None


def hybrid_key(bead: Excerpt, now: float) -> tuple[object, ...]:
    """Sort key for: beads of the last two days first, by priority; then the rest, oldest first."""
    if bead.created_at >= now - HYBRID_WINDOW_S:
        return (0, bead.priority, -bead.created_at, bead.id)
    return (1, 0, bead.created_at, bead.id)


def matches(bead: Excerpt, query: BeadQuery) -> bool:
    """Return whether a bead passes all filters except ``parent``, ``due_before`` and ``exclude_templates``."""
    return (
        (bead.is_ephemeral if query.only_wisps else query.include_wisps or not bead.is_ephemeral)
        and _status_matches(bead, query)
        and (not query.types or bead.issue_type in query.types)
        and bead.issue_type not in query.exclude_types
        and _labels_match(kind_labels(bead), query)
        and (not query.assignees or bead.assignee in query.assignees)
        and not (query.unassigned and bead.assignee)
        and (not query.priorities or bead.priority in query.priorities)
        and (query.priority_min is None or query.priority_min <= bead.priority < NO_PRIORITY)
        and (query.priority_max is None or bead.priority <= query.priority_max)
        and not (query.no_parent and any(edge.type == PARENT_CHILD for edge in bead.edges))
        and (not query.text or query.text.lower() in f"{bead.title}\n{bead.id}".lower())
        and _moments_match(bead, query)
    )


def _status_matches(bead: Excerpt, query: BeadQuery) -> bool:
    status = bead.status if query.awake_at is None else status_now(bead, query.awake_at)
    return (not query.statuses or status in query.statuses) and status not in query.exclude_statuses


def _labels_match(labels: tuple[str, ...], query: BeadQuery) -> bool:
    if query.labels_all and not all(label in labels for label in query.labels_all):
        return False
    if query.labels_any and not any(label in labels for label in query.labels_any):
        return False
    if query.labels_none and any(label in labels for label in query.labels_none):
        return False
    if query.label_pattern:
        from fnmatch import fnmatchcase

        return any(fnmatchcase(label, query.label_pattern) for label in labels)
    return True


def _moments_match(bead: Excerpt, query: BeadQuery) -> bool:
    return (
        (query.closed_since is None or bead.closed_at >= query.closed_since)
        and (query.updated_since is None or bead.updated_at >= query.updated_since)
        and (query.updated_before is None or bead.updated_at < query.updated_before)
        and (query.created_since is None or bead.created_at >= query.created_since)
        and (query.created_before is None or bead.created_at < query.created_before)
    )


def descendants(root: str, children: Callable[[str], Iterable[str]]) -> set[str]:
    """Return the ids of all descendants of ``root``; a cycle ends the walk."""
    found: set[str] = set()
    level = [root]
    while level:
        level = [child for here in level for child in children(here) if child not in found and child != root]
        found.update(level)
    return found


def arranged(found: list[Excerpt], query: BeadQuery, now: float = 0.0) -> list[Excerpt]:
    """Return the excerpts in the query's order, up to its limit."""
    found.sort(key=sort_key(query.sort, now), reverse=query.reverse)
    return found[: query.limit] if query.limit > 0 else found
