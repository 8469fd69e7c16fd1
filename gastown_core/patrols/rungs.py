"""The escalation ladder: which remedy is tried next on an agent that makes no progress, and when; pure.

Each remedy gets time to help before the next, stronger one.  An agent that nothing helped is held: nobody starts it again
and again, and a person is told why.
"""

from __future__ import annotations

from gastown_core.clock import backoff, format_span
from gastown_core.model.address import POLECAT
from gastown_core.model.order import Order
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import AgentView
    from gastown_core.patrols.memory import Act
    from gastown_core.patrols.patrol import Look

NUDGE, HANDOFF, RESTART, STOP = "agent.nudge", "agent.handoff", "agent.restart", "agent.stop"
LADDER = (NUDGE, HANDOFF, RESTART)


class Rung(Record):
    """The next remedy, None if none is due; ``held`` says why there is none any more, ``waits`` what it waits for."""

    order: Order | None = None
    held: str = ""
    waits: str = ""


def next_rung(look: Look, agent: AgentView, text: str) -> Rung:
    """Return the next rung for an agent with work that does not get on; ``text`` is what a nudge says."""
    work = agent.work
    if work is None:
        return Rung()
    subject = agent.address.path
    tried = look.memory.acts_on(subject, look.now - look.limits.ladder_s, orders=LADDER, bead=work.bead_id)
    if tried and look.now - tried[-1].at < look.limits.patience_s:
        return Rung()
    rungs = LADDER if agent.address.role == POLECAT else LADDER[:1]
    if len(tried) >= len(rungs):
        return Rung(held=f"{_tried_words(tried)}, and it still does not get on")
    kind = rungs[len(tried)]
    if kind != NUDGE and agent.attached:
        return Rung(waits="a person is attached to its session, so it is not restarted")
    arguments = {
        NUDGE: {"text": text, "wait": "5"},
        HANDOFF: {"subject": f"{work.bead_id} does not get on", "note": text},
        RESTART: {},
    }[kind]
    return Rung(Order(kind, subject, arguments))


def _tried_words(tried: list[Act]) -> str:
    names = {NUDGE: "nudged", HANDOFF: "handed off", RESTART: "restarted"}
    return (
        ", ".join(dict.fromkeys(names[act.order] for act in tried))
        + f" within {format_span(tried[-1].at - tried[0].at)}"
    )


def next_restart(look: Look, agent: AgentView) -> Rung:
    """Return the restart of an agent whose program has ended, if it is due; a crash loop is held, and tried again later."""
    limits, subject = look.limits, agent.address.path
    tried = look.memory.acts_on(subject, look.now - max(limits.restart_window_s, limits.half_open_s), orders=(RESTART,))
    order = Order(RESTART, subject)
    if not tried:
        return Rung(order)
    quiet_s = look.now - tried[-1].at
    burst = [act for act in tried if act.at >= tried[-1].at - limits.restart_window_s]
    if len(burst) >= limits.restart_most:
        if quiet_s >= limits.half_open_s:
            return Rung(order)
        last = next((act.why for act in reversed(burst) if not act.ok and act.why), "")
        span = format_span(burst[-1].at - burst[0].at)
        left = format_span(limits.half_open_s - quiet_s)
        return Rung(
            held=f"crash loop: restarted {len(burst)} times within {span}{': ' + last if last else ''}; next try in {left}"
        )
    wait_s = backoff(limits.restart_first_s, len(burst), limits.restart_longest_s)
    return Rung(order) if quiet_s >= wait_s else Rung()
