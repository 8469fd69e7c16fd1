"""Epics and how far their children are."""

from __future__ import annotations

from gastown_core.beads.query import PARENT_CHILD
from gastown_core.beads.store import BeadQuery
from gastown_core.model.record import record_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from gastown_core.beads.store import BeadStore, Excerpt

    class EpicProgress(NamedTuple):
        """An epic that is not closed, with the number of its children and of the closed ones."""

        epic: Excerpt
        total: int
        closed: int
        is_eligible: bool
else:
    EpicProgress = record_type("EpicProgress", "epic total closed is_eligible")


def epic_progress(store: BeadStore) -> list[EpicProgress]:
    """All epics that are not closed; eligible for closing are those with children, all of them closed."""
    out = []
    for epic in store.excerpts(BeadQuery(types=("epic",), exclude_statuses=("closed",), include_wisps=True)):
        ids = [source for source, kind in store.dependents(epic.id) if kind == PARENT_CHILD]
        closed = sum(bead.is_closed for bead in store.get_many(ids).values())
        out.append(EpicProgress(epic, len(ids), closed, bool(ids) and closed == len(ids)))
    return out
