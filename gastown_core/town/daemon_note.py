"""What is known of a town's daemon from outside: the lock it holds for life, and what it last told of itself.

Who holds ``daemon/daemon.lock`` is the daemon, whatever else is written; ``daemon/daemon.pid`` (pid and a nonce) serves
other tools, and ``daemon/state.json`` holds its duties (daemon-and-health.md sections 1 and 3).
"""

from __future__ import annotations

import os

from gastown_core.clock import parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json
from gastown_core.files.locks import holder_of
from gastown_core.model.daemon import DIED, FAILS, NEVER, RUNS, SILENT, STOPPED, DaemonView
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEARTBEAT_S = 30.0
OTHERS_HEARTBEAT_S = 180.0
"""The pace of a daemon that tells of no duties: it is one of the Go tools."""
MISSED = 3
"""So many heartbeats left out make a daemon silent."""


class DaemonNote(Record):
    """A running daemon; ``duties`` maps a duty's name to ``{"last_run", "runs", "took_s", "did", "error"}``.

    Only the pid is known of one that has not answered yet.
    """

    pid: int
    started_at: str = ""
    last_heartbeat: str = ""
    heartbeat_count: int = 0
    duties: dict[str, dict[str, Any]] = {}  # noqa: RUF012  a default that nobody changes

    @property
    def has_answered(self) -> bool:
        """Whether this very process has told of itself."""
        return bool(self.last_heartbeat)


def folder(root: str) -> str:
    """Where the daemon keeps its files."""
    return os.path.join(root, "daemon")


def lock_path(root: str) -> str:
    """The file whose lock is held for the daemon's life."""
    return os.path.join(folder(root), "daemon.lock")


def state_path(root: str) -> str:
    """What the daemon tells of itself."""
    return os.path.join(folder(root), "state.json")


def log_path(root: str) -> str:
    """The daemon's log."""
    return os.path.join(folder(root), "daemon.log")


def pid_path(root: str) -> str:
    """Pid on the first line, a random nonce on the second."""
    return os.path.join(folder(root), "daemon.pid")


def running_pid(root: str) -> int | None:
    """The daemon's process, None if none runs, 0 if one runs and nothing tells which. Raises StoreError."""
    return holder_of(lock_path(root))


def is_running(root: str) -> bool:
    """Whether some process holds the daemon's lock; the kernel lets go of it when that process dies."""
    return running_pid(root) is not None


def read_note(root: str) -> DaemonNote | None:
    """The running daemon, None if none runs; a state file that is not its own leaves the pid alone."""
    pid = running_pid(root)
    return None if pid is None else _note(pid, read_state(root))


def read_state(root: str) -> dict[str, Any]:
    """What the last daemon told of itself; empty if there is nothing that can be read."""
    try:
        return read_json(state_path(root)) or {}
    except GastownError:
        return {}


def _note(pid: int, state: dict[str, Any]) -> DaemonNote:
    if state.get("pid") != pid or state.get("running") is not True:
        return DaemonNote(pid)
    duties, count = state.get("duties"), state.get("heartbeat_count")
    return DaemonNote(
        pid,
        str(state.get("started_at") or ""),
        str(state.get("last_heartbeat") or ""),
        count if isinstance(count, int) else 0,
        {name: told for name, told in duties.items() if isinstance(told, dict)} if isinstance(duties, dict) else {},
    )


def view(root: str, now: float, state: dict[str, Any] | None = None) -> DaemonView:
    """How the daemon is at ``now``, also if none runs; ``state`` is its state file, where the caller has read it."""
    told = read_state(root) if state is None else state
    pid = running_pid(root)
    last = parse_moment(told.get("last_heartbeat")) or 0.0
    if pid is None:
        if told.get("running") is True:
            return DaemonView(DIED, 0, last)
        return DaemonView(STOPPED, 0, parse_moment(told.get("ended_at")) or last) if told else DaemonView(NEVER)
    note = _note(pid, told)
    if not note.has_answered:
        # it is coming up, or cannot write a word
        last = _locked_at(root)
    pace_s = HEARTBEAT_S if note.duties or not note.has_answered else OTHERS_HEARTBEAT_S
    if last and now - last > MISSED * pace_s:
        return DaemonView(SILENT, pid, last)
    failing = tuple(
        (name, str(duty["error"]), parse_moment(duty.get("failing_since")) or 0.0)
        for name, duty in note.duties.items()
        if duty.get("error")
    )
    return DaemonView(FAILS if failing else RUNS, pid, parse_moment(note.started_at) or last, failing)


def _locked_at(root: str) -> float:
    try:
        return os.stat(lock_path(root)).st_mtime
    except OSError:
        return 0.0
