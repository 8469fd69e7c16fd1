"""A town's daemon seen from outside: the lock that it holds while it runs, and its state file.

The process that holds ``daemon/daemon.lock`` is the daemon, whatever the files say; ``daemon/daemon.pid`` (pid and a
nonce) is for other tools, ``daemon/state.json`` has its duties (daemon-and-health.md sections 1 and 3).
"""

from __future__ import annotations

import os

from gastown_core.clock import parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json
from gastown_core.files.locks import holder_of
from gastown_core.model.daemon import DIED, FAILS, LATE, NEVER, RUNS, SILENT, STOPPED, DaemonView
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEARTBEAT_S = 15.0
OTHERS_HEARTBEAT_S = 180.0
"""The heartbeat of a daemon without duties in its state file: one of the Go tools."""
MISSED = 3
"""A daemon is silent after this many missed heartbeats, and a duty late after as many missed runs."""
SLACK_S = 5.0
AHEAD_S = 60.0
"""A run that is told so far in the future has not been."""
RETRY_S = 400.0
"""A duty that fails rests longer and longer, up to five minutes: only then it is late too."""


FULL_B = 64 * 1024
"""With so few free bytes no state is written."""


class DaemonNote(Record):
    """A running daemon; ``duties`` maps a duty's name to ``{"last_run", "runs", "took_s", "did", "error"}``.

    For a daemon that has not written its state yet, only the pid is known.
    """

    pid: int
    started_at: str = ""
    last_heartbeat: str = ""
    heartbeat_count: int = 0
    duties: dict[str, dict[str, Any]] = {}  # noqa: RUF012  a default that nobody changes

    @property
    def has_answered(self) -> bool:
        """Whether this process has written its state."""
        return bool(self.last_heartbeat)


def folder(root: str) -> str:
    """Return the folder of the daemon's files."""
    return os.path.join(root, "daemon")


def lock_path(root: str) -> str:
    """Return the path of the lock that the daemon holds while it runs."""
    return os.path.join(folder(root), "daemon.lock")


def state_path(root: str) -> str:
    """Return the path of the daemon's state file."""
    return os.path.join(folder(root), "state.json")


def log_path(root: str) -> str:
    """Return the path of the daemon's log."""
    return os.path.join(folder(root), "daemon.log")


def pid_path(root: str) -> str:
    """Return the path of the file with the pid on the first line and a random nonce on the second."""
    return os.path.join(folder(root), "daemon.pid")


def running_pid(root: str) -> int | None:
    """Return the daemon's pid, None if none runs, 0 if one runs with an unknown pid. Raises StoreError."""
    return holder_of(lock_path(root))


def is_running(root: str) -> bool:
    """Whether a process holds the daemon's lock; the kernel releases it when that process dies."""
    return running_pid(root) is not None


def read_note(root: str) -> DaemonNote | None:
    """Return the running daemon, None if none runs; only its pid if the state file is another process's."""
    pid = running_pid(root)
    return None if pid is None else _note(pid, read_state(root))


def read_state(root: str) -> dict[str, Any]:
    """Return the last daemon's state file; empty if it is missing or unreadable."""
    try:
        return read_json(state_path(root)) or {}
    except GastownError:
        return {}


def counts_as_before(root: str, path: str) -> bool:
    """Return whether the daemon that runs goes on with the last good version of a settings file that is wrong now."""
    state = read_state(root)
    kept = state.get("kept_settings")
    return isinstance(kept, list) and path in kept and bool(state.get("pid")) and state["pid"] == running_pid(root)


def _note(pid: int, state: dict[str, object]) -> DaemonNote:
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


def _why_silent(root: str) -> str:
    """Why a daemon that lives cannot write its state, empty if that is not seen from here."""
    import shutil

    try:
        full = shutil.disk_usage(folder(root)).free < FULL_B
    except OSError:
        return ""
    return "the town's disk is full; free some space, and it goes on by itself" if full else ""


