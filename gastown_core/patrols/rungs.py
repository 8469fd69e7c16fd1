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
STUCK = "stuck"
"""The kind of the findings that a ladder is for."""
LONGEST_HOLD_S = 8 * 3600.0
"""The longest time for which an agent is held between two tries."""


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
    acts = look.memory.acts_on(subject, 0.0, orders=LADDER, bead=work.bead_id)
    tried = [act for act in acts if act.at >= look.now - look.limits.ladder_s]
    standing = look.memory.open.get(f"{STUCK}:{subject}")
    if standing is not None and standing.escalated:
        # it has not got on since it was held: its ladder is at its end however long ago that was
        tried = _lately(acts, look.now, 2 * LONGEST_HOLD_S)
    if tried and look.now - tried[-1].at < look.limits.patience_s:
        return Rung()
    rungs = LADDER if agent.address.role == POLECAT else LADDER[:1]
    done = {act.order for act in tried}
    kind = next((one for one in rungs if one not in done), "")
    if not kind:
        pause_s = _hold_s(look, sum(act.order == RESTART for act in tried) - 1)
        quiet_s = look.now - tried[-1].at
        if RESTART not in rungs or quiet_s < pause_s or agent.attached:
            return Rung(held=f"{_tried_words(tried)}, and it still does not get on")
        kind = RESTART
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
    """Return the restart of an agent whose program has ended, if it is due.

    A crash loop is held, and tried once more every now and then: a try that fails does not begin the loop anew.
    """
    limits, subject = look.limits, agent.address.path
    tried = _lately(look.memory.acts_on(subject, 0.0, orders=(RESTART,)), look.now, 2 * LONGEST_HOLD_S)
    order = Order(RESTART, subject)
    if not tried:
        return Rung(order)
    quiet_s = look.now - tried[-1].at
    loop = _loop(tried, limits.restart_most, limits.restart_window_s)
    if loop:
        more = len(tried) - len(loop)
        pause_s = _hold_s(look, more)
        if quiet_s >= pause_s:
            return Rung(order)
        last = next((act.why for act in reversed(tried) if not act.ok and act.why), "")
        span = format_span(loop[-1].at - loop[0].at)
        since = f" and {more} times since" if more else ""
        left = format_span(pause_s - quiet_s)
        return Rung(
            held=f"crash loop: restarted {len(loop)} times within {span}{since}{': ' + last if last else ''}; next try in {left}"
        )
    burst = [act for act in tried if act.at >= tried[-1].at - limits.restart_window_s]
    wait_s = backoff(limits.restart_first_s, len(burst), limits.restart_longest_s)
    return Rung(order) if quiet_s >= wait_s else Rung()


def _hold_s(look: Look, tries: int) -> float:
    """How long an agent is held before the next try: twice as long after each try that failed."""
    return min(look.limits.half_open_s * 2.0 ** min(max(0, tries), 16), max(LONGEST_HOLD_S, look.limits.half_open_s))


def _lately(acts: list[Act], now: float, gap_s: float) -> list[Act]:
    """The last acts between which, and since which, no longer time than ``gap_s`` passed: after that all begins anew."""
    found: list[Act] = []
    after = now
    for act in reversed(acts):
        if after - act.at > gap_s:
            break
        found.insert(0, act)
        after = act.at
    return found


def _loop(acts: list[Act], most: int, window_s: float) -> list[Act]:
    """The first ``most`` or more acts that lie within the window, none if there are not so many."""
    for number, first in enumerate(acts):
        burst = [act for act in acts[number:] if act.at <= first.at + window_s]
        if len(burst) >= most:
            return burst
    return []
