"""The deacon: watches what no rig's witness can see: the standing agents, and causes that many agents share.

Agents that suffer from the same thing are one incident, and what is done is done once for all of them.
"""

from __future__ import annotations

from gastown_core.model.agent import Health
from gastown_core.model.incident import MASS, SAME
from gastown_core.model.order import Order
from gastown_core.patrols import instruments, post
from gastown_core.patrols.patrol import Finding, Look
from gastown_core.patrols.rungs import next_restart
from gastown_core.state.health import STANDING
from gastown_core.state.incidents import DAMMED_BY, find_incidents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.model.incident import Incident
    from gastown_core.model.snapshot import AgentView

STANDS, STRANDED = "standing-agent", "stranded"
"""Kinds of findings, besides those of shared causes."""
REFRESH = "convoy.refresh"
_RETIRED = {SAME: "fewer than two agents say it", MASS: "they live again, or their work is released"}
TOLD_BY = 3
"""From so many agents on, a question that all of them have asked for a while is escalated, once for all."""


def look(at: Look) -> Iterator[Finding]:
    """Return the findings about the town as a whole."""
    for agent in at.town.agents:
        if agent.address.role in STANDING and agent.health.state is Health.ZOMBIE:
            yield _standing(at, agent)
    yield from _shared(at)
    yield from _convoys(at)
    yield from post.look(at)
    yield from instruments.look(at)


def _standing(at: Look, agent: AgentView) -> Finding:
    rung = next_restart(at, agent)
    evidence = tuple(f"{reason.text} ({reason.source})" for reason in agent.health.reasons)
    return Finding(
        STANDS,
        agent.address.path,
        agent.health.reason,
        evidence,
        since=agent.health.since or 0.0,
        remedy=rung.order,
        retired_by="it lives again, or the town is down",
        held=rung.held,
    )


def _shared(at: Look) -> Iterator[Finding]:
    """Causes that several agents share (``state.incidents``): a finding for each agent, all of one incident."""
    views = {one.address.path: one for one in at.town.agents}
    # a source that fails is told by its own name, and not once more as what all agents suffer from
    blind = at.town.source_error("tmux", "beads") is not None
    for cause in find_incidents(at.town.agents, at.limits.mass_count, at.limits.mass_window_s):
        if blind and cause.state == Health.UNKNOWN:
            continue
        found = [views[name] for name in cause.subjects]
        held = _held(at, cause, found)
        for agent in found:
            reason = agent.health.reason
            said = agent.health.reasons[0].source if cause.kind == SAME else "process"
            yield Finding(
                cause.kind,
                agent.address.path,
                cause.cause,
                (f"{reason} ({said})",),
                since=agent.health.since or 0.0,
                retired_by=_RETIRED[cause.kind],
                held=held,
                shares=cause.key.partition(":")[2],
            )


def _held(at: Look, cause: Incident, found: list[AgentView]) -> str:
    """Why a person is told of what these agents share; empty while it may end by itself.

    A limit ends by itself, a question that many are asked does not; either is told where all work stands still by it.
    """
    lasts_s = at.now - max(agent.health.since or 0.0 for agent in found)
    named = next((link for state, link in DAMMED_BY.items() if cause.state == state), "")
    dams = at.town.dam is not None and at.town.dam.link.link == named
    many = cause.state == Health.WAITING and len(found) >= TOLD_BY
    if (many and lasts_s >= at.limits.patience_s) or (dams and lasts_s >= at.limits.dam_escalate_s):
        does = "ask the same" if cause.state == Health.WAITING else "stand still"
        return f"{len(found)} agents {does}: {cause.reason}"
    return ""


def _convoys(at: Look) -> Iterator[Finding]:
    """Return convoys with ready work that nobody works on; they are rechecked and dispatched at intervals."""
    for convoy in at.town.stuck(at.now):
        if convoy.standstills or not convoy.is_stalled(at.now):
            continue
        tried = at.memory.acts_on(convoy.id, at.now - at.limits.convoy_cooldown_s, orders=(REFRESH,))
        yield Finding(
            STRANDED,
            convoy.id,
            f"its work is ready, and nobody is on it: {convoy.title}",
            (f"{convoy.done} of {convoy.total} done, none at work (ledger)",),
            since=convoy.stalled_since or 0.0,
            remedy=None if tried else Order(REFRESH, convoy.id),
            retired_by="somebody works on a member, or none is ready",
        )
