"""Removing a polecat, or only its worktree: what would be lost is shown first, and saved in any case.

The polecat is locked meanwhile, so that nobody slings to it, and checked again under the lock.
"""

from __future__ import annotations

import os
import shutil

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError
from gastown_core.events.log import append_event
from gastown_core.files.folders import private_folder
from gastown_core.git import worktree
from gastown_core.git.repo import Git
from gastown_core.model.hook_life import ARCHIVED
from gastown_core.model.record import Record
from gastown_core.model.states import AgentState
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import polecat_pool, sessions
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.hook_record import record_hook
from gastown_core.town.identity import rig_prefix
from gastown_core.town.rigs import bare_repo
from gastown_core.work.hook.hook import hooked_work
from gastown_core.work.hook.unsling import unsling
from gastown_core.work.merge_requests import requests_for
from gastown_core.work.sling.attaching import drop_molecule
from gastown_core.work.sling.holders import lives

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry


class Stakes(Record):
    """What a polecat has: uncommitted files, commits on no remote, stashes, hooked work, waiting requests."""

    branch: str = ""
    files: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    stashes: int = 0
    work: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    runs: bool = False
    is_broken: bool = False
    """The worktree's folder exists, but git does not know it."""
    is_gone: bool = False
    """There is no worktree that git knows, so its files are unknown."""

    @property
    def is_clean(self) -> bool:
        """Whether the worktree has nothing that exists only there."""
        return not (self.files or self.commits or self.stashes or self.is_broken)

    def words(self) -> list[str]:
        """Return a line for each kind of thing at stake."""
        out = []
        if self.files:
            out.append(f"{_count(self.files, 'file')} not committed: {', '.join(self.files[:3])}")
        if self.commits:
            out.append(f"{_count(self.commits, 'commit')} on no remote, the newest: {self.commits[0]}")
        if self.stashes:
            out.append(f"{self.stashes} stash{'' if self.stashes == 1 else 'es'}")
        if self.is_broken:
            out.append("a folder that git does not know")
        out += [f"{bead_id} is on its hook" for bead_id in self.work]
        out += [f"{request} waits to be merged" for request in self.requests]
        return [*out, *(["its session runs"] if self.runs else [])]

    def as_json(self) -> dict[str, object]:
        """The stakes as ``--json`` prints them."""
        return {
            "branch": self.branch,
            "clean": self.is_clean,
            "uncommitted_files": list(self.files),
            "unpushed_commits": len(self.commits),
            "stash_count": self.stashes,
            "work": list(self.work),
            "merge_requests": list(self.requests),
            "session_running": self.runs,
        }


def _count(items: tuple[str, ...], word: str) -> str:
    return f"{len(items)} {word}{'' if len(items) == 1 else 's'}"


def look_at_stakes(root: str, ledger: TownLedger, entry: RosterEntry) -> Stakes:
    """Return what would be lost or disturbed; changes nothing but git's exclude patterns."""
    prefix = rig_prefix(root, entry.address.rig)
    work = tuple(bead.id for bead in hooked_work(ledger, entry.address, prefix))
    runs = has_tmux() and lives(root, entry)
    record = get_agent_bead(ledger, entry.bead_id)
    mr = record.fields.get("mr_id", "") if record is not None else ""
    waiting = ledger.get(mr) if mr else None
    requests: tuple[str, ...] = (mr,) if waiting is not None and not waiting.is_closed else ()
    for bead_id in work:
        requests += tuple(one.id for one in requests_for(ledger.store_for(f"{prefix}-x"), bead_id))
    held = Stakes(work=work, requests=tuple(dict.fromkeys(requests)), runs=runs)
    git, name = Git(entry.work_dir), entry.address.name
    if not os.path.exists(os.path.join(entry.work_dir, ".git")) or not git.is_repository():
        return _without_worktree(root, entry, held, record.fields.get("branch", "") if record is not None else "")
    worktree.exclude(git)
    tree = worktree.status(git)
    commits = worktree.unpushed(git)
    for where, inner in worktree.unpushed_inside(git, tree.untracked).items():
        commits += tuple(f"{row} in {where}" for row in inner)
    return held._replace(
        branch=git.branch(),
        files=(*tree.changed, *tree.untracked),
        commits=commits,
        stashes=worktree.count_stashes(git, name),
    )


def _without_worktree(root: str, entry: RosterEntry, held: Stakes, branch: str) -> Stakes:
    """Return what is left of a polecat without a worktree: branch and stashes in the shared repository."""
    bare = bare_repo(root, entry.address.rig)
    return held._replace(
        branch=branch,
        commits=worktree.unpushed(bare, f"refs/heads/{branch}") if branch else (),
        stashes=worktree.count_stashes(bare, entry.address.name, branch),
        is_broken=os.path.isdir(entry.work_dir) and bool(os.listdir(entry.work_dir)),
        is_gone=True,
    )


class Removed(Record):
    """What was removed, with the ref or folder of the saved work and what was at stake."""

    name: str
    rig: str
    stakes: Stakes
    kept: str = ""
    branch_deleted: bool = False


