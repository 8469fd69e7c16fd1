"""The tables of the index: rows of beads and their dependencies, and the derived counts."""

from __future__ import annotations

from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.beads.query import Excerpt, Tally
from gastown_core.clock import parse_moment
from gastown_core.model.bead import KIND_LABELS, Edge
from gastown_core.model.json_text import encode_json, encode_text, scan_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from gastown_core.model.bead import Bead
VERSION = 12
"""Increase it when tables or the meaning of a column change; older indexes are then rebuilt."""
ISSUES, WISPS = 0, 1
"""Values of ``file``: the ledger, or the wisps beside it outside git."""
SCHEMA = (
    """CREATE TABLE beads (
        id TEXT PRIMARY KEY, title TEXT, status TEXT, priority INTEGER, issue_type TEXT, assignee TEXT,
        created_at REAL, updated_at REAL, closed_at REAL, defer_until REAL, pinned INTEGER, ephemeral INTEGER,
        labels TEXT, edges TEXT, failed INTEGER, due_at REAL, template INTEGER, comments INTEGER,
        file INTEGER, at INTEGER, length INTEGER, hold INTEGER)""",
    "CREATE TABLE deps (source TEXT, target TEXT, type TEXT, PRIMARY KEY (source, target, type)) WITHOUT ROWID",
    "CREATE TABLE labels (id TEXT, label TEXT, PRIMARY KEY (id, label)) WITHOUT ROWID",
    "CREATE TABLE tombstones (id TEXT, file INTEGER, at INTEGER, length INTEGER, deleted_at TEXT, PRIMARY KEY (id, file))",
    "CREATE TABLE hidden (id TEXT PRIMARY KEY, at INTEGER, length INTEGER) WITHOUT ROWID",
    "CREATE TABLE met (id TEXT PRIMARY KEY, title TEXT, created_at REAL) WITHOUT ROWID",
    "CREATE TABLE partings (old TEXT PRIMARY KEY, new TEXT, in_wisps INTEGER, in_town INTEGER)",
    "CREATE TABLE oddities (file INTEGER, at INTEGER, length INTEGER, kind TEXT, reason TEXT)",
    """CREATE TABLE marks (file INTEGER PRIMARY KEY, device INTEGER, inode INTEGER, position INTEGER,
        mtime_ns INTEGER, head BLOB, tail BLOB, garbage INTEGER, live INTEGER)""",
    "CREATE INDEX deps_target ON deps (target, type)",
    "CREATE INDEX labels_label ON labels (label)",
)
BEAD_INDEXES = {
    # open beads in list order, so that the cost does not grow with closed beads
    "live": "ON beads (priority, created_at DESC, id) WHERE status <> 'closed'",
    "by_status": "ON beads (status, updated_at)",
    "by_type": "ON beads (issue_type, status) WHERE issue_type <> 'task'",
    "by_closing": "ON beads (closed_at, created_at) WHERE status = 'closed'",
    "held": "ON beads (priority, created_at DESC, id) WHERE hold = 1",
    "asked": "ON beads (id) WHERE hold = 2",
    "by_deferral": "ON beads (defer_until) WHERE defer_until > 0",
    "by_assignee": "ON beads (assignee) WHERE assignee <> ''",
}
"""Indexes of ``beads`` by name; a large fill creates them at its end."""
INSERT = f"INSERT INTO beads VALUES ({','.join('?' * 21)},0)"
EXCERPT_COLUMNS = (
    "id, title, status, priority, issue_type, assignee, created_at, updated_at, closed_at, defer_until, "
    "labels, edges, pinned, ephemeral, failed"
)

WHERE_COLUMNS = "id, file, at, length"
"""The location of a record."""


def row_of(bead: Bead, code: int, offset: int, length: int) -> tuple[tuple[Any, ...], list[tuple[str, str, str]]]:
    """Return the bead's row without ``hold``, which depends on other beads, and its rows in ``deps``."""
    found = excerpt_of(bead)
    raw = bead.raw
    bead_id, title, status, priority, kind, assignee, created, updated, closed, deferred, labels, edges = found[:12]
    edges_text = encode_json(edges) if edges else ""
    labels_text = "\x1f".join([label.replace("\x1f", " ") for label in labels]) if labels else ""
    texts = (bead_id, title, status, kind, assignee, labels_text, edges_text)
    if not all(map(str.isascii, texts)):
        bead_id, title, status, kind, assignee, labels_text, edges_text = map(_storable, texts)
    row = (
        *(bead_id, title, status, priority, kind, assignee),
        *(created, updated, closed, deferred, found.is_pinned, found.is_ephemeral),
        *(labels_text, edges_text, found.is_failed),
        parse_moment(raw["due_at"]) or 0.0 if "due_at" in raw else 0.0,
        raw.get("is_template") is True,
        len(bead.comments) if "comments" in raw else 0,
        *(code, offset, length),
    )
    return row, [(bead_id, _storable(edge.target), _storable(edge.type)) for edge in edges]


