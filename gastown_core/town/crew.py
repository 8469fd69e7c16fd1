"""Crew: a person's own clone in a rig, with an agent."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack

from gastown_core.clock import SYSTEM_CLOCK, format_micros
from gastown_core.errors import ConflictError, GastownError, UsageError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import write_json
from gastown_core.git.repo import Git
from gastown_core.git.worktree import exclude, status
from gastown_core.model.address import CREW, Address
from gastown_core.model.record import Record
from gastown_core.model.states import AgentState
from gastown_core.town import clones, push_target
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.discover import read_rigs
from gastown_core.town.inventory import RosterEntry
from gastown_core.town.rigs import beads_home, default_branch, require_rig, rig_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock


class CrewRow(Record):
    """A crew member for lists; ``is_clean`` is None if git failed."""

    rig: str
    name: str
    branch: str
    path: str
    has_session: bool
    is_clean: bool | None


def add_crew(
    root: str,
    rig: str,
    name: str,
    *,
    new_branch: bool = False,
    actor: str = "overseer",
    progress: Callable[[str], None] = lambda line: None,
    clock: Clock = SYSTEM_CLOCK,
) -> RosterEntry:
    """Clone the rig's repository for ``name``. Raises UsageError, ConflictError or GitError; leaves nothing."""
    clones.check_worker_name(name)
    prefix = require_rig(root, rig)
    path = os.path.join(root, rig, "crew", name)
    if os.path.lexists(path):
        raise ConflictError(f"{rig} already has a crew member {name}", path, f"gt attach {rig}/crew/{name}")
    if os.path.isdir(os.path.join(root, rig, "polecats", name)):
        # rig/name would be ambiguous
        raise ConflictError(f"{rig} has a polecat {name}", f"{rig}/{name} would be ambiguous", "choose another name")
    config = rig_config(root, rig)
    branch = default_branch(root, rig)
    bare = os.path.join(root, rig, ".repo.git")
    address = Address(CREW, rig, name)
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, path, ignore_errors=True)
        clone = clones.clone_full(str(config["git_url"]), path, bare=bare, branch=branch, progress=progress)
        push_target.aim(clone, str(config.get("push_url") or ""))
        if new_branch:
            branch = f"crew/{name}"
            clone.run("checkout", "--quiet", "-b", branch)
        warnings = clones.provision(os.path.join(root, rig), path, beads_home(root, rig))
        for warning in (*warnings, *clones.fill_submodules(clone)):
            progress(warning)
        _note_state(clone, name, rig, branch, format_micros(clock.now()))
        from gastown_core.beads.ledger import TownLedger

        put_agent_bead(TownLedger(root), address, prefix, agent_state=AgentState.IDLE)
        undo.pop_all()
    append_event(root, "crew_added", actor, {"rig": rig, "crew": name}, clock=clock)
    return RosterEntry(address, address.session(prefix), path, address.bead_id(prefix))


def _note_state(clone: Git, name: str, rig: str, branch: str, now: str) -> None:
    """Write ``state.json`` and ``mail/`` for tools that read them; the project's own files of these names are kept."""
    path = clone.path
    if not os.path.lexists(os.path.join(path, "mail")):
        os.mkdir(os.path.join(path, "mail"))
    if not os.path.lexists(os.path.join(path, "state.json")):
        exclude(clone, ("/state.json",))
        state = {"name": name, "rig": rig, "clone_path": path, "branch": branch, "created_at": now, "updated_at": now}
        write_json(os.path.join(path, "state.json"), state)


def split_name(root: str, text: str, rig: str = "", here: str = "") -> tuple[str, str]:
    """Return (rig, name) of ``name`` or ``rig/name``; the rig by ``--rig``, the text, the folder, or the only one.

    Raises UsageError if none of them gives the rig.
    """
    head, slash, tail = text.rpartition("/")
    name = tail
    named = head.removesuffix("/crew") if slash else ""
    if named and rig and named != rig:
        raise UsageError(f"{text} is in rig {named}, not {rig}", "", "omit --rig")
    found = rig or named or here
    if not found:
        rigs = list(read_rigs(root))
        if len(rigs) != 1:
            raise UsageError(
                f"which rig is {name} in?", "", f"--rig {' or '.join(rigs)}" if rigs else "gt rig add first"
            )
        found = rigs[0]
    return found, name


def look_at(entry: RosterEntry, sessions: set[str]) -> CrewRow:
    """Return a crew member's branch, cleanliness and session; runs git twice."""
    branch, clean = "", None
    git = Git(entry.work_dir)
    try:
        branch = git.branch()
        found = status(git)
        clean = not found.changed and not found.untracked
    except GastownError:
        # not a repository
        clean = None
    return CrewRow(entry.address.rig, entry.address.name, branch, entry.work_dir, entry.session in sessions, clean)
