"""Which beads of a store are held back or ready, and how many, asked of the index as a whole.

The column ``hold`` and the census tell almost all; of the few beads that they leave open the ``Graph`` is asked, bead by
bead.  The answer is the one that the graph gives, at a fraction of its cost.
"""

from __future__ import annotations

import json

from gastown_core.beads.graph import EPIC
from gastown_core.beads.index_census import how_many
from gastown_core.beads.index_holds import ASKED, HELD, below, stands
from gastown_core.beads.index_sql import candidates_of, order_of, where_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from gastown_core.beads.graph import Graph
    from gastown_core.beads.index_sql import Where
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.query import BeadQuery


def held_ids(db: sqlite3.Connection, graph: Graph, query: BeadQuery, now: float) -> list[str]:
    """Ids of the matching beads that are held back, in the query's order, up to its limit."""
    limit = f"LIMIT {int(query.limit)}" if query.limit > 0 else ""
    where, order = _held(query), f"{order_of(query, now)} {limit}"
    found = [row[0] for row in db.execute(f"SELECT id FROM beads INDEXED BY held {where} {order}", where.values)]
    more = _held_besides(db, graph, _asked(db))
    if not more:
        return found
    sql, values = _among("id", _holdable(query), {*found, *more})
    return [row[0] for row in db.execute(f"{sql} {order}", values)]


def count_held(store: JsonlStore, query: BeadQuery, now: float) -> int:
    """How many ``blocked`` would give without a limit."""
    graph = store.graph(now)
    with store.index.snapshot() as db:
        more = _held_besides(db, graph, _asked(db))
        return how_many(db, query, _held) + _count_among(db, _not_held(_holdable(query)), more)


def count_ready(store: JsonlStore, query: BeadQuery, now: float) -> int:
    """How many ``ready`` would give without a limit."""
    graph = store.graph(now)
    with store.index.snapshot() as db:
        total = how_many(db, query, lambda some: candidates_of(some, now))
        asked = _asked(db)
        out = _held_besides(db, graph, asked)
        out.update(_below_sleepers(db, now))
        out.update(bead_id for bead_id in asked if _is_asleep(graph, bead_id))
        if EPIC not in query.types:
            out.update(_epics_with_open_children(db))
        return total - _count_among(db, candidates_of(query, now), out)


def _asked(db: sqlite3.Connection) -> list[str]:
    """The beads of which the graph has to be asked."""
    return [row[0] for row in db.execute(f"SELECT id FROM beads WHERE hold = {ASKED}")]


def _held_besides(db: sqlite3.Connection, graph: Graph, asked: list[str]) -> set[str]:
    """What the graph finds held among them, and what inherits that; some of it may be known as held."""
    roots = [bead_id for bead_id in asked if graph.holds(bead_id)]
    return below(db, roots) if roots else set()


def _is_asleep(graph: Graph, bead_id: str) -> bool:
    bead = graph.bead(bead_id)
    return bead is not None and graph.is_deferred(bead)


def _below_sleepers(db: sqlite3.Connection, now: float) -> Iterable[str]:
    """The children of beads that are put off to a later moment."""
    sql = (
        "SELECT d.source FROM beads p JOIN deps d ON d.target = p.id AND d.type = 'parent-child' "
        "WHERE p.defer_until > 0 AND p.defer_until > ?"
    )
    return (row[0] for row in db.execute(sql, (now,)))


def _epics_with_open_children(db: sqlite3.Connection) -> Iterable[str]:
    # both words, so that SQLite takes the index of what is no task
    sql = (
        f"SELECT e.id FROM beads e WHERE e.issue_type = '{EPIC}' AND e.issue_type <> 'task' AND {stands('e')} AND EXISTS ("
        "SELECT 1 FROM deps d JOIN beads c ON c.id = d.source "
        f"WHERE d.target = e.id AND d.type = 'parent-child' AND {stands('c')})"
    )
    return (row[0] for row in db.execute(sql))


def _holdable(query: BeadQuery) -> Where:
    where = where_of(query._replace(exclude_statuses=(*query.exclude_statuses, "closed", "pinned")))
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
    """A SELECT over the beads of these ids that fulfil the conditions, with its values."""
    # in this order, by id: never by walking through all that is open
    sql = f"SELECT {columns} FROM (SELECT value AS word FROM json_each(?)) CROSS JOIN beads ON beads.id = word {where}"
    return sql, [json.dumps(list(ids)), *where.values]
