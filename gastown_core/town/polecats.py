"""Polecats: claim an idle one or make a new one, with a worktree on a branch for one piece of work.

One per-polecat lock is held from the choice until the caller is done (``Claim`` is a context manager), so two
slings never take the same one.  A worktree is reused only after what it held has a rescue ref.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import namedtuple

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GitError, UsageError
from gastown_core.files.locks import FileLock
from gastown_core.git import worktree
from gastown_core.git.repo import Git
from gastown_core.model.address import POLECAT, Address
from gastown_core.town import sources
from gastown_core.town.identity import signature
from gastown_core.town.inventory import RosterEntry, polecat_dir
from gastown_core.town.names import NAME, RESERVED, free_names, pool_names
from gastown_core.town.rigs import bare_repo, beads_home, default_branch
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import NamedTuple

    from gastown_core.clock import Clock

    class Sandbox(NamedTuple):
        """A polecat's worktree ready for work; ``rescue`` is the ref of what it held before, ``was`` its old branch."""

        entry: RosterEntry
        branch: str
        base: str
        is_new: bool
        rescue: str
        was: str
        warnings: tuple[str, ...]
else:
    Sandbox = namedtuple("Sandbox", "entry branch base is_new rescue was warnings")


class Claim:
    """A polecat held for one sling; leaving the ``with`` block lets it go (its work is then on the hook)."""

    def __init__(self, root: str, rig: str, name: str, entry: RosterEntry, lock: FileLock, is_new: bool) -> None:
        self.root = root
        self.rig = rig
        self.name = name
        self.entry = entry
        self.is_new = is_new
        self._lock = lock

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_pending(self.root, self.rig, self.name))
        self._lock.__exit__(None, None, None)


def claim(
    root: str,
    rig: str,
    prefix: str,
    *,
    wanted: str = "",
    is_idle: Callable[[RosterEntry], bool],
    clock: Clock = SYSTEM_CLOCK,
) -> Claim:
    """Take an idle polecat of the rig, or the next free name; ``wanted`` asks for one by name.

    ``is_idle`` is asked for existing ones, under the lock.  Raises ConflictError if the wanted one is at work or
    the rig is full, UsageError for a bad name.
    """
    locks = os.path.join(root, rig, ".runtime", "locks")
    os.makedirs(locks, exist_ok=True)
    os.makedirs(os.path.join(root, rig, "polecats"), exist_ok=True)
    with FileLock(os.path.join(locks, "polecat-pool.lock")):
        known = _names(root, rig)
        reserved = _reserved(root, rig, clock.now())
        if wanted:
            return _claim_by_name(root, rig, prefix, wanted, known, reserved, is_idle)
        for name in known:
            taken = None if name in reserved else _try(root, rig, prefix, name, is_new=False)
            if taken is None:
                continue
            if is_idle(taken.entry):
                _reserve(taken)
                return taken
            taken.__exit__(None, None, None)
        return _claim_new(root, rig, prefix, {*known, *reserved})


def _claim_by_name(
    root: str,
    rig: str,
    prefix: str,
    name: str,
    known: list[str],
    reserved: set[str],
    is_idle: Callable[[RosterEntry], bool],
) -> Claim:
    if not NAME.fullmatch(name) or name in RESERVED:
        raise UsageError(f"{name!r} cannot be a polecat's name", "", "lower-case letters, digits and - are allowed")
    taken = None if name in reserved else _try(root, rig, prefix, name, is_new=name not in known)
    if taken is None:
        raise ConflictError(f"{rig}/{name} is being given work already", "", "choose another one, or the rig itself")
    if not taken.is_new and not is_idle(taken.entry):
        taken.__exit__(None, None, None)
        raise ConflictError(f"{rig}/{name} has work on its hook", "", f"gt sling BEAD {rig} finds a free one")
    _reserve(taken)
    return taken


