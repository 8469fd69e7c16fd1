"""Which beads are held back, kept as a column: what a bead's row says need not be found out when it is asked.

``hold`` is HELD for what an edge of its own holds back (``blocks`` and its like), or an ancestor that is held; both
judged by the beads of this store alone.  Where that is not enough (``waits-for``, targets that this store does not
have) it is ASKED: the ``Graph`` tells then.  Closed and pinned beads are not held.  The column means what
``query.Graph`` means, at any moment: nothing in it depends on the time.
"""

from __future__ import annotations

from gastown_core.beads.graph import BLOCKING_TYPES, RELEASED
from gastown_core.model.bead import PARENT_CHILD
from gastown_core.model.json_text import encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from typing import Any

    Facts = dict[str, tuple[Any, ...]]

FREE, HELD, ASKED = 0, 1, 2

_TYPES = ",".join(f"'{name}'" for name in sorted(BLOCKING_TYPES))
_WORDS = ",".join(f"'{name}'" for name in sorted(RELEASED))


def stands(row: str) -> str:
    """The condition that a row of ``beads`` still holds others back."""
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
    """How these ids stand: ``hold``, then what the judgement of other beads asks of them."""
    return {row[0]: row[1:] for row in db.execute(_FACTS, (encode_json(list(bead_ids), ascii_only=True),))}


def settle(db: sqlite3.Connection, before: Facts) -> None:
    """Judge anew what a change touches; ``before`` are the facts of the beads that came, went or were written anew.

    Costs what they hold back, and what is below a bead that may be held now or no longer; not what is below others.
    """
    if not before:
        return
    # each as it was held before, whatever is judged of it now
    db.executemany("UPDATE beads SET hold=? WHERE id=?", [(was[0], x) for x, was in before.items() if was[0] != FREE])
    now = facts_of(db, before)
    moved = [x for x, was in before.items() if was[1:3] != now[x][1:3]]
    appeared = [x for x, was in before.items() if was[3] != now[x][3]]
    # what depends on nothing and was free stays free; most changes touch nothing else, and ask no more than that
    near = _those(db, _TIED, list(before))
    near |= _those(db, _SOURCES, moved, PARENT_CHILD)
    near |= _those(db, _SOURCES, appeared, "")
    unsure = _those(db, _UNSURE, list(near))
    unsure.update(x for x, was in before.items() if was[0] == HELD and now[x][1] is None)
    near |= _those(db, _BELOW, list(unsure))
    _judge(db, list(near))


def _those(db: sqlite3.Connection, sql: str, bead_ids: list[str], *more: str) -> set[str]:
    """What a statement gives for the ids; of none nothing is asked."""
    return {row[0] for row in db.execute(sql, (encode_json(bead_ids, ascii_only=True), *more))} if bead_ids else set()


def settle_all(db: sqlite3.Connection) -> None:
    """Judge every bead anew."""
    _judge(db, [row[0] for row in db.execute(f"SELECT DISTINCT source FROM deps WHERE type IN ({_TYPES})")])


def _judge(db: sqlite3.Connection, near: list[str]) -> None:
    if near:
        db.executemany(
            "UPDATE beads SET hold=? WHERE id=?", db.execute(_JUDGED, (encode_json(near, ascii_only=True),)).fetchall()
        )


def below(db: sqlite3.Connection, roots: Iterable[str]) -> set[str]:
    """The beads, and those below them that inherit what holds them back."""
    sql = f"""WITH RECURSIVE lower(id) AS (
        SELECT value FROM json_each(?) UNION SELECT s.id FROM lower JOIN deps d
            ON d.target = lower.id AND d.type = 'parent-child' JOIN beads s ON s.id = d.source WHERE {stands("s")})
        SELECT id FROM lower"""
    return {row[0] for row in db.execute(sql, (encode_json(list(roots), ascii_only=True),))}
