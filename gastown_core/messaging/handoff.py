"""Handoff: give an agent its next session, with a note from the last one.

stored → respawned → told.  The note is stored as a bead first; if that fails, nothing is respawned.  An agent that
hands itself off and a person at the console use the same code.  The next session is a fresh one, goes on with the
program's conversation (cycle), or is the same one after its context was compacted (auto: nothing is respawned).
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError, GitError, UsageError
from gastown_core.events.log import append_event
from gastown_core.events.town_log import log_line
from gastown_core.files.atomic import link_on_the_way, write_inside
from gastown_core.files.plain import open_plain
from gastown_core.git import checkpoints
from gastown_core.git.repo import Git
from gastown_core.model.address import CREW, MAYOR, POLECAT
from gastown_core.model.bead import CLOSED, HOOKED
from gastown_core.model.order import Receipt
from gastown_core.model.record import Record
from gastown_core.process import gt_argv, spawn
from gastown_core.tmux.server import own_session_env
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import sessions, start_plan
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry

STORED, RESPAWNED, TOLD = "stored", "respawned", "told"
MARK = "🤝 HANDOFF: "
MARKER = ".runtime/handoff_to_successor"
MOMENT = ".runtime/last_handoff_ts"
"""Its time is when the agent last handed itself off."""


FRESH, CYCLE, AUTO = "fresh", "cycle", "auto"
SUBJECTS = {FRESH: "fresh session", CYCLE: "session renewed", AUTO: "before the compaction"}
"""Mode → the subject of a note without one."""
REASONS = {FRESH: "handoff", CYCLE: "cycle", AUTO: "compaction"}
"""Mode → what the successor is told of why the last session ended, unless the caller says it."""
_AUTO_LABEL = "handoff:auto"


def handoff(
    root: str,
    entry: RosterEntry,
    *,
    subject: str,
    message: str = "",
    sender: str,
    mode: str = FRESH,
    reason: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[Receipt]:
    """Hand ``entry`` off to its next session; yields one receipt per stage, the last ``final``.

    Raises UsageError without a subject, ConflictError if an agent hands itself off again too soon, StoreError if the
    note cannot be stored (nothing is respawned then), TmuxError if the session cannot be respawned (the note waits).
    Without tmux the note is stored and the last receipt says what to run.
    """
    if not subject.strip():
        raise UsageError("a handoff needs a subject", "", "-s says in a few words what it is about")
    reason = " ".join(reason.split()) or REASONS[mode]
    if mode != AUTO:
        _check_rested(root, entry, clock)
    path = entry.address.path
    try:
        note = store_note(root, entry, subject, message, sender, replaces_auto=mode == AUTO)
    except GastownError as error:
        log_line(root, "handoff-NOPERSIST", path, str(error), clock=clock)
        raise

    def receipt(stage: str, detail: str, *, final: bool = False) -> Receipt:
        return Receipt("handoff", path, stage, detail, final=final, at=clock.now())

    append_event(root, "handoff", sender, {"to_session": mode != AUTO, "subject": subject}, clock=clock)
    log_line(root, "handoff", path, subject, clock=clock)
    yield receipt(STORED, f"{note} is on the hook of {entry.address.short}", final=mode == AUTO)
    _keep_state(entry, clock)
    if mode == AUTO:
        leave_marker(entry, reason)
        return
    yield from _respawn(root, entry, note, sender, mode, reason, receipt, clock)


def _respawn(
    root: str,
    entry: RosterEntry,
    note: str,
    sender: str,
    mode: str,
    reason: str,
    receipt: Callable[..., Receipt],
    clock: Clock,
) -> Iterator[Receipt]:
    topic, resume = ("cycle", True) if mode == CYCLE else ("handoff", False)
    start = sessions.plan_again(root, entry, topic=topic, sender=sender, bead=note, resume=resume, clock=clock)
    leave_marker(entry, reason)
    if not has_tmux():
        yield receipt(STORED, f"there is no tmux here; run it yourself: {start_plan.by_hand(start)}", final=True)
        return
    fresh_after_all = "" if start.resumes or not resume else "; no conversation to go on with is known, so it is fresh"
    if own_session_env() == entry.session:
        _note_moment(entry, clock)
        _respawn_from_outside(root, entry, note, topic, resumes=start.resumes)
        yield receipt(RESPAWNED, f"this session ends now; its successor reads the note{fresh_after_all}", final=True)
        return
    fresh = sessions.respawn_agent(root, start, clock=clock)
    yield receipt(RESPAWNED, f"{entry.session} with {start.alias}, process {fresh.pid}{fresh_after_all}")
    how = "will be typed at its prompt" if start.typed_prompt else "stands in its first prompt"
    yield receipt(TOLD, f"the handoff {how}", final=True)


def _check_rested(root: str, entry: RosterEntry, clock: Clock) -> None:
    """Refuse an agent that hands itself off in a circle; mayor and crew, whom a person talks to, may. Raises ConflictError."""
    if own_session_env() != entry.session or entry.address.role in (MAYOR, CREW):
        return
    wanted_s = load_settings(root).seconds("operational.session.min_handoff_cooldown")
    try:
        passed_s = clock.now() - os.lstat(os.path.join(entry.work_dir, MOMENT)).st_mtime
    except OSError:
        # it never handed itself off
        return
    if 0 <= passed_s < wanted_s:
        raise ConflictError(
            f"{entry.address.short} handed off {passed_s:.0f} s ago",
            f"operational.session.min_handoff_cooldown is {wanted_s:.0f} s",
            f"go on with the work on your hook; the next handoff is possible in {wanted_s - passed_s:.0f} s",
        )


def _note_moment(entry: RosterEntry, clock: Clock) -> None:
    if link_on_the_way(entry.work_dir, MOMENT):
        return
    write_inside(entry.work_dir, MOMENT, f"{clock.now():.0f}\n".encode())


def _keep_state(entry: RosterEntry, clock: Clock) -> None:
    """Save a checkpoint of a worker's worktree; a failure does not stop the handoff."""
    if entry.address.role in (CREW, POLECAT) and os.path.exists(os.path.join(entry.work_dir, ".git")):
        with contextlib.suppress(GitError):
            checkpoints.save(Git(entry.work_dir), entry.address.name, "handoff", clock.now())


