"""The recorded state of a hook: ``hook_state`` on the agent bead, and an event for each change.

``model.hook_life.hook_state`` combines this record with what is observed.
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.events.log import append_event
from gastown_core.model.address import POLECAT, same_agent
from gastown_core.model.bead import HOOKED, IN_PROGRESS
from gastown_core.model.hook_life import ACTIVE, COMPLETED, CREATED, SUSPENDED, way
from gastown_core.model.states import AgentState
from gastown_core.town.agent_beads import get_agent_bead, put_agent_bead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.address import Address
    from gastown_core.town.inventory import RosterEntry


def record_hook(
    root: str,
    ledger: TownLedger,
    address: Address,
    prefix: str,
    state: str,
    *,
    actor: str = "gt",
    bead: str = "",
    clock: Clock = SYSTEM_CLOCK,
    **fields: str,
) -> None:
    """Set the state, and other ``fields`` of the agent bead in the same write; append ``hook_state`` if it changed.

    Raises ConflictError, and writes nothing, if a hook cannot change from its state to this one.
    """
    known = get_agent_bead(ledger, address.bead_id(prefix))
    before = known.fields.get("hook_state", "") if known is not None else ""
    way(before, state)
    put_agent_bead(ledger, address, prefix, actor=actor, hook_state=state, **fields)
    tell_change(root, address, before, state, bead=bead, clock=clock)


def tell_change(
    root: str, address: Address, before: str, state: str, *, bead: str = "", clock: Clock = SYSTEM_CLOCK
) -> None:
    """Append an event for each state that a change passes through; none if nothing changed."""
    for then in way(before, state) if state else ():
        payload = {"agent": address.path, "from": before, "to": then, **({"bead": bead} if bead else {})}
        # sling, done and session events are for people; this one is for tracing a hook's history
        append_event(root, "hook_state", address.path, payload, visibility="audit", clock=clock)
        before = then


def record_session(root: str, entry: RosterEntry, *, runs: bool, clock: Clock = SYSTEM_CLOCK) -> None:
    """Record that a session of the agent started or ended: a hook with work becomes active or suspended."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import rig_prefix

    ledger = TownLedger(root)
    known = get_agent_bead(ledger, entry.bead_id)
    bead = known.fields.get("hook_bead", "") if known is not None else ""
    before = known.fields.get("hook_state", "") if known is not None else ""
    state = ACTIVE if runs else SUSPENDED
    if runs and known is not None and known.fields.get("agent_state") == AgentState.PAUSED:
        put_agent_bead(ledger, entry.address, rig_prefix(root, entry.address.rig), agent_state=AgentState.WORKING)
    if not bead or before in (state, COMPLETED) or (before == CREATED and not runs):
        return
    prefix = rig_prefix(root, entry.address.rig)
    record_hook(root, ledger, entry.address, prefix, state, bead=bead, clock=clock)


def never_started(ledger: TownLedger, agents: Iterable[RosterEntry]) -> dict[Address, str]:
    """Return polecats with hooked work that never had a session (slung without tmux), with the work's id."""
    found = {}
    for entry in agents:
        if entry.address.role != POLECAT:
            continue
        known = get_agent_bead(ledger, entry.bead_id)
        fields = known.fields if known is not None else {}
        named = fields.get("hook_bead", "") if fields.get("hook_state") == CREATED else ""
        work = ledger.get(named) if named else None
        # a worker killed during gt done leaves a record of work that is no longer its own
        if work is not None and work.status in (HOOKED, IN_PROGRESS) and same_agent(work.assignee, entry.address.path):
            found[entry.address] = named
    return found


def record_pause(root: str, entry: RosterEntry) -> bool:
    """Record that a person stopped the agent: its hooked work waits for its next start; False if it has none."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import rig_prefix

    ledger = TownLedger(root)
    known = get_agent_bead(ledger, entry.bead_id)
    if known is None or not known.fields.get("hook_bead"):
        return False
    put_agent_bead(ledger, entry.address, rig_prefix(root, entry.address.rig), agent_state=AgentState.PAUSED)
    return True
