"""Clones of a rig's repository: URLs and names checked, clones made, worktrees provisioned."""

from __future__ import annotations

import os
import re
import shutil
import stat

from gastown_core.beads.discovery import BEADS, write_redirect
from gastown_core.beads.opening import IGNORED, ensure_driver
from gastown_core.errors import GitError, StoreError, UsageError
from gastown_core.files.atomic import as_json, write_inside
from gastown_core.git import submodules
from gastown_core.git.repo import Git
from gastown_core.git.worktree import OURS, WORKER_NOTE, exclude, not_ours
from gastown_core.town.hook_files import claude_settings
from gastown_core.town.names import RESERVED, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
NAME, SIGNS = re.compile(r"[A-Za-z0-9_]+"), "letters, digits and _ are allowed"
TOWN_FOLDERS = frozenset("settings config plugins directives logs events warrants formulas".split())
"""Folders of the town itself, besides those named after a role."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+")
_SCP = re.compile(r"[\w.-]+@[\w.-]+:.+")
SETUP_TIMEOUT_S = 60.0
REDIRECT_FILE, HOOKS_FILE = f"{BEADS}/redirect", ".claude/settings.local.json"


def check_rig_name(name: str) -> str:
    """Return the name if it is valid for a rig. Raises UsageError with the allowed characters."""
    problem = refusal(name, "a rig's name", form=NAME, signs=SIGNS, taken=RESERVED | TOWN_FOLDERS)
    if problem is not None:
        raise problem
    return name


def check_worker_name(name: str) -> str:
    """Return the name if it is valid for a crew member. Raises UsageError."""
    problem = refusal(name, "a name", form=NAME, signs=SIGNS)
    if problem is not None:
        raise problem
    return name


def normal_url(text: str) -> str:
    """Return a git URL: as given, or ``file://`` of an existing folder. Raises UsageError otherwise."""
    if text.startswith("-") or not text:
        raise UsageError(f"{text!r} is not a repository", "", "a URL, user@host:path, or a folder")
    if _URL.fullmatch(text) or (_SCP.fullmatch(text) and not os.path.exists(text)):
        return text
    path = os.path.abspath(os.path.expanduser(text))
    if os.path.isdir(path):
        return "file://" + path
    raise UsageError(f"{text} is not a repository", "neither a URL nor a folder on this machine", "check the spelling")


def clone_bare(url: str, path: str, *, branch: str, progress: Callable[[str], None]) -> str:
    """Create the shared bare repository and return its default branch (``branch`` if given).

    Remote branches go to ``refs/remotes/origin``; ``refs/heads`` has the town's branches only.  Raises GitError.
    """
    os.makedirs(path)
    git = Git(path)
    git.run("init", "--quiet", "--bare")
    git.run("remote", "add", "origin", url)
    git.stream("fetch", "--progress", "origin", on_progress=progress)
    default = branch or _remote_head(git)
    commit = git.commit_of(f"refs/remotes/origin/{default}")
    if not commit:
        raise GitError(f"the repository has no branch {default}", url, "name one with --branch")
    git.run("update-ref", f"refs/heads/{default}", commit)
    git.run("symbolic-ref", "HEAD", f"refs/heads/{default}")
    git.run("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{default}")
    return default


def _remote_head(git: Git) -> str:
    for line in git.run("ls-remote", "--symref", "origin", "HEAD").splitlines():
        if line.startswith("ref: refs/heads/"):
            name = line.split()[1].removeprefix("refs/heads/")
            if git.commit_of(f"refs/remotes/origin/{name}"):
                return name
    branches = git.run("for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin").split()
    if not branches:
        raise GitError("the repository is empty", "it has no commit yet", "push a first commit to it, then try again")
    for name in ("main", "master"):
        if name in branches:
            return name
    return branches[0]


