"""The merge request of a hand-in: one per branch and commit, a permanent bead of the rig."""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.model.bead import CLOSED, usable_priority
from gastown_core.model.merge_request import LABEL, MERGED, SUPERSEDED, read_request, with_facts
from gastown_core.model.metadata import REQUEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead


def keep_commit(root: str, rig: str, branch: str, commit: str) -> None:
    """Fetch what a clone has pushed into the rig's repository, where it is shown and compared before a batch needs it.

    A fetch that fails costs only that: the batch fetches it again.
    """
    from gastown_core.town.rigs import bare_repo

    git = bare_repo(root, rig)
    if not git.commit_of(commit):
        git.attempt("fetch", "--quiet", "origin", f"+refs/heads/{branch}:refs/remotes/origin/{branch}")


def requests_for(store: BeadStore, bead_id: str) -> list[Bead]:
    """Return the requests for ``bead_id`` that are not closed."""
    query = BeadQuery(labels_all=(LABEL,), exclude_statuses=(CLOSED,), include_wisps=True)
    return [bead for bead in store.find(query) if read_request(bead).source_issue == bead_id]


def merged_by(store: BeadStore, bead_id: str, branch: str, commit: str) -> str:
    """Return the id of the closed request that merged exactly this commit, empty if none did."""
    query = BeadQuery(labels_all=(LABEL,), statuses=(CLOSED,))
    for bead in store.find(query):
        have = read_request(bead)
        same = (have.source_issue, have.branch, have.commit_sha) == (bead_id, branch, commit)
        if same and have.close_reason == MERGED:
            return bead.id
    return ""


def submit(
    batch: RuleBatch, known: list[Bead], work: Bead, facts: Mapping[str, object], *, priority: int | None = None
) -> tuple[str, bool]:
    """Return the request for this branch, commit and target, created within ``batch`` if needed: (id, whether it is new).

    ``known`` are the open requests of the same bead; those for another are closed as superseded.
    """
    for bead in known:
        have = read_request(bead)
        same_target = not have.target or have.target == facts.get("target", have.target)
        if (have.branch, have.commit_sha) == (facts["branch"], facts["commit_sha"]) and same_target:
            return bead.id, False
    made = batch.create(
        {
            "title": f"Merge: {work.id}",
            "description": work.title,
            "issue_type": "merge-request",
            "priority": usable_priority(work.priority) if priority is None else priority,
            "labels": [LABEL],
            "metadata": {REQUEST: {key: value for key, value in facts.items() if value}},
        }
    )
    for bead in known:
        batch.update(bead.id, {"metadata": with_facts(bead, close_reason=SUPERSEDED)})
        batch.close(bead.id, f"superseded by {made.id}", force=True)
    return made.id, True
