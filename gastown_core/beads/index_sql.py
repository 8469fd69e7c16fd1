"""A BeadQuery as SQL over the index, with the same meaning as ``filters.matches``."""

from __future__ import annotations

from gastown_core.beads.graph import NEVER_READY_TYPES
from gastown_core.beads.index_holds import HELD
from gastown_core.beads.query import HYBRID_WINDOW_S
from gastown_core.errors import UsageError
from gastown_core.model.bead import CLOSED, NO_PRIORITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from typing import Any

    from gastown_core.beads.query import BeadQuery

_NEWEST_FIRST = "priority, created_at DESC, id"
_ORDERS = {
    "priority": _NEWEST_FIRST,
    "created": "created_at DESC, id",
    "updated": "updated_at DESC, id",
    "closed": "closed_at DESC, id",
    "oldest": "created_at, id",
    "id": "id",
    "title": "lower(title), id",
    "status": f"status, {_NEWEST_FIRST}",
    "type": f"issue_type, {_NEWEST_FIRST}",
    "assignee": f"assignee, {_NEWEST_FIRST}",
}

MAPPED_FROM = 50
"""From this many beads on, rows are read with memory-mapped I/O."""

DESCENDANTS = (
    "id IN (WITH RECURSIVE below(id) AS (SELECT source FROM deps WHERE target=? AND type='parent-child' UNION "
    "SELECT source FROM deps JOIN below ON target=below.id AND type='parent-child') SELECT id FROM below)"
)


