"""What the index knows of the ties between beads: who depends on whom, and the derived counts."""

from __future__ import annotations

from gastown_core.beads.store import Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


def dependents_in(db: sqlite3.Connection, bead_id: str) -> list[tuple[str, str]]:
    """Ids whose edge points at the bead, each with the edge's type."""
    return db.execute("SELECT source, type FROM deps WHERE target=? ORDER BY source", (bead_id,)).fetchall()


def children_in(db: sqlite3.Connection, bead_id: str) -> Iterator[str]:
    """Ids whose ``parent-child`` edge points at the bead; who needs but the first pays for the first."""
    found = db.execute("SELECT source FROM deps WHERE target=? AND type='parent-child' ORDER BY source", (bead_id,))
    return (row[0] for row in found)


def progress_in(db: sqlite3.Connection, bead_id: str) -> tuple[int, int]:
    """How many children the bead has, and how many of them are closed."""
    sql = (
        "SELECT COUNT(*), coalesce(sum(b.status = 'closed'), 0) FROM deps d LEFT JOIN beads b ON b.id = d.source "
        "WHERE d.target=? AND d.type='parent-child'"
    )
    total, closed = db.execute(sql, (bead_id,)).fetchone()
    return total, closed


def tally_in(db: sqlite3.Connection, bead_id: str) -> Tally:
    """The tally of one bead."""
    row = db.execute(
        "SELECT (SELECT COUNT(*) FROM deps WHERE source=?1 AND type='blocks'), "
        "(SELECT COUNT(*) FROM deps WHERE target=?1 AND type='blocks'), "
        "coalesce((SELECT comments FROM beads WHERE id=?1), 0), "
        "coalesce((SELECT min(target) FROM deps WHERE source=?1 AND type='parent-child'), '')",
        (bead_id,),
    ).fetchone()
    return Tally(*row)


def tallies_in(db: sqlite3.Connection, wanted: list[str]) -> dict[str, Tally]:
    """The tallies of many beads, in four questions whatever their number."""
    out = dict(db.execute("SELECT source, COUNT(*) FROM deps WHERE type='blocks' GROUP BY source"))
    into = dict(db.execute("SELECT target, COUNT(*) FROM deps WHERE type='blocks' GROUP BY target"))
    comments = dict(db.execute("SELECT id, comments FROM beads WHERE comments>0"))
    parents = dict(db.execute("SELECT source, min(target) FROM deps WHERE type='parent-child' GROUP BY source"))
    return {x: Tally(out.get(x, 0), into.get(x, 0), comments.get(x, 0), parents.get(x, "")) for x in wanted}
