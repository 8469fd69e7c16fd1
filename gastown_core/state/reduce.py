"""Facts to TownSnapshot: pure, and the same for the live console, ``gt status`` and replay.

The cost is O(agents + open beads + members of shown convoys); convoys are only rebuilt when the ledger changed.
"""

from __future__ import annotations

from gastown_core.beads.query import Excerpt
from gastown_core.clock import today
from gastown_core.model.address import (
    BOOT,
    CREW,
    DEACON,
    DOG,
    POLECAT,
    REFINERY,
    ROLE_ORDER,
    TOWN_ROLES,
    Address,
    parse_address,
)
from gastown_core.model.agent import NEEDS_HELP, Health, HealthReport, Question, Reason
from gastown_core.model.bead import HOOKED, IN_PROGRESS, OPEN, is_identity
from gastown_core.model.hook_life import ACTIVE, hook_state
from gastown_core.model.plain_text import clean
from gastown_core.model.snapshot import (
    AgentView,
    HookedWork,
    LastEvent,
    RigView,
    TownSnapshot,
)
from gastown_core.model.states import AgentState, RigState
from gastown_core.model.usage import AgentUsage
from gastown_core.runtimes.adapter import STARTING, together
from gastown_core.state.convoy_views import convoy_views, orphan_views
from gastown_core.state.dam import find_dam
from gastown_core.state.evidence import Evidence, ProgressSign
from gastown_core.state.facts import LedgerDigest, TownFacts, blocked_by, digest_of, gates_of
from gastown_core.state.health import STANDING, classify, is_there
from gastown_core.state.landing_strips import with_landings
from gastown_core.state.molecules import step_text
from gastown_core.state.places import with_places
from gastown_core.state.request_views import refinery_views, request_views, scheduler_view
from gastown_core.town.liveness import is_for
from gastown_core.usage.budget import judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gastown_core.model.incident import Incident
    from gastown_core.runtimes.adapter import Said
    from gastown_core.runtimes.exported import Exported
    from gastown_core.runtimes.heartbeat import Heartbeat
    from gastown_core.tmux.panes import Pane
    from gastown_core.town.inventory import RosterEntry
NO_USAGE = AgentUsage()
ENDED_ON_PURPOSE = ("session_end", "kill")


def reduce_town(facts: TownFacts, now: float, old: TownSnapshot | None = None) -> TownSnapshot:
    """The town at ``now``; reuses the convoys of ``old`` if the ledger, git and the refineries have not changed since."""
    town = reduce_recorded(facts, now, old)
    return town._replace(dam=find_dam(facts, town, now), incidents=_incidents(facts, town), commons=facts.commons)


def reduce_recorded(facts: TownFacts, now: float, old: TownSnapshot | None = None) -> TownSnapshot:
    """The town without the alarm about what does not move, which needs to know how the daemon and the host are."""
    digest, agents, version = digest_of(facts), agent_views(facts, now), facts.ledger_version
    if old is not None and old.version == version and not any(0.0 < one.rests_until <= now for one in old.requests):
        convoys, requests, scheduler = old.convoys, old.requests, facts.scheduler._replace(queued=old.scheduler.queued)
        orphans, gates, behind = old.orphans, old.gates, old.behind
    else:
        convoys, requests, scheduler = convoy_views(facts, now), request_views(facts, now), scheduler_view(facts)
        orphans, gates, behind = orphan_views(facts), gates_of(facts), blocked_by(facts)
    if old is None or old.version != version or old.landing_version != facts.landing_version:
        convoys, refineries = with_landings(convoys, facts, now), refinery_views(facts)
    else:
        refineries = old.refineries
    return TownSnapshot(
        name=facts.inventory.name,
        root=facts.inventory.root,
        version=version,
        taken_at=now,
        agents=agents,
        rigs=tuple(RigView(*rig) for rig in facts.inventory.rigs),
        convoys=convoys,
        requests=requests,
        sources=tuple(facts.sources.values()),
        escalations=len(digest.escalations),
        escalated=digest.escalations,
        given_up=digest.given_up,
        tmux_running=None if facts.panes is None else bool(facts.panes),
        counts=_counts(view.health.state for view in agents),
        refineries=refineries,
        scheduler=with_places(scheduler, facts, agents, orphans, now),
        daemon=facts.daemon,
        usage=facts.usage,
        budgets=judge(facts.usage, facts.limits, today(now)) if facts.limits.are_set else (),
        orphans=orphans,
        landing_version=facts.landing_version,
        letters=digest.letters,
        gates=gates,
        behind=behind,
        stops=facts.stops,
        woke_at=facts.woke_at,
    )


