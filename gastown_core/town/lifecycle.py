"""Starting and stopping a town: its standing agents side by side, and no session of others."""

from __future__ import annotations

import contextlib
import os

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError, TmuxError
from gastown_core.events.log import append_event
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.model.address import DEACON, MAYOR, REFINERY, WITNESS
from gastown_core.model.record import Record
from gastown_core.model.states import RigState
from gastown_core.tmux.panes import list_panes
from gastown_core.town import restarts, sessions, start_plan
from gastown_core.town.hook_record import never_started
from gastown_core.town.hook_states import out_of_step
from gastown_core.town.inventory import read_inventory
from gastown_core.town.liveness import lives, living
from gastown_core.town.restoring import to_restore
from gastown_core.town.runtime_choice import choose_runtime
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gastown_core.clock import Clock
    from gastown_core.town.inventory import Inventory, RosterEntry

RUNS_ALREADY = "already running"


class Service(Record):
    """The result of starting one agent; ``warnings`` name what will stop its program before the first prompt."""

    name: str
    role: str
    rig: str
    ok: bool
    detail: str
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the row of ``gt up --json``."""
        out: dict[str, object] = {"name": self.name, "type": self.role, "ok": self.ok, "detail": self.detail}
        return {**out, "rig": self.rig} if self.rig else out


def standing_agents(root: str, inventory: Inventory) -> list[RosterEntry]:
    """Return the agents that ``gt up`` starts: mayor and, by settings, deacon, witnesses, refineries of open rigs."""
    settings = load_settings(root)
    roles = {MAYOR}
    roles.update(role for role in (DEACON, WITNESS, REFINERY) if settings.lenient(f"up.{role}"))
    closed = {rig.name for rig in inventory.rigs if rig.state != RigState.OPERATIONAL}
    return [e for e in inventory.agents if e.address.role in roles and e.address.rig not in closed]


def bring_up(
    root: str,
    *,
    sender: str,
    agent: str = "",
    keys: Mapping[str, Sequence[str]] | None = None,
    restore: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> list[Service]:
    """Start every standing agent that is not running, and bind the town's ``keys``; return a row for each.

    Polecats with hooked work that never had a session are started too.  With ``restore``, the agents of
    ``restoring.to_restore`` are started as well, and every agent goes on with its program's last session where it can.

    Appends ``boot`` if every start succeeded.  Raises NoTmuxError; an agent that fails is a row, not an exception.
    """
    from concurrent.futures import ThreadPoolExecutor

    server = sessions.server_of(root)
    inventory = read_inventory(root)
    wanted = standing_agents(root, inventory)
    ledger = TownLedger(root)
    work = never_started(ledger, inventory.agents)
    going_on = to_restore(root, ledger, inventory) if restore else {}
    wanted += [entry for entry in inventory.agents if entry.address in work or entry.address in going_on]

    def start(entry: RosterEntry) -> Service:
        bead = work.get(entry.address, "")
        plan = start_plan.plan_start(
            root,
            entry,
            agent=agent,
            topic="assigned" if bead else "restart" if restore else "start",
            sender=sender,
            bead=bead or going_on.get(entry.address, ""),
            resume=restore,
            clock=clock,
        )
        sessions.respawn_agent(root, plan, clock=clock)
        words = f"{entry.session} with {plan.alias}{', goes on' if plan.resumes else ''}"
        return Service(entry.address.path, entry.address.role, entry.address.rig, True, words, plan.warnings)

    with _lock(root), ThreadPoolExecutor(max_workers=8) as pool:
        rows = list(pool.map(lambda entry: _unless_running(root, entry, start), wanted))
    if keys and any(row.ok for row in rows):
        from gastown_core.tmux.keys import bind_keys

        # without the keys the town still runs
        with contextlib.suppress(TmuxError):
            bind_keys(server, keys, prefixes=[rig.prefix for rig in inventory.rigs])
    if rows and all(row.ok for row in rows) and any(row.detail != RUNS_ALREADY for row in rows):
        append_event(root, "boot", "gt", {"rig": "town", "agents": [row.name for row in rows]}, clock=clock)
    return rows


def hook_warnings(root: str) -> list[str]:
    """Return a warning for each agent that runs with hook files that its next start would write anew."""
    found = []
    try:
        panes = list_panes(sessions.server_of(root))
    except TmuxError:
        # the rows of the starts tell of it
        return []
    alive = living(panes.values())
    for entry in read_inventory(root).agents:
        pane = panes.get(entry.session)
        if pane is None or not pane.agent or not alive[entry.session]:
            continue
        try:
            preset = choose_runtime(root, entry.address, pane.agent).preset
        except GastownError:
            # gt doctor names a runtime that the settings no longer know
            continue
        stale = [one for one in out_of_step(root, entry, preset, runs=True) if one.diff()]
        found += [f"hooks of {one.agent} are {one.state} ({one.path}); gt hooks sync writes them" for one in stale]
    return found


def _unless_running(root: str, entry: RosterEntry, start: Callable[[RosterEntry], Service]) -> Service:
    """Return the row of a start, of an agent that already runs, or of one that somebody else started at the same time."""
    address = entry.address
    running = Service(address.path, address.role, address.rig, True, RUNS_ALREADY)
    try:
        return running if lives(root, entry) else start(entry)
    except GastownError as error:
        if isinstance(error, ConflictError) and lives(root, entry):
            return running
        return Service(address.path, address.role, address.rig, False, str(error))


def bring_down(
    root: str, *, caller: str, workers: bool = True, dry_run: bool = False, clock: Clock = SYSTEM_CLOCK
) -> list[str]:
    """End the sessions of the roster's agents (without ``workers``, not of polecats and crew); return those ended.

    Appends ``session_end`` for each, and one ``halt``.  Raises NoTmuxError, TmuxError.
    """
    from gastown_core.tmux.panes import list_panes

    server = sessions.server_of(root)
    panes = list_panes(server)
    entries = [entry for entry in read_inventory(root).agents if entry.session in panes]
    if not workers:
        entries = [entry for entry in entries if entry.address.role in (MAYOR, DEACON, WITNESS, REFINERY)]
    if dry_run:
        return [entry.address.path for entry in entries]
    own = os.environ.get("GT_SESSION", "")
    entries.sort(key=lambda entry: entry.session == own)
    with _lock(root):
        others = [entry for entry in entries if entry.session != own]
        ended = sessions.stop_all(root, others, reason="town down", caller=caller, clock=clock) if others else []
        if ended:
            append_event(root, "halt", caller, {"services": ended}, clock=clock)
        for entry in entries[len(others) :]:
            ended += sessions.stop_all(root, [entry], reason="town down", caller=caller, clock=clock)
    return ended


def finish_restarts(root: str, *, sender: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Start agents whose restart was cut off between end and start; return a message for each.

    An agent whose session has ended since is left alone.  Raises NoTmuxError, TmuxError.
    """
    found = restarts.cut_off(root)
    entries = {entry.session: entry for entry in read_inventory(root).agents} if found else {}
    told = []
    for one in found:
        entry = entries.get(one.session)
        if entry is not None and sessions.find_session(root, entry) is not None and not lives(root, entry):
            try:
                plan = sessions.plan_again(root, entry, topic=one.topic, sender=sender, clock=clock)
                sessions.respawn_agent(root, plan, clock=clock)
                told.append(f"finished the restart of {entry.address.short}")
            except GastownError as error:
                told.append(f"could not finish the restart of {entry.address.short}: {error}")
        restarts.drop(one.path)
    return told


def _lock(root: str) -> FileLock:
    folder = os.path.join(root, ".runtime", "locks")
    private_folder(folder)
    return FileLock(os.path.join(folder, "lifecycle.lock"), timeout_s=30.0, name_holder=True)
