"""A hand-in's branch on origin and its merge request: one per branch and commit, kept as a lasting bead of the rig."""

from __future__ import annotations

from gastown_core.beads.store import BeadQuery
from gastown_core.errors import GitError
from gastown_core.git.worktree import RESCUE
from gastown_core.model.bead import CLOSED, usable_priority
from gastown_core.model.merge_request import LABEL, MERGED, SUPERSEDED, read_request, with_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.store import Batch, BeadStore
    from gastown_core.git.repo import Git
    from gastown_core.model.bead import Bead


def requests_for(store: BeadStore, bead_id: str) -> list[Bead]:
    """Requests that are not closed and carry the work of ``bead_id``."""
    query = BeadQuery(labels_all=(LABEL,), exclude_statuses=(CLOSED,), include_wisps=True)
    return [bead for bead in store.find(query) if read_request(bead).source_issue == bead_id]


def merged_by(store: BeadStore, bead_id: str, branch: str, commit: str) -> str:
    """Id of the closed request that brought exactly this commit home, empty if none did."""
    query = BeadQuery(labels_all=(LABEL,), statuses=(CLOSED,))
    for bead in store.find(query):
        have = read_request(bead)
        same = (have.source_issue, have.branch, have.commit_sha) == (bead_id, branch, commit)
        if same and have.close_reason == MERGED:
            return bead.id
    return ""


def submit(
    batch: Batch, known: list[Bead], work: Bead, facts: dict[str, Any], *, priority: int | None = None
) -> tuple[str, bool]:
    """The request for this branch and commit within ``batch``: its id and whether it is new.

    ``known`` are the open requests of the same work; those for another branch or commit are closed as superseded.
    """
    for bead in known:
        have = read_request(bead)
        if (have.branch, have.commit_sha) == (facts["branch"], facts["commit_sha"]):
            return bead.id, False
    made = batch.create(
        {
            "title": f"Merge: {work.id}",
            "description": work.title,
            "issue_type": "merge-request",
            "priority": usable_priority(work.priority) if priority is None else priority,
            "labels": [LABEL],
            "metadata": {"mr": {key: value for key, value in facts.items() if value}},
        }
    )
    for bead in known:
        batch.update(bead.id, {"metadata": with_facts(bead, close_reason=SUPERSEDED)})
        batch.close(bead.id, f"superseded by {made.id}", force=True)
    return made.id, True


TIMEOUT_S = 120.0


def push_branch(git: Git, branch: str, name: str, now: float) -> tuple[str, bool]:
    """Bring HEAD to ``branch`` at origin; returns the commit and whether a push was needed.

    A branch that was rebased replaces its own earlier state there, which gets a rescue ref first.  Raises GitError.
    """
    commit = git.commit_of("HEAD")
    ref = f"refs/heads/{branch}"
    there = _at_origin(git, ref)
    if there == commit:
        return commit, False
    lease = []
    if there and not _is_ancestor(git, there):
        git.run("update-ref", f"{RESCUE}/{name}/{int(now * 1000)}-pushed", there)
        lease = [f"--force-with-lease={ref}:{there}"]
    git.run("push", "--quiet", *lease, "origin", f"HEAD:{ref}", timeout_s=TIMEOUT_S)
    arrived = _at_origin(git, ref)
    if arrived != commit:
        raise GitError(f"{branch} did not arrive at origin", f"it has {arrived[:8] or 'no such branch'}")
    return commit, True


def _at_origin(git: Git, ref: str) -> str:
    found = git.run("ls-remote", "origin", ref, timeout_s=TIMEOUT_S).split()
    return found[0] if found else ""


def _is_ancestor(git: Git, commit: str) -> bool:
    if not git.commit_of(commit):
        git.run("fetch", "--quiet", "origin", commit, timeout_s=TIMEOUT_S)
    return git.attempt("merge-base", "--is-ancestor", commit, "HEAD").code == 0
