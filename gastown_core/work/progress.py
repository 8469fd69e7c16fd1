"""A worker's checkpoint: a note of what it was doing, in a file of its worktree, for the session after a crash.

Git ignores the file, and briefings show it for a day.  Branch, commit and changed files are read from git when it is written.
Saved states of the worktree itself are in ``git.checkpoints``.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds, parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.atomic import as_json, link_on_the_way, write_inside
from gastown_core.files.plain import read_plain
from gastown_core.git.repo import Git
from gastown_core.git.worktree import exclude, status
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry

FILE = ".polecat-checkpoint.json"
KEPT_S = 24 * 3600.0
MOST_FILES = 50
_TEXTS = {
    "notes": "notes",
    "step": "current_step",
    "molecule": "molecule_id",
    "bead": "hooked_bead",
    "branch": "branch",
    "commit": "last_commit",
    "session": "session_id",
}
"""The fields that are texts → their keys in the file."""


class Progress(Record):
    """One checkpoint; ``at`` is in Unix seconds, 0 if the file has no valid time."""

    notes: str = ""
    step: str = ""
    molecule: str = ""
    bead: str = ""
    branch: str = ""
    commit: str = ""
    files: tuple[str, ...] = ()
    session: str = ""
    at: float = 0.0

    def as_json(self) -> dict[str, object]:
        """Return the object of the file, which other tools read too."""
        texts: dict[str, object] = {key: getattr(self, name) for name, key in _TEXTS.items()}
        more = {"step_title": "", "modified_files": list(self.files), "timestamp": format_seconds(self.at)}
        return texts | more

    def lines(self) -> list[str]:
        """Return the lines that a briefing shows."""
        where = " ".join(part for part in (self.bead, self.molecule, self.step) if part)
        out = [f"Written {format_seconds(self.at)}" + (f" at {where}" if where else "")]
        out += [self.notes] if self.notes else []
        out += [f"Branch {self.branch} at {self.commit[:12]}"] if self.branch else []
        return out + ([f"Uncommitted then: {', '.join(self.files)}"] if self.files else [])


def write_progress(
    entry: RosterEntry,
    *,
    notes: str = "",
    step: str = "",
    molecule: str = "",
    bead: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Progress:
    """Replace the agent's checkpoint. Raises GitError, StoreError."""
    branch = commit = ""
    files: tuple[str, ...] = ()
    if os.path.exists(os.path.join(entry.work_dir, ".git")):
        git = Git(entry.work_dir)
        exclude(git, (f"/{FILE}",))
        tree = status(git)
        branch, commit = git.branch(), git.commit_of("HEAD")
        files = (*tree.changed, *tree.untracked)[:MOST_FILES]
    made = Progress(notes.strip(), step, molecule, bead, branch, commit, files, entry.session, clock.now())
    write_inside(entry.work_dir, FILE, as_json(made.as_json()))
    return made


def read_progress(entry: RosterEntry, now: float) -> Progress | None:
    """Return the agent's checkpoint; None if it is missing, unreadable or older than a day."""
    if link_on_the_way(entry.work_dir, FILE):
        return None
    try:
        value = decode_json(read_plain(os.path.join(entry.work_dir, FILE)))
    except (OSError, ValueError, GastownError):
        return None
    if not isinstance(value, dict):
        return None

    at = parse_moment(value.get("timestamp")) or 0.0
    if not 0 <= now - at < KEPT_S:
        return None
    named = value.get("modified_files")
    files = tuple(str(one) for one in named[:MOST_FILES]) if isinstance(named, list) else ()
    texts = {name: word for name, key in _TEXTS.items() if isinstance(word := value.get(key), str)}
    return Progress(files=files, at=at, **texts)


def clear_progress(entry: RosterEntry) -> bool:
    """Remove the agent's checkpoint; return whether there was one."""
    if link_on_the_way(entry.work_dir, FILE):
        return False
    try:
        os.unlink(os.path.join(entry.work_dir, FILE))
    except FileNotFoundError:
        return False
    return True
