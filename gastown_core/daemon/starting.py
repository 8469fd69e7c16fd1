"""Starting and ending the daemon from outside. The holder of the lock is the daemon, whatever a pid file says."""

from __future__ import annotations

import os
import signal
import time

from gastown_core.errors import TownError
from gastown_core.files import system
from gastown_core.files.folders import private_folder
from gastown_core.files.plain import open_plain
from gastown_core.process import KILL, gt_argv, kill_group, spawn
from gastown_core.town import daemon_note as note
from gastown_core.town.identity import in_nobodys_name

START_S = 20.0
END_S = 20.0
KILLED_S = 5.0
LOOK_EVERY_S = 0.02


def start(root: str) -> tuple[int, bool]:
    """Start the daemon if none runs and wait for its state; return its pid, and whether it was started now.

    Raises TownError with its last log lines if it does not start or answer; the started process is then ended.
    """
    running = note.running_pid(root)
    if running is not None:
        return running, False
    private_folder(note.folder(root))
    begin = _size(note.log_path(root))
    fd = os.open(note.log_path(root), os.O_WRONLY | os.O_CREAT | os.O_APPEND | system.EXACT, 0o600)
    try:
        argv = gt_argv("daemon", "run", "--quiet")
        child = spawn(argv, cwd=root, env=in_nobodys_name(), stderr=fd)
    finally:
        os.close(fd)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        found = note.read_note(root)
        if found is not None and found.has_answered:
            # another start may have been first: then that process is the daemon
            return found.pid, found.pid == child.pid
        if child.poll() is not None and found is None:
            raise TownError("the daemon did not start", _tail(note.log_path(root), begin), f"see {note.log_path(root)}")
        time.sleep(LOOK_EVERY_S)
    if child.poll() is None:
        kill_group(child.pid)
        child.wait()
    why = f"process {child.pid} wrote no state for {START_S:g} s: {_tail(note.log_path(root), begin)}"
    raise TownError("the daemon does not answer", why, f"see {note.log_path(root)}, then gt daemon start")


def await_answer(root: str) -> int:
    """Wait for the state of a daemon that something else has just started; return its pid, 0 if there is none in time."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        found = note.read_note(root)
        if found is not None and found.has_answered and note.running_pid(root) == found.pid:
            return found.pid
        time.sleep(LOOK_EVERY_S)
    return 0


def stop(root: str) -> int:
    """End the daemon and wait for it; return its pid, 0 if none ran. It is killed if it does not end in time.

    Raises TownError if it may not be ended, cannot be identified, or survives even that.
    """
    pid = note.running_pid(root)
    if pid is None:
        return 0
    if not pid:
        raise TownError(
            "the daemon cannot be ended from here",
            "its lock is held, and by which process is unknown",
            f"fuser {note.lock_path(root)} may name it",
        )
    for number, patience_s in ((signal.SIGTERM, END_S), (KILL, KILLED_S)):
        _signal(pid, number)
        if _is_let_go(root, pid, patience_s):
            return pid
    raise TownError("the daemon could not be ended", f"process {pid} still holds its lock", f"kill -9 {pid}")


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise TownError("the daemon could not be ended", f"process {pid} belongs to another user") from error


def _is_let_go(root: str, pid: int, patience_s: float) -> bool:
    """Whether that process released the lock in time; a later holder is another daemon."""
    deadline = time.monotonic() + patience_s
    while note.running_pid(root) == pid:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def _size(path: str) -> int:
    return os.stat(path).st_size if os.path.exists(path) else 0


def _tail(path: str, begin: int) -> str:
    with open(open_plain(path), "rb") as handle:
        handle.seek(begin)
        lines = handle.read().decode("utf-8", "replace").strip().splitlines()
    return "; ".join(line.strip() for line in lines[-3:]) or "it said nothing"
