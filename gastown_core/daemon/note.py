"""What is known of a town's daemon from outside: the lock it holds for life, its pid, and what it last told of itself.

``daemon/daemon.lock`` is the truth for "is it running"; ``daemon/daemon.pid`` holds pid and a nonce, ``daemon/state.json``
its duties (daemon-and-health.md sections 1 and 3).
"""

from __future__ import annotations

import os

from gastown_core.errors import ConflictError, SettingsError
from gastown_core.files.atomic import read_json
from gastown_core.files.locks import FileLock
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class DaemonNote(Record):
    """A running daemon; ``duties`` maps a duty's name to ``{"last_run", "runs", "took_s", "did", "error"}``."""

    pid: int
    started_at: str = ""
    last_heartbeat: str = ""
    heartbeat_count: int = 0
    duties: dict[str, dict[str, Any]] = {}  # noqa: RUF012  a default that nobody changes


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


def is_running(root: str) -> bool:
    """Whether some process holds the daemon's lock; the kernel lets go of it when that process dies."""
    if not os.path.exists(lock_path(root)):
        return False
    try:
        with FileLock(lock_path(root), timeout_s=0.0, shared=True):
            return False
    except ConflictError:
        return True


def read_note(root: str) -> DaemonNote | None:
    """The running daemon, None if none runs; a state file that cannot be read leaves the pid alone."""
    if not is_running(root):
        return None
    pid = read_pid(root)
    try:
        state = read_json(state_path(root)) or {}
    except SettingsError:
        state = {}
    if state.get("pid") != pid:
        return DaemonNote(pid)
    duties = state.get("duties")
    return DaemonNote(
        pid,
        str(state.get("started_at") or ""),
        str(state.get("last_heartbeat") or ""),
        int(state.get("heartbeat_count") or 0),
        duties if isinstance(duties, dict) else {},
    )


def read_pid(root: str) -> int:
    """The pid in the pid file, 0 if there is none."""
    try:
        with open(pid_path(root), encoding="ascii", errors="replace") as handle:
            line = handle.readline().strip()
    except OSError:
        return 0
    return int(line) if line.isdigit() else 0
