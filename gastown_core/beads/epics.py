"""Epics and how far their children are."""

from __future__ import annotations

from gastown_core.beads.index_ties import progress_in
from gastown_core.beads.store import BeadQuery
from gastown_core.model.record import record_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.store import Excerpt

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
