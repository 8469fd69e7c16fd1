"""Checks before a hand-in: who holds the work, how it is merged, and whether it is fit for that."""

from __future__ import annotations

import re

from gastown_core.errors import ConflictError, GitError
from gastown_core.git import submodules, worktree
from gastown_core.git.repo import refusal
from gastown_core.model.address import same_agent
from gastown_core.model.bead import IN_REVIEW
from gastown_core.model.metadata import read_dispatch
from gastown_core.model.record import Record
from gastown_core.work import convoys
from gastown_core.work.hook import hook
from gastown_core.work.request import DIRECT, LOCAL, MR, STRATEGIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.git.repo import Git
    from gastown_core.model.address import Address
    from gastown_core.model.bead import Bead

BEHIND_WARN, BEHIND_REFUSE = 50, 200
_UNCHECKED = re.compile(r"^\s*[-*] \[ \] (.+)$", re.MULTILINE)


class Terms(Record):
    """How the work is handed in; ``target`` is the branch it is merged into."""

    target: str
    strategy: str = MR
    no_merge: bool = False
    review_only: bool = False
    convoy: str = ""
    convoy_created_at: str = ""

    @property
    def wants_request(self) -> bool:
        """Whether it goes to the merge queue."""
        return self.strategy in (MR, DIRECT) and not self.no_merge and not self.review_only

    @property
    def is_alone(self) -> bool:
        """Whether the engine merges it alone, without a batch."""
        return self.strategy == DIRECT

    @property
    def stays_here(self) -> bool:
        """Whether nothing is pushed."""
        return self.strategy == LOCAL


def terms_of(ledger: TownLedger, bead: Bead, target: str, default: str) -> Terms:
    """Return the terms of the sling, else of the bead's convoy, else the defaults."""
    dispatch = read_dispatch(bead)
    tracking = convoys.tracking(ledger, bead.id)
    convoy = tracking[0] if tracking else None
    fields = convoy.fields if convoy is not None else {}
    strategy = dispatch.merge or fields.get("merge", "")
    return Terms(
        target or dispatch.base or fields.get("base_branch", "") or default,
        strategy if strategy in STRATEGIES else MR,
        dispatch.no_merge,
        dispatch.review_only,
        convoy.id if convoy is not None else "",
        convoy.text("created_at") if convoy is not None else "",
    )


def check_holder(bead: Bead, me: Address) -> None:
    """Refuse to hand in work that another agent holds by now. Raises ConflictError."""
    if bead.status in (*hook.HELD, IN_REVIEW) and bead.assignee and not same_agent(bead.assignee, me.path):
        raise ConflictError(
            f"{bead.id} is {bead.assignee}'s work now",
            f"its status is {bead.status}",
            "your commits stay on your branch; ask the mayor what to do with them",
        )


def check_branch(git: Git, branch: str, target: str, default: str) -> None:
    """Raise ConflictError unless the work is on a branch of its own."""
    if not branch or branch in (target, default):
        raise ConflictError(
            f"work is handed in from a branch of its own, not from {branch or 'a detached commit'}",
            "",
            "git switch -c NAME keeps the commits",
        )


def check_submodules(git: Git) -> list[str]:
    """Refuse a branch with a submodule commit that no remote has; return warnings about new files in submodules.

    Raises ConflictError.
    """
    warnings = []
    for inner in submodules.submodules(git):
        where = submodules.relative(git, inner)
        rows = submodules.on_no_remote(inner)
        if rows:
            raise ConflictError(
                f"submodule {where} has {len(rows)} commit{'' if len(rows) == 1 else 's'} that no remote has",
                f"the newest: {rows[0]}",
                f"git -C {where} push origin HEAD:refs/heads/BRANCH, then gt done",
            )
        changed, untracked = worktree.status(inner)
        if changed:
            raise ConflictError(
                f"submodule {where} has changes that are not committed",
                ", ".join(changed[:3]),
                f"commit and push them in {where}, then gt done",
            )
        if untracked:
            names = ", ".join(untracked[:3])
            warnings.append(f"submodule {where} has files that no commit has and that are not handed in: {names}")
    return warnings


def look_at_distance(git: Git, target: str) -> tuple[int, str]:
    """Return how many commits the branch has beyond the target, and a warning if it is far behind.

    Raises ConflictError if it is too far behind, GitError if the target does not exist.
    """
    base = f"origin/{target}"
    fetched = git.attempt(
        "fetch", "--quiet", "origin", f"+refs/heads/{target}:refs/remotes/origin/{target}", timeout_s=60.0
    )
    if not git.commit_of(base):
        raise refusal(("fetch",), fetched.err) if fetched.code else GitError(f"there is no branch {target} at origin")
    ahead = worktree.count_ahead(git, base)
    behind = worktree.count_ahead(git, "HEAD", base)
    how = f"git fetch origin && git rebase {base}"
    if behind >= BEHIND_REFUSE:
        raise ConflictError(f"the branch is {behind} commits behind {target}", "it would not merge as it is", how)
    warning = f"the branch is {behind} commits behind {target}; {how}" if behind >= BEHIND_WARN else ""
    return ahead, warning


def open_criteria(bead: Bead) -> list[str]:
    """Return the acceptance criteria that are not ticked."""
    return [found.strip() for found in _UNCHECKED.findall(bead.text("acceptance_criteria"))]


def check_criteria(bead: Bead) -> None:
    """Raise ConflictError if acceptance criteria are not ticked."""
    missing = open_criteria(bead)
    if missing:
        raise ConflictError(
            f"{bead.id} has {len(missing)} acceptance criteria that nobody ticked",
            f"the first is: {missing[0][:120]}",
            f"meet them, or tick them: bd update {bead.id} --acceptance …",
        )