SUSPECTS = (Health.LIMITED, Health.WAITING, Health.UNKNOWN, Health.ZOMBIE)


def _incidents(facts: TownFacts, town: TownSnapshot) -> tuple[Incident, ...]:
    """Causes that several agents share; a town without two ill agents has none, and does not pay for the search."""
    if sum(town.counts.get(state, 0) for state in SUSPECTS) < 2:
        return ()
    from gastown_core.state.incidents import find_incidents

    return find_incidents(town.agents, facts.thresholds.mass_count, facts.thresholds.mass_window_s)


def agent_views(facts: TownFacts, now: float) -> tuple[AgentView, ...]:
    """The agents at ``now``, in display order."""
    digest = digest_of(facts)
    return tuple(_agent_view(facts, entry, digest, now) for entry in _ordered(facts))


def _ordered(facts: TownFacts) -> list[RosterEntry]:
    rigs = {rig.name: number for number, rig in enumerate(facts.inventory.rigs)}
    return sorted(
        facts.inventory.agents,
        key=lambda e: (
            -1 if e.address.role in TOWN_ROLES else rigs.get(e.address.rig, 999),
            ROLE_ORDER.get(e.address.role, 99),
            e.address.name,
        ),
    )


def _agent_view(
    facts: TownFacts,
    entry: RosterEntry,
    digest: LedgerDigest,
    now: float,
) -> AgentView:
    address = entry.address
    record = facts.fields.get(entry.bead_id, {})
    bead = digest.hooked.get(address.mail) or _hook_from_record(facts, address, record)
    pane = facts.panes.get(entry.session) if facts.panes is not None else None
    mail = digest.unread.get(address.mail, ())
    beat = facts.heartbeats.get(entry.session)
    evidence = _evidence(facts, entry, bead, record)
    report = _steady(facts, address.path, _with_warnings(facts, entry, classify(evidence, facts.thresholds, now)))
    report = _since_back(facts, address.path, report, now)
    running = None if evidence.session is None else is_there(evidence)
    return AgentView(
        address=address,
        session=entry.session,
        runtime=pane.agent if pane is not None else "",
        health=report,
        running=running,
        pane_id=pane.pane_id if pane is not None else "",
        work=_work(facts, bead, beat),
        activity=_activity(facts, entry, bead, beat if evidence.session is not False else None, running),
        last_event=facts.last_events.get(address.path),
        last_output_at=pane.activity if pane is not None else None,
        unread=len(mail),
        first_subject=mail[0].title if mail else "",
        untold_since=digest.untold.get(address.mail, 0.0),
        attached=pane.attached if pane is not None else 0,
        agent_state=record.get("agent_state", ""),
        bead_id=entry.bead_id,
        work_dir=entry.work_dir,
        muted=record.get("notification_level") == "muted",
        hook=_hook(entry, record, bead, running),
        hook_since=facts.hook_since.get(address.path, 0.0),
        usage=facts.usage.agents.get(address.path, NO_USAGE),
        asks=_question(facts, entry.session) if report.state is Health.WAITING else None,
    )


