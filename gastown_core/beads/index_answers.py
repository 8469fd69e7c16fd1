"""Queries that the index answers alone: blocked and ready beads and their counts, work in progress, epic progress.

The column ``hold`` and the census decide almost all beads; the ``Graph`` is asked about the few they leave open.  The
results equal those of the graph, at a fraction of its cost.
"""

from __future__ import annotations

import itertools

from gastown_core.beads.graph import NEVER_READY_TYPES
from gastown_core.beads.index_census import how_many, lead_seconds
from gastown_core.beads.index_holds import ASKED, HELD, below, stands
from gastown_core.beads.index_rows import EXCERPT_COLUMNS, excerpts_from, progress_in
from gastown_core.beads.index_sql import candidates_of, order_of, where_of
from gastown_core.beads.query import EpicProgress, Held
from gastown_core.model.bead import (
    CLOSED,
    DEFERRED,
    EPIC,
    HOOKED,
    IDENTITY_LABELS,
    IDENTITY_TYPES,
    IN_PROGRESS,
    OPEN,
    PARENT_CHILD,
    PINNED,
)
from gastown_core.model.json_text import encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from gastown_core.beads.graph import Graph
    from gastown_core.beads.index_sql import Where
    from gastown_core.beads.query import BeadQuery, Excerpt


def held_ids(db: sqlite3.Connection, graph: Graph, query: BeadQuery, now: float) -> list[str]:
    """Return the ids of the matching blocked beads, in the query's order, up to its limit."""
    limit = f"LIMIT {int(query.limit)}" if query.limit > 0 else ""
    where, order = _held(query), f"{order_of(query, now)} {limit}"
    found = [row[0] for row in db.execute(f"SELECT id FROM beads INDEXED BY held {where} {order}", where.values)]
    more = _held_besides(db, graph, _asked(db))
    if not more:
        return found
    sql, values = _among("id", _holdable(query), {*found, *more})
    return [row[0] for row in db.execute(f"{sql} {order}", values)]


def count_held(db: sqlite3.Connection, graph: Graph, query: BeadQuery) -> int:
    """Return the number of ids that ``held_ids`` would return without a limit."""
    more = _held_besides(db, graph, _asked(db))
    return how_many(db, query, _held) + _count_among(db, _not_held(_holdable(query)), more)


def count_ready(db: sqlite3.Connection, graph: Graph, query: BeadQuery, now: float) -> int:
    """Return the number of matching ready beads."""
    total = how_many(db, query, lambda some: candidates_of(some, now))
    asked = _asked(db)
    out = _held_besides(db, graph, asked)
    out.update(_below_sleepers(db, now))
    out.update(bead_id for bead_id in asked if _is_asleep(graph, bead_id))
    if EPIC not in query.types:
        out.update(_epics_with_open_children(db))
    return total - _count_among(db, candidates_of(query, now), out)


def _asked(db: sqlite3.Connection) -> list[str]:
    """Return the beads that the graph must decide."""
    return [row[0] for row in db.execute(f"SELECT id FROM beads WHERE hold = {ASKED}")]


def _held_besides(db: sqlite3.Connection, graph: Graph, asked: list[str]) -> set[str]:
    """Those of ``asked`` that the graph finds blocked, and their descendants; some may already be marked as held."""
    roots = [bead_id for bead_id in asked if graph.holds(bead_id)]
    return below(db, roots) if roots else set()


def _is_asleep(graph: Graph, bead_id: str) -> bool:
    bead = graph.bead(bead_id)
    return bead is not None and graph.is_deferred(bead)


def _below_sleepers(db: sqlite3.Connection, now: float) -> Iterable[str]:
    """Return the children of beads that are deferred beyond ``now``."""
    sql = (
        "SELECT d.source FROM beads p JOIN deps d ON d.target = p.id AND d.type = 'parent-child' "
        "WHERE p.defer_until > 0 AND p.defer_until > ?"
    )
    return (row[0] for row in db.execute(sql, (now,)))


def _epics_with_open_children(db: sqlite3.Connection) -> Iterable[str]:
    # both conditions, so that SQLite uses the index of types other than task
    sql = (
        f"SELECT e.id FROM beads e WHERE e.issue_type = '{EPIC}' AND e.issue_type <> 'task' AND {stands('e')} AND EXISTS ("
        "SELECT 1 FROM deps d JOIN beads c ON c.id = d.source "
        f"WHERE d.target = e.id AND d.type = 'parent-child' AND {stands('c')})"
    )
    return (row[0] for row in db.execute(sql))


