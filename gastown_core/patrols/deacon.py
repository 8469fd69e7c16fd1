"""The deacon: watches what no rig's witness can see: the standing agents, and causes that many agents share.

Agents that suffer from the same thing are one incident, and what is done is done once for all of them.
"""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model.address import CREW, POLECAT
from gastown_core.model.agent import HEALTH_SYMBOLS, Health
from gastown_core.model.order import Order
from gastown_core.patrols.patrol import Finding, Look
from gastown_core.patrols.rungs import next_restart
from gastown_core.state.health import STANDING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.model.snapshot import AgentView

STANDS, SAME, MASS, STRANDED = "standing-agent", "same-cause", "mass-death", "stranded"
"""Kinds of findings."""
REFRESH = "convoy.refresh"
SHARED_BY = 2
"""From so many agents on, what they suffer from counts as a cause of its own."""
TOLD_BY = 3
"""From so many agents on, a question that all of them have asked for a while is escalated, once for all."""


def look(at: Look) -> Iterator[Finding]:
    """Return the findings about the town as a whole."""
    for agent in at.town.agents:
        if agent.address.role in STANDING and agent.health.state is Health.ZOMBIE:
            yield _standing(at, agent)
    yield from _shared(at)
    yield from _deaths(at)
    yield from _convoys(at)


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
    """Agents that say the same of the same state: one limit, one dialog after an upgrade, one unreadable ledger."""
    groups: dict[tuple[Health, str], list[AgentView]] = {}
    for agent in at.town.agents:
        report = agent.health
        if report.state in (Health.LIMITED, Health.WAITING, Health.UNKNOWN) and report.reason:
            groups.setdefault((report.state, report.reason), []).append(agent)
    for (state, reason), found in groups.items():
        if len(found) < SHARED_BY:
            continue
        word = HEALTH_SYMBOLS[state][2]
        # a limit ends by itself; a question that many are asked does not
        youngest = max(agent.health.since or 0.0 for agent in found)
        asks = state is Health.WAITING and len(found) >= TOLD_BY and at.now - youngest >= at.limits.patience_s
        held = f"{len(found)} agents ask the same: {reason}" if asks else ""
        for agent in found:
            yield Finding(
                SAME,
                agent.address.path,
                f"{word}: {reason}",
                (f"{reason} ({agent.health.reasons[0].source})",),
                since=agent.health.since or 0.0,
                retired_by="fewer than two agents say it",
                held=held,
                shares=f"{state}:{reason}"[:200],
            )


def _deaths(at: Look) -> Iterator[Finding]:
    """Agents that died together: one thing ended them, and each alone would be a riddle."""
    limits = at.limits
    died = [
        agent
        for agent in at.town.agents
        if agent.health.state is Health.ZOMBIE
        and agent.address.role in (POLECAT, CREW, *STANDING)
        and agent.health.since
    ]
    died.sort(key=lambda agent: agent.health.since or 0.0)
    together: list[AgentView] = []
    for number, agent in enumerate(died):
        began = agent.health.since or 0.0
        group = [one for one in died[number:] if (one.health.since or 0.0) - began <= limits.mass_window_s]
        if len(group) > len(together):
            together = group
    if len(together) < limits.mass_count:
        return
    cause = f"{len(together)} agents died within {format_span(limits.mass_window_s)}"
    for agent in together:
        yield Finding(
            MASS,
            agent.address.path,
            cause,
            (f"{agent.health.reason} (process)",),
            since=agent.health.since or 0.0,
            retired_by="they live again, or their work is released",
            shares="together",
        )


def _convoys(at: Look) -> Iterator[Finding]:
    """Convoys with ready work that nobody is on: rechecked and dispatched, every now and then."""
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
