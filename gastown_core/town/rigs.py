"""Rigs: adding a repository to the town with all its workers need; a failed attempt leaves nothing behind.

The steps follow town-and-agents.md section 5.  Each step that creates something registers how to undo it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack

from gastown_core.clock import SYSTEM_CLOCK, format_micros
from gastown_core.errors import ConflictError, GitError, NotFoundError, TownError, UsageError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_atomic, write_json
from gastown_core.files.folders import private_folder
from gastown_core.git import push_guard, worktree
from gastown_core.git.repo import Git
from gastown_core.model.address import REFINERY, WITNESS, Address
from gastown_core.model.states import AgentState
from gastown_core.process_table import mark, mark_lives
from gastown_core.town import clones, push_target
from gastown_core.town.agent_beads import write_agent_bead
from gastown_core.town.discover import read_rigs
from gastown_core.town.hook_files import claude_settings
from gastown_core.town.install import commit_town
from gastown_core.town.install_files import RIG_GITIGNORE
from gastown_core.town.names import pick_theme
from gastown_core.town.rig_register import NewRig, bare_folder, check_free, register
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock


ADDING = ".adding"
"""The file in a rig's folder that holds the process adding it, until the rig is registered."""
_LINK = "120000"
"""The mode of a symbolic link in git's index."""


def _silent(line: str) -> None:
    """Ignore progress."""


def add_rig(
    root: str,
    name: str,
    source: str,
    *,
    prefix: str = "",
    branch: str = "",
    push_url: str = "",
    upstream_url: str = "",
    mirror: bool = False,
    actor: str = "overseer",
    progress: Callable[[str], None] = _silent,
    clock: Clock = SYSTEM_CLOCK,
) -> NewRig:
    """Clone ``source`` (URL or path) into the town as rig ``name``; with ``mirror``, through a bare mirror of a folder.

    Merges go to ``push_url`` if given, and work continues from there; ``warnings`` says if the default branch cannot be
    pushed.  Raises UsageError for a bad name, prefix or source; ConflictError if name or prefix is taken; GitError with
    git's message.  Any failure, also an interrupt, leaves nothing behind.
    """
    clones.check_rig_name(name)
    url = clones.normal_url(source)
    rigs = read_rigs(root)
    path = os.path.join(root, name)
    if name in rigs:
        raise ConflictError(f"there is already a rig {name}", "", "gt rig list shows the rigs")
    if os.path.lexists(path):
        _clear_interrupted(path, name, progress)
    if prefix:
        check_free(prefix, rigs)
    with ExitStack() as undo:
        os.mkdir(path)
        undo.callback(shutil.rmtree, path, ignore_errors=True)
        write_atomic(os.path.join(path, ADDING), mark().encode())
        local_repo = push_target.local_folder(url) if mirror else ""
        if mirror:
            url = push_target.make_mirror(url, os.path.join(path, push_target.MIRROR), progress)
        rig = _clone(path, name, url, branch, prefix, rigs, push_url, progress)
        _write_config(rig, push_url, upstream_url, clock)
        _furnish(root, rig, undo)
        register(root, rig, push_url, upstream_url, local_repo, undo, clock)
        undo.pop_all()
    os.unlink(os.path.join(path, ADDING))
    append_event(root, "rig_added", actor, {"rig": name, "git_url": url, "prefix": rig.prefix}, clock=clock)
    _commit(root, name, progress)
    return rig


def _clear_interrupted(path: str, name: str, progress: Callable[[str], None]) -> None:
    """Remove what a killed ``gt rig add`` left there. Raises ConflictError for anything else."""
    lives = _adding(path)
    if lives is None:
        hint = "choose another name"
        if os.path.exists(os.path.join(path, "config.json")):
            hint = f"gt rig add {name} --adopt makes the rig that is there part of the town"
        raise ConflictError(f"cannot use {path}", "a file or folder with that name exists", hint)
    if lives:
        raise ConflictError(f"rig {name} is being added now", "another gt rig add works on it", "wait for it")
    progress(f"removing what an interrupted gt rig add left in {path}")
    shutil.rmtree(path)


