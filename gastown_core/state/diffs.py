"""The diff behind an agent or a merge request, against the branch that its work is for; slow: read it in a thread."""

from __future__ import annotations

import os

from gastown_core.beads.ledger import TownLedger
from gastown_core.errors import GitError
from gastown_core.git.diff import Diff as Diff
from gastown_core.git.diff import DiffLine as DiffLine
from gastown_core.git.diff import FileDiff as FileDiff
from gastown_core.git.diff import Hunk as Hunk
from gastown_core.git.diff import branch_diff, parting, worktree_diff
from gastown_core.git.repo import Git
from gastown_core.model.metadata import read_dispatch
from gastown_core.town.rigs import bare_repo, default_branch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import AgentView, RequestView


def agent_diff(root: str, agent: AgentView) -> Diff:
    """Return what the agent's worktree holds beyond its target branch. Raises GastownError."""
    return worktree_diff(*_agent_place(root, agent))


def agent_patch_argv(root: str, agent: AgentView) -> list[str]:
    """Return the command that shows the same in git's pager, without untracked files. Raises GastownError."""
    path, target = _agent_place(root, agent)
    return ["git", "-C", path, "diff", parting(Git(path), target, "HEAD")[0]]


def request_diff(root: str, request: RequestView) -> Diff:
    """Return what a merge request hands in beyond its target. Raises GastownError."""
    path, target = _request_place(root, request)
    return branch_diff(path, _handed_in(path, request), target)._replace(branch=request.branch)


def request_patch_argv(root: str, request: RequestView) -> list[str]:
    """Return the command that shows the same in git's pager. Raises GastownError."""
    path, target = _request_place(root, request)
    return ["git", "-C", path, "diff", *parting(Git(path), target, _handed_in(path, request))]


def _handed_in(path: str, request: RequestView) -> str:
    """Return the revision to show: the commit that is tested and approved, whatever its branch has become since."""
    here = bool(request.commit) and bool(Git(path).commit_of(request.commit))
    return request.commit if here else _known(path, request.branch)


def _request_place(root: str, request: RequestView) -> tuple[str, str]:
    """Return the rig's shared repository and the revision of the request's target branch."""
    path = bare_repo(root, request.rig).path
    return path, _known(path, request.target or default_branch(root, request.rig))


def _agent_place(root: str, agent: AgentView) -> tuple[str, str]:
    """Return an agent's worktree and the revision of its target branch."""
    rig = agent.address.rig
    if not rig or not os.path.isdir(agent.work_dir):
        why = "it works in no rig" if not rig else "its worktree is gone"
        raise GitError(f"{agent.address.short} has no branch to compare", why)
    bead = TownLedger(root).get(agent.work.bead_id) if agent.work is not None else None
    branch = ""
    if bead is not None:
        branch = read_dispatch(bead).base or bead.fields.get("base_branch", "")
    return agent.work_dir, _known(agent.work_dir, branch or default_branch(root, rig))


def _known(path: str, branch: str) -> str:
    """Return the revision of a branch there: what the remote has, as far as it was fetched, else the local one."""
    remote = f"origin/{branch}"
    return remote if Git(path).commit_of(remote) else branch