def _activity(
    facts: TownFacts, entry: RosterEntry, bead: Excerpt | None, beat: Heartbeat | None, running: bool | None
) -> str:
    """What the agent said of itself last; of a polecat that died, what became of its work instead."""
    ended = facts.session_events.get(entry.address.path)
    is_dead = running is not True and ended is not None and ended.type == "session_death"
    if bead is not None or not is_dead or entry.address.role != POLECAT:
        return beat.context if beat is not None else ""
    known = facts.bead(facts.fields.get(entry.bead_id, {}).get("hook_bead", ""))
    if known is None or known[1].status not in (OPEN, HOOKED, IN_PROGRESS):
        return "dead"
    most = facts.thresholds.most_deaths
    is_held = bool(most) and facts.died.get(known[1].id, 0) >= most and known[1].status == OPEN
    return f"dead, {known[1].id} held back" if is_held else "dead, work requeued"


def _steady(facts: TownFacts, path: str, report: HealthReport) -> HealthReport:
    """The report with the moment at which a wait or a limit began, however often the agent says it again."""
    known = facts.began.pop(path, None)
    if report.state not in (Health.WAITING, Health.LIMITED) or report.since is None:
        return report
    said = report.reason if report.state is Health.WAITING else ""
    since = min(report.since, known[2]) if known is not None and known[:2] == (report.state, said) else report.since
    facts.began[path] = (report.state, said, since)
    return report._replace(since=since)


def _since_back(facts: TownFacts, path: str, report: HealthReport, now: float) -> HealthReport:
    """The report of an agent at work since it got on again, if it was seen in trouble before: what it works on is older."""
    before = facts.stood.get(path)
    at = now if before is not None and before[0] in IN_TROUBLE else before[1] if before is not None else 0.0
    if report.state is not Health.WORKING:
        facts.stood[path] = (report.state, 0.0)
        return report
    facts.stood[path] = (report.state, at)
    return report._replace(since=at) if report.since is not None and at > report.since else report


IN_TROUBLE = (*NEEDS_HELP, Health.LIMITED)
ASKING = ("permission", "dialog", "login")


def _question(facts: TownFacts, session: str) -> Question | None:
    """The question on the session's screen, None if none was read there."""
    reading = facts.screens.get(session)
    if reading is None or reading.kind not in ASKING:
        return None
    return Question(reading.kind, reading.detail, reading.text, reading.options, reading.cursor, reading.fingerprint)


def _hook_from_record(facts: TownFacts, address: Address, record: dict[str, str]) -> Excerpt | None:
    """A hook in the older format: the agent bead's ``hook_bead``, if that bead is still active and nobody else's."""
    named = record.get("hook_bead")
    found = facts.bead(named) if named else None
    if found is None or found[1].status not in (HOOKED, IN_PROGRESS) or is_identity(found[1]):
        return None
    holder = found[1].assignee
    return found[1] if not holder or parse_address(holder).mail == address.mail else None


def _work(facts: TownFacts, bead: Excerpt | None, beat: Heartbeat | None) -> HookedWork | None:
    """The bead on the hook and its current step: by its molecule, else as reported by the agent."""
    if bead is None:
        return None
    told = beat.context if beat is not None and beat.bead == bead.id else ""
    step = step_text(facts, bead.id) or told
    return HookedWork(bead.id, bead.title, bead.status, bead.priority, bead.updated_at, bead.updated_at, step)


def _hook(entry: RosterEntry, record: dict[str, str], bead: Excerpt | None, running: bool | None) -> str:
    """The hook's state; agents without a worktree have none. The roster lists existing worktrees."""
    if entry.address.role not in (POLECAT, CREW):
        return ""
    return hook_state(
        recorded=record.get("hook_state", ""), has_work=bead is not None, is_running=running, has_worktree=True
    )


def _work_since(facts: TownFacts, entry: RosterEntry, bead: Excerpt | None, record: dict[str, str]) -> float:
    """Since when the work is on the hook, at the latest: a comment changes a bead too, and does not hook it anew."""
    if bead is None:
        return 0.0
    is_told = record.get("hook_bead") == bead.id and record.get("hook_state") == ACTIVE
    since = facts.hook_since.get(entry.address.path, 0.0) if is_told else 0.0
    return min(bead.updated_at, since) if since else bead.updated_at


