"""What still runs for a town after its sessions have ended: processes, its tmux server, the server's socket.

Only what the town started counts: agents and what they started, background commands of ``gt``, and families of
commands whose own parent died.  A session that somebody else made on the town's tmux server is left alone, and so is
the server as long as it has one.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import TmuxError
from gastown_core.model.record import Record
from gastown_core.process import FAMILY, gt_argv
from gastown_core.process_table import environment_of, folder_of, lives, process_table, words_of
from gastown_core.tmux.panes import HIDDEN_PREFIX, list_panes
from gastown_core.tmux.server import NoServerError, TmuxServer
from gastown_core.tmux.sessions import end_processes, kill_session, own_line
from gastown_core.tmux.socket import has_tmux, server_process, socket_name, socket_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.process_table import Process

BY_GT = gt_argv()[1:]
"""How a background command of ours starts, after its interpreter."""
GRACE_S = 3.0


class Remains(Record):
    """What was ended, or would be, in words; and what is left, with the reason."""

    ended: tuple[str, ...]
    left: tuple[str, ...]


def processes_of(root: str) -> list[Process]:
    """Return the running processes that the town started, without this one and its ancestors."""
    here = os.path.realpath(root)
    spared = own_line()
    return [row for row in process_table().values() if not row.is_gone and row.pid not in spared and _is_of(row, here)]


def orphans_of(root: str) -> list[Process]:
    """Return the processes of agents whose session is gone, while the town goes on. Raises TmuxError if tmux does not tell.

    What an agent at work has started in the background is none, wherever it runs.
    """
    live = {name for name, pane in list_panes(TmuxServer(socket_name(root))).items() if not pane.dead}
    return [
        row for row in processes_of(root) if (name := environment_of(row.pid).get("GT_SESSION")) and name not in live
    ]


def _is_of(row: Process, here: str) -> bool:
    env = environment_of(row.pid)
    home = env.get("GT_TOWN_ROOT") or env.get("GT_ROOT") or ""
    if home and env.get("GT_SESSION") and os.path.realpath(home) == here:
        return True
    if not row.terminal and words_of(row.pid)[1 : 1 + len(BY_GT)] == BY_GT:
        return folder_of(row.pid) == here
    marks = env.get(FAMILY, "").split()
    if not marks or any(lives(int(mark.partition("-")[0] or 0)) for mark in marks if mark[:1].isdigit()):
        return False
    folder = folder_of(row.pid)
    return folder == here or folder.startswith(here + os.sep)


def clear(root: str, *, dry_run: bool = False) -> Remains:
    """End what is left of the town: sessions of agents no longer in the roster, processes, tmux server, socket.

    Raises TmuxError if the tmux server is alive and cannot be reached.
    """
    ended: list[str] = []
    left: list[str] = []
    if has_tmux():
        ended, left = _clear_server(TmuxServer(socket_name(root)), dry_run=dry_run)
    rows = processes_of(root)
    if not dry_run:
        end_processes(rows, GRACE_S, set())
    ended += [f"process {row.pid} ({row.name})" for row in rows]
    still = [] if dry_run else processes_of(root)
    left += [f"process {row.pid} ({row.name}) does not end" for row in still]
    return Remains(tuple(ended), tuple(left))


def end_empty_server(root: str) -> None:
    """End the town's tmux server if nobody but consoles hold it: agents that come would get the variables of its start.

    Raises TmuxError if the server is alive and cannot be reached.
    """
    server = TmuxServer(socket_name(root))
    try:
        if _listed(server):
            return
    except NoServerError:
        return
    with server.coming_and_going():
        # somebody may have started an agent since
        if _listed(server):
            return
        server.kill_server()
    # who comes next is not to meet a server that ends just now
    _remove_socket(server)


def _listed(server: TmuxServer) -> list[str]:
    """Return the sessions, each with what we noted of it, without those of our control links. Raises NoServerError."""
    lines = server.run("list-sessions", "-F", "#{session_name} #{@gt_session}").splitlines()
    return [line for line in lines if not line.startswith(HIDDEN_PREFIX)]


def _clear_server(server: TmuxServer, *, dry_run: bool) -> tuple[list[str], list[str]]:
    try:
        listed = _listed(server)
    except NoServerError:
        if not dry_run:
            _remove_socket(server)
        return [], []
    ours: list[str] = []
    others: list[str] = []
    for line in listed:
        name, _, known = line.partition(" ")
        (ours if known else others).append(name)
    if dry_run:
        return [f"session {name}" for name in ours], [f"session {name} is not the town's" for name in others]
    for name in ours:
        kill_session(server, name, grace_s=GRACE_S)
    ended = [f"session {name}" for name in ours]
    if others:
        return ended, [f"session {name} is not the town's, so its tmux server stays" for name in others]
    with server.coming_and_going():
        server.kill_server()
    _remove_socket(server)
    return [*ended, "tmux server"], []


def _remove_socket(server: TmuxServer) -> None:
    """Remove the socket of a server that has ended, and the lock beside it. Raises TmuxError if it still runs."""
    import time

    deadline = time.monotonic() + GRACE_S
    while server_process(server.socket):
        if time.monotonic() > deadline:
            raise TmuxError("the town's tmux server does not end", f"process {server_process(server.socket)}")
        time.sleep(0.02)
    path = socket_path(server.socket)
    if not os.path.isdir(os.path.dirname(path)):
        return
    with server.coming_and_going():
        for one in (path, path + ".gt-lock"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(one)