def _adding(path: str) -> bool | None:
    """Return whether the process that adds the rig there lives; None if none adds, or added, one."""
    try:
        with open(os.path.join(path, ADDING), encoding="utf-8", errors="replace") as handle:
            return bool(mark_lives(handle.read(200)))
    except OSError:
        return None


def interrupted_rigs(root: str) -> list[str]:
    """Return the folders in which a ``gt rig add`` was killed before it was done."""
    known = read_rigs(root)
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and entry.name not in known]
    return sorted(name for name in names if _adding(os.path.join(root, name)) is False)


def _write_config(rig: NewRig, push_url: str, upstream_url: str, clock: Clock) -> None:
    config = {
        "type": "rig",
        "version": 1,
        "name": rig.name,
        "git_url": rig.url,
        "push_url": push_url,
        "upstream_url": upstream_url,
        "default_branch": rig.branch,
        "created_at": format_micros(clock.now()),
        "beads": {"prefix": rig.prefix},
    }
    write_json(os.path.join(rig.path, "config.json"), config)


def _commit(root: str, name: str, progress: Callable[[str], None]) -> None:
    try:
        commit_town(root, f"Add rig {name}", paths=("mayor", ".beads", name))
    except GitError as error:
        # the rig works without it; only the town's history lacks it
        progress(str(error))


def _clone(
    path: str,
    name: str,
    url: str,
    branch: str,
    prefix: str,
    rigs: dict[str, str],
    push_url: str,
    progress: Callable[[str], None],
) -> NewRig:
    """Create bare repository, mayor's clone, ledger, and refinery's worktree."""
    from gastown_core.beads.ids import default_prefix

    bare = os.path.join(path, ".repo.git")
    branch = clones.clone_bare(url, bare, branch=branch, progress=progress)
    clone = os.path.join(path, "mayor", "rig")
    clones.clone_full(url, clone, bare=bare, branch=branch, progress=progress)
    push_target.fill(Git(bare), push_url, branch)
    for repository in (bare, clone):
        push_target.aim(Git(repository), push_url)
    problem = push_target.why_not(Git(bare), push_url or url, branch)
    tracked = tracked_prefix(clone)
    if tracked and prefix and tracked != prefix:
        raise UsageError(
            f"the repository's own beads have the prefix {tracked}, not {prefix}",
            "",
            f"omit --prefix, or give {tracked}",
        )
    prefix = check_free(tracked or prefix or default_prefix(name), rigs)
    home = _make_ledger(path, clone, prefix, bool(tracked))
    for warning in clones.provision(path, clone, home):
        progress(warning)
    for repository in (bare, clone):
        push_guard.install(Git(repository), branch)
    refinery = os.path.join(path, "refinery", "rig")
    worktree.add(Git(bare), refinery, branch=branch, start="", new=False)
    clones.provision(path, refinery, home)
    for warning in (*clones.fill_submodules(Git(clone)), *clones.fill_submodules(Git(refinery))):
        progress(warning)
    if os.path.isdir(os.path.join(refinery, ".githooks")):
        worktree.own_configuration(Git(refinery))
        Git(refinery).run("config", "--worktree", "core.hooksPath", ".githooks")
    return NewRig(name, prefix, url, branch, path, (problem,) if problem else ())


def tracked_prefix(clone: str) -> str:
    """Return the prefix of the beads that a repository tracks, empty if it tracks none.

    Beads behind a symbolic link or a redirect are elsewhere, and not the repository's.
    """
    from gastown_core.beads.discovery import is_store, read_redirect
    from gastown_core.beads.opening import open_store

    beads_dir = os.path.join(clone, ".beads")
    rows = Git(clone).attempt("ls-files", "--stage", "-z", "--", ".beads").out.split("\0")
    if rows == [""] or any(row.startswith(_LINK) for row in rows):
        return ""
    return open_store(beads_dir).prefix if is_store(beads_dir) and not read_redirect(beads_dir) else ""


def _make_ledger(path: str, clone: str, prefix: str, is_tracked: bool) -> str:
    """Create the rig's store, or a redirect to the one that the repository tracks; return the folder of the beads."""
    if is_tracked:
        home = os.path.join(clone, ".beads")
        os.makedirs(os.path.join(path, ".beads"))
        write_atomic(os.path.join(path, ".beads", "redirect"), b"mayor/rig/.beads\n")
        return home
    from gastown_core.beads.opening import init_store

    init_store(path, prefix)
    return os.path.join(path, ".beads")