def searched_labels(issue_type: str, labels: str) -> list[str]:
    """Return the labels that find a bead: its own (joined by ``\x1f``), and the one that its type implies."""
    own = labels.split("\x1f") if labels else []
    kind = KIND_LABELS.get(issue_type)
    return [*own, kind] if kind else own


def _storable(text: str) -> str:
    # SQLite does not accept lone surrogates; the record itself keeps them
    return text if text.isascii() else encode_text(text).decode()


def excerpt_from(row: tuple[Any, ...]) -> Excerpt:
    """Return the excerpt of a row selected with EXCERPT_COLUMNS."""
    return _excerpt(row, scan_json(row[11]) if row[11] else ())


def excerpts_from(rows: Iterable[tuple[Any, ...]]) -> list[Excerpt]:
    """As ``excerpt_from``, for many rows; decoding all edges at once is much faster."""
    found = list(rows)
    edges = iter(scan_json(f"[{','.join([row[11] for row in found if row[11]])}]"))
    return [_excerpt(row, next(edges) if row[11] else ()) for row in found]


def _excerpt(row: tuple[Any, ...], edges: Iterable[Sequence[str]]) -> Excerpt:
    labels = row[10]
    return Excerpt._make(
        (
            *row[:10],
            tuple(labels.split("\x1f")) if labels else (),
            tuple(map(Edge._make, edges)) if edges else (),
            bool(row[12]),
            bool(row[13]),
            bool(row[14]),
        )
    )


def dependents_in(db: sqlite3.Connection, bead_id: str) -> list[tuple[str, str]]:
    """Return the ids with an edge to the bead, each with the edge type."""
    return db.execute("SELECT source, type FROM deps WHERE target=? ORDER BY source", (bead_id,)).fetchall()


def children_in(db: sqlite3.Connection, bead_id: str) -> Iterator[str]:
    """Yield the ids of the bead's children, lazily."""
    found = db.execute("SELECT source FROM deps WHERE target=? AND type='parent-child' ORDER BY source", (bead_id,))
    return (row[0] for row in found)


def progress_in(db: sqlite3.Connection, bead_id: str) -> tuple[int, int]:
    """Return the number of the bead's children, and of the closed ones."""
    sql = (
        "SELECT COUNT(*), coalesce(sum(b.status = 'closed'), 0) FROM deps d LEFT JOIN beads b ON b.id = d.source "
        "WHERE d.target=? AND d.type='parent-child'"
    )
    total, closed = db.execute(sql, (bead_id,)).fetchone()
    return total, closed


def tally_in(db: sqlite3.Connection, bead_id: str) -> Tally:
    """Return the tally of one bead."""
    row = db.execute(
        "SELECT (SELECT COUNT(*) FROM deps WHERE source=?1 AND type='blocks'), "
        "(SELECT COUNT(*) FROM deps WHERE target=?1 AND type='blocks'), "
        "coalesce((SELECT comments FROM beads WHERE id=?1), 0), "
        "coalesce((SELECT min(target) FROM deps WHERE source=?1 AND type='parent-child'), '')",
        (bead_id,),
    ).fetchone()
    return Tally(*row)


def tallies_in(db: sqlite3.Connection, wanted: list[str]) -> dict[str, Tally]:
    """Return the tallies of many beads, in four queries."""
    out = dict(db.execute("SELECT source, COUNT(*) FROM deps WHERE type='blocks' GROUP BY source"))
    into = dict(db.execute("SELECT target, COUNT(*) FROM deps WHERE type='blocks' GROUP BY target"))
    comments = dict(db.execute("SELECT id, comments FROM beads WHERE comments>0"))
    parents = dict(db.execute("SELECT source, min(target) FROM deps WHERE type='parent-child' GROUP BY source"))
    return {x: Tally(out.get(x, 0), into.get(x, 0), comments.get(x, 0), parents.get(x, "")) for x in wanted}