def _claim_new(root: str, rig: str, prefix: str, in_use: set[str]) -> Claim:
    most = load_settings(root).lenient("operational.polecat.max_per_rig")
    settings = load_settings(root, "rig", rig)
    if len(in_use) >= most:
        raise ConflictError(
            f"rig {rig} has {len(in_use)} polecats, all at work", f"{most} at most", "wait until one is done"
        )
    numbers_from = settings.lenient("namepool.max_before_numbering") + 1
    for name in free_names(pool_names(root, settings), in_use, numbers_from):
        taken = _try(root, rig, prefix, name, is_new=True)
        if taken is not None:
            _reserve(taken)
            return taken
    raise ConflictError(f"rig {rig} has no free name")


def _try(root: str, rig: str, prefix: str, name: str, *, is_new: bool) -> Claim | None:
    lock = FileLock(
        os.path.join(root, rig, ".runtime", "locks", f"polecat-{name}.lock"), timeout_s=0.0, name_holder=True
    )
    try:
        lock.__enter__()
    except ConflictError:
        return None
    return Claim(root, rig, name, polecat_entry(root, rig, prefix, name), lock, is_new)


def polecat_entry(root: str, rig: str, prefix: str, name: str) -> RosterEntry:
    """The roster entry a polecat has, or will have once it is made."""
    address = Address(POLECAT, rig, name)
    path = os.path.join(root, rig)
    work_dir = polecat_dir(path, rig, name)
    if not os.path.isdir(work_dir):
        work_dir = os.path.join(path, "polecats", name, rig)
    return RosterEntry(address, address.session(prefix), work_dir, address.bead_id(prefix))


def _names(root: str, rig: str) -> list[str]:
    folder = os.path.join(root, rig, "polecats")
    return sorted(n for n in os.listdir(folder) if not n.startswith(".") and os.path.isdir(os.path.join(folder, n)))


def _pending(root: str, rig: str, name: str) -> str:
    return os.path.join(root, rig, "polecats", f"{name}.pending")


def _reserve(claimed: Claim) -> None:
    with open(_pending(claimed.root, claimed.rig, claimed.name), "w", encoding="ascii") as handle:
        handle.write(f"{os.getpid()}\n")


def _reserved(root: str, rig: str, now: float) -> set[str]:
    """Names with a reservation that still counts; older ones are removed."""
    limit = load_settings(root).seconds("operational.polecat.pending_max_age")
    folder = os.path.join(root, rig, "polecats")
    found: set[str] = set()
    for file in os.listdir(folder):
        if not file.endswith(".pending"):
            continue
        path = os.path.join(folder, file)
        with contextlib.suppress(FileNotFoundError):
            if now - os.stat(path).st_mtime > limit or not _is_running(path):
                os.unlink(path)
            else:
                found.add(file.removesuffix(".pending"))
    return found


