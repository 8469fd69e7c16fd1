"""THE process table: the processes of this machine, and whether a recorded process id still means the same process.

A process that has ended but was not reaped (a zombie: a container without an init never reaps any) counts as dead.
Process ids are reused, so records keep the start time beside the id: clock ticks since boot on Linux, seconds
elsewhere, used only for comparison.
"""

from __future__ import annotations

import os
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Process(Record):
    """A row of the process table; ``group``, ``session`` and ``foreground`` (of its terminal) are 0 if unknown.

    ``terminal`` is the number of its controlling terminal, 0 if it has none; ``is_stopped``: a signal or a debugger stopped it.
    """

    pid: int
    name: str
    parent: int
    group: int
    session: int
    foreground: int
    started: float
    is_gone: bool
    terminal: int = 0
    is_stopped: bool = False


def lives(pid: int, started: float = 0.0) -> bool:
    """Return whether this process is alive; with ``started`` (see ``start_of``), only if it is the same process.

    A process of another user counts as alive, a zombie does not.
    """
    if pid <= 0:
        return False
    row = read_process(pid)
    if row is not None:
        return not row.is_gone and started in (0.0, row.started)
    if os.name != "posix":
        # there, signal 0 is Ctrl-C
        return False
    try:
        # for a table that hides other users' processes
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def start_of(pid: int) -> float:
    """Return when the process started, to be recorded beside its id; 0 if it is dead or hidden."""
    row = read_process(pid)
    return row.started if row is not None and not row.is_gone else 0.0


def began_at(pid: int) -> float:
    """When the process began, in Unix seconds; 0 if it does not live or is hidden."""
    row = read_process(pid)
    return SYSTEM_CLOCK.now() - age_s(row) if row is not None and not row.is_gone else 0.0


def age_s(process: Process) -> float:
    """How long the process has existed, in seconds."""
    if not os.path.exists("/proc/self/stat"):
        return SYSTEM_CLOCK.now() - process.started
    return time.clock_gettime(time.CLOCK_BOOTTIME) - process.started / os.sysconf("SC_CLK_TCK")


def mark() -> str:
    """Return this process for a record on disk: its id and its start, one per line."""
    pid = os.getpid()
    return f"{pid}\n{start_of(pid)!r}\n"


def mark_lives(text: str) -> bool | None:
    """Return whether the process in such a record (or a bare id) is alive; None if the text is not a record."""
    words = text.split()
    if not words or not words[0].isdigit():
        return None
    try:
        started = float(words[1]) if len(words) > 1 else 0.0
    except ValueError:
        started = 0.0
    return lives(int(words[0]), started)


def is_running(process: Process) -> bool:
    """Return whether this same process is still running."""
    return lives(process.pid, process.started)


def process_table() -> dict[int, Process]:
    """Return all processes, by id."""
    rows = (_parsed(data) for data in _status_lines())
    return {row.pid: row for row in rows if row is not None} or _psutil_table()


def on_terminals() -> list[Process]:
    """Return every live process with a controlling terminal; leftovers of a closed terminal have none."""
    seen, rows = False, []
    for data in _status_lines():
        seen = True
        # the fourth field after the name is the number of the terminal: most processes of a machine have none
        if data.rpartition(b") ")[2].split(b" ", 5)[4:5] != [b"0"]:
            rows.append(_parsed(data))
    found = rows if seen else _psutil_table().values()
    return [row for row in found if row is not None and row.terminal and not row.is_gone]


def _status_lines() -> Iterator[bytes]:
    """Yield what the system says of each process, where it has a table of files; those that end meanwhile are left out."""
    try:
        entries = os.listdir("/proc")
    except OSError:
        return
    for entry in entries:
        if entry.isdigit():
            try:
                yield _status_of(entry)
            except OSError:
                continue


def _status_of(pid: int | str) -> bytes:
    """Return the status line of a process. Raises OSError."""
    # a third of the time of a file object, for every process of the machine
    fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    try:
        return os.read(fd, 512)
    finally:
        os.close(fd)


def read_process(pid: int) -> Process | None:
    """Return the process with this id, None if there is none."""
    try:
        data = _status_of(pid)
    except FileNotFoundError:
        return None if os.path.exists("/proc/self/stat") else _psutil_row(pid)
    except OSError:
        return None
    return _parsed(data)