class Where:
    """Conditions joined by AND, with their values."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.values: list[object] = []

    def add(self, condition: str, *values: object) -> None:
        """Add a condition."""
        self.parts.append(condition)
        self.values += values

    def among(self, column: str, words: tuple[object, ...], *, inverted: bool = False) -> None:
        """Require the column to be one of ``words`` (or none of them); without words, add nothing."""
        if words:
            self.add(f"{column} {'NOT ' if inverted else ''}IN ({','.join('?' * len(words))})", *words)

    def compare(self, condition: str, value: object) -> None:
        """Add a comparison, unless the value is None."""
        if value is not None:
            self.add(condition, value)

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self.parts)}" if self.parts else ""


def where_of(query: BeadQuery) -> Where:
    """Return the conditions of a query."""
    where = Where()
    if query.only_wisps:
        where.add("ephemeral=1")
    elif not query.include_wisps:
        where.add("ephemeral=0")
    _add_statuses(where, query)
    where.among("issue_type", query.types)
    if query.types and "task" not in query.types:
        where.add("issue_type <> 'task'")
    where.among("issue_type", query.exclude_types, inverted=True)
    where.among("assignee", query.assignees)
    if query.assignees and "" not in query.assignees:
        where.add("assignee <> ''")
    if query.unassigned:
        where.add("assignee=''")
    where.among("priority", query.priorities)
    if query.priority_min is not None:
        where.add(f"priority>=? AND priority<{NO_PRIORITY}", query.priority_min)
    where.compare("priority<=?", query.priority_max)
    _add_labels(where, query)
    _add_moments(where, query)
    if query.parent:
        where.add(DESCENDANTS, query.parent)
    if query.no_parent:
        where.add("NOT EXISTS (SELECT 1 FROM deps WHERE source=beads.id AND type='parent-child')")
    if query.text:
        where.add("instr(lower(title || char(10) || id), ?)", query.text.lower())
    if query.exclude_templates:
        where.add("template=0")
    return where


def _add_statuses(where: Where, query: BeadQuery) -> None:
    if (query.statuses and CLOSED not in query.statuses) or CLOSED in query.exclude_statuses:
        # stated explicitly, so that SQLite uses the index of open beads
        where.add("status <> 'closed'")
    # the plus keeps SQLite from using the status index and sorting: list order matters more
    status = "+status" if where.parts[-1:] == ["status <> 'closed'"] or query.closed_since is not None else "status"
    if query.awake_at is not None and (query.statuses or query.exclude_statuses):
        status = f"iif(status='deferred' AND defer_until>0 AND defer_until<={query.awake_at!r}, 'open', status)"
    where.among(status, query.statuses)
    where.among(status, query.exclude_statuses, inverted=True)
    if query.statuses == (CLOSED,):
        # most beads are closed, but few recently, which SQLite cannot know
        where.add("status = 'closed'" if query.closed_since is None else "likelihood(status = 'closed', 0.9)")


def _add_labels(where: Where, query: BeadQuery) -> None:
    for label in query.labels_all:
        where.add("id IN (SELECT id FROM labels WHERE label=?)", label)
    if query.labels_any:
        marks = ",".join("?" * len(query.labels_any))
        where.add(f"id IN (SELECT id FROM labels WHERE label IN ({marks}))", *query.labels_any)
    if query.labels_none:
        marks = ",".join("?" * len(query.labels_none))
        where.add(f"id NOT IN (SELECT id FROM labels WHERE label IN ({marks}))", *query.labels_none)
    if query.label_pattern:
        where.add("id IN (SELECT id FROM labels WHERE label GLOB ?)", query.label_pattern)


def _add_moments(where: Where, query: BeadQuery) -> None:
    where.compare("closed_at>=?", query.closed_since)
    where.compare("updated_at>=?", query.updated_since)
    where.compare("updated_at<?", query.updated_before)
    where.compare("created_at>=?", query.created_since)
    where.compare("created_at<?", query.created_before)
    if query.due_before is not None:
        where.add("due_at>0 AND due_at<?", query.due_before)


def order_of(query: BeadQuery, now: float) -> str:
    """Return the ORDER BY of a query. Raises UsageError for an unknown order."""
    if query.sort == "hybrid":
        recent = f"created_at>={now - HYBRID_WINDOW_S!r}"
        order = f"NOT {recent}, CASE WHEN {recent} THEN priority ELSE 0 END, "
        order += f"CASE WHEN {recent} THEN -created_at ELSE created_at END, id"
    elif query.sort in _ORDERS:
        order = _ORDERS[query.sort]
    else:
        raise UsageError(f"unknown sort order {query.sort!r}", "", f"orders: {', '.join([*_ORDERS, 'hybrid'])}")
    if query.reverse:
        order = ", ".join(_turned(part) for part in order.split(", "))
    return f"ORDER BY {order}"


def _turned(part: str) -> str:
    return part.removesuffix(" DESC") if part.endswith(" DESC") else f"{part} DESC"


def select(columns: str, query: BeadQuery, now: float) -> tuple[str, list[object]]:
    """Return the SELECT with order and limit, and its values."""
    where = where_of(query)
    limit = f"LIMIT {int(query.limit)}" if query.limit > 0 else ""
    return f"SELECT {columns} FROM beads {where} {order_of(query, now)} {limit}", where.values


def select_candidates(columns: str, query: BeadQuery, now: float) -> tuple[str, list[object]]:
    """Return the SELECT for beads that may be ready, in order and without limit."""
    where = candidates_of(query, now)
    return f"SELECT {columns} FROM beads {where} {order_of(query, now)}", where.values


def candidates_of(query: BeadQuery, now: float) -> Where:
    """Return the conditions of the ready rule, except those that only the graph can decide."""
    where = where_of(query._replace(statuses=(), exclude_statuses=()))
    where.add("status <> 'closed'")
    where.add("+status IN ('open','deferred') AND pinned=0 AND template=0")
    where.add("(defer_until=0 OR defer_until<=?) AND (+status='open' OR defer_until>0)", now)
    never = tuple(sorted(NEVER_READY_TYPES - set(query.types)))
    where.among("issue_type", never, inverted=True)
    where.add(f"hold <> {HELD}")
    return where


def rows_of(db: sqlite3.Connection, columns: str, bead_ids: Iterable[str]) -> list[Any]:
    """These columns of the existing beads, in no order; cheap for thousands."""
    wanted = list(bead_ids)
    found: list[Any] = []
    is_long = len(wanted) > MAPPED_FROM
    if is_long:
        # a fifth of the time; switched off afterwards, since truncating a mapped file kills the process
        db.execute(f"PRAGMA mmap_size={1 << 30}")
    try:
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            sql = f"SELECT {columns} FROM beads WHERE id IN ({','.join('?' * len(some))})"
            found += db.execute(sql, some).fetchall()
    finally:
        if is_long:
            db.execute("PRAGMA mmap_size=0")
    return found
