"""Starting, restarting and ending sessions.

A session is created with a placeholder, gets its options and environment, and only then its program, so that no
option comes too late; all of that is one tmux call.  ``remain-on-exit`` stays on: an agent that ended leaves a dead pane.
Programs are passed to tmux as argument lists and never through a shell.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from types import MappingProxyType

from gastown_core.errors import TmuxError
from gastown_core.files.points import point
from gastown_core.process_table import is_running, read_process
from gastown_core.tmux.panes import NO_ORDERS, Pane, capture_pane, find_pane, is_unsettled, read_pane
from gastown_core.tmux.processes import PLACEHOLDER, SHELLS, pane_processes
from gastown_core.tmux.server import CONFIGURATION, NoServerError, TargetMissingError, exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_core.process_table import Process
    from gastown_core.tmux.server import TmuxServer

MADE_BY = "@gt_made_by"
"""Which call created a session: one that fails halfway removes its own session and no other."""
POLL_S = 0.02
SETTLE_S = 0.1
LEAVING_S = 2.0
"""How long a server that ends may still take calls and drop them."""


class SessionExistsError(TmuxError):
    """A session of that name already exists."""


def create_session(
    server: TmuxServer,
    name: str,
    cwd: str,
    env: Mapping[str, str],
    argv: Sequence[str],
    *,
    orders: Iterable[str] | None = None,
    options: Mapping[str, str] = MappingProxyType({}),
    width: int = 200,
    height: int = 50,
    watch_s: float = 0.25,
) -> Pane:
    """Start ``argv`` in a new detached session ``name`` with its session ``options``; returns its pane.

    ``env`` is set in the session on top of the server's; ``orders`` are those the agent is started for, None if unknown.
    All of it is one call: a killed caller leaves a complete session or none.  Raises NoTmuxError,
    SessionExistsError; TmuxError if ``cwd`` is not a folder, the program is missing, or ends with an error within ``watch_s``.
    """
    _check_start(name, cwd, env, argv)
    target = exact(name)
    made = f"{os.getpid()}-{time.monotonic_ns():x}"
    new = ["new-session", "-d", "-s", name, "-c", cwd, "-x", str(width), "-y", str(height)]
    for key, value in env.items():
        new += ["-e", f"{key}={value}"]
    words: list[Sequence[str]] = [*_configure_words(), [*new, "--", *PLACEHOLDER]]
    words.append(("set-option", "-t", target, MADE_BY, made))
    words += _setup_words(name, target, env, orders, options)
    words.append(_respawn_words(target, argv, cwd))
    words.append(("display-message", "-p", "-t", target, "#{pane_id}"))
    try:
        with server.coming_and_going():
            # make a live server whose socket vanished listen again, or a second server would start
            server.is_running()
            pane_id = _run_starting(server, words).strip().rpartition("\n")[2]
    except TmuxError as error:
        if "duplicate session" in error.why:
            raise SessionExistsError(f"session {name} already exists", "", "stop it first, or attach to it") from error
        _drop_half_made(server, name, made)
        raise
    return _watch_start(server, name, pane_id, argv[0], watch_s)


def _run_starting(server: TmuxServer, words: Sequence[Sequence[str]]) -> str:
    """Run ``words``, which begin a server if there is none, as TmuxServer.run_many does.

    A server whose last session just ended still takes calls and drops them, and nothing of what it had is left: the
    call is made again, to the next server.
    """
    deadline = time.monotonic() + LEAVING_S
    while True:
        try:
            return server.run_many(words)
        except NoServerError:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL_S)


def respawn(
    server: TmuxServer,
    pane: Pane,
    env: Mapping[str, str],
    argv: Sequence[str],
    cwd: str,
    *,
    orders: Iterable[str] | None = None,
    options: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """End what runs in the pane and start ``argv`` there; attached clients stay. Raises TmuxError."""
    _check_start(pane.session, cwd, env, argv)
    # first of all, or the pane of a session that was never set up would close with its program
    server.run_many(_setup_words(pane.session, pane.pane_id, env, orders, options))
    if not pane.dead:
        end_processes(pane_processes(pane.pid), 2.0, set())
        point("program ended")
    words: list[Sequence[str]] = [("set-environment", "-t", pane.pane_id, key, value) for key, value in env.items()]
    words.append(("clear-history", "-t", pane.pane_id))
    words.append(_respawn_words(pane.pane_id, argv, cwd))
    server.run_many(words)


def note_orders(server: TmuxServer, pane: Pane, orders: Iterable[str]) -> None:
    """Record which orders a running agent was given. Raises TmuxError."""
    server.run("set-option", "-t", pane.pane_id, "@gt_orders", ",".join(orders) or NO_ORDERS)


def _configure_words() -> list[Sequence[str]]:
    """Options that make any server fit for the town's sessions, however it was started."""
    pattern = re.sub(r"([\\*?\[\]{}])", r"\\\1", CONFIGURATION)
    return [("set-option", "-s", "@gt_configured", "on"), ("source-file", "-q", pattern)]


