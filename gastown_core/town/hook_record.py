"""The recorded side of a hook's life: ``hook_state`` on the agent bead, and an event for each change.

What a hook is like at this moment is judged by ``model.hook_life.hook_state`` from this word and what is seen.
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
    """Set the state, and ``fields`` of the agent bead in the same write; appends ``hook_state`` if it changed.

    Raises ConflictError, with nothing written, for a change that a hook's life does not know.
    """
    known = get_agent_bead(ledger, address.bead_id(prefix))
    before = known.fields.get("hook_state", "") if known is not None else ""
    way(before, state)
    put_agent_bead(ledger, address, prefix, actor=actor, hook_state=state, **fields)
    tell_change(root, address, before, state, bead=bead, clock=clock)


def tell_change(
    root: str, address: Address, before: str, state: str, *, bead: str = "", clock: Clock = SYSTEM_CLOCK
) -> None:
    """Append an event for each state that a recorded change passed; nothing if it is none."""
    for then in way(before, state) if state else ():
        payload = {"agent": address.path, "from": before, "to": then, **({"bead": bead} if bead else {})}
        # sling, done and the session's own events tell a person; this one is for who looks a hook's life up
        append_event(root, "hook_state", address.path, payload, visibility="audit", clock=clock)
        before = then


def record_session(root: str, entry: RosterEntry, *, runs: bool, clock: Clock = SYSTEM_CLOCK) -> None:
    """A session of the agent began or ended: with work on its hook that makes it active or suspended."""
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
    """Which polecats have work on the hook and have never had a session (slung where there was no tmux), with its id."""
    found = {}
    for entry in agents:
        if entry.address.role != POLECAT:
            continue
        known = get_agent_bead(ledger, entry.bead_id)
        fields = known.fields if known is not None else {}
        named = fields.get("hook_bead", "") if fields.get("hook_state") == CREATED else ""
        work = ledger.get(named) if named else None
        # a worker that was killed while it handed in left a record of work that is no longer its own
        if work is not None and work.status in (HOOKED, IN_PROGRESS) and same_agent(work.assignee, entry.address.path):
            found[entry.address] = named
    return found


def record_pause(root: str, entry: RosterEntry) -> bool:
    """A person stopped the agent: what is on its hook waits for it until it is started again; False if nothing is."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import rig_prefix

    ledger = TownLedger(root)
    known = get_agent_bead(ledger, entry.bead_id)
    if known is None or not known.fields.get("hook_bead"):
        return False
    put_agent_bead(ledger, entry.address, rig_prefix(root, entry.address.rig), agent_state=AgentState.PAUSED)
    return True