def _evidence(facts: TownFacts, entry: RosterEntry, bead: Excerpt | None, record: dict[str, str]) -> Evidence:
    session, rig = entry.session, entry.address.rig
    pane = facts.panes.get(session) if facts.panes is not None else None
    agent_bead = facts.bead(entry.bead_id)
    agent_state_at = agent_bead[1].updated_at if agent_bead is not None else 0.0
    reading = facts.screens.get(session)
    alive = None if pane is None else (False if pane.dead else facts.alive.get(session))
    elsewhere = 0 if alive else facts.elsewhere.get(session, 0)
    order = facts.orders.get(bead.id, "") if bead is not None and entry.address.role in (POLECAT, DOG) else ""
    return Evidence(
        badges=(f"session named {clean(pane.renamed)}",) if pane is not None and pane.renamed else (),
        standing=entry.address.role in STANDING,
        town_up=_is_up(facts),
        has_run=_has_run(facts, entry),
        off_duty=_off_duty(facts, entry.address),
        stopped=_stopped(facts, entry.address, record),
        work_bead=bead.id if bead is not None else "",
        work_since=_work_since(facts, entry, bead, record),
        progress=tuple(_progress(facts, entry, bead, agent_state_at)),
        agent_state=record.get("agent_state", ""),
        agent_state_at=agent_state_at,
        session=None if facts.panes is None else pane is not None or elsewhere > 0,
        alive=True if elsewhere else alive,
        elsewhere=elsewhere,
        for_work=pane is None or is_for(pane.orders, session, order),
        exit_status=pane.dead_status if pane is not None and pane.dead else None,
        died_at=(pane.dead_since or None) if pane is not None and pane.dead else None,
        last_output_at=pane.activity if pane is not None else None,
        started_at=_started_at(facts, entry, pane),
        last_words=facts.last_words.get(session, ()),
        said=together(facts.said.get(session), _hooks_word(facts, session, alive)),
        exported=_exported(facts, entry, pane),
        heartbeat=facts.heartbeats.get(session),
        screen=(reading.kind, reading.detail) if reading is not None else None,
        screen_at=facts.screens_at.get(session),
        screen_until=facts.screens_at[session] + reading.wait_s if reading is not None and reading.wait_s else 0.0,
        tmux_error=facts.error_of("tmux"),
        ledger_error=facts.error_of(f"beads:{rig}" if rig else "beads:town"),
        muted=record.get("notification_level") == "muted",
        ralph=record.get("mode") == "ralph",
    )


def _with_warnings(facts: TownFacts, entry: RosterEntry, report: HealthReport) -> HealthReport:
    """The report of an agent that waits or has died, with what was warned of when it was started last."""
    begun = facts.session_events.get(entry.address.path)
    if begun is None or not begun.warnings or report.state not in (Health.WAITING, Health.ZOMBIE):
        return report
    told = tuple(Reason(f"warned at its start: {one}", "event", begun.at) for one in begun.warnings)
    return report._replace(reasons=(*report.reasons, *told))


def _hooks_word(facts: TownFacts, session: str, alive: bool | None) -> Said | None:
    """What the hooks of a live program reported last."""
    beat = facts.heartbeats.get(session)
    return beat.said if beat is not None and alive is not False and beat.said is not None else None


def _exported(facts: TownFacts, entry: RosterEntry, pane: Pane | None) -> Exported | None:
    """What the program exported; None if it was an earlier one of the agent."""
    told = facts.exported.get(entry.address.path)
    if told is None or told.at < (_started_at(facts, entry, pane) or 0.0):
        return None
    return told