def _setup_words(
    name: str, target: str, env: Mapping[str, str], orders: Iterable[str] | None, options: Mapping[str, str]
) -> list[Sequence[str]]:
    """Everything a session needs before its program, so that no option comes too late."""
    notes = {**options, "@gt_session": name, "destroy-unattached": "off"}
    if "GT_PROCESS_NAMES" in env:
        notes |= {"@gt_process_names": env["GT_PROCESS_NAMES"], "@gt_agent": env.get("GT_AGENT", "")}
        notes["@gt_runtime"] = env.get("GT_RUNTIME", "")
    if orders is not None:
        notes["@gt_orders"] = ",".join(orders) or NO_ORDERS
    words: list[Sequence[str]] = [("set-option", "-w", "-t", target, "remain-on-exit", "on")]
    words.append(("set-option", "-w", "-t", target, "window-size", "latest"))
    words += [("set-option", "-t", target, key, value) for key, value in notes.items()]
    words.append(("set-option", "-F", "-t", target, "@gt_pane", "#{pane_id}"))
    words.append(("set-environment", "-F", "-t", target, "GT_PANE_ID", "#{pane_id}"))
    return words


def _drop_half_made(server: TmuxServer, name: str, made: str) -> None:
    """End the session of a call that failed halfway; a session of that name from another call stays."""
    with contextlib.suppress(TmuxError):
        if server.run("show-options", "-q", "-v", "-t", exact(name), MADE_BY).strip() == made:
            kill_session(server, name)


def kill_session(server: TmuxServer, name: str, *, grace_s: float = 2.0, exclude: Iterable[int] = ()) -> bool:
    """End exactly this session and every process in it; True if there was one.

    TERM to all, at most ``grace_s`` for them to go, KILL to the rest.  This process, its ancestors and ``exclude``
    get no signal of ours.  A missing session or server is fine.  Raises NoTmuxError, TmuxError.
    """
    target = exact(name)
    words = [
        ("set-hook", "-u", "-t", target, "pane-died"),
        ("list-panes", "-s", "-t", target, "-F", "#{pane_pid} #{pane_dead}"),
    ]
    try:
        listed = server.run_many(words)
    except NoServerError:
        return False
    except TargetMissingError:
        # somebody may have renamed it: the search gives its name back
        if find_pane(server, name) is None:
            return False
        listed = server.run_many(words)
    spared = {*own_line(), *exclude}
    doomed: list[Process] = []
    for line in listed.split("\n"):
        pid, _, dead = line.partition(" ")
        if pid.isdigit() and dead == "0":
            doomed += pane_processes(int(pid))
    end_processes(doomed, grace_s, spared)
    point("program ended")
    with server.coming_and_going(), contextlib.suppress(NoServerError, TargetMissingError):
        server.run("kill-session", "-t", target)
    return True


def attached_clients(server: TmuxServer, session: str) -> list[str]:
    """Terminals (``/dev/pts/3``) attached to exactly this session; none if it or the server is gone."""
    try:
        text = server.run("list-clients", "-t", exact(session), "-F", "#{client_control_mode} #{client_tty}")
    except (NoServerError, TargetMissingError):
        return []
    return [line[2:] for line in text.split("\n") if line.startswith("0 ")]


def detach_clients(server: TmuxServer, session: str) -> int:
    """Detach every client of exactly this session; the agent keeps running. Returns how many there were."""
    clients = attached_clients(server, session)
    if clients:
        server.run("detach-client", "-s", exact(session))
    return len(clients)


def attach_argv(server: TmuxServer, session: str) -> list[str]:
    """The command to view the session: attach-session, or switch-client when already inside this server."""
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
        raise TmuxError(f"cannot start session {name}", f"{cwd} is not a folder")
    if shutil.which(argv[0], path=env.get("PATH")) is None:
        why = f"{argv[0]} is not installed or not on PATH"
        raise TmuxError(
            f"cannot start session {name}",
            why,
            "gt config agent list shows the runtimes, gt config default-agent NAME chooses one",
        )


def _respawn_words(pane_id: str, argv: Sequence[str], cwd: str) -> list[str]:
    # tmux gives a single word to a shell; two or more it executes as they are
    words = list(argv) if len(argv) > 1 else ["env", *argv]
    return ["respawn-pane", "-k", "-t", pane_id, "-c", cwd, "--", *words]


def _watch_start(server: TmuxServer, name: str, pane_id: str, program: str, watch_s: float) -> Pane:
    """The pane, once its program has lived for ``watch_s``; an early end with an error raises TmuxError."""
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


def own_line() -> set[int]:
    """This process and its ancestors."""
    line: set[int] = set()
    pid = os.getpid()
    while pid > 1 and pid not in line:
        line.add(pid)
        row = read_process(pid)
        pid = row.parent if row else 0
    return line


def end_processes(rows: list[Process], grace_s: float, spared: set[int]) -> None:
    """TERM, wait at most ``grace_s``, KILL; processes that are spared or already gone get nothing."""
    waiting = [row for row in rows if row.pid not in spared]
    for row in waiting:
        _send(row, signal.SIGTERM)
        if row.name.lstrip("-") in SHELLS:
            # an interactive shell ignores TERM but obeys HUP
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
