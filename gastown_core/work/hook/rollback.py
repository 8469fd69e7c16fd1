"""Rolling back a worktree: its earlier states, what a rollback would lose, the rollback, and its undo.

Earlier states are the commits of its branch and the checkpoints saved at sling, hand-in, handoff and before each
rollback.  The current state is saved as a checkpoint and a rescue ref first, so every rollback can be undone.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError, TownError, UsageError
from gastown_core.events.log import append_event
from gastown_core.git import checkpoints, worktree
from gastown_core.git.repo import Git
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256
from gastown_core.town import clones
from gastown_core.town.rigs import beads_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry

BEFORE = "before rollback"
MOST_COMMITS = 100


class EarlierState(Record):
    """A state to roll back to: a commit of the branch, or a checkpoint (``loose`` if it has uncommitted files)."""

    commit: str
    head: str
    what: str
    at: float
    is_checkpoint: bool = False
    loose: bool = False

    @property
    def short(self) -> str:
        """The short hash."""
        return self.commit[:8]


class Loss(Record):
    """What a rollback would remove: commits (newest first), changed files, and how many commits were pushed."""

    commits: tuple[str, ...]
    files: tuple[str, ...]
    pushed: int

    @property
    def is_empty(self) -> bool:
        """Whether the worktree is already in that state."""
        return not self.commits and not self.files


class RolledBack(Record):
    """The result: the state of the worktree now, and the ref of what it had before."""

    to: EarlierState
    loss: Loss
    rescue: str


def open_worktree(entry: RosterEntry) -> Git:
    """Return git in the agent's worktree. Raises TownError without one, ConflictError during a rebase or merge."""
    if not os.path.exists(os.path.join(entry.work_dir, ".git")):
        raise TownError(f"{entry.address.short} has no worktree", f"{entry.work_dir} is missing")
    git = Git(entry.work_dir)
    what, how = worktree.unfinished(git)
    if what or not git.branch():
        raise ConflictError(
            f"{entry.address.short} is in the middle of {what}" if what else f"{entry.address.short} is on no branch",
            "",
            f"{how}; then try again" if what else "git switch BRANCH first",
        )
    worktree.exclude(git)
    return git


def earlier_states(git: Git, name: str, base: str) -> list[EarlierState]:
    """Return the current branch's states, newest first; its commits back to where it left ``base``."""
    branch = git.branch()
    found = [
        EarlierState(one.commit, one.head, one.why, one.at, True, _is_loose(git, one))
        for one in checkpoints.saved_states(git, name)
        if one.branch == branch
    ]
    where = [f"{base}..HEAD"] if git.commit_of(base) else ["HEAD"]
    rows = git.run("log", f"--max-count={MOST_COMMITS}", "--format=%H%x00%ct%x00%s", *where).splitlines()
    start = git.attempt("merge-base", base, "HEAD").out.strip()
    if start:
        rows += git.run("log", "--max-count=1", "--format=%H%x00%ct%x00%s", start).splitlines()
    for row in rows:
        commit, at, subject = row.split("\0", 2)
        found.append(EarlierState(commit, commit, subject, float(at)))
    return sorted(found, key=lambda one: -one.at)


def _is_loose(git: Git, one: checkpoints.Checkpoint) -> bool:
    return git.attempt("diff", "--quiet", one.head, one.commit).code != 0


def choose_state(states: list[EarlierState], text: str) -> EarlierState:
    """Return the state with this number (from 1) or hash prefix. Raises UsageError, NotFoundError."""
    if text.isdigit() and 1 <= int(text) <= len(states):
        return states[int(text) - 1]
    fits = [one for one in states if len(text) >= 4 and one.commit.startswith(text)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UsageError(f"{text} fits several states", "", "give more of the hash")
    raise NotFoundError(f"no earlier state {text}", "", "gt hook rollback --list shows them")


def last_rollback(git: Git, name: str) -> EarlierState:
    """Return the state before this branch's last rollback. Raises NotFoundError if there was none."""
    branch = git.branch()
    for one in checkpoints.saved_states(git, name):
        if one.branch == branch and one.why.startswith(BEFORE):
            return EarlierState(one.commit, one.head, one.why, one.at, True, True)
    raise NotFoundError(f"{branch} was never rolled back", "", "gt hook rollback --list shows its states")


def preview(git: Git, state: EarlierState) -> Loss:
    """Return what a rollback would remove; changes nothing."""
    commits = git.run("log", "--format=%h %s", f"{state.head}..HEAD").splitlines()
    now = worktree.commit_of_everything(git)
    names = git.run("diff", "--name-only", "--no-renames", "-z", state.commit, now)
    files = tuple(name for name in names.split("\0") if name)
    branch = git.branch()
    pushed = 0
    if git.commit_of(f"origin/{branch}"):
        pushed = worktree.count_ahead(git, state.head, f"origin/{branch}")
    return Loss(tuple(commits), files, pushed)


def state_of(git: Git) -> str:
    """Return a worktree's state for comparison: its commit, and a digest of its uncommitted changes."""
    loose = git.run("status", "--porcelain", "--untracked-files=all") + git.run("diff", "HEAD")
    return f"{git.run('rev-parse', 'HEAD').strip()} {sha256(loose.encode('utf-8', 'replace')).hex()[:16]}"


def roll_back(
    root: str, entry: RosterEntry, git: Git, state: EarlierState, *, actor: str, clock: Clock = SYSTEM_CLOCK
) -> RolledBack:
    """Put branch and files in that state. Raises GitError; by then the current state is saved."""
    loss = preview(git, state)
    name, now = entry.address.name, clock.now()
    kept = checkpoints.save(git, name, f"{BEFORE} to {state.short}", now)
    rescue = worktree.new_ref(git, f"{worktree.RESCUE}/{name}", now)
    git.run("update-ref", rescue, kept)
    if state.is_checkpoint:
        worktree.put_back(git, state.commit)
    else:
        git.run("reset", "--quiet", "--hard", state.commit)
        git.run("clean", "--quiet", "-fd")
    rig = entry.address.rig
    # restore the town's own files, which a commit may have taken along
    clones.provision(os.path.join(root, rig), entry.work_dir, beads_home(root, rig))
    payload = {"agent": entry.address.path, "to": state.short, "rescue": rescue, "state": state_of(git)}
    append_event(root, "hook_rolled_back", actor, payload, clock=clock)
    return RolledBack(state, loss, rescue)
