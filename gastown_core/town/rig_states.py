"""A rig after it was added: parked, docked, its agents stopped and started, removed from the town.

*Parked* is a state of this machine, in the local layer ``.beads-wisp/config/<rig>.json``.  *Docked* is shared: the label
``status:docked`` on the rig's bead; the local layer repeats it, so that reading the roster needs no ledger.  Both stop
the rig's agents, and nothing is dispatched to it.  No folder, worktree or bead is ever deleted here.
"""

from __future__ import annotations

import os

from gastown_core.beads.ledger import TOWN, TownLedger
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import edit_json
from gastown_core.model.address import CREW, POLECAT, REFINERY, WITNESS
from gastown_core.model.bead import HOOKED, IN_PROGRESS
from gastown_core.model.record import Record
from gastown_core.model.states import RigState
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import estop, sessions
from gastown_core.town.closed_rig import OPENS
from gastown_core.town.hook_record import record_pause
from gastown_core.town.inventory import LOCAL_LAYER, kept_state, read_inventory
from gastown_core.town.rig_register import unregister
from gastown_core.town.rigs import require_rig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RigEntry, RosterEntry

DOCKED_LABEL = f"status:{RigState.DOCKED}"
STOP_ORDER = (POLECAT, REFINERY, WITNESS)
"""Roles that park, dock and stop end, in this order; crew belongs to a person and stays."""


class Leavings(Record):
    """What a rig still has: agents with a session, beads in hands as ``bead → assignee``, and open beads."""

    running: tuple[str, ...]
    in_hands: Mapping[str, str]
    open_beads: int


def find_rig(root: str, name: str) -> RigEntry:
    """Return the roster's entry of a rig. Raises NotFoundError with near matches."""
    require_rig(root, name)
    return next(rig for rig in read_inventory(root).rigs if rig.name == name)


def _kept(root: str, name: str) -> str:
    """Return the rig's own state, also during an emergency stop. Raises NotFoundError with near matches."""
    require_rig(root, name)
    return kept_state(root, name)