def clone_full(url: str, path: str, *, bare: str, branch: str, progress: Callable[[str], None]) -> Git:
    """Clone into ``path``, borrowing objects from the bare repository. Raises GitError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    git = Git(os.path.dirname(path))
    borrow = ("--reference", bare) if os.path.isdir(bare) else ()
    git.stream("clone", "--progress", *borrow, "--branch", branch, "--", url, path, on_progress=progress)
    clone = Git(path)
    if os.path.isdir(os.path.join(path, ".githooks")):
        clone.run("config", "core.hooksPath", ".githooks")
    return clone


def fill_submodules(git: Git) -> list[str]:
    """Check out the submodules of a new worktree or clone; return a warning if that fails."""
    try:
        if submodules.initialise(git, force=True):
            submodules.sweep(git, "-fdq")
    except GitError as error:
        return [f"cannot check out a submodule: {error.why}"]
    return []


def provision(rig_path: str, work_dir: str, beads_home: str, *, note: str = "") -> list[str]:
    """Set up a new worktree or clone for the rig: beads redirect, runtime hooks, overlay files, worker's note.

    ``beads_home`` is the rig's store.  The files are excluded from git, and git gets the merge driver for beads
    that the project tracks.  A file of the project (tracked, a link, or not written by the town) is kept; returns a
    warning for each that takes the place of one of these files.
    """
    git = Git(work_dir)
    holds_store = os.path.realpath(os.path.join(work_dir, BEADS)) == os.path.realpath(beads_home)
    overlay = _overlay_files(rig_path)
    derived = [f"/{BEADS}/{pattern}" for pattern in IGNORED] if holds_store else []
    exclude(git, (*OURS, *derived, *(f"/{name}" for name in overlay)))
    ensure_driver(os.path.join(work_dir, BEADS))
    theirs = set(git.run("ls-files", "-z", "--", REDIRECT_FILE, HOOKS_FILE, WORKER_NOTE).split("\0"))
    theirs.update(not_ours(git))
    warnings = []
    acts: list[tuple[str, Callable[[], None]]] = []
    if not holds_store:
        acts.append((REDIRECT_FILE, lambda: write_redirect(work_dir, beads_home)))
    if not os.path.lexists(os.path.join(work_dir, HOOKS_FILE)):
        acts.append((HOOKS_FILE, lambda: write_inside(work_dir, HOOKS_FILE, as_json(claude_settings()))))
    if note:
        acts.append((WORKER_NOTE, lambda: write_inside(work_dir, WORKER_NOTE, note.encode())))
    for path, act in acts:
        if path in theirs:
            warnings.append(f"the project has its own {path}, which is kept")
            continue
        try:
            act()
        except StoreError as error:
            warnings.append(f"{error.what}: {error.why}")
    for name in overlay:
        if not os.path.lexists(os.path.join(work_dir, name)):
            shutil.copy2(os.path.join(rig_path, ".runtime", "overlay", name), os.path.join(work_dir, name))
    return warnings


def _overlay_files(rig_path: str) -> list[str]:
    folder = os.path.join(rig_path, ".runtime", "overlay")
    if not os.path.isdir(folder):
        return []
    return sorted(name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name)))


def run_setup_hooks(rig_path: str, work_dir: str) -> list[str]:
    """Run the rig's ``.runtime/setup-hooks`` in name order in the worktree; return a warning for each that fails."""
    from gastown_core.errors import GastownError
    from gastown_core.process import run

    folder = os.path.join(rig_path, ".runtime", "setup-hooks")
    if not os.path.isdir(folder):
        return []
    warnings: list[str] = []
    env = {**os.environ, "GT_WORKTREE_PATH": work_dir, "GT_RIG_PATH": rig_path}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        if not os.stat(path).st_mode & stat.S_IXUSR:
            warnings.append(f"set-up hook {name} is not executable and was skipped")
            continue
        try:
            done = run([path], cwd=work_dir, env=env, timeout_s=SETUP_TIMEOUT_S)
        except GastownError as error:
            warnings.append(f"set-up hook {name}: {error}")
            continue
        if done.code:
            warnings.append(f"set-up hook {name} exited with {done.code}: {(done.err or done.out).strip()[-2000:]}")
    return warnings