def remove(
    root: str,
    ledger: TownLedger,
    entry: RosterEntry,
    *,
    actor: str,
    nuke: bool = False,
    force: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Removed:
    """Remove the worktree; with ``nuke`` also the hooked work and the local branch.

    Raises ConflictError naming what is at stake unless ``force``; unsaved work gets rescue refs first either way.
    """
    address = entry.address
    prefix = rig_prefix(root, address.rig)
    with polecat_pool.hold(root, address.rig, prefix, address.name):
        stakes = look_at_stakes(root, ledger, entry)
        if not force:
            _refuse(entry, stakes, nuke)
        if stakes.runs:
            sessions.stop_agent(root, entry, caller=actor, reason="nuked" if nuke else "removed", clock=clock)
        for bead_id in stakes.work if nuke else ():
            _let_go(root, ledger, bead_id, actor, clock)
        kept, deleted = _take_away(root, entry, stakes, nuke, clock)
        fields = {
            "agent_state": AgentState.NUKED if nuke else AgentState.IDLE,
            "hook_bead": stakes.work[0] if stakes.work and not nuke else "",
            "cleanup_status": "clean",
            "branch": stakes.branch,
        }
        record_hook(root, ledger, address, prefix, ARCHIVED, actor=actor, clock=clock, **fields)
    what = "nuked" if nuke else "removed"
    payload = {"rig": address.rig, "polecat": address.name, "kept": kept, "what": what}
    append_event(root, "polecat_removed", actor, payload, clock=clock)
    return Removed(address.name, address.rig, stakes, kept, deleted)


def _refuse(entry: RosterEntry, stakes: Stakes, nuke: bool) -> None:
    """Raise ConflictError if anything is at stake."""
    # without nuke the branch stays, so waiting requests are safe
    told = (stakes if nuke else stakes._replace(requests=())).words()
    if told:
        short = entry.address.short
        raise ConflictError(
            f"cannot remove {short}",
            "; ".join(told),
            f"gt polecat status {short} tells more; --force saves what there is to refs/gastown/rescue first",
        )


def _let_go(root: str, ledger: TownLedger, bead_id: str, actor: str, clock: Clock) -> None:
    """Reopen the work and burn its molecule, whose marks belong to the removed worktree."""
    home = ledger.home_of(bead_id)
    if home is None:
        return
    with home.write(actor) as batch:
        bead = batch.get(bead_id)
        if bead is not None:
            drop_molecule(batch, bead)
    freed = ledger.get(bead_id)
    if freed is not None:
        unsling(root, ledger, freed, actor=actor, clock=clock)


def _take_away(root: str, entry: RosterEntry, stakes: Stakes, nuke: bool, clock: Clock) -> tuple[str, bool]:
    """Remove worktree, folder and (with ``nuke``) branch; return where unsaved work is, and whether the branch went."""
    rig, name = entry.address.rig, entry.address.name
    bare = bare_repo(root, rig)
    if stakes.is_broken:
        kept = _shelve(root, rig, entry.work_dir, f"{name}-{int(clock.now() * 1000)}")
        worktree.rescue_branch(bare, stakes.branch, name, clock.now())
        bare.run("worktree", "prune")
    elif stakes.is_gone:
        kept = worktree.rescue_branch(bare, stakes.branch, name, clock.now())
        bare.run("worktree", "prune")
    else:
        kept = worktree.remove(bare, entry.work_dir, rescue_as=name, now=clock.now())
    folder = os.path.join(root, rig, "polecats", name)
    if any(files for _, _, files in os.walk(folder)):
        # files beside the worktree
        beside = _shelve(root, rig, folder, f"{name}-{int(clock.now() * 1000)}-beside")
        kept = kept or beside
    shutil.rmtree(folder, ignore_errors=True)
    deleted = False
    if nuke and stakes.branch.startswith("polecat/") and bare.commit_of(f"refs/heads/{stakes.branch}"):
        deleted = bare.attempt("branch", "--quiet", "-D", stakes.branch).code == 0
    return kept, deleted


def _shelve(root: str, rig: str, path: str, name: str) -> str:
    """Move a folder to where unsaved work is kept outside git; return the new path."""
    shelf = os.path.join(root, rig, ".runtime", "rescue", name)
    private_folder(os.path.dirname(shelf))
    os.rename(path, shelf)
    return shelf


def remove_all(
    root: str, ledger: TownLedger, entries: list[RosterEntry], *, actor: str, nuke: bool, force: bool
) -> tuple[list[Removed], list[tuple[RosterEntry, GastownError]]]:
    """Remove them one by one; return the removed ones, and the others with the error."""
    done: list[Removed] = []
    failed: list[tuple[RosterEntry, GastownError]] = []
    for entry in entries:
        try:
            done.append(remove(root, ledger, entry, actor=actor, nuke=nuke, force=force))
        except GastownError as error:
            failed.append((entry, error))
    return done, failed
