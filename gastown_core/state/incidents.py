"""Causes that several agents share: one limit, one dialog after an upgrade, one unreadable ledger, one common death; pure.

Each is an incident.  It is found by whoever looks, also while the daemon is down, and ends with the look that no longer
finds it.
"""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model import dam
from gastown_core.model.address import CREW, DEACON, MAYOR, POLECAT, REFINERY, WITNESS
from gastown_core.model.agent import HEALTH_SYMBOLS, Health
from gastown_core.model.incident import MASS, SAME, Incident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gastown_core.model.snapshot import AgentView

SHARED_BY = 2
"""From so many agents on, what they suffer from counts as a cause of its own."""
DAMMED_BY = {Health.LIMITED: dam.LIMIT, Health.WAITING: dam.PERSON}
"""What agents share → the link of the dam that it may be: both are one incident."""
SHARABLE = frozenset((Health.LIMITED, Health.WAITING, Health.UNKNOWN))
MORTAL = frozenset((POLECAT, CREW, MAYOR, DEACON, WITNESS, REFINERY))


def find_incidents(agents: Iterable[AgentView], mass_count: int, mass_window_s: float) -> tuple[Incident, ...]:
    """Return the shared causes, each with its agents in display order; ``mass_count`` deaths within the window are one."""
    ill = [one for one in agents if one.health.state in SHARABLE or one.health.state is Health.ZOMBIE]
    return (*_same(ill), *_deaths(ill, mass_count, mass_window_s))


def _same(agents: list[AgentView]) -> Iterator[Incident]:
    groups: dict[tuple[Health, str], list[AgentView]] = {}
    for agent in agents:
        report = agent.health
        if report.state in SHARABLE and report.reason:
            groups.setdefault((report.state, report.reason), []).append(agent)
    for (state, reason), found in groups.items():
        if len(found) >= SHARED_BY:
            key = f"{SAME}:" + f"{state}:{reason}"[:200]
            yield _incident(key, SAME, f"{HEALTH_SYMBOLS[state][2]}: {reason}", found)


def _deaths(agents: list[AgentView], mass_count: int, mass_window_s: float) -> Iterator[Incident]:
    """Agents that died together: one thing ended them, and each alone would be a riddle."""
    died = [
        one for one in agents if one.health.state is Health.ZOMBIE and one.address.role in MORTAL and one.health.since
    ]
    died.sort(key=lambda agent: agent.health.since or 0.0)
    together: list[AgentView] = []
    for number, agent in enumerate(died):
        began = agent.health.since or 0.0
        group = [one for one in died[number:] if (one.health.since or 0.0) - began <= mass_window_s]
        if len(group) > len(together):
            together = group
    if len(together) >= mass_count:
        cause = f"{len(together)} agents died within {format_span(mass_window_s)}"
        yield _incident(f"{MASS}:together", MASS, cause, together)


def _incident(key: str, kind: str, cause: str, agents: list[AgentView]) -> Incident:
    moments = [agent.health.since for agent in agents if agent.health.since]
    return Incident(key, DEACON, kind, cause, tuple(one.address.path for one in agents), min(moments, default=0.0))
