"""An agent's session from start to end: its tmux session, hook files, and events.

It is the same for every role.  Without tmux nothing here works; the error of a start gives the command line to run by hand.
Ending a session never touches the agent's worktree or the work on its hook.
"""

from __future__ import annotations

import contextlib
import os
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import (
    ConflictError,
    GastownError,
    NoTmuxError,
    StoreError,
    TmuxError,
    TownError,
    UsageError,
    words_of,
)
from gastown_core.events.log import append_event
from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.model.address import CREW, POLECAT
from gastown_core.process import gt_argv, spawn
from gastown_core.runtimes.heartbeat import forget_heartbeat
from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import has_tmux, socket_name
from gastown_core.town import start_plan
from gastown_core.town.accounts import VARIABLE as ACCOUNT
from gastown_core.town.accounts import note_use
from gastown_core.town.estop import check as check_not_stopped
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.clock import Clock
    from gastown_core.tmux.panes import Pane
    from gastown_core.town.inventory import RosterEntry
    from gastown_core.town.start_plan import Start


WATCH_S = 0.25
"""How long a new program must stay up to count as started."""


def server_of(root: str) -> TmuxServer:
    """Return the town's tmux server. Raises NoTmuxError."""
    if not has_tmux():
        raise NoTmuxError("tmux is not installed", "agents' sessions run in it", "everything else works without it")
    return TmuxServer(socket_name(root))


