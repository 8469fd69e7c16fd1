"""Handoff: give an agent a fresh session, with a note from the last one.

stored → respawned → told.  The note is stored as a bead first; if that fails, nothing is respawned.  An agent that
hands itself off and a person at the console use the same code.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError, GitError, UsageError
from gastown_core.events.log import append_event
from gastown_core.events.town_log import log_line
from gastown_core.files.atomic import link_on_the_way, write_inside
from gastown_core.files.plain import open_plain
from gastown_core.git import checkpoints
from gastown_core.git.repo import Git
from gastown_core.model.address import CREW, POLECAT
from gastown_core.model.bead import CLOSED, HOOKED
from gastown_core.model.order import Receipt
from gastown_core.model.record import Record
from gastown_core.process import gt_argv, spawn
from gastown_core.tmux.server import own_session_env
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry

STORED, RESPAWNED, TOLD = "stored", "respawned", "told"
MARK = "🤝 HANDOFF: "
MARKER = ".runtime/handoff_to_successor"


def handoff(
    root: str, entry: RosterEntry, *, subject: str, message: str = "", sender: str, clock: Clock = SYSTEM_CLOCK
) -> Iterator[Receipt]:
    """Hand ``entry`` off to a fresh session of its own runtime; yields one receipt per stage, the last ``final``.

    Raises UsageError without a subject, StoreError if the note cannot be stored (nothing is respawned then),
    TmuxError if the session cannot be respawned (the note waits).  Without tmux the note is stored and the last
    receipt says what to run.
    """
    if not subject.strip():
        raise UsageError("a handoff needs a subject", "", "-s says in a few words what it is about")
    try:
        note = store_note(root, entry, subject, message, sender)
    except GastownError as error:
        log_line(root, "handoff-NOPERSIST", entry.address.path, str(error), clock=clock)
        raise
    path = entry.address.path

    def receipt(stage: str, detail: str, *, final: bool = False) -> Receipt:
        return Receipt("handoff", path, stage, detail, final=final, at=clock.now())

    payload = {"to_session": True, "subject": subject, "target": path, "bead": note}
    append_event(root, "handoff", sender, payload, clock=clock)
    log_line(root, "handoff", path, subject, clock=clock)
    yield receipt(STORED, f"{note} is on the hook of {entry.address.short}")
    _keep_state(entry, clock)
    start = sessions.plan_again(root, entry, topic="handoff", sender=sender, bead=note, clock=clock)
    if not has_tmux():
        yield receipt(STORED, f"there is no tmux here; run it yourself: {sessions.by_hand(start)}", final=True)
        return
    leave_marker(entry)
    if own_session_env() == entry.session:
        _respawn_from_outside(root, entry, note)
        yield receipt(RESPAWNED, "this session ends now; its successor reads the note", final=True)
        return
    fresh = sessions.respawn_agent(root, start, clock=clock)
    yield receipt(RESPAWNED, f"{entry.session} with {start.alias}, process {fresh.pid}")
    how = "will be typed at its prompt" if start.typed_prompt else "stands in its first prompt"
    yield receipt(TOLD, f"the handoff {how}", final=True)


def _keep_state(entry: RosterEntry, clock: Clock) -> None:
    """Save a checkpoint of a worker's worktree; a failure does not stop the handoff."""
    if entry.address.role in (CREW, POLECAT) and os.path.exists(os.path.join(entry.work_dir, ".git")):
        with contextlib.suppress(GitError):
            checkpoints.save(Git(entry.work_dir), entry.address.name, "handoff", clock.now())


def _respawn_from_outside(root: str, entry: RosterEntry, note: str) -> None:
    """Respawn from a process that outlives this session, which ends with all its processes."""
    words = ["session", "restart", entry.address.path, "--topic", "handoff", "--about", note, "--when-orphaned"]
    spawn(gt_argv(*words), cwd=root)


def store_note(root: str, entry: RosterEntry, subject: str, message: str, sender: str) -> str:
    """Keep the note as hooked mail of the agent to itself; returns its id. Raises StoreError."""
    from gastown_core.beads.ledger import TownLedger

    title = subject.strip() if "HANDOFF" in subject else MARK + subject.strip()
    fields = {
        "title": title[:500],
        "description": message,
        "issue_type": "message",
        "priority": 1,
        "labels": ["gt:message", f"from:{sender}"],
        "assignee": entry.address.mail,
        "status": HOOKED,
    }
    with TownLedger(root).store_for("hq-x").write(sender) as batch:
        return str(batch.create(fields).id)


class Note(Record):
    """A handoff note: its bead, subject, sender, moment in Unix seconds, text."""

    id: str
    title: str
    sender: str
    at: float
    body: str


def waiting_notes(root: str, entry: RosterEntry) -> list[Note]:
    """Return the handoff notes that an agent has not read yet, newest first. Raises StoreError."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import BeadQuery

    forms = tuple(sorted({entry.address.mail, entry.address.path, entry.address.short}))
    query = BeadQuery(labels_all=("gt:message",), exclude_statuses=(CLOSED,), assignees=forms, include_wisps=True)
    found = [bead for bead in TownLedger(root).store_for("hq-x").find(query) if "HANDOFF" in bead.title.upper()]
    found.sort(key=lambda bead: -bead.created_at)
    return [Note(bead.id, bead.title, _sender(bead.labels), bead.created_at, bead.description) for bead in found]


def _sender(labels: Iterable[str]) -> str:
    return next((label[5:] for label in labels if label.startswith("from:")), "")


def leave_marker(entry: RosterEntry, reason: str = "handoff") -> None:
    """Write a marker for the successor (``gt prime --hook`` reads it): the old session, and the reason."""
    if link_on_the_way(entry.work_dir, MARKER):
        # a symbolic link of the project: the successor starts without the marker
        return
    write_inside(entry.work_dir, MARKER, f"{entry.session}\n{reason}\n".encode())


def take_marker(work_dir: str) -> str:
    """Read and remove the marker: why the last session ended; empty if there is none."""
    path = os.path.join(work_dir, MARKER)
    if link_on_the_way(work_dir, MARKER):
        return ""
    try:
        with open(open_plain(path), encoding="utf-8", errors="replace") as handle:
            lines = handle.read().splitlines()
        os.unlink(path)
    except OSError:
        return ""
    return lines[1] if len(lines) > 1 else "handoff"