def view(root: str, now: float, state: dict[str, object] | None = None) -> DaemonView:
    """Return the daemon's condition at ``now``, also if none runs; ``state`` is its state file if already read."""
    told = read_state(root) if state is None else state
    pid = running_pid(root)
    last = parse_moment(told.get("last_heartbeat")) or 0.0
    if pid is None:
        if told.get("running") is True:
            return DaemonView(DIED, 0, last)
        return DaemonView(STOPPED, 0, parse_moment(told.get("ended_at")) or last) if told else DaemonView(NEVER)
    note = _note(pid, told)
    if not note.has_answered:
        # it is starting, or cannot write its state
        last = _locked_at(root)
    pace_s = HEARTBEAT_S if note.duties or not note.has_answered else OTHERS_HEARTBEAT_S
    if last and now - last > MISSED * pace_s:
        return DaemonView(SILENT, pid, last, why=_why_silent(root))
    failing = tuple(
        (name, str(duty["error"]), parse_moment(duty.get("failing_since")) or 0.0)
        for name, duty in note.duties.items()
        if duty.get("error")
    )
    started = parse_moment(note.started_at) or last
    late = tuple(one for name, duty in note.duties.items() if (one := _lateness(name, duty, note, started, now)))
    load = told.get("load")
    word = LATE if late else FAILS if failing else RUNS
    share = round(float(load), 2) if isinstance(load, int | float) else 0.0
    paused = tuple((name, str(duty["paused"])) for name, duty in note.duties.items() if duty.get("paused"))
    return DaemonView(word, pid, started, failing, late, share, paused)


class DutyNote(Record):
    """One duty in the daemon's report: when it last ran (0: never) and runs next, and what it did or why it failed.

    ``late`` says how it is overdue, judged by the clock.
    """

    name: str
    runs: int = 0
    last_run: float = 0.0
    took_s: float = 0.0
    next_at: float = 0.0
    did: str = ""
    error: str = ""
    failures: int = 0
    busy_since: float = 0.0
    late: str = ""
    paused: str = ""
    """Why it does nothing now, because a person said so."""


class WatchNote(Record):
    """A running daemon's account of itself: its duties, its sources with the time of their last answer, its load."""

    duties: tuple[DutyNote, ...] = ()
    sources: tuple[tuple[str, float, str], ...] = ()
    """Name, last answer (0: none yet), error."""
    load: float = 0.0
    slower: float = 1.0


def watch_note(root: str, now: float) -> WatchNote | None:
    """Return the daemon's account of itself, None if none runs or it has not written one. Raises StoreError."""
    pid, state = running_pid(root), read_state(root)
    note = _note(pid, state) if pid is not None else None
    if note is None or not note.has_answered:
        return None
    started = parse_moment(note.started_at) or now
    duties = tuple(_duty(name, told, _lateness(name, told, note, started, now)) for name, told in note.duties.items())
    told = state.get("sources")
    sources = tuple(
        (name, parse_moment(one.get("good_at")) or 0.0, str(one.get("error") or ""))
        for name, one in (told.items() if isinstance(told, dict) else ())
        if isinstance(one, dict)
    )
    return WatchNote(duties, sources, _number(state.get("load")), _number(state.get("slower")) or 1.0)


def _duty(name: str, told: dict[str, Any], late: tuple[str, str, float] | None) -> DutyNote:
    last, every_s = parse_moment(told.get("last_run")) or 0.0, _number(told.get("every_s"))
    return DutyNote(
        name,
        int(_number(told.get("runs"))),
        last,
        _number(told.get("took_s")),
        last + every_s if last and every_s else 0.0,
        str(told.get("did") or ""),
        str(told.get("error") or ""),
        int(_number(told.get("failures"))),
        parse_moment(told.get("busy_since")) or 0.0,
        late[1] if late is not None else "",
        str(told.get("paused") or ""),
    )


def _lateness(
    name: str, duty: dict[str, object], note: DaemonNote, started: float, now: float
) -> tuple[str, str, float] | None:
    """Return (duty, what, since) if it has not run in three of its periods, or its run does not end; else None."""
    every_s, longest_s = _number(duty.get("every_s")), _number(duty.get("longest_s"))
    busy = parse_moment(duty.get("busy_since"))
    since = busy or parse_moment(duty.get("last_run")) or started
    limit_s = (longest_s if busy else MISSED * every_s + SLACK_S) if every_s else 0.0
    if duty.get("error") and not busy:
        limit_s = max(limit_s, RETRY_S)
    if since > now + AHEAD_S:
        # a run that has not been yet proves nothing: the clock was wrong, or the daemon tells what is not so
        since = started
    # a machine that slept beats as little as it ran
    awake_s = (note.heartbeat_count - _number(duty.get("beat")) + 1) * HEARTBEAT_S
    if not limit_s or min(now - since, awake_s) <= limit_s:
        return None
    return name, "is still busy" if busy else "has not run", since


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _locked_at(root: str) -> float:
    try:
        return os.stat(lock_path(root)).st_mtime
    except OSError:
        return 0.0
