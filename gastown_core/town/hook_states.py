"""How the hook files of the town's agents stand, what writing them would change, and mending those that are damaged."""

from __future__ import annotations

import os

from gastown_core.errors import SettingsError, StoreError
from gastown_core.files.atomic import read_json, write_inside
from gastown_core.model.record import Record
from gastown_core.town.hook_files import (
    NOTES,
    REPAIR,
    Wanted,
    commands_in,
    hook_files,
    install,
    note,
    tracked,
    write,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset
    from gastown_core.town.inventory import RosterEntry

IN_STEP, MISSING, OLDER, CHANGED, DAMAGED, BLOCKED, NO_FOLDER = (
    "in step",
    "missing",
    "older",
    "changed",
    "unreadable",
    "not ours",
    "no folder",
)
"""As it should be; without our hooks; ours of another version; changed by a person; not to be read; kept for somebody
else; the agent has no folder."""
MOST_COPIES = 100


class HookState(Record):
    """One hook file of an agent with a runtime: its state, why it is in the way, and what it is to hold."""

    agent: str
    runtime: str
    path: str
    state: str
    why: str = ""
    wanted: Wanted | None = None

    def as_json(self) -> dict[str, object]:
        """Return the row of ``gt hooks list --json``."""
        return {key: getattr(self, key) for key in ("agent", "runtime", "path", "state", "why")}

    @property
    def is_stuck(self) -> bool:
        """Whether a sync cannot write our hooks there."""
        return self.state in (DAMAGED, BLOCKED)

    @property
    def remedy(self) -> str:
        """Return the command for what only a repair mends, to be put behind the reason; else empty."""
        return REPAIR if self.state == DAMAGED else ""

    def diff(self) -> list[str]:
        """Return what writing it would change, as a unified diff; empty where nothing can or need be written."""
        if self.wanted is None or self.state in (IN_STEP, DAMAGED, BLOCKED, NO_FOLDER):
            return []
        import difflib

        old = (self.wanted.current or b"").decode("utf-8", "replace").splitlines()
        new = self.wanted.content.decode("utf-8", "replace").splitlines()
        start = self.path if self.wanted.current is not None else "/dev/null"
        return list(difflib.unified_diff(old, new, start, self.path, lineterm=""))


def states(root: str, entry: RosterEntry, preset: Preset) -> list[HookState]:
    """Return the hook files of one agent with that runtime; none for a runtime without hooks. Changes nothing."""
    agent, files = entry.address.path, hook_files(root, entry, preset)
    if files and not os.path.isdir(entry.work_dir):
        return [HookState(agent, preset.name, entry.work_dir, NO_FOLDER, "it is made with the agent's first work")]
    open_paths = [file.path for file in files if not file.is_settled]
    theirs = tracked(entry.work_dir, open_paths) if open_paths else set()
    notes = _notes(root)
    found = []
    for file in files:
        path = os.path.join(entry.work_dir, file.path)
        state, why = _judge(file, notes.get(path))
        if file.path in theirs and state != IN_STEP:
            state, why = BLOCKED, "the project has a file of its own there"
        found.append(HookState(agent, preset.name, path, state, why, file))
    return found


def out_of_step(root: str, entry: RosterEntry, preset: Preset, *, runs: bool) -> list[HookState]:
    """Return the files that are not as they should be; of an agent that does not run, those that its start leaves so."""
    fine = (IN_STEP, NO_FOLDER) if runs else (IN_STEP, NO_FOLDER, MISSING, OLDER)
    return [one for one in states(root, entry, preset) if one.state not in fine]


def _judge(file: Wanted, noted: object) -> tuple[str, str]:
    if file.is_settled:
        return IN_STEP, ""
    if file.is_damaged:
        return DAMAGED, file.problem
    if file.problem:
        return BLOCKED, file.problem
    if file.current is None:
        return MISSING, ""
    standing, wanted = commands_in(file.current), commands_in(file.content)
    # what was written without a note of it is known by its words
    is_touched = standing != noted if noted is not None else all(one in wanted for one in standing)
    if not standing and wanted:
        return (CHANGED, "our commands were taken out") if noted else (MISSING, "it holds none of our hooks")
    return (CHANGED, "commands of ours were taken out or changed") if is_touched and wanted else (OLDER, "")


def _notes(root: str) -> dict[str, object]:
    try:
        return read_json(os.path.join(root, NOTES)) or {}
    except SettingsError:
        # then nothing is known of what was written, and what differs is told as older
        return {}


def repair(root: str, entry: RosterEntry, preset: Preset) -> tuple[list[str], list[str]]:
    """Put ours where a file is damaged, after a copy of it was kept, and write what is out of step.

    What can be read of a user's own settings stays in the file.

    Returns the copies, and what could not be mended in words.
    """
    copies, left, written = [], [], []
    for state in states(root, entry, preset):
        file = state.wanted
        if file is None or state.state != DAMAGED:
            continue
        try:
            copies.append(_keep_copy(entry.work_dir, file))
        except (OSError, StoreError) as error:
            left.append(f"{state.path}: {error}")
            continue
        if problem := write(entry.work_dir, file):
            left.append(f"{file.path} is as it was: {problem}")
        else:
            written.append(file)
    if written:
        note(root, entry.work_dir, written)
    return copies, [*left, *install(root, entry, preset)]


def _keep_copy(work_dir: str, file: Wanted) -> str:
    """Copy the present file to an unused name beside it, which git ignores; returns that path."""
    for number in range(1, MOST_COPIES):
        name = f"{file.path}.bad{number}"
        if not os.path.lexists(os.path.join(work_dir, name)):
            tracked(work_dir, [name], hides=True)
            write_inside(work_dir, name, file.current or b"", mode=0o600)
            return os.path.join(work_dir, name)
    raise StoreError(f"{file.path} has {MOST_COPIES} damaged copies", "", "look through them and delete some")