def plan_again(
    root: str,
    entry: RosterEntry,
    *,
    topic: str = "restart",
    sender: str = "overseer",
    bead: str = "",
    otherwise: str = "",
    resume: bool | None = None,
    account: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Start:
    """Plan a start as ``plan_start`` does, with the agent's current runtime if it has a session and that runtime is still known.

    ``otherwise`` is the runtime for an agent without a session, empty for the configured one.  ``resume`` goes on with
    the program's last session where one is known; None does so for an agent that ended by itself and is started again,
    if the settings say so.  A hand-off is always a fresh session.
    """
    pane = find_session(root, entry) if has_tmux() else None
    branch = os.environ.get("GT_BRANCH", "") if os.environ.get("GT_SESSION") == entry.session else ""
    if resume is None:
        crashed = pane is not None and not is_alive(pane) and topic in RESUMED_TOPICS
        resume = crashed and bool(load_settings(root).lenient("operational.session.resume_after_crash"))
    more = {"topic": topic, "sender": sender, "bead": bead, "branch": branch, "account": account}
    if pane is not None and pane.agent:
        with contextlib.suppress(UsageError):
            return start_plan.plan_start(root, entry, agent=pane.agent, resume=resume, clock=clock, **more)
    return start_plan.plan_start(root, entry, agent=otherwise, resume=resume, clock=clock, **more)


RESUMED_TOPICS = ("restart", "attach")


def find_session(root: str, entry: RosterEntry) -> Pane | None:
    """Return the pane of an agent's session, None if it has none. Raises NoTmuxError, TmuxError."""
    from gastown_core.tmux.panes import find_pane

    return find_pane(server_of(root), entry.session)


def is_alive(pane: Pane | None) -> bool:
    """Whether the agent's program runs in its pane."""
    from gastown_core.town.liveness import living

    return pane is not None and living([pane])[pane.session]


def why_ended(root: str, session: str) -> str:
    """How the program of this session ended and what it wrote last; empty if it runs, or its pane is gone.

    One that was killed left a picture and no words.  Never fails: the words only explain an end that was found otherwise.
    """
    from gastown_core.tmux.panes import DEAD_LINES, capture_pane, find_pane, written_lines

    try:
        server = server_of(root)
        pane = find_pane(server, session)
        if pane is None or not pane.dead:
            return ""
        if pane.dead_status is None:
            return "ended by a signal"
        said = " / ".join(written_lines(capture_pane(server, pane.pane_id, DEAD_LINES))[-3:])
    except (TmuxError, NoTmuxError):
        return ""
    return f"ended with status {pane.dead_status}" + (f": {said[-300:]}" if said else "")


def start_agent(root: str, start: Start, *, watch_s: float = WATCH_S, clock: Clock = SYSTEM_CLOCK) -> Pane:
    """Start the session, or restart the agent in a session whose program has ended.

    Appends ``session_start``.  Raises NoTmuxError with the command to run by hand, ConflictError if the agent is
    already running (anywhere), TownError if its folder is missing, TmuxError if the program exits at once.
    """
    from gastown_core.tmux.panes import find_pane
    from gastown_core.tmux.sessions import SessionExistsError, create_session
    from gastown_core.town.liveness import orders_on_hook

    entry = start.entry
    check_not_stopped(root, entry.address)
    if not os.path.isdir(entry.work_dir):
        raise TownError(f"{entry.address.path} has no folder to work in", f"{entry.work_dir} is missing")
    server = _server_or_hint(root, start)
    pane = find_pane(server, entry.session)
    if pane is not None:
        return _take_up(root, server, pane, start, clock)
    _check_nowhere_else(root, entry)
    _forget_heartbeat(root, entry, start.env.get("GT_RUN", ""))
    _prepare(root, start)
    try:
        pane = create_session(
            server,
            entry.session,
            entry.work_dir,
            start.env,
            start.argv,
            orders=orders_on_hook(root, entry),
            options=_appearance(entry),
            watch_s=watch_s,
        )
    except SessionExistsError:
        # created just now, perhaps by a process that was then killed
        pane = find_pane(server, entry.session)
        if pane is None:
            raise
        _let_tell(root, entry.session, pane)
        return _take_up(root, server, pane, start, clock)
    _tell_start(root, pane, start, clock)
    return pane


def _let_tell(root: str, session: str, pane: Pane) -> None:
    """Let the program that was first write the session's heartbeat: this start has just claimed it, and does not happen."""
    from gastown_core.process_table import environment_of

    run = environment_of(pane.pid).get("GT_RUN", "") if is_alive(pane) else ""
    if run:
        forget_heartbeat(root, session, run)


def _take_up(root: str, server: TmuxServer, pane: Pane, start: Start, clock: Clock) -> Pane:
    """Start the agent in its existing session, unless it is running there."""
    entry = start.entry
    if is_alive(pane):
        raise ConflictError(
            f"{entry.address.path} is already running", f"session {entry.session}", f"gt attach {entry.address.short}"
        )
    return _respawn(root, server, pane, start, clock)


def respawn_agent(root: str, start: Start, *, clock: Clock = SYSTEM_CLOCK) -> Pane:
    """End what runs in the agent's pane and start it again there; clients stay. Without a session, start one.

    Raises the same as ``start_agent``.
    """
    from gastown_core.tmux.panes import find_pane

    check_not_stopped(root, start.entry.address)
    server = _server_or_hint(root, start)
    pane = find_pane(server, start.entry.session)
    if pane is None:
        return start_agent(root, start, clock=clock)
    return _respawn(root, server, pane, start, clock)


def _respawn(root: str, server: TmuxServer, pane: Pane, start: Start, clock: Clock) -> Pane:
    from gastown_core.tmux.panes import read_pane
    from gastown_core.tmux.sessions import respawn
    from gastown_core.town.liveness import orders_on_hook
    from gastown_core.town.restarts import noted

    entry = start.entry
    if not is_alive(pane):
        _check_nowhere_else(root, entry)
    _forget_heartbeat(root, entry, start.env.get("GT_RUN", ""))
    _prepare(root, start)
    orders = orders_on_hook(root, entry)
    with noted(root, entry.session, start.topic):
        respawn(server, pane, start.env, start.argv, entry.work_dir, orders=orders, options=_appearance(entry))
    deadline = time.monotonic() + WATCH_S
    while not (fresh := read_pane(server, pane.pane_id)).dead and time.monotonic() < deadline:
        time.sleep(0.05)
    if fresh.dead and fresh.dead_status != 0:
        raise TmuxError(f"{start.alias} exited at once in session {entry.session}", f"status {fresh.dead_status}")
    _tell_start(root, fresh, start, clock)
    return fresh


def note_orders(root: str, entry: RosterEntry) -> None:
    """Note on a running agent's session that it was given the work it holds now. Raises NoTmuxError, TmuxError."""
    from gastown_core.tmux.sessions import note_orders
    from gastown_core.town.liveness import orders_on_hook

    pane, orders = find_session(root, entry), orders_on_hook(root, entry)
    if pane is not None and orders:
        note_orders(server_of(root), pane, orders)


def stop_agent(
    root: str, entry: RosterEntry, *, caller: str, reason: str = "", event: str = "kill", clock: Clock = SYSTEM_CLOCK
) -> bool:
    """End this agent's session with every process in it; return whether there was one.

    Appends ``kill``, or ``session_end`` if that is the ``event``.  Raises NoTmuxError, TmuxError, and ConflictError if
    the agent is running where tmux lists no session for it.
    """
    from gastown_core.tmux.sessions import kill_session

    grace = load_settings(root).seconds("operational.session.graceful_shutdown")
    if not kill_session(server_of(root), entry.session, grace_s=grace):
        _check_nowhere_else(root, entry)
        return False
    _forget_heartbeat(root, entry)
    _note_hook(root, entry, False, clock)
    if event == "session_end":
        payload = {"session_id": entry.session, "role": entry.address.path, "topic": reason}
        append_event(root, event, entry.address.path, payload, clock=clock)
    else:
        payload = {"rig": entry.address.rig, "target": entry.address.path, "reason": reason}
        append_event(root, "kill", caller, payload, clock=clock)
    return True


def stop_all(
    root: str, entries: Iterable[RosterEntry], *, reason: str, caller: str, clock: Clock = SYSTEM_CLOCK
) -> list[str]:
    """End the sessions of these agents side by side; return the addresses of those that had one."""
    from concurrent.futures import ThreadPoolExecutor

    def stop(entry: RosterEntry) -> str:
        done = stop_agent(root, entry, caller=caller, reason=reason, event="session_end", clock=clock)
        return entry.address.path if done else ""

    with ThreadPoolExecutor(max_workers=8) as pool:
        return [path for path in pool.map(stop, entries) if path]


def _server_or_hint(root: str, start: Start) -> TmuxServer:
    try:
        return server_of(root)
    except NoTmuxError as error:
        raise NoTmuxError(
            error.what, "everything else works without it", f"run it yourself: {start_plan.by_hand(start)}"
        ) from error


def _check_nowhere_else(root: str, entry: RosterEntry) -> None:
    """Refuse to start or stop an agent that is running where tmux does not list it. Raises ConflictError."""
    from gastown_core.town.liveness import found_elsewhere

    pid = found_elsewhere(root).get(entry.session)
    if pid:
        raise ConflictError(
            f"{entry.address.path} is already running",
            f"process {pid} is this agent or works in its folder, but tmux lists no session for it",
            f"check it first; kill {pid} ends it",
        )


def _appearance(entry: RosterEntry) -> dict[str, str]:
    from gastown_core.tmux.theme import status_options

    return status_options(entry.address.role, entry.address.short, entry.address.rig)


def _prepare(root: str, start: Start) -> None:
    """Bring to its place what the program reads at its start: its conversation, and its hook files. Raises StoreError."""
    if start.carries is not None:
        source, target = start.carries
        private_folder(os.path.dirname(target))
        try:
            with open(source, "rb") as handle:
                write_atomic(target, handle.read(), mode=0o600)
        except OSError as error:
            raise StoreError(
                f"the conversation of {start.entry.address.path} cannot be carried to another account",
                words_of(error),
                "gt session restart AGENT --fresh begins a new one",
            ) from error
    _install_hooks(root, start)


def _install_hooks(root: str, start: Start) -> None:
    """Write the hook files by which the program reports its state; without them only its process and screen show it."""
    from gastown_core.events.town_log import log_line
    from gastown_core.town.hook_files import install

    for warning in install(root, start.entry, start.preset):
        log_line(root, "hooks", start.entry.address.path, warning)


def _tell_start(root: str, pane: Pane, start: Start, clock: Clock) -> None:
    entry = start.entry
    payload: dict[str, object] = {
        "session_id": entry.session,
        "role": entry.address.path,
        "actor_pid": pane.pid,
        "topic": start.topic,
        "cwd": entry.work_dir,
        "runtime": start.preset.screens,
    }
    if start.warnings:
        # whoever starts agents without a person, as the daemon does, has nobody to tell
        payload["warnings"] = list(start.warnings)
    append_event(root, "session_start", entry.address.path, payload, clock=clock)
    if start.env.get(ACCOUNT):
        # the agent runs, whatever is noted of it
        with contextlib.suppress(GastownError):
            note_use(root, start.env[ACCOUNT], clock.now())
    _note_hook(root, entry, True, clock)
    if start.typed_prompt:
        # the caller need not wait until the agent can take its prompt
        words = ["session", "first-prompt", entry.address.path, "--", start.typed_prompt]
        spawn(gt_argv(*words), cwd=root)


def _note_hook(root: str, entry: RosterEntry, runs: bool, clock: Clock) -> None:
    """Record a worker's session on its hook; only workers have one. A failure to record is ignored."""
    if entry.address.role not in (CREW, POLECAT):
        return
    from gastown_core.town.hook_record import record_session

    with contextlib.suppress(GastownError):
        record_session(root, entry, runs=runs, clock=clock)


def _forget_heartbeat(root: str, entry: RosterEntry, next_run: str = "") -> None:
    """Record what the session's hooks reported, then remove its heartbeat; only ``next_run`` may write another one."""
    from gastown_core.town.session_record import keep

    with contextlib.suppress(GastownError):
        # without the record the next session is a fresh one, which is no reason to fail
        keep(root, entry.session)
    forget_heartbeat(root, entry.session, next_run)