def _parsed(data: bytes) -> Process | None:
    """Return the process of a status line, None if the line is cut short."""
    pid = int(data.partition(b" ")[0] or 0)
    head, _, tail = data.rpartition(b") ")
    fields = tail.split()
    if len(fields) < 20:
        return None
    name = head.partition(b" (")[2].decode("utf-8", "replace")
    parent, group, session, terminal, foreground = (int(field) for field in fields[1:6])
    is_gone, is_stopped = fields[0] in (b"Z", b"X"), fields[0] in (b"T", b"t")
    return Process(pid, name, parent, group, session, foreground, float(fields[19]), is_gone, terminal, is_stopped)


def _psutil_table() -> dict[int, Process]:
    import psutil

    return {item.info["pid"]: _of_psutil(item.info) for item in psutil.process_iter(_asked_for())}


def _psutil_row(pid: int) -> Process | None:
    import psutil

    try:
        return _of_psutil(psutil.Process(pid).as_dict(_asked_for()))
    except (psutil.Error, ValueError):
        return None


def _asked_for() -> list[str]:
    """Return what is asked of psutil for a row; Windows has no terminals."""
    return ["pid", "name", "ppid", "create_time", "status", *(("terminal",) if os.name == "posix" else ())]


def _of_psutil(info: dict[str, Any]) -> Process:
    """Return the row for what psutil tells of a process; None for what it may not see. Groups come from the system."""
    import psutil

    pid, parent = int(info["pid"]), int(info["ppid"] or 0)
    group, session = (_asked(name, pid) for name in ("getpgid", "getsid"))
    gone = info["status"] == psutil.STATUS_ZOMBIE
    still = info["status"] in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    began, terminal = float(info["create_time"] or 0), int(bool(info.get("terminal")))
    return Process(pid, info["name"] or "", parent, group, session, 0, began, gone, terminal, still)


def _asked(name: str, pid: int) -> int:
    """Return what a system call says of a process, 0 if there is no such call or it does not answer."""
    call = getattr(os, name, None)
    try:
        return int(call(pid)) if call is not None else 0
    except OSError:
        return 0


def family_of(pid: int) -> list[int]:
    """Return the process and all that descend from it, nearest first."""
    children: dict[int, list[int]] = {}
    for row in process_table().values():
        children.setdefault(row.parent, []).append(row.pid)
    found = [pid]
    for one in found:
        found += children.get(one, ())
    return found


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with; empty if it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as handle:
            data = handle.readall() or b""
    except FileNotFoundError:
        return {} if os.path.exists("/proc/self/stat") else _psutil_environment(pid)
    except OSError:
        return {}
    pairs = (line.partition(b"=") for line in data.split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, equals, value in pairs if equals}


def carries(pid: int, text: str) -> bool:
    """Return whether a process was started with this text in its environment."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as handle:
            return text.encode() in (handle.readall() or b"")
    except FileNotFoundError:
        hidden = os.path.exists("/proc/self/stat")
        return False if hidden else any(text in value for value in _psutil_environment(pid).values())
    except OSError:
        return False


def folder_of(pid: int) -> str:
    """Return the working directory of a process, empty if it cannot be read."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return ""
    except OSError:
        return ""
    import psutil

    try:
        return str(psutil.Process(pid).cwd())
    except psutil.Error:
        return ""


def open_files(pid: int) -> set[str]:
    """Return what a process has open, as the system names it; empty if it cannot be read. Elsewhere than on Linux, files only."""
    folder, found = f"/proc/{pid}/fd", set()
    try:
        for number in os.listdir(folder):
            try:
                found.add(os.readlink(f"{folder}/{number}"))
            except OSError:
                # closed meanwhile
                continue
    except FileNotFoundError:
        return set() if os.path.exists("/proc/self/stat") else _psutil_files(pid)
    except OSError:
        pass
    return found


def words_of(pid: int) -> list[str]:
    """Return the command line of a process (its first 4 KB); empty if it cannot be read."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as handle:
            return handle.read(4096).decode("utf-8", "replace").rstrip("\0").split("\0")
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return []
    except OSError:
        return []
    import psutil

    try:
        return list(psutil.Process(pid).cmdline())
    except psutil.Error:
        return []


def _psutil_files(pid: int) -> set[str]:
    import psutil

    try:
        return {str(one.path) for one in psutil.Process(pid).open_files()}
    except psutil.Error:
        return set()


def _psutil_environment(pid: int) -> dict[str, str]:
    import psutil

    try:
        return dict(psutil.Process(pid).environ())
    except psutil.Error:
        return {}