def _respawn_from_outside(root: str, entry: RosterEntry, note: str, topic: str, *, resumes: bool) -> None:
    """Respawn from a process that outlives this session, which ends with all its processes."""
    words = ["session", "restart", entry.address.path, "--topic", topic, "--about", note, "--when-orphaned"]
    words.append("--resume" if resumes else "--fresh")
    spawn(gt_argv(*words), cwd=root)


def store_note(
    root: str, entry: RosterEntry, subject: str, message: str, sender: str, *, replaces_auto: bool = False
) -> str:
    """Keep the note as hooked mail of the agent to itself; returns its id. Raises StoreError.

    One that ``replaces_auto`` is made by a program before each compaction: it takes the place of those unread before it.
    """
    from gastown_core.beads.ledger import TownLedger

    title = subject.strip() if "HANDOFF" in subject else MARK + subject.strip()
    fields = {
        "title": title[:500],
        "description": message,
        "issue_type": "message",
        "priority": 1,
        "labels": ["gt:message", f"from:{sender}", *([_AUTO_LABEL] if replaces_auto else [])],
        "assignee": entry.address.mail,
        "status": HOOKED,
    }
    former = [one.id for one in waiting_notes(root, entry) if one.is_auto] if replaces_auto else []
    with TownLedger(root).store_for("hq-x").write(sender) as batch:
        note = str(batch.create(fields).id)
        for one in former:
            batch.close(one, f"replaced by {note}", force=True)
    return note


class Note(Record):
    """A handoff note: its bead, subject, sender, moment in Unix seconds, text; ``is_auto`` if a program wrote it."""

    id: str
    title: str
    sender: str
    at: float
    body: str
    is_auto: bool = False


def waiting_notes(root: str, entry: RosterEntry) -> list[Note]:
    """Return the handoff notes that an agent has not read yet, newest first. Raises StoreError."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import BeadQuery

    forms = tuple(sorted({entry.address.mail, entry.address.path, entry.address.short}))
    query = BeadQuery(labels_all=("gt:message",), exclude_statuses=(CLOSED,), assignees=forms, include_wisps=True)
    found = [bead for bead in TownLedger(root).store_for("hq-x").find(query) if "HANDOFF" in bead.title.upper()]
    found.sort(key=lambda bead: -bead.created_at)
    return [
        Note(bead.id, bead.title, _sender(bead.labels), bead.created_at, bead.description, _AUTO_LABEL in bead.labels)
        for bead in found
    ]


def _sender(labels: Iterable[str]) -> str:
    return next((label[5:] for label in labels if label.startswith("from:")), "")


def leave_marker(entry: RosterEntry, reason: str = "handoff") -> None:
    """Write a marker for the successor (``gt prime --hook`` reads it): the old session, and the reason."""
    if link_on_the_way(entry.work_dir, MARKER):
        # a symbolic link of the project: the successor starts without the marker
        return
    write_inside(entry.work_dir, MARKER, f"{entry.session}\n{reason}\n".encode())


def read_marker(work_dir: str) -> str:
    """Why the last session ended, as its marker says; empty if there is none."""
    if link_on_the_way(work_dir, MARKER):
        return ""
    try:
        with open(open_plain(os.path.join(work_dir, MARKER)), encoding="utf-8", errors="replace") as handle:
            lines = handle.read().splitlines()
    except OSError:
        return ""
    return lines[1] if len(lines) > 1 else "handoff"


def take_marker(work_dir: str) -> str:
    """Read and remove the marker."""
    reason = read_marker(work_dir)
    if reason:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(work_dir, MARKER))
    return reason
