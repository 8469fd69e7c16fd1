"""The snapshot as the JSON of ``gt status --json``, with the keys that readers of the Go tools' output expect.

Keys added to theirs: ``health``, ``reason``, ``since``, ``sources``, ``scheduler``, ``daemon``, ``dam``
and each rig's ``refinery``.
"""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.model.address import CREW, DEACON, MAYOR, POLECAT, REFINERY, TOWN_ROLES, WITNESS
from gastown_core.model.bead import CLOSED
from gastown_core.model.snapshot import RequestState
from gastown_core.model.states import AgentState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.convoy import ConvoyView, MemberView
    from gastown_core.model.snapshot import AgentView, OrphanView, RefineryView, RigView, TownSnapshot

_ROLE_WORDS = {MAYOR: "coordinator", DEACON: "health-check"}


def agent_json(view: AgentView) -> dict[str, object]:
    """One agent."""
    address = view.address
    out: dict[str, object] = {
        "name": address.label,
        "address": address.mail if address.role != CREW else address.path,
        "session": view.session,
        "role": _ROLE_WORDS.get(address.role, address.role),
        "rig": address.rig,
        "running": bool(view.running),
        "acp": False,
        "has_work": view.work is not None,
        "state": view.agent_state or (AgentState.IDLE if view.work is None else AgentState.WORKING),
        "health": view.health.state.value,
        "reason": view.health.reason,
        "unread_mail": view.unread,
    }
    if view.running is None:
        out["liveness"] = "unknown"
    if view.health.since is not None:
        out["since"] = format_seconds(view.health.since)
    if view.health.forecast is not None:
        out["forecast"] = {
            "state": view.health.forecast.state.value,
            "at": format_seconds(view.health.forecast.at),
        }
    out["reasons"] = [
        {"text": r.text, "source": r.source, **({"at": format_seconds(r.at)} if r.at else {})}
        for r in view.health.reasons
    ]
    out |= _hook_json(view)
    if view.first_subject:
        out["first_subject"] = view.first_subject
    if view.runtime:
        out["agent_alias"] = out["agent_info"] = view.runtime
    if view.muted:
        out["notification_level"] = "muted"
    return out


def _hook_json(view: AgentView) -> dict[str, object]:
    """The work on its hook, and the state of the hook."""
    out: dict[str, object] = {"hook_state": view.hook} if view.hook else {}
    if view.work is not None:
        out |= {"hook_bead": view.work.bead_id, "work_title": view.work.title}
        if view.work.step:
            out["step"] = view.work.step
    return out


def convoy_json(view: ConvoyView, now: float) -> dict[str, object]:
    """One convoy with its progress; members under ``tracked``."""
    return {
        "id": view.id,
        "title": view.title,
        "status": view.status,
        "done": view.done,
        "in_review": view.in_review,
        "running": view.running,
        "total": view.total,
        "stalled": view.is_stalled(now),
        **({"stuck": {one.bead_id: one.why for one in view.standstills}} if view.standstills else {}),
        **({"faults": [fault_json(member) for member in view.faults]} if view.faults else {}),
    }


def fault_json(member: MemberView) -> dict[str, str]:
    """A member about which the ledger and git disagree."""
    strip = member.landing
    return {"id": member.bead_id, "fault": strip.fault if strip else "", "why": strip.why if strip else ""}


def rig_json(snapshot: TownSnapshot, rig: RigView) -> dict[str, object]:
    """One rig with its agents, and its merge queue (``mq``) unless that is empty."""
    agents = [view for view in snapshot.agents if view.address.rig == rig.name]
    polecats = [v.address.name for v in agents if v.address.role == POLECAT]
    crews = [v.address.name for v in agents if v.address.role == CREW]
    queue = [r for r in snapshot.requests if r.rig == rig.name]
    entry: dict[str, object] = {
        "name": rig.name,
        "prefix": rig.prefix,
        "status": rig.state,
        "polecats": polecats,
        "polecat_count": len(polecats),
        "crews": crews,
        "crew_count": len(crews),
        "has_witness": any(v.address.role == WITNESS for v in agents),
        "has_refinery": any(v.address.role == REFINERY for v in agents),
        "hooks": [
            {"agent": v.address.short, "role": v.address.role, "has_work": v.work is not None}
            | ({"title": v.work.title} if v.work else {})
            for v in agents
        ],
        "agents": [agent_json(v) for v in agents],
    }
    if queue:
        merging = sum(r.state == RequestState.MERGING for r in queue)
        blocked = sum(r.state == RequestState.BLOCKED for r in queue)
        entry["mq"] = {"pending": len(queue) - merging - blocked, "in_flight": merging, "blocked": blocked}
    refinery = snapshot.refinery(rig.name)
    if refinery is not None:
        entry["refinery"] = refinery_json(refinery)
    return entry


def refinery_json(view: RefineryView) -> dict[str, object]:
    """The state of a rig's refinery; ``hold_reason``, ``hold_kind`` and ``trouble`` only if there is one."""
    state = view.state
    out: dict[str, object] = {
        "phase": state.phase,
        "running": view.is_busy,
        "batch": state.batch,
        "target": state.target,
    }
    for key, text in (("hold_reason", state.hold_reason), ("hold_kind", state.hold_kind), ("trouble", view.trouble)):
        if text:
            out[key] = text
    return out


def orphan_json(view: OrphanView) -> dict[str, object]:
    """One bead on the hook of an agent that does not exist."""
    told = view._asdict()
    return {"id": told.pop("bead_id"), **told, "since": format_seconds(view.since)}


def status_json(snapshot: TownSnapshot) -> dict[str, object]:
    """The whole town."""
    return {
        "name": snapshot.name,
        "location": snapshot.root,
        "taken_at": format_seconds(snapshot.taken_at),
        "tmux": {
            "running": bool(snapshot.tmux_running),
            "known": snapshot.tmux_running is not None,
            "session_count": sum(bool(v.pane_id) for v in snapshot.agents),
        },
        "agents": [agent_json(v) for v in snapshot.agents if v.address.role in TOWN_ROLES],
        "rigs": [rig_json(snapshot, rig) for rig in snapshot.rigs],
        "convoys": [convoy_json(c, snapshot.taken_at) for c in snapshot.convoys if c.status != CLOSED],
        "escalations": snapshot.escalations,
        "scheduler": {
            "queued": snapshot.scheduler.queued,
            "paused": snapshot.scheduler.is_paused,
            "working": snapshot.scheduler.working,
            "limit": snapshot.scheduler.limit,
        },
        "daemon": snapshot.daemon.as_json(),
        "usage": {"day": snapshot.usage.day, **snapshot.usage.spent._asdict()},
        "budgets": [{**one._asdict(), "text": one.words()} for one in snapshot.budgets],
        "dam": snapshot.dam.as_json() if snapshot.dam is not None else None,
        "orphaned_work": [orphan_json(one) for one in snapshot.orphans],
        "counts": {state.value: count for state, count in snapshot.counts.items()},
        "sources": [
            {"name": s.name, "error": s.error, **({"good_at": format_seconds(s.good_at)} if s.good_at else {})}
            for s in snapshot.sources
        ],
        "summary": {
            "rig_count": len(snapshot.rigs),
            "polecat_count": sum(v.address.role == POLECAT for v in snapshot.agents),
            "crew_count": sum(v.address.role == CREW for v in snapshot.agents),
            "witness_count": sum(v.address.role == WITNESS for v in snapshot.agents),
            "refinery_count": sum(v.address.role == REFINERY for v in snapshot.agents),
            "active_hooks": sum(v.work is not None for v in snapshot.agents),
        },
    }