def _furnish(root: str, rig: NewRig, undo: ExitStack) -> None:
    """Create folders, settings, route and agent beads of the rig."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.routes import add_route, remove_route

    for folder in ("crew", "witness", "polecats", "plugins", "settings"):
        os.makedirs(os.path.join(rig.path, folder), exist_ok=True)
    for folder in (".runtime/locks", ".runtime/overlay"):
        private_folder(os.path.join(rig.path, folder))
    used = [load_settings(root, "rig", other).lenient("namepool.style") or "" for other in read_rigs(root)]
    settings = {"type": "rig-settings", "version": 1, "namepool": {"style": pick_theme(rig.name, used)}}
    write_json(os.path.join(rig.path, "settings", "config.json"), settings)
    write_atomic(os.path.join(rig.path, ".gitignore"), RIG_GITIGNORE.encode())
    os.makedirs(os.path.join(rig.path, "witness", ".claude"))
    write_json(os.path.join(rig.path, "witness", ".claude", "settings.local.json"), claude_settings())
    is_redirected = os.path.exists(os.path.join(rig.path, ".beads", "redirect"))
    add_route(root, f"{rig.prefix}-", f"{rig.name}/mayor/rig" if is_redirected else rig.name)
    undo.callback(remove_route, root, f"{rig.prefix}-")
    ledger = TownLedger(root)
    town = ledger.store_for("hq-x")
    made = [Address(role, rig.name, "").bead_id(rig.prefix) for role in (WITNESS, REFINERY)]
    rig_bead = f"{rig.prefix}-rig-{rig.name}"
    with town.write("gt") as batch:
        fresh = [bead_id for bead_id in (*made, rig_bead) if batch.get(bead_id) is None]
        for role in (WITNESS, REFINERY):
            write_agent_bead(batch, Address(role, rig.name, ""), rig.prefix, agent_state=AgentState.IDLE)
        body = f"Rig {rig.name}\n\nrepo: {rig.url}\nprefix: {rig.prefix}\nstate: active"
        if rig_bead in fresh:
            fields = {"title": rig.name, "description": body, "issue_type": "rig", "labels": ["gt:rig"]}
            batch.create(fields, bead_id=rig_bead)
    undo.callback(_delete_beads, root, fresh)


def _delete_beads(root: str, ids: list[str]) -> None:
    from gastown_core.beads.ledger import TownLedger

    with TownLedger(root).store_for("hq-x").write("gt") as batch:
        for bead_id in ids:
            batch.delete(bead_id)


def rig_config(root: str, name: str) -> dict[str, object]:
    """Return the rig's ``config.json``. Raises NotFoundError for an unregistered rig, TownError without the file."""
    require_rig(root, name)
    found = read_json(os.path.join(root, name, "config.json"))
    if found is None:
        raise TownError(f"rig {name} has no config.json", os.path.join(root, name))
    return found


def require_rig(root: str, name: str) -> str:
    """Return the rig's prefix. Raises NotFoundError with near matches."""
    rigs = read_rigs(root)
    if name in rigs:
        return rigs[name]
    import difflib

    near = difflib.get_close_matches(name, rigs, n=2, cutoff=0.4)
    known = ", ".join(rigs) or "none yet; gt rig add NAME URL adds one"
    raise NotFoundError(f"no rig {name}", "", f"did you mean {' or '.join(near)}?" if near else f"rigs: {known}")


def default_branch(root: str, name: str) -> str:
    """Return the branch that a rig's work is merged into; ``main`` if not configured."""
    config = read_json(os.path.join(root, name, "config.json")) or {}
    return str(config.get("default_branch") or "main")


def bare_repo(root: str, name: str) -> Git:
    """Return a rig's shared repository (``.repo.git``, or the mayor's clone in older towns). Raises TownError."""
    return Git(bare_folder(os.path.join(root, name), name))


def beads_home(root: str, name: str) -> str:
    """Return the folder of a rig's ledger, following redirects."""
    from gastown_core.beads.discovery import follow_redirects

    return follow_redirects(os.path.join(root, name, ".beads"))
