"""The witness: watches the workers of one rig, and sets right what can be set right without judgement.

A worker that stops short or stalls is nudged, then handed off, then restarted; one that died is started again with its
work saved; work on the hook of a worker that does not exist is released; a session that has nothing to do is ended.
"""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model.address import CREW, POLECAT
from gastown_core.model.agent import Health
from gastown_core.model.bead import CLOSED
from gastown_core.model.order import Order
from gastown_core.patrols.patrol import Finding, Look
from gastown_core.patrols.rungs import STOP, STUCK, next_restart, next_rung

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.model.snapshot import AgentView

DEAD, ORPHAN, FINISHED = "dead", "orphaned", "finished"
"""Kinds of findings."""
RELEASE = "bead.release"
_STALLS = (Health.STOPPED_SHORT, Health.STALLED, Health.GUPP)


def look(at: Look) -> Iterator[Finding]:
    """Return the findings about this rig's workers. An agent whose state is unknown gives none."""
    carried = _carried(at)
    for agent in at.town.agents:
        if agent.address.rig != at.rig or agent.address.role not in (POLECAT, CREW):
            continue
        state = agent.health.state
        if state in _STALLS:
            yield from _stuck(at, agent)
        elif state is Health.ZOMBIE:
            yield from _dead(at, agent, carried)
        elif state is Health.IDLE:
            yield from _finished(at, agent)
    yield from _orphans(at)


def _carried(at: Look) -> frozenset[str]:
    """Beads that an open convoy tracks: the daemon gives them to a worker again when theirs has died."""
    return frozenset(one.bead_id for convoy in at.town.convoys if convoy.status != CLOSED for one in convoy.members)


def _evidence(agent: AgentView) -> tuple[str, ...]:
    return tuple(f"{reason.text} ({reason.source})" for reason in agent.health.reasons)


def _told(agent: AgentView, kind: str, retired_by: str) -> Finding:
    """Return a finding that no order can mend."""
    work = agent.work.bead_id if agent.work is not None else ""
    since = agent.health.since or 0.0
    return Finding(kind, agent.address.path, agent.health.reason, _evidence(agent), work, since, retired_by=retired_by)


def _stuck(at: Look, agent: AgentView) -> Iterator[Finding]:
    work, report = agent.work, agent.health
    if work is None:
        return
    age_s = at.now - (report.since or at.now)
    if report.state is Health.STOPPED_SHORT and age_s < at.limits.stopped_short_s:
        return
    how = "Your turn ended" if report.state is Health.STOPPED_SHORT else "There is no sign of progress"
    text = (
        f"{how}, and {work.bead_id} is still on your hook. Go on with it; run gt done when it is finished. "
        "If something keeps you from it, say so with gt done --status ESCALATED."
    )
    rung = next_rung(at, agent, text)
    what = "stopped short" if report.state is Health.STOPPED_SHORT else f"no progress: {report.state.value}"
    yield Finding(
        STUCK,
        agent.address.path,
        f"{what} on {work.bead_id}",
        (*((rung.waits,) if rung.waits else ()), *_evidence(agent)),
        work.bead_id,
        report.since or 0.0,
        rung.order,
        "its next sign of progress",
        rung.held,
        agent.work_dir,
    )


def _dead(at: Look, agent: AgentView, carried: frozenset[str]) -> Iterator[Finding]:
    found = _told(agent, DEAD, "it lives again, or its hook is empty")
    if agent.work is not None and agent.work.bead_id in carried and agent.address.role == POLECAT:
        # the duty that releases what dead workers hold does this: the next sling goes on in the same worktree
        yield found._replace(retired_by="the daemon releases its work, and slings it again")
        return
    if agent.address.role == CREW:
        # a crew member is a person's, who may have ended it: told, and left alone
        yield found._replace(retired_by="its person starts it again (gt session restart)")
        return
    rung = next_restart(at, agent)
    yield found._replace(remedy=rung.order, held=rung.held, saves=agent.work_dir)


def _finished(at: Look, agent: AgentView) -> Iterator[Finding]:
    """A worker with a session and nothing to do: the session only costs, and the next sling starts a new one."""
    if agent.address.role != POLECAT or not agent.pane_id or agent.work is not None or agent.attached:
        return
    quiet = max(agent.health.since or 0.0, agent.last_output_at or 0.0)
    if not quiet or at.now - quiet < at.limits.idle_session_s:
        return
    if _tried_lately(at, agent.address.path, STOP):
        return
    cause = f"nothing on its hook, and no output for {format_span(at.limits.idle_session_s)}"
    yield Finding(
        FINISHED,
        agent.address.path,
        cause,
        _evidence(agent),
        since=quiet,
        remedy=Order(STOP, agent.address.path),
        retired_by="its session ends, or it gets work",
        is_chore=True,
    )


def _orphans(at: Look) -> Iterator[Finding]:
    for one in at.town.orphans:
        if one.rig != at.rig:
            continue
        first = at.memory.open.get(f"{ORPHAN}:{one.bead_id}")
        # since we saw it: a rig that is being restored must not lose its hooks at the first look
        is_due = first is not None and at.now - first.since >= at.limits.orphan_s
        remedy = Order(RELEASE, one.bead_id) if is_due and not _tried_lately(at, one.bead_id, RELEASE) else None
        cause = f"on the hook of {one.assignee}, which does not exist"
        yield Finding(
            ORPHAN,
            one.bead_id,
            cause,
            (f"{one.assignee} is not on the roster (ledger)",),
            one.bead_id,
            at.now if first is None else first.since,
            remedy,
            "the bead is open again, or somebody has it",
        )


def _tried_lately(at: Look, subject: str, order: str) -> bool:
    return bool(at.memory.acts_on(subject, at.now - at.limits.patience_s, orders=(order,)))
