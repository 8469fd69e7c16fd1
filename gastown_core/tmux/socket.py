"""The tmux server of a town: each town has its own socket, so that two towns never share a server.

The name is the Go tools' name for the same town, so both see the same sessions.
"""

from __future__ import annotations

import os
import time

from gastown_core.errors import TmuxError
from gastown_core.model.sha256 import sha256
from gastown_core.process_table import lives, open_files, process_table, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CALL_BACK_S = 2.0
"""How long a server may take to create its socket again."""
LISTENS = "00010000"
_OF_NAMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def socket_name(town_root: str, env: Mapping[str, str] | None = None) -> str:
    """The ``-L`` name of a town's server: GT_TMUX_SOCKET if set, else ``<folder>-<6 hex of its path's SHA-256>``.

    ``default`` and ``auto`` in GT_TMUX_SOCKET count as unset.  ``env`` stands in for ``os.environ``.
    """
    chosen = (os.environ if env is None else env).get("GT_TMUX_SOCKET", "")
    if chosen not in ("", "default", "auto"):
        return chosen
    path = os.path.realpath(town_root)
    letters = "".join(char if char in _OF_NAMES else " " for char in os.path.basename(path).lower())
    base = "-".join(letters.split()).strip("-") or "default"
    return f"{base}-{sha256(os.fsencode(path)).hex()[:6]}"


def socket_path(name: str, env: Mapping[str, str] | None = None) -> str:
    """Where tmux puts the socket of that name (TMUX_TMPDIR counts, as for tmux itself)."""
    base = (os.environ if env is None else env).get("TMUX_TMPDIR") or "/tmp"
    return os.path.join(os.path.realpath(base), f"tmux-{os.getuid()}", name)


def socket_mark(name: str) -> tuple[int, int] | None:
    """(inode, change time in ns) of the socket, None if there is none; a new server always makes a new one."""
    try:
        status = os.stat(socket_path(name))
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns


def answers(name: str, timeout_s: float = 10.0) -> bool:
    """Whether a server accepts calls on the socket of that name; starts nothing."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout_s)
        try:
            probe.connect(socket_path(name))
        except OSError:
            return False
    return True


def server_process(name: str) -> int:
    """The pid of the live server bound to the socket of that name, even after the file was removed; 0 if there is none."""
    path = socket_path(name)
    inodes = _bound_sockets(path)
    while inodes is None or inodes:
        servers = [row.pid for row in process_table().values() if row.name.startswith("tmux") and not row.is_gone]
        if inodes is None:
            return next((pid for pid in servers if _was_told(words_of(pid), name)), 0)
        wanted = {f"socket:[{inode}]" for inode in inodes}
        holder = next((pid for pid in servers if not wanted.isdisjoint(open_files(pid))), 0)
        if holder:
            return holder
        before, inodes = inodes, _bound_sockets(path)
        if inodes == before:
            break
        # its socket was created again between the two checks
    return 0


def call_back(name: str) -> bool:
    """Make a live server whose socket was removed create it again; False if no server is alive.

    Raises TmuxError if one is alive and still does not answer: its sessions must not count as gone.
    """
    pid = server_process(name)
    if not pid:
        return False
    # 0.7 ms, and hardly ever needed
    import signal

    os.makedirs(os.path.dirname(socket_path(name)), mode=0o700, exist_ok=True)
    deadline = time.monotonic() + CALL_BACK_S
    try:
        os.kill(pid, signal.SIGUSR1)
    except (ProcessLookupError, PermissionError):
        pass
    while not answers(name, 1.0):
        if not lives(pid):
            # it was just ending
            return False
        if time.monotonic() > deadline:
            raise TmuxError(
                "the town's tmux server does not answer",
                f"process {pid} is alive, its socket {socket_path(name)} is gone",
                f"kill -USR1 {pid} makes it listen again",
            )
        time.sleep(0.01)
    return True


def _bound_sockets(path: str) -> set[str] | None:
    """Numbers of the listening sockets bound to ``path``, removed or not; None where the system does not list them."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as handle:
            rows = [line.rstrip("\n").split(None, 7) for line in handle]
    except OSError:
        return None
    return {row[6] for row in rows if len(row) == 8 and row[7] == path and row[3] == LISTENS}


def _was_told(words: list[str], name: str) -> bool:
    return any(words[number : number + 2] == ["-L", name] for number in range(len(words)))


def has_tmux() -> bool:
    """Whether there is a tmux program on PATH."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if os.access(os.path.join(folder or ".", "tmux"), os.X_OK):
            return True
    return False