def _holdable(query: BeadQuery) -> Where:
    where = where_of(query._replace(exclude_statuses=(*query.exclude_statuses, CLOSED, PINNED)))
    where.add("pinned = 0")
    return where


def _held(query: BeadQuery) -> Where:
    where = _holdable(query)
    where.add(f"hold = {HELD}")
    return where


def _not_held(where: Where) -> Where:
    where.add(f"hold <> {HELD}")
    return where


def _count_among(db: sqlite3.Connection, where: Where, ids: Iterable[str]) -> int:
    sql, values = _among("COUNT(*)", where, ids)
    return int(db.execute(sql, values).fetchone()[0])


def _among(columns: str, where: Where, ids: Iterable[str]) -> tuple[str, list[object]]:
    """Return a SELECT over the beads with these ids that meet the conditions, and its values."""
    # CROSS JOIN fixes the order: look up by id, never scan all open beads
    sql = f"SELECT {columns} FROM (SELECT value AS word FROM json_each(?)) CROSS JOIN beads ON beads.id = word {where}"
    return sql, [encode_json(list(ids), ascii_only=True), *where.values]


def held_work(db: sqlite3.Connection) -> list[Held]:
    """Return hooked and in-progress beads with an assignee, without mail and identity records, oldest change first."""
    types, labels = ("message", *IDENTITY_TYPES), IDENTITY_LABELS
    sql = (
        "SELECT id, title, status, assignee, updated_at FROM beads WHERE status IN (?,?) AND assignee<>'' "
        f"AND issue_type NOT IN ({','.join('?' * len(types))}) AND NOT EXISTS (SELECT 1 FROM labels "
        f"WHERE labels.id=beads.id AND label IN ({','.join('?' * len(labels))})) ORDER BY updated_at, id"
    )
    return [Held._make(row) for row in db.execute(sql, (HOOKED, IN_PROGRESS, *types, *labels))]


def labelled(db: sqlite3.Connection, label: str) -> list[Excerpt]:
    """Return open beads with the label, including wisps, oldest first."""
    sql = (
        f"SELECT {EXCERPT_COLUMNS} FROM beads WHERE id IN (SELECT id FROM labels WHERE label=?) "
        "AND +status <> 'closed' "
        "ORDER BY +created_at, +id"
    )
    return excerpts_from(db.execute(sql, (label,)))


_PLAIN = (CLOSED, DEFERRED, OPEN)
"""Statuses of backlog and finished work, in alphabetical order."""


def noteworthy(db: sqlite3.Connection) -> list[Excerpt]:
    """Open beads beyond plain backlog: in progress, in review, of a type that is never work, or with a ``gt:`` label.

    The cost does not grow with the backlog, nor with closed beads, except those with such a label.
    """
    between = " OR ".join(f"(status > '{low}' AND status < '{high}')" for low, high in itertools.pairwise(_PLAIN))
    types = ",".join(f"'{name}'" for name in sorted(NEVER_READY_TYPES))
    of_type = f"SELECT rowid FROM beads WHERE issue_type <> 'task' AND issue_type IN ({types}) AND status"
    sql = (
        f"SELECT {EXCERPT_COLUMNS} FROM beads WHERE +status <> 'closed' AND rowid IN ("
        f"SELECT rowid FROM beads WHERE status < '{_PLAIN[0]}' OR {between} OR status > '{_PLAIN[-1]}' "
        f"UNION {of_type} < 'closed' UNION {of_type} > 'closed' "
        "UNION SELECT rowid FROM beads WHERE id IN (SELECT id FROM labels WHERE label >= 'gt:' AND label < 'gt;'))"
    )
    return excerpts_from(db.execute(sql))


def children_of(db: sqlite3.Connection, parents: Iterable[str]) -> list[str]:
    """Return the ids of the children of these parents, whichever store the parents are in."""
    sql = "SELECT source FROM deps WHERE target=? AND type=?"
    return [row[0] for parent in parents for row in db.execute(sql, (parent, PARENT_CHILD))]


def lead_time(db: sqlite3.Connection, query: BeadQuery) -> float:
    """Return the average seconds from creation to closing of the matching closed beads; 0 if there are none."""
    query = query._replace(statuses=(CLOSED,))
    return lead_seconds(db, query, where_of(query))


def epic_progress(db: sqlite3.Connection, epics: Iterable[Excerpt]) -> list[EpicProgress]:
    """Return the progress of each epic; it is eligible for closing if it has children and all are closed."""
    out = []
    for epic in epics:
        total, closed = progress_in(db, epic.id)
        out.append(EpicProgress(epic, total, closed, 0 < total == closed))
    return out
