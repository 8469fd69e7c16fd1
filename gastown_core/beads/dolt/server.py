"""The Dolt server that a town owns: its databases lie in ``.dolt-data``, its log and state beside the daemon's.

Paths and the state file are those of the Go tools, so either starts, sees and stops the same server.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time

from gastown_core.beads.dolt.address import DATA, HOST, STATE, town_port
from gastown_core.clock import SYSTEM_CLOCK, format_seconds, parse_moment
from gastown_core.errors import ConflictError, NotFoundError, SettingsError, StoreError
from gastown_core.files import system
from gastown_core.files.atomic import read_json, write_atomic, write_json
from gastown_core.files.folders import cache_folder, private_folder
from gastown_core.files.plain import open_plain
from gastown_core.model.record import Record
from gastown_core.process import KILL, spawn
from gastown_core.process_table import lives, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PID, LOG = os.path.join("daemon", "dolt.pid"), os.path.join("daemon", "dolt.log")
PROGRAM = "GT_DOLT_PROGRAM"
"""The variable that names the ``dolt`` to use in place of the one on PATH."""
START_S, END_S, KILLED_S = 30.0, 20.0, 5.0
LOOK_S = 0.05
ANSWER_S = 1.0


class ServerStatus(Record):
    """What is known of a town's server; ``pid`` is 0 if the town runs none, ``started_at`` 0 if unknown."""

    pid: int
    port: int
    answers: bool
    started_at: float
    databases: tuple[str, ...]
    disk_bytes: int
    data: str
    log: str


def program() -> str:
    """Return the path of the ``dolt`` command. Raises NotFoundError if it is not installed."""
    named = os.environ.get(PROGRAM, "")
    found = shutil.which(named or "dolt")
    if found is None:
        raise NotFoundError(
            "dolt is not installed",
            f"{PROGRAM} names {named}" if named else "there is no dolt on PATH",
            "make dolt builds it, and https://docs.dolthub.com/introduction/installation has packages",
        )
    return found


def owns_server(town: str) -> bool:
    """Return whether the town has databases of its own to serve."""
    return bool(databases_of(town))


def databases_of(town: str) -> tuple[str, ...]:
    """Return the names of the databases in the town's data folder."""
    data = os.path.join(town, DATA)
    try:
        names = sorted(os.listdir(data))
    except OSError:
        return ()
    return tuple(name for name in names if os.path.isdir(os.path.join(data, name, ".dolt")))


def status_of(town: str) -> ServerStatus:
    """Return what is known of the town's server. Raises SettingsError for a port that is none."""
    pid = running_pid(town)
    port = town_port(town)
    started = parse_moment(_state(town).get("started_at")) or 0.0
    return ServerStatus(
        pid,
        port,
        answers(port),
        started if pid else 0.0,
        databases_of(town),
        _bytes_below(os.path.join(town, DATA)),
        os.path.join(town, DATA),
        os.path.join(town, LOG),
    )


def running_pid(town: str) -> int:
    """Return the pid of the town's running server, 0 if none runs. Another process under that number does not count."""
    for text in (_text(os.path.join(town, PID)), str(_state(town).get("pid") or "")):
        if text.isdigit() and int(text) and lives(int(text)) and _is_server(int(text)):
            return int(text)
    return 0


def _is_server(pid: int) -> bool:
    words = words_of(pid)
    return any(os.path.basename(word) == "dolt" for word in words[:2]) and "sql-server" in words


def answers(port: int, host: str = HOST) -> bool:
    """Return whether something listens on the port."""
    try:
        with socket.create_connection((host, port), ANSWER_S):
            return True
    except OSError:
        return False


