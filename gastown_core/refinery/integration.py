"""Integration branches: an epic's work collects on a branch of its own and lands on its base as one merge.

The branch lives at the remote; the epic names it (``metadata.integration_branch``, ``metadata.base_branch``).
"""

from __future__ import annotations

import os
import re

from gastown_core.beads.graph import is_released
from gastown_core.errors import ConflictError, GastownError, GitError, NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.git.landed import BEAD, landed
from gastown_core.messaging.escalation import escalate
from gastown_core.model.bead import CLOSED, EPIC, PARENT_CHILD
from gastown_core.model.merge_request import MERGED, read_request
from gastown_core.model.metadata import metadata_of, with_values
from gastown_core.model.record import Record
from gastown_core.model.refinery import PASS
from gastown_core.refinery.freeze import frozen
from gastown_core.refinery.place import merge_lock
from gastown_core.refinery.push import delete_branches, push_target
from gastown_core.refinery.recovery import fetch_target
from gastown_core.refinery.tips import remote_heads
from gastown_core.refinery.worktrees import Worktrees
from gastown_core.town.settings import load_settings
from gastown_core.work.sling.bases import branch_of_epic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.model.bead import Bead
    from gastown_core.refinery.place import Refinery

LONGEST_TITLE, LONGEST = 60, 200


class Integration(Record):
    """The state of an epic's branch: how far it is ahead of its base, what was merged into it, what is still open."""

    epic: str
    branch: str
    base: str
    created: str = ""
    ahead: int = 0
    merged: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    children: int = 0
    children_closed: int = 0
    auto_land: bool = False

    @property
    def lacks(self) -> str:
        """Why it cannot land yet, empty if it can."""
        if not self.ahead:
            return f"{self.branch} has no commits that {self.base} lacks"
        if not self.children:
            return f"{self.epic} has no children"
        if self.children_closed < self.children:
            return f"{self.children - self.children_closed} of {self.children} children are open"
        return f"{len(self.pending)} requests for it are not merged yet" if self.pending else ""

    def as_json(self) -> dict[str, Any]:
        """As ``gt mq integration status --json`` prints it."""
        return {
            "epic": self.epic,
            "branch": self.branch,
            "base_branch": self.base,
            "created": self.created,
            "ahead_of_base": self.ahead,
            "merged_mrs": list(self.merged),
            "pending_mrs": list(self.pending),
            "ready_to_land": not self.lacks,
            "why_not": self.lacks,
            "auto_land_enabled": self.auto_land,
            "children_total": self.children,
            "children_closed": self.children_closed,
        }


def create(
    place: Refinery, epic_id: str, *, actor: str, branch: str = "", base: str = "", force: bool = False
) -> tuple[str, str]:
    """Create the epic's branch at the remote, from ``base`` (default: the rig's branch); returns branch and base.

    A name that is taken gets the epic's id as a suffix.  Raises NotFoundError, ConflictError if the epic has a branch
    (``force`` creates another; the old one stays), UsageError for an invalid branch name, GitError.
    """
    epic = need_epic(place, epic_id)
    have = branch_of_epic(epic)
    if have and not force:
        raise ConflictError(f"{epic.id} already has the branch {have}", "", f"gt mq integration status {epic.id}")
    heads = remote_heads(place.git)
    base = base or place.default
    if base not in heads:
        raise GitError(f"origin has no branch {base}")
    name = branch or branch_name(place, epic)
    if name in heads:
        name = f"{name}-{epic.id}"
    if name in heads:
        raise ConflictError(f"{name} is taken", "origin has a branch of that name", "choose another name with --branch")
    if len(name) > LONGEST:
        raise UsageError(
            f"{name[:24]!r}… is not a valid branch name", f"it has {len(name)} characters", f"at most {LONGEST}"
        )
    if place.git.attempt("check-ref-format", "--branch", name).code != 0:
        raise UsageError(f"{name!r} is not a valid branch name", "", "choose another name with --branch")
    fetch_target(place, base)
    place.git.run("push", "--quiet", "origin", f"{heads[base]}:refs/heads/{name}")
    home = place.ledger.home_of(epic.id) or place.store
    with home.write(actor) as batch:
        kept = with_values(epic, {"integration_branch": name, "base_branch": base})
        batch.update(epic.id, {"metadata": kept})
    payload = {"epic": epic.id, "branch": name, "base": base, "rig": place.rig}
    append_event(place.root, "integration_created", actor, payload, clock=place.clock)
    return name, base


