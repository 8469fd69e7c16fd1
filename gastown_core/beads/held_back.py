"""Which beads of a store are held back, asked of the index as a whole.

What most edges say (``blocks`` and ``parent-child`` within the store) is judged here in one pass over all of them; of the
rest the ``Graph`` is asked, bead by bead.  The answer is the one that the graph gives, at a fraction of its cost.
"""

from __future__ import annotations

import json

from gastown_core.beads.index_sql import candidates_of, order_of, where_of
from gastown_core.beads.query import BLOCKING_TYPES, BLOCKS, EPIC, PARENT_CHILD, RELEASED
from gastown_core.model.record import record_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from typing import NamedTuple

    from gastown_core.beads.index_sql import Where
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.query import Graph
    from gastown_core.beads.store import BeadQuery

    class HeldBack(NamedTuple):
        """Ids that are held by something, and ids that sleep because a parent is deferred; released beads may be among both."""

        held: set[str]
        asleep: set[str]
else:
    HeldBack = record_type("HeldBack", "held asleep")

_BLOCKING = ",".join(f"'{name}'" for name in sorted(BLOCKING_TYPES))
_RELEASED = ",".join(f"'{name}'" for name in sorted(RELEASED))


def held_back(db: sqlite3.Connection, graph: Graph) -> HeldBack:
    """All that is held back at the graph's moment."""
    # whatever lets go is left out at once; the index has all that is asked, so that no row is read
    sql = (
        "SELECT d.source, d.target, d.type, t.status, t.pinned, t.defer_until FROM deps d "
        f"LEFT JOIN beads t INDEXED BY states ON t.id = d.target WHERE d.type IN ({_BLOCKING}) "
        f"AND NOT (d.type = 'blocks' AND t.id IS NOT NULL AND (t.pinned = 1 OR t.status IN ({_RELEASED})))"
    )
    held: set[str] = set()
    asleep: set[str] = set()
    ask: set[str] = set()
    parents: dict[str, list[str]] = {}
    for source, target, kind, status, pinned, defer_until in db.execute(sql):
        if status is None or kind not in (BLOCKS, PARENT_CHILD):
            ask.add(source)
        elif kind == PARENT_CHILD:
            if defer_until > graph.now:
                asleep.add(source)
            if not pinned and status not in RELEASED:
                parents.setdefault(source, []).append(target)
        else:
            held.add(source)
    odd = {source for source in ask if _asleep_by(graph, source)}
    held.update(source for source in ask - held if graph.holds(source))
    held.update([source for source in parents if source not in held and _is_below(source, held, parents, graph, ask)])
    return HeldBack(held, asleep | odd)


def _asleep_by(graph: Graph, bead_id: str) -> bool:
    bead = graph.bead(bead_id)
    return bead is not None and graph.is_deferred(bead)


def _is_below(bead_id: str, held: set[str], parents: dict[str, list[str]], graph: Graph, ask: set[str]) -> bool:
    """Whether an ancestor is held; the walk goes on in the graph where it leaves what one pass can judge."""
    seen = {bead_id}
    level = parents[bead_id]
    while level:
        above: list[str] = []
        for parent in level:
            if parent in held:
                return True
            if parent in seen:
                continue
            seen.add(parent)
            if parent in ask and graph.holds(parent):
                return True
            above += parents.get(parent, ())
        level = above
    return False


def held_ids(db: sqlite3.Connection, graph: Graph, query: BeadQuery, now: float) -> list[str]:
    """Ids of the matching beads that are held back, in the query's order, up to its limit."""
    limit = f"LIMIT {int(query.limit)}" if query.limit > 0 else ""
    sql, values = _among("id", _holdable(query), held_back(db, graph).held)
    return [row[0] for row in db.execute(f"{sql} {order_of(query, now)} {limit}", values)]


def count_held(store: JsonlStore, query: BeadQuery, now: float) -> int:
    """How many ``blocked`` would give without a limit."""
    graph = store.graph(now)
    with store.index.snapshot() as db:
        return _count_among(db, _holdable(query), held_back(db, graph).held)


def count_ready(store: JsonlStore, query: BeadQuery, now: float) -> int:
    """How many ``ready`` would give without a limit."""
    graph = store.graph(now)
    candidates = candidates_of(query, now)
    candidates.add("template >= 0")
    with store.index.snapshot() as db:
        total = int(
            db.execute(f"SELECT COUNT(*) FROM beads INDEXED BY candidates {candidates}", candidates.values).fetchone()[
                0
            ]
        )
        found = held_back(db, graph)
        out = found.held | found.asleep
        if EPIC not in query.types:
            out.update(_epics_with_open_children(db))
        return total - _count_among(db, candidates, out)


def _epics_with_open_children(db: sqlite3.Connection) -> Iterable[str]:
    sql = (
        "SELECT DISTINCT d.target FROM deps d JOIN beads e ON e.id = d.target JOIN beads c ON c.id = d.source "
        f"WHERE d.type = ? AND e.issue_type = ? AND c.pinned = 0 AND c.status NOT IN ({_RELEASED})"
    )
    return (row[0] for row in db.execute(sql, (PARENT_CHILD, EPIC)))


def _holdable(query: BeadQuery) -> Where:
    where = where_of(query._replace(exclude_statuses=(*query.exclude_statuses, "closed", "pinned")))
    where.add("pinned = 0")
    return where


def _count_among(db: sqlite3.Connection, where: Where, ids: Iterable[str]) -> int:
    sql, values = _among("COUNT(*)", where, ids)
    return int(db.execute(sql, values).fetchone()[0])


def _among(columns: str, where: Where, ids: Iterable[str]) -> tuple[str, list[object]]:
    """A SELECT over the beads of these ids that fulfil the conditions, with its values."""
    # by id, never by walking through all that is open
    source = "beads INDEXED BY states"
    rest = f" AND {' AND '.join(where.parts)}" if where.parts else ""
    sql = f"SELECT {columns} FROM {source} WHERE id IN (SELECT value FROM json_each(?)){rest}"
    return sql, [json.dumps(list(ids)), *where.values]