def park(root: str, name: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Park the rig on this machine and stop its agents; return those stopped. Work on their hooks waits.

    A second call ends what the first left running.  Raises NotFoundError, ConflictError if the rig is docked.
    """
    if _kept(root, name) == RigState.DOCKED:
        raise ConflictError(f"rig {name} is docked", "a docked rig is stopped already", f"gt rig undock {name}")
    _set_state(root, name, RigState.PARKED, actor=actor, clock=clock)
    return stop_agents(root, name, reason="rig parked", actor=actor, clock=clock)


def unpark(root: str, name: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Make the rig operational; return False if it was not parked. Raises NotFoundError, ConflictError if it is docked."""
    state = _kept(root, name)
    if state == RigState.DOCKED:
        raise ConflictError(f"rig {name} is docked, not parked", "", f"gt rig undock {name}")
    if state == RigState.OPERATIONAL:
        return False
    _set_state(root, name, RigState.OPERATIONAL, actor=actor, clock=clock)
    return True


def dock(root: str, name: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Dock the rig for everyone who shares the town, and stop its agents; return those stopped. Raises NotFoundError."""
    prefix = require_rig(root, name)
    _label(root, name, prefix, docked=True, actor=actor)
    _set_state(root, name, RigState.DOCKED, actor=actor, clock=clock)
    return stop_agents(root, name, reason="rig docked", actor=actor, clock=clock)


def undock(root: str, name: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Make the rig operational for everyone; return False if it was not docked. Raises NotFoundError."""
    prefix = require_rig(root, name)
    had_label = _label(root, name, prefix, docked=False, actor=actor)
    if _kept(root, name) != RigState.DOCKED:
        return had_label
    _set_state(root, name, RigState.OPERATIONAL, actor=actor, clock=clock)
    return True


def follow_labels(root: str, ledger: TownLedger, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Take over what others docked or undocked, from the rigs' beads into the local layer; return what changed.

    A rig that is parked here stays so until it is docked.
    """
    told = []
    town = ledger.store(TOWN)
    for rig in read_inventory(root).rigs if town is not None else ():
        bead = town.get(_rig_bead(rig.name, rig.prefix)) if town is not None else None
        if bead is None:
            continue
        docked = DOCKED_LABEL in bead.labels
        if docked and kept_state(root, rig.name) != RigState.DOCKED:
            _set_state(root, rig.name, RigState.DOCKED, actor=actor, clock=clock)
            stopped = stop_agents(root, rig.name, reason="rig docked", actor=actor, clock=clock)
            told.append(f"rig {rig.name} is docked" + (f", stopped {', '.join(stopped)}" if stopped else ""))
        elif not docked and kept_state(root, rig.name) == RigState.DOCKED:
            _set_state(root, rig.name, RigState.OPERATIONAL, actor=actor, clock=clock)
            told.append(f"rig {rig.name} is no longer docked")
    return told


def _rig_bead(name: str, prefix: str) -> str:
    return f"{prefix}-rig-{name}"


def _label(root: str, name: str, prefix: str, *, docked: bool, actor: str) -> bool:
    """Set or remove the label on the rig's bead, made where it is missing; return whether that changed anything."""
    store = TownLedger(root).store_for("hq-x")
    with store.write(actor) as batch:
        bead = batch.get(_rig_bead(name, prefix))
        if bead is None and docked:
            fields = {"title": name, "issue_type": "rig", "labels": ["gt:rig", DOCKED_LABEL]}
            batch.create(fields, bead_id=_rig_bead(name, prefix))
            return True
        if bead is None or (DOCKED_LABEL in bead.labels) == docked:
            return False
        kept = [label for label in bead.labels if not label.startswith("status:")]
        batch.update(bead.id, {"labels": [*kept, DOCKED_LABEL] if docked else kept})
    return True


def _set_state(root: str, name: str, state: str, *, actor: str, clock: Clock) -> None:
    """Write the local layer, keeping other keys, and log the change."""
    before = _kept(root, name)

    def change(layer: dict[str, object]) -> None:
        layer.setdefault("rig", name)
        values = layer.get("values")
        values = dict(values) if isinstance(values, dict) else {}
        if state == RigState.OPERATIONAL:
            values.pop("status", None)
        else:
            values["status"] = state
        layer["values"] = values

    edit_json(os.path.join(root, LOCAL_LAYER, f"{name}.json"), change)
    if before != state:
        append_event(root, "rig_state", actor, {"rig": name, "from": before, "to": state}, clock=clock)


def _entries(root: str, name: str, roles: Iterable[str]) -> list[RosterEntry]:
    found = read_inventory(root).agents
    return [entry for role in roles for entry in found if entry.address.rig == name and entry.address.role == role]


def _sessions(root: str) -> Iterable[str]:
    """Return the town's sessions, also those whose program has ended. Raises TmuxError."""
    from gastown_core.tmux.panes import list_panes

    return list_panes(sessions.server_of(root)) if has_tmux() else ()


def stop_agents(root: str, name: str, *, reason: str, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Stop the rig's polecats, refinery and witness; return those that had a session. Work on their hooks waits.

    Raises TmuxError; without tmux there is nothing to stop.
    """
    live = _sessions(root)
    entries = [entry for entry in _entries(root, name, STOP_ORDER) if entry.session in live]
    for entry in entries:
        # noted first: the daemon must not take the end for a death
        record_pause(root, entry)
    return sessions.stop_all(root, entries, reason=reason, caller=actor, clock=clock) if entries else []


def start_agents(root: str, name: str, *, sender: str, clock: Clock = SYSTEM_CLOCK) -> list[tuple[str, str]]:
    """Start witness and refinery, as far as the settings say, and polecats whose work waits; return each with its result.

    A result is empty if the agent was started.  Raises NotFoundError, ConflictError if the rig is parked or docked,
    NoTmuxError.
    """
    from gastown_core.town.hook_record import never_started
    from gastown_core.town.lifecycle import standing_agents
    from gastown_core.town.liveness import lives

    state = find_rig(root, name).state
    if state != RigState.OPERATIONAL:
        stop = estop.covering(root, name)
        opens = f"gt rig {OPENS[state]} {name}" if state in OPENS else stop.command if stop is not None else ""
        raise ConflictError(f"rig {name} is {state}", "its agents stay off until then", opens)
    sessions.server_of(root)
    inventory = read_inventory(root)
    ledger = TownLedger(root)
    wanted = [entry for entry in standing_agents(root, inventory) if entry.address.rig == name]
    waiting = _paused(ledger, _entries(root, name, (POLECAT,))) | {
        address: bead for address, bead in never_started(ledger, inventory.agents).items() if address.rig == name
    }
    wanted += [entry for entry in _entries(root, name, (POLECAT,)) if entry.address in waiting]
    done = []
    for entry in wanted:
        if lives(root, entry):
            continue
        try:
            plan = sessions.plan_again(
                root, entry, topic="start", sender=sender, bead=waiting.get(entry.address, ""), clock=clock
            )
            sessions.respawn_agent(root, plan, clock=clock)
            done.append((entry.address.path, ""))
        except GastownError as error:
            done.append((entry.address.path, str(error)))
    return done


def _paused(ledger: TownLedger, entries: Iterable[RosterEntry]) -> dict[Any, str]:
    """Return polecats that were stopped with work on their hook, with that work."""
    from gastown_core.model.states import AgentState
    from gastown_core.town.agent_beads import get_agent_bead

    found = {}
    for entry in entries:
        known = get_agent_bead(ledger, entry.bead_id)
        fields = known.fields if known is not None else {}
        if fields.get("agent_state") == AgentState.PAUSED and fields.get("hook_bead"):
            found[entry.address] = fields["hook_bead"]
    return found


def leavings(root: str, name: str) -> Leavings:
    """Return what the rig still has, for a person who wants to remove it. Raises NotFoundError, TmuxError."""
    from gastown_core.beads.query import BeadQuery

    require_rig(root, name)
    live = _sessions(root)
    running = [e.address.path for e in _entries(root, name, (*STOP_ORDER, CREW)) if e.session in live]
    store = TownLedger(root).store(name)
    if store is None:
        return Leavings(tuple(running), {}, 0)
    held = store.excerpts(BeadQuery(statuses=(HOOKED, IN_PROGRESS)))
    still = store.headlines(BeadQuery(exclude_statuses=("closed",)))
    return Leavings(tuple(running), {bead.id: bead.assignee for bead in held}, len(still))


def remove(root: str, name: str, *, force: bool, actor: str, clock: Clock = SYSTEM_CLOCK) -> Leavings:
    """Take the rig out of the town's registers; its folder, branches and beads stay. Return what it still had.

    With ``force`` its sessions are ended first.  Raises NotFoundError; ConflictError while sessions run or work is in
    somebody's hands, without ``force``.
    """
    left = leavings(root, name)
    if (left.running or left.in_hands) and not force:
        who = [f"{path} runs" for path in left.running] + [f"{who} has {bead}" for bead, who in left.in_hands.items()]
        raise ConflictError(
            f"rig {name} is in use", "; ".join(who[:5]) + (" …" if len(who) > 5 else ""), "--force ends its sessions"
        )
    if left.running:
        stop_agents(root, name, reason="rig removed", actor=actor, clock=clock)
        crew = [entry for entry in _entries(root, name, (CREW,)) if entry.address.path in left.running]
        if crew:
            sessions.stop_all(root, crew, reason="rig removed", caller=actor, clock=clock)
    unregister(root, name)
    append_event(root, "rig_removed", actor, {"rig": name, "path": os.path.join(root, name)}, clock=clock)
    return left
