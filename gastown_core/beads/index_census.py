"""Counts of beads per group, maintained as rows change, so that no query counts beads one by one.

``census`` has a count per group of beads that are equal in all fields that lists usually filter by.  Triggers update
it in the transaction that changes a row.  Beads deferred to a date are in no group, since their status depends on the
time; they are few, and the view ``figures`` lists them individually beside the groups.
"""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from gastown_core.beads.index_sql import Where

    Conditions = Callable[[BeadQuery], Where]

_KEYS = "ephemeral, pinned, template, status, issue_type, priority, assignee, hold"
_LED = "{0}status = 'closed' AND {0}closed_at > {0}created_at AND {0}created_at > 0"
_GROUP = (
    "{0}ephemeral, {0}pinned, {0}template, {0}status, {0}issue_type, {0}priority, "
    "iif({0}assignee = '', '', '*'), {0}hold"
)
_LEAD_MS = f"iif({_LED}, CAST(round(({{0}}closed_at - {{0}}created_at) * 1000) AS INTEGER), 0)"


def _move(row: str, sign: str, source: str = "") -> str:
    """Return the statement that adds (``+``) or subtracts (``-``) the row of a trigger, or every row of ``source``."""
    return (
        f"INSERT INTO census SELECT {_GROUP.format(row)}, {sign}1, {sign}({_LED.format(row)}), {sign}{_LEAD_MS.format(row)} "
        f"{source} WHERE {row}defer_until <= 0 ON CONFLICT ({_KEYS}) DO UPDATE SET "
        "n = n + excluded.n, leads = leads + excluded.leads, lead_ms = lead_ms + excluded.lead_ms;"
    )


SCHEMA = (
    f"""CREATE TABLE census (ephemeral INTEGER, pinned INTEGER, template INTEGER, status TEXT, issue_type TEXT,
        priority INTEGER, assignee TEXT, hold INTEGER, n INTEGER, leads INTEGER, lead_ms INTEGER,
        PRIMARY KEY ({_KEYS})) WITHOUT ROWID""",
    # only whether there is an assignee is stored
    f"""CREATE VIEW figures AS SELECT {_KEYS}, 0.0 AS defer_until, n, leads, lead_ms FROM census UNION ALL
        SELECT {_GROUP.format("")}, defer_until, 1, {_LED.format("")}, {_LEAD_MS.format("")} FROM beads INDEXED BY by_deferral
        WHERE defer_until > 0""",
)

TRIGGERS = {
    "counted_in": f"AFTER INSERT ON beads BEGIN {_move('new.', '+')} END",
    "counted_out": f"AFTER DELETE ON beads BEGIN {_move('old.', '-')} END",
    "counted_anew": f"AFTER UPDATE OF hold ON beads BEGIN {_move('old.', '-')} {_move('new.', '+')} END",
}


def make_triggers(db: sqlite3.Connection) -> None:
    """Start to maintain the census."""
    for name, definition in TRIGGERS.items():
        db.execute(f"CREATE TRIGGER {name} {definition}")


def drop_triggers(db: sqlite3.Connection) -> None:
    """Stop maintaining the census, before a change after which ``take`` rebuilds it."""
    for name in TRIGGERS:
        db.execute(f"DROP TRIGGER {name}")


def take(db: sqlite3.Connection) -> None:
    """Count all beads."""
    db.execute("DELETE FROM census")
    # row by row: grouping by sorting takes half as long again
    db.execute(_move("", "+", "FROM beads"))


_ASKED_OF_GROUPS = {
    "statuses": (),
    "exclude_statuses": (),
    "types": (),
    "exclude_types": (),
    "priorities": (),
    "priority_min": None,
    "priority_max": None,
    "unassigned": False,
    "include_wisps": False,
    "only_wisps": False,
    "exclude_templates": False,
    "awake_at": None,
    "sort": "",
    "reverse": False,
    "limit": 0,
}
"""Query fields that the groups can answer, or that do not affect a count."""


def is_of_groups(query: BeadQuery) -> bool:
    """Return whether ``figures`` can answer the query."""
    return query._replace(**_ASKED_OF_GROUPS) == BeadQuery(sort="")  # type: ignore[arg-type]


def how_many(db: sqlite3.Connection, query: BeadQuery, conditions: Conditions) -> int:
    """Return the number of beads that meet the query's conditions, from the groups if they can answer it."""
    if query.labels_none and is_of_groups(query._replace(labels_none=())):
        # all, minus those with one of the labels
        rest = query._replace(labels_none=())
        labelled = conditions(rest._replace(labels_any=query.labels_none))
        return how_many(db, rest, conditions) - _number(db, "COUNT(*)", "beads", labelled)
    where = conditions(query)
    if is_of_groups(query):
        return _number(db, "coalesce(sum(n), 0)", "figures", where)
    return _number(db, "COUNT(*)", "beads", where)


def _number(db: sqlite3.Connection, what: str, source: str, where: Where) -> int:
    return int(db.execute(f"SELECT {what} FROM {source} {where}", where.values).fetchone()[0])


def numbers_by(db: sqlite3.Connection, column: str, query: BeadQuery, where: Where) -> dict[str, int]:
    """Return the number of matching beads per value of a column, or per ``label``; most first."""
    values = list(where.values)
    if column == "label":
        counted = f"SELECT label AS word, 1 AS n FROM labels JOIN beads USING (id) {where}"
    elif not is_of_groups(query):
        counted = f"SELECT {column} AS word, 1 AS n FROM beads {where}"
    elif column == "assignee":
        more = " AND ".join(["", *where.parts])
        counted = (
            f"SELECT '' AS word, n FROM figures WHERE assignee = ''{more} "
            f"UNION ALL SELECT assignee, 1 FROM beads WHERE assignee <> ''{more}"
        )
        values *= 2
    else:
        counted = f"SELECT {column} AS word, n FROM figures {where}"
    sql = f"SELECT word, sum(n) FROM ({counted}) GROUP BY 1 HAVING sum(n) > 0 ORDER BY 2 DESC, 1"
    return {str(value): int(number) for value, number in db.execute(sql, values)}


def lead_seconds(db: sqlite3.Connection, query: BeadQuery, where: Where) -> float:
    """Return the average seconds from creation to closing of the matching beads; 0 if there are none."""
    if is_of_groups(query):
        number, total = db.execute(f"SELECT sum(leads), sum(lead_ms) FROM figures {where}", where.values).fetchone()
        return total / number / 1000 if number else 0.0
    where.add(_LED.format(""))
    found = db.execute(f"SELECT avg(closed_at - created_at) FROM beads {where}", where.values).fetchone()[0]
    return float(found or 0.0)
