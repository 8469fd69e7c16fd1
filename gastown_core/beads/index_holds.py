"""The column ``hold``: whether a bead is blocked, maintained with the rows instead of computed by each query.

``hold`` is HELD if an edge of the bead (``blocks`` and the like) or a held ancestor blocks it, judged by the beads of
this store alone.  If that is not enough (``waits-for``, targets that this store lacks), it is ASKED, and the ``Graph``
decides.  Closed and pinned beads are never held.  The result equals that of ``graph.Graph`` at any time: nothing in
it depends on the clock.
"""

from __future__ import annotations

from gastown_core.beads.graph import BLOCKING_TYPES, RELEASED
from gastown_core.model.bead import PARENT_CHILD
from gastown_core.model.json_text import encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    Facts = dict[str, tuple[object, ...]]

FREE, HELD, ASKED = 0, 1, 2

_TYPES = ",".join(f"'{name}'" for name in sorted(BLOCKING_TYPES))
_WORDS = ",".join(f"'{name}'" for name in sorted(RELEASED))


def stands(row: str) -> str:
    """Return the condition that a row of ``beads`` still blocks others."""
    return f"({row}.pinned = 0 AND {row}.status NOT IN ({_WORDS}))"


_HOLDS = (
    f"(d.type IN ('blocks','merge-blocks') AND {stands('t')}) OR "
    f"(d.type = 'conditional-blocks' AND ({stands('t')} OR (t.status = 'closed' AND t.failed = 0)))"
)
_DIRECTLY = f"""EXISTS (SELECT 1 FROM deps d JOIN beads t ON t.id = d.target WHERE d.source = s.id AND ({_HOLDS}))"""
_FACTS = f"""SELECT value, coalesce(b.hold, {FREE}), {stands("b")}, b.status = 'closed' AND b.failed = 0,
    b.id IS NULL AND NOT EXISTS (SELECT 1 FROM tombstones t WHERE t.id = value)
    FROM json_each(?) LEFT JOIN beads b ON b.id = value"""
_SOURCES = (
    f"""SELECT d.source FROM json_each(?) JOIN deps d ON d.target = value AND d.type IN ({_TYPES}) AND d.type <> ?"""
)
_UNSURE = f"""SELECT s.id FROM json_each(?) JOIN beads s ON s.id = value WHERE CASE WHEN {stands("s")} AND {_DIRECTLY}
    THEN s.hold <> {HELD} ELSE s.hold = {HELD} OR EXISTS (SELECT 1 FROM deps d JOIN beads p ON p.id = d.target
        WHERE d.source = s.id AND d.type = 'parent-child' AND p.hold = {HELD}) END"""
_TIED = f"""SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM deps WHERE source = value)
    OR EXISTS (SELECT 1 FROM beads WHERE id = value AND hold <> {FREE})"""
_BELOW = """WITH RECURSIVE near(id) AS (
    SELECT value FROM json_each(?)
    UNION SELECT d.source FROM near JOIN deps d ON d.target = near.id AND d.type = 'parent-child') SELECT id FROM near"""
_JUDGED = f"""WITH RECURSIVE
    near(id) AS (SELECT value FROM json_each(?)),
    held(id) AS (
        SELECT s.id FROM near JOIN beads s ON s.id = near.id WHERE {stands("s")} AND EXISTS (
            SELECT 1 FROM deps d JOIN beads t ON t.id = d.target WHERE d.source = s.id AND ({_HOLDS}
                OR (d.type = 'parent-child' AND t.hold = {HELD} AND t.id NOT IN (SELECT id FROM near))))
        UNION SELECT s.id FROM held JOIN deps d ON d.target = held.id AND d.type = 'parent-child'
            JOIN beads s ON s.id = d.source WHERE d.source IN (SELECT id FROM near) AND {stands("s")}),
    judged(id, was, now) AS (
        SELECT s.id, s.hold, CASE WHEN s.id IN (SELECT id FROM held) THEN {HELD}
            WHEN {stands("s")} AND EXISTS (SELECT 1 FROM deps d WHERE d.source = s.id AND (d.type = 'waits-for' OR (
                d.type IN ({_TYPES}) AND NOT EXISTS (SELECT 1 FROM beads t WHERE t.id = d.target)
                AND NOT EXISTS (SELECT 1 FROM tombstones t WHERE t.id = d.target)))) THEN {ASKED}
            ELSE {FREE} END
        FROM near JOIN beads s ON s.id = near.id)
    SELECT now, id FROM judged WHERE was <> now"""


def facts_of(db: sqlite3.Connection, bead_ids: Iterable[str]) -> Facts:
    """Return the state of these ids: ``hold``, then the facts on which other beads depend."""
    return {row[0]: row[1:] for row in db.execute(_FACTS, (encode_json(list(bead_ids), ascii_only=True),))}


def settle(db: sqlite3.Connection, before: Facts) -> None:
    """Update ``hold`` after a change; ``before`` has the earlier facts of the beads added, removed or rewritten.

    The cost depends on the beads they block and on descendants of beads whose state may change, not on other beads.
    """
    if not before:
        return
    # restore each row's earlier value, whatever is decided now
    db.executemany("UPDATE beads SET hold=? WHERE id=?", [(was[0], x) for x, was in before.items() if was[0] != FREE])
    now = facts_of(db, before)
    moved = [x for x, was in before.items() if was[1:3] != now[x][1:3]]
    appeared = [x for x, was in before.items() if was[3] != now[x][3]]
    # a free bead without dependencies stays free; most changes affect nothing else, and query no more than that
    near = _those(db, _TIED, list(before))
    near |= _those(db, _SOURCES, moved, PARENT_CHILD)
    near |= _those(db, _SOURCES, appeared, "")
    unsure = _those(db, _UNSURE, list(near))
    unsure.update(x for x, was in before.items() if was[0] == HELD and now[x][1] is None)
    near |= _those(db, _BELOW, list(unsure))
    _judge(db, list(near))


def _those(db: sqlite3.Connection, sql: str, bead_ids: list[str], *more: str) -> set[str]:
    """Return the ids that a statement returns for these ids; no query if there are none."""
    return {row[0] for row in db.execute(sql, (encode_json(bead_ids, ascii_only=True), *more))} if bead_ids else set()


def settle_all(db: sqlite3.Connection) -> None:
    """Compute ``hold`` for all beads."""
    _judge(db, [row[0] for row in db.execute(f"SELECT DISTINCT source FROM deps WHERE type IN ({_TYPES})")])


def _judge(db: sqlite3.Connection, near: list[str]) -> None:
    if near:
        db.executemany(
            "UPDATE beads SET hold=? WHERE id=?", db.execute(_JUDGED, (encode_json(near, ascii_only=True),)).fetchall()
        )


def below(db: sqlite3.Connection, roots: Iterable[str]) -> set[str]:
    """Return the beads, and the descendants that inherit their block."""
    sql = f"""WITH RECURSIVE lower(id) AS (
        SELECT value FROM json_each(?) UNION SELECT s.id FROM lower JOIN deps d
            ON d.target = lower.id AND d.type = 'parent-child' JOIN beads s ON s.id = d.source WHERE {stands("s")})
        SELECT id FROM lower"""
    return {row[0] for row in db.execute(sql, (encode_json(list(roots), ascii_only=True),))}
