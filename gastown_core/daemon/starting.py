"""Starting and ending the daemon from outside."""

from __future__ import annotations

import os
import signal
import sys
import time

from gastown_core.daemon import note
from gastown_core.errors import TownError
from gastown_core.process import kill_group, spawn

START_S = 5.0
END_S = 20.0
LOOK_EVERY_S = 0.02


def start(root: str) -> tuple[int, bool]:
    """The daemon's pid, and whether it was started now. Raises TownError with its last words if it does not come up."""
    running = note.read_note(root)
    if running is not None:
        return running.pid, False
    os.makedirs(note.folder(root), exist_ok=True)
    begin = _size(note.log_path(root))
    fd = os.open(note.log_path(root), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        child = spawn([sys.executable, "-P", "-m", "gastown_cli", "daemon", "run", "--quiet"], cwd=root, stderr=fd)
    finally:
        os.close(fd)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if note.is_running(root) and (pid := note.read_pid(root)):
            # another start may have been first: then that one is the daemon
            return pid, pid == child.pid
        if child.poll() is not None:
            break
        time.sleep(LOOK_EVERY_S)
    raise TownError("the daemon did not start", _tail(note.log_path(root), begin), f"see {note.log_path(root)}")


def stop(root: str) -> int:
    """Ask the daemon to end and wait for it; its pid, 0 if none ran. One that does not end in time is killed."""
    running = note.read_note(root)
    if running is None or not running.pid:
        return 0
    try:
        os.kill(running.pid, signal.SIGTERM)
    except ProcessLookupError:
        return 0
    deadline = time.monotonic() + END_S
    while note.is_running(root):
        if time.monotonic() > deadline:
            kill_group(running.pid)
            break
        time.sleep(LOOK_EVERY_S)
    return running.pid


def _size(path: str) -> int:
    return os.stat(path).st_size if os.path.exists(path) else 0


def _tail(path: str, begin: int) -> str:
    with open(path, "rb") as handle:
        handle.seek(begin)
        lines = handle.read().decode("utf-8", "replace").strip().splitlines()
    return "; ".join(line.strip() for line in lines[-3:]) or "it said nothing"
