"""Polecats made ahead of any work: a name, a worktree at rest, and a record."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError
from gastown_core.events.log import append_event
from gastown_core.town import polecat_pool, polecats
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.rigs import require_rig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.town.polecats import Sandbox


def add_polecat(root: str, rig: str, name: str = "", *, clock: Clock = SYSTEM_CLOCK) -> Sandbox:
    """A new polecat at rest, of that name or of the pool's next free one.

    Raises NotFoundError for an unknown rig, ConflictError if there is one of that name, UsageError for a bad name;
    nothing is left then.
    """
    from gastown_core.beads.ledger import TownLedger

    prefix = require_rig(root, rig)
    if name in polecat_pool.known_names(root, rig):
        raise ConflictError(f"{rig} has a polecat {name} already", "", f"gt polecat status {rig}/{name}")
    with polecat_pool.claim(root, rig, prefix, wanted=name, is_idle=lambda entry: False, clock=clock) as claimed:
        made = polecats.prepare(claimed, "", clock=clock)
        try:
            put_agent_bead(TownLedger(root), made.entry.address, prefix, agent_state="idle", branch=made.branch)
        except BaseException:
            polecats.take_back(root, made)
            raise
    append_event(root, "spawn", "gt", {"rig": rig, "polecat": claimed.name}, clock=clock)
    return made