def start(town: str) -> tuple[ServerStatus, bool]:
    """Start the town's server if it does not run, and wait until it answers; returns whether it was started now.

    Raises ConflictError if another program has its port, StoreError with the log's last lines if it does not start.
    """
    pid, port = running_pid(town), town_port(town)
    if pid and answers(port):
        return status_of(town), False
    if answers(port):
        raise ConflictError(
            f"port {port} is taken",
            "a program that is not this town's Dolt server listens there",
            "stop it, or set GT_DOLT_PORT",
        )
    data = cache_folder(os.path.join(town, DATA))
    private_folder(os.path.join(town, os.path.dirname(LOG)))
    log = os.path.join(town, LOG)
    begin = os.stat(log).st_size if os.path.exists(log) else 0
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | system.EXACT, 0o600)
    try:
        child = spawn(_words(data, port), cwd=data, env=_environment(data), stdout=fd, stderr=fd)
    finally:
        os.close(fd)
    deadline = time.monotonic() + START_S
    while not answers(port):
        if child.poll() is not None or time.monotonic() > deadline:
            if child.poll() is None:
                _end(child.pid)
            raise StoreError("the Dolt server did not start", _tail(log, begin), f"see {log}")
        time.sleep(LOOK_S)
    _note(town, child.pid, port)
    return status_of(town), True


def _words(data: str, port: int) -> list[str]:
    config = os.path.join(data, "config.yaml")
    words = [program(), "sql-server"]
    if os.path.exists(config):
        return [*words, "--config", config]
    return [*words, "--host", HOST, "--port", str(port), "--data-dir", data, "--loglevel", "warning"]


def _environment(data: str) -> dict[str, str]:
    """Return the environment of the server: its own settings lie with its data if the person has none."""
    env = dict(os.environ)
    if not os.path.isdir(os.path.expanduser("~/.dolt")):
        env.setdefault("DOLT_ROOT_PATH", data)
    return env


def stop(town: str) -> int:
    """End the town's server and wait for it; returns its pid, 0 if none ran. Raises StoreError if it does not end."""
    pid = running_pid(town)
    if pid:
        _end(pid)
    for path in (PID,):
        try:
            os.unlink(os.path.join(town, path))
        except FileNotFoundError:
            pass
    state = _state(town)
    if state:
        write_json(os.path.join(town, STATE), {**state, "running": False, "pid": 0}, mode=0o600)
    return pid


def _end(pid: int) -> None:
    for number, patience_s in ((signal.SIGTERM, END_S), (KILL, KILLED_S)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise StoreError("the Dolt server could not be ended", f"process {pid} belongs to another user") from error
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not lives(pid):
                return
            time.sleep(LOOK_S)
    raise StoreError("the Dolt server could not be ended", f"process {pid} still runs", f"kill -9 {pid}")


def _note(town: str, pid: int, port: int) -> None:
    write_atomic(os.path.join(town, PID), f"{pid}\n".encode(), mode=0o600)
    state: dict[str, Any] = {
        "running": True,
        "pid": pid,
        "port": port,
        "started_at": format_seconds(SYSTEM_CLOCK.now()),
        "data_dir": os.path.join(town, DATA),
        "databases": list(databases_of(town)),
    }
    write_json(os.path.join(town, STATE), state, mode=0o600)


def log_lines(town: str, count: int) -> list[str]:
    """Return the last lines of the server's log."""
    return _read_from(os.path.join(town, LOG), 0).splitlines()[-count:]


def _tail(path: str, begin: int) -> str:
    lines = _read_from(path, begin).strip().splitlines()
    return "; ".join(line.strip() for line in lines[-3:]) or "it said nothing"


def _read_from(path: str, begin: int) -> str:
    try:
        with open(open_plain(path), "rb") as handle:
            handle.seek(begin)
            return handle.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _text(path: str) -> str:
    return _read_from(path, 0).strip()


def _state(town: str) -> dict[str, Any]:
    try:
        return read_json(os.path.join(town, STATE)) or {}
    except SettingsError:
        return {}


def _bytes_below(folder: str) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                # it was removed meanwhile
                pass
    return total