def _started_at(facts: TownFacts, entry: RosterEntry, pane: Pane | None) -> float | None:
    """When the program in its pane was started, if known."""
    event = facts.last_events.get(entry.address.path)
    if event is not None and event.type == "session_start":
        return event.at
    return pane.created or None if pane is not None else None


def _is_up(facts: TownFacts) -> bool:
    """The town is up if its mayor has a session, or if its daemon is at work and any other agent has one."""
    if not facts.panes:
        return False
    return "hq-mayor" in facts.panes or (
        facts.daemon.is_at_work and any(entry.session in facts.panes for entry in facts.inventory.agents)
    )


def _has_run(facts: TownFacts, entry: RosterEntry) -> bool:
    """Whether an event of its own or a heartbeat shows that the agent has had a session.

    A rig's engine works under the address of its refinery, so there only events of a session count.
    """
    return (
        _session_word(facts, entry.address) is not None
        or entry.session in facts.heartbeats
        or entry.session in (facts.panes or ())
    )


def _session_word(facts: TownFacts, address: Address) -> LastEvent | None:
    """Return the newest event about an agent's session; for a refinery no other event counts."""
    known = facts.session_events if address.role == REFINERY else facts.last_events
    return known.get(address.path)


def _off_duty(facts: TownFacts, address: Address) -> str:
    if address.role in (DEACON, BOOT, DOG) and facts.panes is not None and f"hq-{address.role}" not in facts.panes:
        return f"no {address.role} is needed in this town"
    for rig in facts.inventory.rigs:
        if rig.name == address.rig and rig.state != RigState.OPERATIONAL:
            return f"its rig is {rig.state}"
    return ""


def _stopped(facts: TownFacts, address: Address, record: dict[str, str]) -> str:
    """Return how its session was ended on purpose, by its last event or its record; empty if it was not."""
    event = _session_word(facts, address)
    if event is not None and event.type in ENDED_ON_PURPOSE:
        return event.text
    return "stopped by a person" if record.get("agent_state") == AgentState.PAUSED else ""


def _progress(facts: TownFacts, entry: RosterEntry, bead: Excerpt | None, agent_at: float) -> Iterator[ProgressSign]:
    if bead is not None and bead.updated_at:
        yield ProgressSign(bead.updated_at, f"{bead.id} changed", "ledger")
    if agent_at:
        yield ProgressSign(agent_at, "its record changed", "ledger")
    event = facts.last_events.get(entry.address.path)
    if event is not None and event.type not in ("session_death", *ENDED_ON_PURPOSE):
        yield ProgressSign(event.at, event.text, "ledger")
    if facts.woke_at:
        yield ProgressSign(facts.woke_at, "the machine woke: nobody got on while it slept", "process")
    beat = facts.heartbeats.get(entry.session)
    if beat is not None and beat.state == "working":
        yield ProgressSign(beat.at, f"heartbeat: {beat.context or beat.state}", "heartbeat")


AT_LEAST_EVERY_S = 15.0
"""Judged anew after this even if nothing is foreseen: ages inside reasons are told in minutes."""


def next_due(facts: TownFacts, snapshot: TownSnapshot, now: float) -> float:
    """The next moment (Unix seconds) at which judging again can change anything."""
    moments = [view.health.forecast.at for view in snapshot.agents if view.health.forecast is not None]
    for beat in facts.heartbeats.values():
        moments.append(beat.at + facts.thresholds.heartbeat_stale_s)
        if beat.until:
            moments.append(beat.until)
    for said in facts.said.values():
        if said.state == STARTING:
            limits = facts.thresholds
            moments += (said.at + limits.start_dialog_s, said.at + limits.start_blank_s)
    ahead = [moment for moment in moments if moment > now]
    return min([now + AT_LEAST_EVERY_S, *ahead])


def _counts(states: Iterable[Health]) -> dict[Health, int]:
    """How often each state occurs, in the order of their first."""
    found: dict[Health, int] = {}
    for state in states:
        found[state] = found.get(state, 0) + 1
    return found
