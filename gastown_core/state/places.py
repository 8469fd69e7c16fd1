"""How many polecats are at work, of how many that may be: the scheduler's own count (``work.workers``) from the facts; pure."""

from __future__ import annotations

from gastown_core.model.address import POLECAT
from gastown_core.work.workers import keeps_place, polecat_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.model.snapshot import AgentView, OrphanView, SchedulerView
    from gastown_core.state.facts import TownFacts


def with_places(
    view: SchedulerView, facts: TownFacts, agents: Iterable[AgentView], orphans: Iterable[OrphanView], now: float
) -> SchedulerView:
    """The scheduler's view with the polecats at work and the limit on them."""
    gone = {who.path for one in orphans if (who := polecat_of(one.assignee)) is not None}
    busy = {one.address.path for one in agents if one.address.role == POLECAT and _is_busy(facts, one, now)}
    return view._replace(working=len(busy | gone), limit=facts.thresholds.places)


def _is_busy(facts: TownFacts, agent: AgentView, now: float) -> bool:
    if agent.work is not None:
        return True
    record = facts.bead(agent.bead_id) if agent.bead_id else None
    if record is None:
        return False
    fields, age_s = facts.fields.get(agent.bead_id, {}), now - record[1].updated_at
    work = facts.bead(fields.get("hook_bead", ""))
    status = work[1].status if work is not None else ""
    return keeps_place(fields, status, is_live=agent.running is True, is_fresh=age_s < facts.thresholds.spawn_grace_s)
