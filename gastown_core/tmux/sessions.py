"""Starting, restarting and ending sessions; the only user of libtmux.

A session is made with a placeholder, gets its options and environment, and only then its program, so that no
option comes too late.  ``remain-on-exit`` stays on: an agent that ended is seen as a dead pane, not as nothing.
Programs are given to tmux as a list and never pass through a shell.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
import time

from gastown_core.errors import TmuxError
from gastown_core.process_table import is_running, read_process
from gastown_core.tmux.panes import Pane, capture_pane, is_unsettled, read_pane
from gastown_core.tmux.processes import SHELLS, pane_processes
from gastown_core.tmux.server import NoServerError, TargetMissingError, exact
from gastown_core.tmux.theme import status_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType

    from gastown_core.process_table import Process
    from gastown_core.tmux.server import TmuxServer

PLACEHOLDER = "exec tail -f /dev/null"
POLL_S = 0.02
SETTLE_S = 0.1
_import_lock = threading.Lock()


def create_session(
    server: TmuxServer,
    name: str,
    cwd: str,
    env: Mapping[str, str],
    argv: Sequence[str],
    *,
    width: int = 200,
    height: int = 50,
    watch_s: float = 0.25,
) -> Pane:
    """Start ``argv`` in a new detached session ``name``; returns its pane.

    ``env`` is set in the session on top of the server's.  Raises NoTmuxError; TmuxError if the session exists,
    ``cwd`` is no folder, the program is missing, or it ends with an error within ``watch_s``.
    """
    _check_start(name, cwd, env, argv)
    server.version()
    pane_id = _new_placeholder(server, name, cwd, width, height)
    notes = {"@gt_pane": pane_id, "@gt_agent": env.get("GT_AGENT", "")}
    notes["@gt_process_names"] = env.get("GT_PROCESS_NAMES", "")
    target = exact(name)
    setup: list[Sequence[str]] = [("set-option", "-w", "-t", target, "remain-on-exit", "on")]
    setup.append(("set-option", "-w", "-t", target, "window-size", "latest"))
    setup += [("set-option", "-t", target, key, value) for key, value in notes.items()]
    setup += [("set-environment", "-t", target, key, value) for key, value in env.items()]
    setup.append(("set-environment", "-t", target, "GT_PANE_ID", pane_id))
    setup.append(_respawn_words(pane_id, argv, cwd))
    try:
        server.run_many(setup)
    except TmuxError:
        kill_session(server, name)
        raise
    return _watch_start(server, name, pane_id, argv[0], watch_s)


def respawn(server: TmuxServer, pane_id: str, env: Mapping[str, str], argv: Sequence[str], cwd: str) -> None:
    """End what runs in the pane and start ``argv`` there; attached clients stay. Raises TmuxError."""
    pane = read_pane(server, pane_id)
    _check_start(pane.session, cwd, env, argv)
    if not pane.dead:
        _end_processes(pane_processes(pane.pid), 2.0, set())
    target = exact(pane.session)
    setup: list[Sequence[str]] = [("set-environment", "-t", target, key, value) for key, value in env.items()]
    if "GT_PROCESS_NAMES" in env:
        setup.append(("set-option", "-t", target, "@gt_process_names", env["GT_PROCESS_NAMES"]))
        setup.append(("set-option", "-t", target, "@gt_agent", env.get("GT_AGENT", "")))
    setup.append(("clear-history", "-t", pane_id))
    setup.append(_respawn_words(pane_id, argv, cwd))
    server.run_many(setup)


def kill_session(server: TmuxServer, name: str, *, grace_s: float = 2.0, exclude: Iterable[int] = ()) -> bool:
    """End exactly this session and every process in it; True if there was one.

    TERM to all, at most ``grace_s`` for them to go, KILL to the rest.  This process, its ancestors and ``exclude``
    get no signal of ours.  A missing session or server is fine.  Raises NoTmuxError, TmuxError.
    """
    target = exact(name)
    try:
        listed = server.run_many(
            [
                ("set-hook", "-u", "-t", target, "pane-died"),
                ("list-panes", "-s", "-t", target, "-F", "#{pane_pid} #{pane_dead}"),
            ]
        )
    except (NoServerError, TargetMissingError):
        return False
    spared = {*_own_line(), *exclude}
    doomed: list[Process] = []
    for line in listed.split("\n"):
        pid, _, dead = line.partition(" ")
        if pid.isdigit() and dead == "0":
            doomed += pane_processes(int(pid))
    _end_processes(doomed, grace_s, spared)
    with server.coming_and_going(), contextlib.suppress(NoServerError, TargetMissingError):
        server.run("kill-session", "-t", target)
    return True


def set_option(server: TmuxServer, session: str, option: str, value: str) -> None:
    """Set a session option (``@name`` for ours). Raises TargetMissingError, TmuxError."""
    server.run("set-option", "-t", exact(session), option, value)


def apply_theme(server: TmuxServer, session: str, *, role: str, label: str, rig: str = "", theme: str = "") -> None:
    """Give a session its status line: icon and ``label`` left, time right, colour by theme, role or rig."""
    options = status_options(role, label, rig, theme)
    target = exact(session)
    server.run_many([("set-option", "-t", target, key, value) for key, value in options.items()])


def attached_clients(server: TmuxServer, session: str) -> list[str]:
    """Terminals (``/dev/pts/3``) attached to exactly this session; none if it or the server is gone."""
    try:
        text = server.run("list-clients", "-t", exact(session), "-F", "#{client_control_mode} #{client_tty}")
    except (NoServerError, TargetMissingError):
        return []
    return [line[2:] for line in text.split("\n") if line.startswith("0 ")]


def detach_clients(server: TmuxServer, session: str) -> int:
    """Detach every client of exactly this session; the agent goes on. Returns how many there were."""
    clients = attached_clients(server, session)
    if clients:
        server.run("detach-client", "-s", exact(session))
    return len(clients)


def attach_argv(server: TmuxServer, session: str) -> list[str]:
    """What to exec to look at the session: attach-session, or switch-client when already inside this server."""
    from gastown_core.tmux.socket import socket_path

    inside = os.environ.get("TMUX", "").split(",")[0]
    if inside and os.path.realpath(inside) == os.path.realpath(socket_path(server.socket)):
        return [*server.argv, "switch-client", "-t", exact(session)]
    return ["env", "-u", "TMUX", *server.argv, "attach-session", "-t", exact(session)]


def _check_start(name: str, cwd: str, env: Mapping[str, str], argv: Sequence[str]) -> None:
    exact(name)
    if not argv:
        raise TmuxError(f"nothing to start in session {name}")
    if not os.path.isdir(cwd):
        raise TmuxError(f"cannot start session {name}", f"{cwd} is no folder")
    if shutil.which(argv[0], path=env.get("PATH")) is None:
        why = f"{argv[0]} is not installed or not on PATH"
        raise TmuxError(f"cannot start session {name}", why, "gt config agent list shows the runtimes")


def _respawn_words(pane_id: str, argv: Sequence[str], cwd: str) -> list[str]:
    # tmux gives a single word to a shell; two or more it executes as they are
    words = list(argv) if len(argv) > 1 else ["env", *argv]
    return ["respawn-pane", "-k", "-t", pane_id, "-c", cwd, "--", *words]


def _new_placeholder(server: TmuxServer, name: str, cwd: str, width: int, height: int) -> str:
    libtmux = load_libtmux()
    host = libtmux.Server(socket_name=server.socket)
    try:
        with server.coming_and_going():
            session = host.new_session(
                session_name=name, start_directory=cwd, window_command=PLACEHOLDER, x=width, y=height
            )
        return str(session.active_pane.pane_id)
    except libtmux.exc.TmuxSessionExists as error:
        raise TmuxError(f"session {name} exists already", "", "stop it first, or attach to it") from error
    except libtmux.exc.LibTmuxException as error:
        raise TmuxError(f"tmux could not make session {name}", str(error)) from error


def load_libtmux() -> ModuleType:
    """libtmux, imported late: it costs 0.1 s and reads ``sys.stdout.encoding``, which a full-screen app's stdout lacks."""
    with _import_lock:
        if "libtmux" not in sys.modules and not hasattr(sys.stdout, "encoding"):
            with contextlib.redirect_stdout(sys.__stdout__):
                import libtmux
        import libtmux

        return libtmux


