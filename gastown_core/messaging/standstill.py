"""An emergency stop at the agents: processes below their programs stand still, and a turn in which none runs is interrupted.

tmux continues the first process of a pane as soon as a signal stops it, so that process itself goes on (adr/0015); what
it started stays stopped until the thaw.  The stop's file comes first: nothing new starts while this works through the
agents, and what they start in spite of it is stopped by ``hold_again``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.files.points import point
from gastown_core.messaging.prompt_line import look
from gastown_core.messaging.queue import IDLE
from gastown_core.messaging.target import target_of
from gastown_core.model.record import Record
from gastown_core.process_table import began_at, is_running, read_process
from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.runtimes.preset import ESCAPES_APART_S
from gastown_core.runtimes.screen import BUSY
from gastown_core.tmux.panes import list_panes
from gastown_core.tmux.processes import foreground_is, is_called, pane_processes
from gastown_core.tmux.sessions import own_line
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import estop, sessions
from gastown_core.town.inventory import read_inventory
from gastown_core.town.liveness import process_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.clock import Clock
    from gastown_core.process_table import Process
    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.town.inventory import RosterEntry

ROUNDS = 10
"""How often what an agent just started is looked for again at once."""
STANDS_S = 5.0
"""How long a stop waits until what it signalled stands still: a process acts on the signal once a processor has time for it."""
LOOK_EVERY_S = 0.01
OVER = "The emergency stop is over. Check what your last command did, then go on with the work on your hook."


class Halted(Record):
    """What a stop, or its end, did: whether it changed anything; processes stopped or continued; agents interrupted.

    ``failed`` are agents that could not be reached or whose processes do not stand still yet, with the reason.
    """

    changed: bool
    processes: int = 0
    interrupted: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def halt(root: str, rig: str = "", *, reason: str, actor: str, clock: Clock = SYSTEM_CLOCK) -> Halted:
    """Stop the town, or a rig; when this returns, what it stopped stands still, and ``failed`` names what does not yet.

    Raises StoreError if the stop cannot be written; then nothing has been stopped.
    """
    if not estop.declare(root, rig, reason, clock=clock):
        return Halted(False, hold_again(root) if has_tmux() else 0)
    append_event(root, "estop", actor, {"rig": rig, "reason": reason}, clock=clock)
    if not has_tmux():
        return Halted(True)
    server = sessions.server_of(root)
    panes = list_panes(server)
    interrupted: list[str] = []
    covered = [(entry, panes[entry.session]) for entry in _covered(root, rig) if entry.session in panes]
    # every tool stands still before a screen is read: that takes longer
    stopped = _freeze(root, rig, [pane for _, pane in covered])
    held = [row for rows in stopped.values() for row in rows]
    failed: list[str] = []
    for entry, pane in covered:
        if pane.dead or entry.session == os.environ.get("GT_SESSION"):
            continue
        try:
            if _is_to_interrupt(root, server, entry, pane, stopped[entry.session]):
                interrupted.append(entry.address.path)
                _remember(root, rig, held, interrupted)
                _interrupt(server, pane, target_of(root, entry).preset.keyboard.escapes)
        except GastownError as error:
            failed.append(f"{entry.address.path}: {error}")
    moving = {row.pid for row in _wait_until_still(held)}
    failed += [
        f"{entry.address.path}: process {row.pid} ({row.name}) does not stand still yet; it does once what it waits for lets it go"
        for entry, pane in covered
        for row in stopped.get(pane.session, ())
        if row.pid in moving
    ]
    return Halted(True, len(held) - len(moving), tuple(interrupted), tuple(failed))


def hold_again(root: str) -> int:
    """Stop what agents under a stop have started since; return how many processes. Without a stop, do nothing."""
    inventory = read_inventory(root)
    scopes = [rig for rig in ("", *(one.name for one in inventory.rigs)) if estop.is_set(root, rig)]
    if not scopes:
        return 0
    panes = list_panes(sessions.server_of(root))
    count = 0
    for rig in scopes:
        kept, told = _held(root, rig)
        before = kept or []
        known = {(row.pid, row.started) for row in before}
        covered = [panes[entry.session] for entry in _covered(root, rig) if entry.session in panes]
        found = _freeze(root, rig, covered, before, told)
        new = [row for rows in found.values() for row in rows if (row.pid, row.started) not in known]
        # one on record that a disk holds up is not waited for again
        _wait_until_still(new)
        count += len(new)
    return count


def thaw(root: str, rig: str = "", *, actor: str, clock: Clock = SYSTEM_CLOCK) -> Halted:
    """End the stop: continue what it stopped, and tell interrupted agents to go on. A second call finishes the first.

    Without a record of what it stopped, every process below the agents that stands still is continued.
    """
    stop = estop.read(root, rig)
    if stop is None:
        return Halted(False)
    held, interrupted = _held(root, rig)
    rows = held if held is not None else _standing_still(root, rig)
    others = {row.pid for other in _other_stops(root, rig) for row in _held(root, other)[0] or ()}
    going = [row for row in rows if row.pid not in others and is_running(row)]
    for row in going:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(row.pid, signal.SIGCONT)
    # before the record goes: the daemon types nothing until the stop is lifted
    failed = _tell(root, interrupted, actor, clock)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_record_path(root, rig))
    point("record of the stop gone")
    estop.lift(root, rig)
    took_s = round(max(0.0, clock.now() - stop.at)) if stop.at else 0
    append_event(root, "thaw", actor, {"rig": rig, "seconds": took_s}, clock=clock)
    return Halted(True, len(going), tuple(interrupted), tuple(failed))


def _covered(root: str, rig: str) -> list[RosterEntry]:
    """The agents that the stop of the town (``rig`` empty) or of a rig is for."""
    agents = read_inventory(root).agents
    return [one for one in agents if estop.stop_of(root, one.address) is not None and rig in ("", one.address.rig)]


def _other_stops(root: str, rig: str) -> list[str]:
    names = ["", *(one.name for one in read_inventory(root).rigs)]
    return [name for name in names if name != rig and estop.is_set(root, name)]


def _freeze(
    root: str, rig: str, panes: list[Pane], before: Iterable[Process] = (), told: Iterable[str] = ()
) -> dict[str, list[Process]]:
    """Stop every process of the panes but their first; return them by session. Repeated until nothing new appears.

    Each is on record before it is stopped, so that a thaw continues it whenever this process ends.
    """
    live = [pane for pane in panes if not pane.dead]
    spared = {*(pane.pid for pane in live), *own_line()}
    recorded = {(row.pid, row.started): row for row in before}
    done: dict[str, list[Process]] = {pane.session: [] for pane in live}
    seen: set[int] = set()
    for _ in range(ROUNDS):
        fresh = [
            (pane.session, row)
            for pane in live
            for row in pane_processes(pane.pid)
            if row.pid not in spared and row.pid not in seen
        ]
        if not fresh:
            break
        new = {(row.pid, row.started): row for _, row in fresh}
        if not new.keys() <= recorded.keys():
            recorded |= new
            _remember(root, rig, recorded.values(), told)
        for session, row in fresh:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if is_running(row):
                    os.kill(row.pid, signal.SIGSTOP)
            seen.add(row.pid)
            done[session].append(row)
        point("processes stopped")
    # one that ended before the signal came stands nowhere; what is stopped does not end
    return {session: [row for row in rows if is_running(row)] for session, rows in done.items()}


def _wait_until_still(rows: list[Process]) -> list[Process]:
    """Wait until a signal has stopped each, at most ``STANDS_S``; return those that do not stand, say as they wait for a disk."""
    deadline = time.monotonic() + STANDS_S
    while rows := [row for row in rows if is_running(row) and not _stands(row)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(LOOK_EVERY_S)
    return rows


def _stands(row: Process) -> bool:
    now = read_process(row.pid)
    return now is not None and now.is_stopped


def _standing_still(root: str, rig: str) -> list[Process]:
    """Return the processes below the agents of a stop that a signal has stopped."""
    panes = list_panes(sessions.server_of(root)) if has_tmux() else {}
    covered = [panes[entry.session] for entry in _covered(root, rig) if entry.session in panes]
    return [row for pane in covered if not pane.dead for row in pane_processes(pane.pid) if row.is_stopped]


def _is_to_interrupt(root: str, server: TmuxServer, entry: RosterEntry, pane: Pane, below: list[Process]) -> bool:
    """Return whether an agent is in a turn that waits for no stopped process; Escape interrupts it."""
    names = frozenset(process_names(pane))
    if any(is_called(row, names) for row in below):
        # its program is itself below the pane's first process, and stands still
        return False
    beat = read_heartbeat(root, entry.session)
    since = beat.said.at if beat is not None and beat.said is not None else 0.0
    if any(began_at(row.pid) >= since for row in below):
        # it waits for this tool, and an interruption would end the tool
        return False
    preset = target_of(root, entry).preset
    is_busy = look(server, pane.pane_id, preset.screens).kind == BUSY
    return is_busy and foreground_is(pane.pid, pane.command, names)


def _interrupt(server: TmuxServer, pane: Pane, escapes: int) -> None:
    """End its turn as a person does."""
    for number in range(escapes):
        if number:
            time.sleep(ESCAPES_APART_S)
        server.run("send-keys", "-t", pane.pane_id, "Escape")


def _tell(root: str, paths: list[str], actor: str, clock: Clock) -> list[str]:
    """Leave each interrupted agent a nudge to go on; the daemon types it once the agent is idle."""
    from gastown_core.messaging.queue import enqueue

    failed = []
    entries = {entry.address.path: entry for entry in read_inventory(root).agents}
    for path in paths:
        entry = entries.get(path)
        if entry is None:
            continue
        try:
            enqueue(root, entry.session, actor, OVER, mode=IDLE, target=path, rig=entry.address.rig, clock=clock)
        except GastownError as error:
            failed.append(f"{path}: {error}")
    return failed


def _record_path(root: str, rig: str) -> str:
    return os.path.join(root, ".runtime", "estop", f"{rig or 'town'}.json")


def _remember(root: str, rig: str, rows: Iterable[Process], interrupted: Iterable[str]) -> None:
    """Write what the stop stops, so that its end continues exactly that. On a full disk there is no record."""
    path = _record_path(root, rig)
    value = {"stopped": [[row.pid, row.started] for row in rows], "interrupted": list(interrupted)}
    try:
        private_folder(os.path.dirname(path))
        write_json(path, value, mode=0o600)
    except (GastownError, OSError):
        # an emergency stop does not wait for space; half a record would leave the rest standing for ever
        with contextlib.suppress(OSError):
            os.unlink(path)


def _held(root: str, rig: str) -> tuple[list[Process] | None, list[str]]:
    """Return the processes on record that still exist, None without a record; and the agents that were interrupted."""
    try:
        value = read_json(_record_path(root, rig))
    except GastownError:
        # damaged: what it named is found by its state
        value = None
    if value is None:
        return None, []
    rows = []
    for pair in value.get("stopped") or ():
        row = read_process(pair[0]) if isinstance(pair, list) and len(pair) == 2 else None
        if row is not None and row.started == pair[1]:
            rows.append(row)
    told = value.get("interrupted")
    return rows, [str(path) for path in told] if isinstance(told, list) else []
