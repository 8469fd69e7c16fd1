"""Mail that nobody drains: messages to an agent that rests at its prompt, of which no hook has told it; pure.

A message is announced when it is sent.  Where that got lost, the agent is told again, a few times and never while it
works: the prompt's hook then tells it of everything that waits.
"""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model.agent import Health
from gastown_core.model.order import Order
from gastown_core.patrols.patrol import Finding, Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.model.snapshot import AgentView

UNDRAINED, NUDGE = "undrained", "agent.nudge"
MOST_NUDGES = 3
"""Nudges within the span of a ladder; an agent that ignores them is not told for ever."""
TEXT = "Mail waits for you of which nothing has told you so far. Read it now: gt mail inbox"


def look(at: Look) -> Iterator[Finding]:
    """Return the agents that could read their mail and do not know of it."""
    for agent in at.town.agents:
        if agent.health.state is not Health.IDLE or not agent.running or not agent.pane_id or agent.muted:
            continue
        if agent.untold_since and at.now - agent.untold_since >= at.limits.untold_s:
            yield _undrained(at, agent)


def _undrained(at: Look, agent: AgentView) -> Finding:
    subject = agent.address.path
    many = f"{agent.unread} message{'s' if agent.unread > 1 else ''}"
    tried = at.memory.acts_on(subject, at.now - at.limits.ladder_s, orders=(NUDGE,))
    rests = bool(tried) and at.now - tried[-1].at < at.limits.patience_s
    is_due = not rests and len(tried) < MOST_NUDGES and not agent.attached
    return Finding(
        UNDRAINED,
        subject,
        f"{many} unread, some of which it was never told of",
        (f"the oldest waits for {format_span(at.now - agent.untold_since)} (ledger)",),
        since=agent.untold_since,
        remedy=Order(NUDGE, subject, {"text": TEXT, "wait": "5"}) if is_due else None,
        retired_by="it is told of its mail, reads it, or gets work",
    )
