"""Merge requests as beads: what a branch wants, for whom, and how it got on.

A request is a wisp of the rig's store with the label ``gt:merge-request``; its facts are field lines, the branch
first.  The same branch at the same commit is the same request.
"""

from __future__ import annotations

from gastown_core.beads.store import BeadQuery
from gastown_core.model.bead import CLOSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.store import Batch, BeadStore
    from gastown_core.model.bead import Bead

LABEL = "gt:merge-request"


def requests_for(store: BeadStore, bead_id: str) -> list[Bead]:
    """Requests that are not closed and carry the work of ``bead_id``."""
    query = BeadQuery(labels_all=(LABEL,), exclude_statuses=(CLOSED,), include_wisps=True)
    return [bead for bead in store.find(query) if bead.fields.get("source_issue") == bead_id]


def submit(batch: Batch, known: list[Bead], work: Bead, fields: dict[str, str]) -> tuple[str, bool]:
    """The request for this branch and commit within ``batch``: its id and whether it is new.

    ``known`` are the open requests of the same work; those for another branch or commit are closed as superseded.
    """
    for bead in known:
        have = bead.fields
        if (have.get("branch"), have.get("commit_sha")) == (fields["branch"], fields["commit_sha"]):
            return bead.id, False
    body = "\n".join(f"{key}: {value}" for key, value in fields.items() if value)
    made = batch.create(
        {
            "title": f"Merge: {work.id}",
            "description": body,
            "issue_type": "merge-request",
            "priority": work.priority,
            "labels": [LABEL],
            "ephemeral": True,
        },
        kind="wisp",
    )
    for bead in known:
        batch.close(bead.id, f"superseded by {made.id}", force=True)
    return made.id, True