def branch_name(place: Refinery, epic: Bead) -> str:
    """The name that the rig's template gives, at most 200 characters."""
    template = load_settings(place.root, "rig", place.rig).lenient("merge_queue.integration_branch_template")
    title = re.sub(r"[^a-z0-9]+", "-", epic.title.lower()).strip("-")[:LONGEST_TITLE].strip("-") or epic.id
    words = {"{title}": title, "{epic}": epic.id, "{prefix}": place.prefix, "{user}": place.rig}
    name = str(template)
    for word, text in words.items():
        name = name.replace(word, text)
    return name[:LONGEST].strip("/-.")


def need_epic(place: Refinery, epic_id: str) -> Bead:
    """The epic. Raises NotFoundError."""
    epic = place.ledger.get(epic_id)
    if epic is None:
        raise NotFoundError(f"no bead {epic_id}", "", "bd list -t epic shows epics")
    return epic


def base_of_epic(place: Refinery, epic: Bead) -> str:
    """The branch that the epic's work lands on."""
    return metadata_of(epic).text("base_branch") or epic.fields.get("base_branch") or place.default


def status(place: Refinery, epic_id: str) -> Integration:
    """The state of the epic's branch. Raises NotFoundError, ConflictError if it has none, GitError."""
    epic = need_epic(place, epic_id)
    branch = branch_of_epic(epic)
    if not branch:
        raise ConflictError(f"{epic.id} has no integration branch", "", f"gt mq integration create {epic.id}")
    base = base_of_epic(place, epic)
    tip, below = fetch_target(place, branch), fetch_target(place, base)
    ahead = int(place.git.run("rev-list", "--count", f"{below}..{tip}")) if tip and below else 0
    merged, pending = _requests(place, branch)
    children = _children(place, epic.id)
    read = load_settings(place.root, "rig", place.rig).lenient
    return Integration(
        epic.id,
        branch,
        base,
        epic.text("created_at"),
        ahead,
        merged,
        pending,
        len(children),
        sum(children.values()),
        read("merge_queue.integration_branch_auto_land"),
    )