def _is_running(path: str) -> bool:
    """Whether the process that wrote the reservation still runs."""
    with open(path, encoding="ascii", errors="replace") as handle:
        text = handle.read().strip()
    if not text.isdigit():
        return True
    try:
        os.kill(int(text), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def prepare(claimed: Claim, bead_id: str, *, base_branch: str = "", clock: Clock = SYSTEM_CLOCK) -> Sandbox:
    """Give the claimed polecat a worktree on a new branch from ``origin/<base>``.

    A worktree that stands on a branch for the same bead is gone on with as it is.  Raises GitError; nothing is lost.
    """
    root, rig, entry = claimed.root, claimed.rig, claimed.entry
    bare = bare_repo(root, rig)
    base = f"origin/{base_branch or default_branch(root, rig)}"
    warnings = _fetch(bare, base.removeprefix("origin/"))
    if not bare.commit_of(base):
        raise GitError(f"rig {rig} has no branch {base.removeprefix('origin/')}", f"{base} does not exist")
    tree = Git(entry.work_dir) if os.path.exists(os.path.join(entry.work_dir, ".git")) else None
    rescue, was = "", tree.branch() if tree is not None else ""
    resumes = bool(bead_id) and bead_of_branch(was) == bead_id
    branch = was if resumes else branch_name(claimed.name, bead_id, clock.now())
    if tree is None:
        bare.run("worktree", "prune")
        worktree.add(bare, entry.work_dir, branch=branch, start=base)
    elif not resumes:
        rescue = worktree.rescue(tree, claimed.name, clock.now())
        tree.run("branch", branch, base)
        tree.run("checkout", "--quiet", "--force", branch)
        tree.run("clean", "--quiet", "-fd")
    made = Sandbox(entry, branch, base, claimed.is_new, rescue, was, tuple(warnings))
    try:
        _furnish(root, rig, entry)
        warnings += sources.run_setup_hooks(os.path.join(root, rig), entry.work_dir)
    except BaseException:
        take_back(root, rig, made, clock=clock)
        raise
    return made._replace(warnings=tuple(warnings))


def _fetch(bare: Git, branch: str) -> list[str]:
    """Bring the base branch up to date; an unreachable remote is a warning, the work then starts from what is here."""
    try:
        bare.run("fetch", "--quiet", "origin", f"+refs/heads/{branch}:refs/remotes/origin/{branch}", timeout_s=20.0)
    except GitError as error:
        return [f"origin could not be fetched, the branch starts from the last known state ({error.why})"]
    return []


def _furnish(root: str, rig: str, entry: RosterEntry) -> None:
    sources.provision(os.path.join(root, rig), entry.work_dir, beads_home(root, rig))
    domain = load_settings(root).lenient("agent_email_domain")
    worktree.set_identity(Git(entry.work_dir), signature(entry.address, domain))
    with open(os.path.join(entry.work_dir, "CLAUDE.local.md"), "w", encoding="utf-8") as handle:
        handle.write(WORKER_TEXT.format(who=entry.address.short))


WORKER_TEXT = """\
# You are {who}, a polecat of this town

- This worktree and its branch are yours. Stay in it; never push the default branch.
- `gt prime` tells you who you are, `gt hook` what to do. Work on the hook is run without asking.
- Commit as you go. When the work is complete, `gt done` hands it in; it is not finished before.
- Stuck? `gt done --status ESCALATED` asks for help and keeps everything.
"""


def take_back(root: str, rig: str, sandbox: Sandbox, *, clock: Clock = SYSTEM_CLOCK) -> None:
    """Undo ``prepare``: a new polecat's worktree and branch go, a reused one returns to its old branch."""
    bare = bare_repo(root, rig)
    name = sandbox.entry.address.name
    if sandbox.is_new:
        worktree.remove(bare, sandbox.entry.work_dir, rescue_as=name, now=clock.now())
        shutil.rmtree(os.path.join(root, rig, "polecats", name), ignore_errors=True)
    elif sandbox.was == sandbox.branch:
        return
    elif sandbox.was:
        Git(sandbox.entry.work_dir).run("checkout", "--quiet", "--force", sandbox.was)
    bare.run("branch", "--quiet", "-D", sandbox.branch)


def branch_name(name: str, bead_id: str, now: float) -> str:
    """``polecat/opal/sh-x1@<base36 milliseconds>``; without a bead ``polecat/opal-<base36 milliseconds>``."""
    stamp = to_base36(int(now * 1000))
    return f"polecat/{name}/{bead_id}@{stamp}" if bead_id else f"polecat/{name}-{stamp}"


def bead_of_branch(branch: str) -> str:
    """The bead that a polecat's branch was made for, empty if none."""
    parts = branch.split("/")
    return parts[2].partition("@")[0] if len(parts) == 3 and parts[0] == "polecat" else ""


def to_base36(number: int) -> str:
    """``number`` in digits and lower-case letters."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    out = ""
    while number:
        number, digit = divmod(number, 36)
        out = digits[digit] + out
    return out or "0"
