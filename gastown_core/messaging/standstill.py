"""An emergency stop at the agents: processes below their programs stand still, and a turn in which none runs is interrupted.

tmux continues the first process of a pane as soon as a signal stops it, so that process itself goes on (adr/0015); what
it started stays stopped until the thaw.  The stop's file comes first: nothing new starts while this works through the
agents, and what they start in spite of it is stopped by ``hold_again``.
"""

from __future__ import annotations

import contextlib
import os
import signal

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.messaging.prompt_line import look
from gastown_core.messaging.queue import IDLE
from gastown_core.messaging.target import target_of
from gastown_core.model.record import Record
from gastown_core.process_table import began_at, is_running, read_process
from gastown_core.runtimes.heartbeat import read_heartbeat
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
    from gastown_core.clock import Clock
    from gastown_core.process_table import Process
    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.town.inventory import RosterEntry

ROUNDS = 10
"""How often what an agent just started is looked for again at once."""
OVER = "The emergency stop is over. Check what your last command did, then go on with the work on your hook."


class Halted(Record):
    """What a stop, or its end, did: whether it changed anything; processes stopped or continued; agents interrupted.

    ``failed`` are agents that could not be reached, with the reason.
    """

    changed: bool
    processes: int = 0
    interrupted: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def halt(root: str, rig: str = "", *, reason: str, actor: str, clock: Clock = SYSTEM_CLOCK) -> Halted:
    """Stop the town, or a rig. Raises StoreError if the stop cannot be written; then nothing has been stopped."""
    if not estop.declare(root, rig, reason, clock=clock):
        return Halted(False, hold_again(root) if has_tmux() else 0)
    append_event(root, "estop", actor, {"rig": rig, "reason": reason}, clock=clock)
    if not has_tmux():
        return Halted(True)
    server = sessions.server_of(root)
    panes = list_panes(server)
    interrupted: list[str] = []
    failed: list[str] = []
    covered = [(entry, panes[entry.session]) for entry in _covered(root, rig) if entry.session in panes]
    # every tool stands still before a screen is read: that takes longer
    stopped = {entry.session: _freeze(pane) for entry, pane in covered if not pane.dead}
    held = [row for rows in stopped.values() for row in rows]
    _remember(root, rig, held, ())
    for entry, pane in covered:
        if pane.dead or entry.session == os.environ.get("GT_SESSION"):
            continue
        try:
            if _interrupt(root, server, entry, pane, stopped[entry.session]):
                interrupted.append(entry.address.path)
        except GastownError as error:
            failed.append(f"{entry.address.path}: {error}")
    _remember(root, rig, held, interrupted)
    return Halted(True, len(held), tuple(interrupted), tuple(failed))


def hold_again(root: str) -> int:
    """Stop what agents under a stop have started since; return how many processes. Without a stop, do nothing."""
    inventory = read_inventory(root)
    scopes = [rig for rig in ("", *(one.name for one in inventory.rigs)) if estop.is_set(root, rig)]
    if not scopes:
        return 0
    panes = list_panes(sessions.server_of(root))
    count = 0
    for rig in scopes:
        known = {row.pid: row.started for row in _held(root, rig)[0]}
        covered = [panes[entry.session] for entry in _covered(root, rig) if entry.session in panes]
        found = [row for pane in covered if not pane.dead for row in _freeze(pane) if known.get(row.pid) != row.started]
        if found:
            before, told = _held(root, rig)
            _remember(root, rig, [*before, *found], told)
        count += len(found)
    return count


def thaw(root: str, rig: str = "", *, actor: str, clock: Clock = SYSTEM_CLOCK) -> Halted:
    """End the stop: continue what it stopped, then tell interrupted agents to go on. A second call finishes the first."""
    stop = estop.read(root, rig)
    if stop is None:
        return Halted(False)
    rows, interrupted = _held(root, rig)
    others = {row.pid for other in _other_stops(root, rig) for row in _held(root, other)[0]}
    going = [row for row in rows if row.pid not in others and is_running(row)]
    for row in going:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(row.pid, signal.SIGCONT)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_record_path(root, rig))
    estop.lift(root, rig)
    took_s = round(max(0.0, clock.now() - stop.at)) if stop.at else 0
    append_event(root, "thaw", actor, {"rig": rig, "seconds": took_s}, clock=clock)
    failed = _tell(root, interrupted, actor, clock)
    return Halted(True, len(going), tuple(interrupted), tuple(failed))


def _covered(root: str, rig: str) -> list[RosterEntry]:
    """The agents that the stop of the town (``rig`` empty) or of a rig is for."""
    agents = read_inventory(root).agents
    return [one for one in agents if estop.stop_of(root, one.address) is not None and rig in ("", one.address.rig)]


def _other_stops(root: str, rig: str) -> list[str]:
    names = ["", *(one.name for one in read_inventory(root).rigs)]
    return [name for name in names if name != rig and estop.is_set(root, name)]


def _freeze(pane: Pane) -> list[Process]:
    """Stop every process of the pane but its first; return them. Repeated until nothing new appears."""
    spared = {pane.pid, *own_line()}
    done: dict[int, Process] = {}
    for _ in range(ROUNDS):
        fresh = [row for row in pane_processes(pane.pid) if row.pid not in spared and row.pid not in done]
        for row in fresh:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if is_running(row):
                    os.kill(row.pid, signal.SIGSTOP)
            done[row.pid] = row
        if not fresh:
            break
    return list(done.values())


def _interrupt(root: str, server: TmuxServer, entry: RosterEntry, pane: Pane, below: list[Process]) -> bool:
    """Press Escape for an agent in a turn that waits for no stopped process; return whether that was done."""
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
    if look(server, pane.pane_id, preset.screens).kind != BUSY or not foreground_is(pane.pid, pane.command, names):
        return False
    server.run("send-keys", "-t", pane.pane_id, "Escape")
    return True


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


def _remember(root: str, rig: str, rows: list[Process], interrupted: list[str] | tuple[str, ...]) -> None:
    """Write what the stop stopped, so that its end continues exactly that."""
    path = _record_path(root, rig)
    private_folder(os.path.dirname(path))
    value = {"stopped": [[row.pid, row.started] for row in rows], "interrupted": list(interrupted)}
    write_json(path, value, mode=0o600)


def _held(root: str, rig: str) -> tuple[list[Process], list[str]]:
    """Return the processes that the stop stopped and that still exist, and the agents it interrupted."""
    value = read_json(_record_path(root, rig)) or {}
    rows = []
    for pair in value.get("stopped") or ():
        row = read_process(pair[0]) if isinstance(pair, list) and len(pair) == 2 else None
        if row is not None and row.started == pair[1]:
            rows.append(row)
    told = value.get("interrupted")
    return rows, [str(path) for path in told] if isinstance(told, list) else []
