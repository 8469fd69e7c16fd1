"""Who has work in hand, and which beads bear a label: questions asked often, answered from the index alone."""

from __future__ import annotations

from gastown_core.beads.index_rows import EXCERPT_COLUMNS, excerpt_from
from gastown_core.model.bead import HOOKED, IN_PROGRESS
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.store import Excerpt


class Held(Record):
    """A bead in somebody's hands, since its last change in Unix seconds."""

    id: str
    title: str
    status: str
    assignee: str
    updated_at: float


def held_work(store: JsonlStore) -> list[Held]:
    """Hooked and started beads that have an assignee, mail left out, oldest change first."""
    sql = (
        "SELECT id, title, status, assignee, updated_at FROM beads WHERE status IN (?,?) AND assignee<>'' "
        "AND issue_type<>'message' ORDER BY updated_at, id"
    )
    with store.index.snapshot() as db:
        return [Held._make(row) for row in db.execute(sql, (HOOKED, IN_PROGRESS))]


def labelled(store: JsonlStore, label: str) -> list[Excerpt]:
    """Beads with the label that are not closed, wisps too, oldest first."""
    sql = (
        f"SELECT {EXCERPT_COLUMNS} FROM beads WHERE id IN (SELECT id FROM labels WHERE label=?) "
        "AND +status <> 'closed' "
        "ORDER BY +created_at, +id"
    )
    with store.index.snapshot() as db:
        return [excerpt_from(row) for row in db.execute(sql, (label,))]
