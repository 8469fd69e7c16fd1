"""A polecat's worktree: created or reused for one bead, provisioned, and rolled back when the sling fails.

``plan`` only reads (and fetches), ``build`` changes, ``take_back`` undoes a build that stopped anywhere.  The contents
of a reused worktree are saved to a rescue ref before it is changed, so nothing is lost.
"""

from __future__ import annotations

import os
import shutil

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GitError
from gastown_core.events.log import append_event
from gastown_core.files.folders import private_folder
from gastown_core.git import checkpoints, push_guard, submodules, worktree
from gastown_core.git.repo import Git
from gastown_core.model.record import Record
from gastown_core.model.states import AgentState
from gastown_core.town import clones, polecat_pool
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.branches import bead_of_branch, branch_name
from gastown_core.town.identity import signature
from gastown_core.town.inventory import RosterEntry
from gastown_core.town.rigs import bare_repo, beads_home, default_branch, require_rig
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.town.polecat_pool import Claim


class Sandbox(Record):
    """A polecat's worktree for one bead; it starts at ``start`` and is merged into ``base``.

    ``was`` and ``head`` are what a reused worktree had checked out, ``rescue`` is the ref of its saved work,
    ``shelved`` the folder of a worktree that git no longer knew.
    """

    entry: RosterEntry
    rig: str
    branch: str
    base: str
    start: str
    is_new: bool
    at: float
    was: str = ""
    head: str = ""
    rescue: str = ""
    shelved: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def resumes(self) -> bool:
        """Whether the worktree is already on the branch, and work continues in it as it is."""
        return bool(self.was) and self.was == self.branch