def _requests(place: Refinery, branch: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from gastown_core.beads.query import BeadQuery
    from gastown_core.model.merge_request import LABEL

    found = place.store.find(BeadQuery(labels_all=(LABEL,), include_wisps=True))
    mine = [one for one in map(read_request, found) if one.target == branch]
    merged = tuple(one.id for one in mine if one.close_reason == MERGED)
    return merged, tuple(one.id for one in mine if one.status != CLOSED)


def _children(place: Refinery, epic_id: str) -> dict[str, bool]:
    """The epic's own children, each with whether it is closed."""
    home = place.ledger.home_of(epic_id) or place.store
    ids = [source for source, kind in home.dependents(epic_id) if kind == PARENT_CHILD]
    graph = home.graph(place.clock.now())
    return {one: (bead := graph.bead(one)) is None or is_released(bead) for one in ids}


def land(
    place: Refinery, epic_id: str, *, actor: str, force: bool = False, skip_tests: bool = False, dry_run: bool = False
) -> tuple[Integration, str]:
    """Merge the epic's branch into its base, tested, as one merge commit; close the epic and delete the branch.

    Running it again after a crash finishes what is left.  ``force`` lands with open children or pending requests.
    Returns the state before and the merge commit (empty for a dry run).  Raises ConflictError, also while merging is
    frozen, GitError.
    """
    epic = need_epic(place, epic_id)
    before = status(place, epic_id)
    tip, base = remote_heads(place.git).get(before.branch, ""), fetch_target(place, before.base)
    if epic.is_closed and not tip:
        return before, ""
    if not before.ahead and epic.id in landed(place.git, base):
        return before, "" if dry_run else _finish(place, epic, before, tip, base, actor)
    if not before.ahead or (before.lacks and not force):
        raise ConflictError(f"{before.branch} does not land", before.lacks, f"gt mq integration status {epic.id}")
    _check_not_frozen(place, before)
    if dry_run:
        return before, ""
    worktrees = Worktrees(place.git, os.path.join(place.folder, "trees", "land"))
    with merge_lock(place, before.base):
        try:
            head = _merge(place, worktrees, epic, before, base, tip, skip_tests)
        finally:
            worktrees.close()
        _check_not_frozen(place, before)
        if not push_target(place, before.base, head, base, extra={"GT_INTEGRATION_LAND": "1"}):
            raise ConflictError(f"{before.base} moved meanwhile", "nothing was landed", "run the same command again")
        place.at("landed")
        return before, _finish(place, epic, before, tip, head, actor)


def _check_not_frozen(place: Refinery, epic: Integration) -> None:
    freeze = frozen(place)
    if freeze is not None:
        raise ConflictError(f"{epic.branch} does not land", freeze.reason, f"gt mq thaw {place.rig} ends that")


def _merge(
    place: Refinery, worktrees: Worktrees, epic: Bead, before: Integration, base: str, tip: str, skip_tests: bool
) -> str:
    """The merge commit, its tree tested. Raises ConflictError."""
    from gastown_core.refinery.rig_gates import Gates
    from gastown_core.refinery.stack import merge_trees

    tree, files = merge_trees(place.git, worktrees, base, tip)
    if not tree:
        raise ConflictError(
            f"{before.branch} does not merge onto {before.base}",
            ", ".join(files[:8]),
            f"merge {before.base} into {before.branch} and resolve it there",
        )
    if tree == place.git.run("rev-parse", f"{base}^{{tree}}"):
        raise ConflictError(f"{before.branch} changes nothing on {before.base}", "the merge would be empty")
    message = f"Land {before.branch}: {epic.title}\n\n{BEAD}: {epic.id}\n"
    head = place.git.run("commit-tree", tree, "-p", base, "-p", tip, "-F", "-", stdin=message.encode())
    if skip_tests or not (place.policy.gates or place.policy.setup):
        return head
    gates = Gates(place.policy, place.file(f"land-{epic.id}"), place.relative, place.stop, place.clock.now)
    with worktrees.open(head) as git:
        found = gates.run(git, tree, lambda run: None)
    if found.result != PASS:
        worst = found.worst
        why = f"gate {worst.name}: {worst.detail}; log {worst.log}" if worst is not None else "no verdict"
        raise ConflictError(f"{before.branch} merged onto {before.base} is not green", why, "nothing was landed")
    return head


def _finish(place: Refinery, epic: Bead, before: Integration, tip: str, head: str, actor: str) -> str:
    """Close the epic and delete the branch, where that is not done yet."""
    home = place.ledger.home_of(epic.id) or place.store
    if not epic.is_closed:
        with home.write(actor) as batch:
            batch.close(epic.id, f"Landed {before.branch} on {before.base}", force=True)
        payload = {"epic": epic.id, "branch": before.branch, "base": before.base, "rig": place.rig, "commit": head}
        append_event(place.root, "integration_landed", actor, payload, clock=place.clock)
    if tip:
        delete_branches(place.git, {before.branch: tip})
    return head


def land_what_is_ready(place: Refinery, target: str) -> str:
    """If the rig's settings ask for it, land the complete epic whose branch is ``target``; its id, else empty.

    Why it does not land is escalated once: nobody else would hear of it.
    """
    from gastown_core.beads.query import BeadQuery

    settings = load_settings(place.root, "rig", place.rig)
    if target == place.default or not settings.lenient("merge_queue.integration_branch_auto_land"):
        return ""
    for store in place.ledger.stores().values():
        for epic in store.find(BeadQuery(types=(EPIC,), exclude_statuses=(CLOSED,))):
            if branch_of_epic(epic) == target and not status(place, epic.id).lacks:
                return epic.id if _lands_by_itself(place, epic) else ""
    return ""


def _lands_by_itself(place: Refinery, epic: Bead) -> bool:
    try:
        land(place, epic.id, actor=place.actor)
    except GastownError as error:
        escalate(
            place.root,
            place.ledger,
            "medium",
            f"{epic.id} is complete and does not land by itself: {error}",
            sender=place.actor,
            reason=f"{error}\n{error.hint}\ngt mq integration land {epic.id} tries it again",
            about=epic.id,
            key=f"integration:{epic.id}",
            clock=place.clock,
        )
        return False
    return True