def _watch_start(server: TmuxServer, name: str, pane_id: str, program: str, watch_s: float) -> Pane:
    """The pane, once its program has lived for ``watch_s``; an early end with an error becomes one of ours."""
    deadline = time.monotonic() + watch_s
    while True:
        pane = read_pane(server, pane_id)
        if is_unsettled(pane) and time.monotonic() < deadline + SETTLE_S:
            # its terminal is closed; how it ended is known a moment later
            time.sleep(POLL_S)
            continue
        if pane.dead and pane.dead_status != 0:
            said = " / ".join(line.strip() for line in capture_pane(server, pane_id, 200) if _is_said(line))[-200:]
            status = "a signal" if pane.dead_status is None else f"status {pane.dead_status}"
            kill_session(server, name)
            raise TmuxError(f"{os.path.basename(program)} ended at once in session {name}", f"{status}: {said}")
        if pane.dead or time.monotonic() >= deadline:
            return pane
        time.sleep(POLL_S)


def _is_said(line: str) -> bool:
    """Whether the program wrote this line; the last one is tmux's."""
    return bool(line.strip()) and not line.startswith("Pane is dead")


def _own_line() -> set[int]:
    """This process and its ancestors."""
    line: set[int] = set()
    pid = os.getpid()
    while pid > 1 and pid not in line:
        line.add(pid)
        row = read_process(pid)
        pid = row.parent if row else 0
    return line


def _end_processes(rows: list[Process], grace_s: float, spared: set[int]) -> None:
    """TERM, wait at most ``grace_s``, KILL; processes that are spared or already gone get nothing."""
    waiting = [row for row in rows if row.pid not in spared]
    for row in waiting:
        _send(row, signal.SIGTERM)
        if row.name.lstrip("-") in SHELLS:
            # an interactive shell ignores TERM and obeys a hang-up
            _send(row, signal.SIGHUP)
    deadline = time.monotonic() + grace_s
    while (waiting := [row for row in waiting if is_running(row)]) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    for row in waiting:
        _send(row, signal.SIGKILL)


def _send(row: Process, number: int) -> None:
    if is_running(row):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(row.pid, number)
