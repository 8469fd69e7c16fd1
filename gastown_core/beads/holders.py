"""Who has work in hand, and which beads bear a label: questions asked often, answered from the index alone."""

from __future__ import annotations

import itertools

from gastown_core.beads.graph import NEVER_READY_TYPES, PARENT_CHILD
from gastown_core.beads.index_census import lead_seconds
from gastown_core.beads.index_rows import EXCERPT_COLUMNS, excerpt_from, progress_in
from gastown_core.beads.index_sql import where_of
from gastown_core.beads.query import BeadQuery
from gastown_core.model.bead import HOOKED, IDENTITY_LABELS, IDENTITY_TYPES, IN_PROGRESS
from gastown_core.model.record import Record, record_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.query import Excerpt


class Held(Record):
    """A bead in somebody's hands, since its last change in Unix seconds."""

    id: str
    title: str
    status: str
    assignee: str
    updated_at: float


def held_work(store: JsonlStore) -> list[Held]:
    """Hooked and started beads that have an assignee, mail and identity records left out, oldest change first."""
    types, labels = ("message", *IDENTITY_TYPES), IDENTITY_LABELS
    sql = (
        "SELECT id, title, status, assignee, updated_at FROM beads WHERE status IN (?,?) AND assignee<>'' "
        f"AND issue_type NOT IN ({','.join('?' * len(types))}) AND NOT EXISTS (SELECT 1 FROM labels "
        f"WHERE labels.id=beads.id AND label IN ({','.join('?' * len(labels))})) ORDER BY updated_at, id"
    )
    with store.index.snapshot() as db:
        return [Held._make(row) for row in db.execute(sql, (HOOKED, IN_PROGRESS, *types, *labels))]


def labelled(store: JsonlStore, label: str) -> list[Excerpt]:
    """Beads with the label that are not closed, wisps too, oldest first."""
    sql = (
        f"SELECT {EXCERPT_COLUMNS} FROM beads WHERE id IN (SELECT id FROM labels WHERE label=?) "
        "AND +status <> 'closed' "
        "ORDER BY +created_at, +id"
    )
    with store.index.snapshot() as db:
        return [excerpt_from(row) for row in db.execute(sql, (label,))]


_PLAIN = ("closed", "deferred", "open")
"""Statuses of what lies in the backlog or behind it, in order of the alphabet."""


def noteworthy(store: JsonlStore) -> list[Excerpt]:
    """What is not closed and not plain backlog: in hand, in review, of a type that nobody works on, or with a label ``gt:…``.

    Its cost does not grow with the backlog, nor with the closed past but for closed beads with such a label.
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
    with store.index.snapshot() as db:
        return [excerpt_from(row) for row in db.execute(sql)]


def children_of(store: JsonlStore, parents: Iterable[str]) -> list[str]:
    """Ids whose ``parent-child`` edge points at one of the parents, of whatever store these are."""
    sql = "SELECT source FROM deps WHERE target=? AND type=?"
    with store.index.snapshot() as db:
        return [row[0] for parent in parents for row in db.execute(sql, (parent, PARENT_CHILD))]


def lead_time(store: JsonlStore, query: BeadQuery) -> float:
    """Seconds from creation to closing, on average over the matching closed beads; 0 if there are none."""
    query = query._replace(statuses=("closed",))
    with store.index.snapshot() as db:
        return lead_seconds(db, query, where_of(query))


if TYPE_CHECKING:
    from typing import NamedTuple

    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.query import Excerpt

    class EpicProgress(NamedTuple):
        """An epic that is not closed, with the number of its children and of the closed ones."""

        epic: Excerpt
        total: int
        closed: int
        is_eligible: bool
else:
    EpicProgress = record_type("EpicProgress", "epic total closed is_eligible")


def epic_progress(store: JsonlStore) -> list[EpicProgress]:
    """All epics that are not closed; eligible for closing are those with children, all of them closed."""
    out = []
    epics = store.excerpts(BeadQuery(types=("epic",), exclude_statuses=("closed",), include_wisps=True))
    with store.index.snapshot() as db:
        for epic in epics:
            total, closed = progress_in(db, epic.id)
            out.append(EpicProgress(epic, total, closed, 0 < total == closed))
    return out