def prepare(
    claimed: Claim,
    bead_id: str,
    *,
    title: str = "",
    base_branch: str = "",
    start_from: str = "",
    known_branch: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Sandbox:
    """Plan and build; on failure, take back what was done. Raises GitError."""
    made = plan(
        claimed,
        bead_id,
        title=title,
        base_branch=base_branch,
        start_from=start_from,
        known_branch=known_branch,
        clock=clock,
    )
    try:
        return build(claimed, made)
    except BaseException:
        take_back(claimed.root, made)
        raise


def plan(
    claimed: Claim,
    bead_id: str,
    *,
    title: str = "",
    base_branch: str = "",
    start_from: str = "",
    known_branch: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Sandbox:
    """Plan the claimed polecat's worktree: a new branch from ``origin/<base>``, or from the branch ``start_from`` if it
    exists; a worktree that is already on a branch for the same bead is kept as it is.

    Raises GitError if there is no such base; it changes nothing but remote-tracking branches.
    """
    root, rig, entry = claimed.root, claimed.rig, claimed.entry
    bare = bare_repo(root, rig)
    main = base_branch or default_branch(root, rig)
    warnings = _fetch(bare, main, start_from)
    base = f"origin/{main}"
    if not bare.commit_of(base):
        raise GitError(f"rig {rig} has no branch {main}", f"{base} does not exist")
    start = _start(bare, base, start_from)
    if start_from and start == base:
        warnings.append(f"the earlier branch {start_from} is gone; the work starts from {main} again")
    tree = _standing(entry)
    was = tree.branch() if tree is not None else ""
    if was and (was == known_branch or (bead_id and bead_of_branch(was) == bead_id)):
        branch = was
    else:
        template = load_settings(root, "rig", rig).lenient("polecat_branch_template") or ""
        user = bare.config("user.name") if "{user}" in template else ""
        branch = branch_name(claimed.name, bead_id, clock.now(), template=template, title=title, user=user)
    head = tree.commit_of("HEAD") if tree is not None else ""
    # what is saved on the way is named, and found again by take_back, by this moment
    at = worktree.free_moment(
        bare, clock.now(), *(f"{kind}/{claimed.name}" for kind in (worktree.RESCUE, checkpoints.HOOK))
    )
    return Sandbox(entry, rig, branch, base, start, claimed.is_new, at, was, head, warnings=tuple(warnings))


def _start(bare: Git, base: str, start_from: str) -> str:
    """Return the earlier branch's commit (the local one if it contains origin's, else origin's), or the base."""
    if not start_from:
        return base
    ours, theirs = bare.commit_of(f"refs/heads/{start_from}"), bare.commit_of(f"origin/{start_from}")
    if ours and theirs and ours != theirs:
        ahead = bare.attempt("merge-base", "--is-ancestor", theirs, ours).code == 0
        return ours if ahead else theirs
    return ours or theirs or base


def _standing(entry: RosterEntry) -> Git | None:
    """Return the worktree if git still knows it."""
    if not os.path.exists(os.path.join(entry.work_dir, ".git")):
        return None
    tree = Git(entry.work_dir)
    return tree if tree.is_repository() else None


def build(claimed: Claim, planned: Sandbox) -> Sandbox:
    """Carry out a plan. Raises GitError; then ``take_back`` of the plan restores everything."""
    root, entry = claimed.root, claimed.entry
    bare = bare_repo(root, planned.rig)
    if not planned.was and not planned.head:
        made = planned._replace(shelved=_shelve(root, planned))
        bare.run("worktree", "prune")
        worktree.add(bare, entry.work_dir, branch=planned.branch, start=planned.start)
    elif planned.resumes:
        made = planned
    else:
        made = planned._replace(rescue=_start_afresh(Git(entry.work_dir), planned))
    warnings = _furnish(root, planned.rig, entry, bare)
    if not planned.resumes:
        warnings += clones.fill_submodules(Git(entry.work_dir))
    warnings += clones.run_setup_hooks(os.path.join(root, planned.rig), entry.work_dir)
    why = "sling: gone on with" if planned.resumes else "sling: fresh branch"
    checkpoints.save(Git(entry.work_dir), claimed.name, why, planned.at, clean=not planned.resumes)
    return made._replace(warnings=(*planned.warnings, *warnings))


def _start_afresh(tree: Git, planned: Sandbox) -> str:
    """Put a worktree on its new branch; return the rescue ref of its former contents."""
    rescue = worktree.rescue(tree, planned.entry.address.name, planned.at)
    filled = [inner.path for inner in submodules.submodules(tree)]
    tree.run("checkout", "--quiet", "--force", "--no-track", "-b", planned.branch, planned.start)
    tree.run("clean", "--quiet", "-fd")
    kept = {inner.path for inner in submodules.submodules(tree)}
    for path in filled:
        if path not in kept:
            # the new branch has no such submodule; git leaves its folder behind
            shutil.rmtree(path, ignore_errors=True)
    return rescue


def _shelve(root: str, planned: Sandbox) -> str:
    """Move a folder that git no longer knows out of the way; return its new path, empty if there was none."""
    path = planned.entry.work_dir
    if not os.path.isdir(path) or not os.listdir(path):
        return ""
    shelf = _shelf(root, planned)
    private_folder(os.path.dirname(shelf))
    os.rename(path, shelf)
    return shelf


def _shelf(root: str, planned: Sandbox) -> str:
    name = f"{planned.entry.address.name}-{int(planned.at * 1000)}"
    return os.path.join(root, planned.rig, ".runtime", "rescue", name)


def _fetch(bare: Git, branch: str, also: str) -> list[str]:
    """Fetch the branches; return a warning if that fails: work then starts from the last known state."""
    try:
        bare.run("fetch", "--quiet", "origin", _ref(branch), *([_ref(also)] if also else []), timeout_s=20.0)
    except GitError as error:
        if also and "couldn't find remote ref" in error.why:
            return _fetch(bare, branch, "")
        return [f"cannot fetch origin; the branch starts from the last known state ({error.why})"]
    return []


def _ref(branch: str) -> str:
    return f"+refs/heads/{branch}:refs/remotes/origin/{branch}"


def _furnish(root: str, rig: str, entry: RosterEntry, bare: Git) -> list[str]:
    note = WORKER_TEXT.format(who=entry.address.short)
    warnings = clones.provision(os.path.join(root, rig), entry.work_dir, beads_home(root, rig), note=note)
    domain = load_settings(root).lenient("agent_email_domain")
    tree = Git(entry.work_dir)
    worktree.set_identity(tree, signature(entry.address, domain))
    push_guard.install(bare, default_branch(root, rig))
    push_guard.bind(tree, bare.path)
    return warnings


WORKER_TEXT = f"""\
# You are {{who}}, a polecat {worktree.WORKER_MARK}

- This worktree and its branch are yours. Stay in it; never push the default branch.
- `gt prime` tells you who you are, `gt hook` what to do. Run the work on your hook without asking.
- Commit as you go. When the work is complete, `gt done` hands it in; until then it is not finished.
- Stuck? `gt done --status ESCALATED` asks for help and keeps everything.
"""


def take_back(root: str, planned: Sandbox) -> None:
    """Undo ``build``, however far it came: remove a new worktree and branch, restore a reused one and its files."""
    bare = bare_repo(root, planned.rig)
    name = planned.entry.address.name
    if planned.resumes:
        return
    if planned.head:
        _return_to(Git(planned.entry.work_dir), planned, f"{worktree.RESCUE}/{name}/{int(planned.at * 1000)}")
    else:
        worktree.remove(bare, planned.entry.work_dir, rescue_as=name, now=planned.at)
        if planned.is_new:
            shutil.rmtree(os.path.join(root, planned.rig, "polecats", name), ignore_errors=True)
        if os.path.isdir(_shelf(root, planned)):
            os.rename(_shelf(root, planned), planned.entry.work_dir)
    checkpoint = f"{checkpoints.HOOK}/{name}/{int(planned.at * 1000)}"
    for ref in (f"refs/heads/{planned.branch}", checkpoint):
        if bare.commit_of(ref):
            bare.run("update-ref", "-d", ref)


def _return_to(tree: Git, planned: Sandbox, rescue: str) -> None:
    saved = tree.commit_of(rescue)
    if tree.branch() == planned.branch:
        back = [planned.was] if planned.was else ["--detach", planned.head]
        tree.run("checkout", "--quiet", "--force", *back)
        if saved and saved != planned.head:
            worktree.put_back(tree, saved)
    if saved:
        tree.run("update-ref", "-d", rescue)


def add_polecat(root: str, rig: str, name: str = "", *, clock: Clock = SYSTEM_CLOCK) -> Sandbox:
    """Create an idle polecat with that name or the pool's next free one.

    Raises NotFoundError for an unknown rig, ConflictError if the name is in use, UsageError for a bad name, and leaves
    nothing behind.
    """
    from gastown_core.beads.ledger import TownLedger

    prefix = require_rig(root, rig)
    if name in polecat_pool.known_names(root, rig):
        raise ConflictError(f"{rig} already has a polecat {name}", "", f"gt polecat status {rig}/{name}")
    with polecat_pool.claim(root, rig, prefix, wanted=name, is_idle=lambda entry: False, clock=clock) as claimed:
        made = prepare(claimed, "", clock=clock)
        try:
            put_agent_bead(
                TownLedger(root), made.entry.address, prefix, agent_state=AgentState.IDLE, branch=made.branch
            )
        except BaseException:
            take_back(root, made)
            raise
    append_event(root, "spawn", "gt", {"rig": rig, "polecat": claimed.name}, clock=clock)
    return made
