"""The dam detector: ready work that nothing moves on, and the link of the chain that is broken; pure.

A link that is known to be broken is named after ``dam_s``; where nothing is known to be broken, but work waits beside free
places, that is said after ``unexplained_s``.  The alarm ends with the look that no longer finds it.
"""

from __future__ import annotations

from gastown_core.beads.graph import BLOCKING_TYPES, stage_of
from gastown_core.clock import format_span
from gastown_core.model import dam
from gastown_core.model.address import POLECAT
from gastown_core.model.agent import HEALTH_SYMBOLS, Health
from gastown_core.model.bead import (
    CLOSED,
    HOOKED,
    IN_PROGRESS,
    IN_REVIEW,
    OPEN,
    PARENT_CHILD,
    SLINGABLE,
    TRACKS,
    MemberStage,
)
from gastown_core.model.daemon import LATE, NEVER
from gastown_core.model.dam import BrokenLink, DamView
from gastown_core.model.refinery import TARGET_IS_RED
from gastown_core.model.snapshot import RequestState
from gastown_core.model.states import RigState
from gastown_core.state.convoy_views import TownGraph
from gastown_core.state.facts import Flow, Ready
from gastown_core.state.request_views import SLING_CONTEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gastown_core.beads.query import Excerpt
    from gastown_core.model.snapshot import AgentView, RequestView, TownSnapshot
    from gastown_core.state.facts import TownFacts

AHEAD_S = 120.0
"""A record written this far in the future proves that a clock is or was wrong."""
STEADY_S = 30.0
"""A duty that fails for less than this may be a fluke."""
HELD_BY_MOUNTAIN = frozenset(("mountain:paused", "mountain:skipped"))
MOVERS = ("dispatch", "refinery:")
"""Duties without which work does not move."""


def find_dam(facts: TownFacts, town: TownSnapshot, now: float) -> DamView | None:
    """Return the dam of the town as it is, None if work moves or none waits."""
    flow = _flow(facts, town, now)
    ready = flow.ready
    gone = {one.rig for one in town.refineries if one.trouble and not one.is_alive}
    queued = [
        one
        for one in town.requests
        if one.state == RequestState.QUEUED or (one.state == RequestState.MERGING and one.rig in gone)
    ]
    hands = [agent for agent in town.agents if agent.address.role == POLECAT and agent.work is not None]
    limits = facts.thresholds
    free = _placed(ready, hands, limits.places, limits.rig_places)
    waits = [one.since for one in free] + [one.created_at for one in queued]
    links = [*_deep(facts, flow, town, now, bool(waits))]
    if free:
        links += _dispatch(facts, town, free, now)
    elif (ready or len(hands) > 1) and not any(one.is_busy for one in town.refineries):
        # one worker that waits while nothing else does is told by its own state
        links += _workers(hands)
    links += _merging(town, queued)
    began = min(waits, default=0.0)
    # by a wrong clock nothing has waited yet
    due = [one for one in links if one.link == dam.CLOCK or now - max(one.since, began) >= limits.dam_s]
    if not due and not links:
        due = [*_unexplained(facts, flow, free, now)] if free else [*_unmerged(facts, town, queued, flow, now)]
    if not due:
        return None
    due.sort(key=lambda one: dam.LINKS.index(one.link))
    stuck = len(hands) if any(one.link in (dam.LIMIT, dam.PERSON, dam.WORKERS) for one in due) else 0
    since = began or max((one.since for one in due), default=now)
    return DamView(tuple(due), since or now, len(free), len(queued), stuck)


# -- what waits ----------------------------------------------------------------------------------------------


def _flow(facts: TownFacts, town: TownSnapshot, now: float) -> Flow:
    """What the ledger says of work on its way; remembered in the facts until the ledger moves."""
    if facts.flow is not None and facts.flow[0] == facts.ledger_version:
        return facts.flow[1]
    newest = {
        name: max((bead.updated_at for bead in beads.values()), default=0.0) for name, beads in facts.ledger.items()
    }
    flow = Flow(tuple(ready_work(facts, town, now)), newest, max(_movements(facts), default=0.0))
    facts.flow = (facts.ledger_version, flow)
    return flow


def ready_work(facts: TownFacts, town: TownSnapshot, now: float) -> list[Ready]:
    """Return what the daemon may dispatch: ready members of open convoys, and queued slings, the longest waiting first."""
    known = {bead_id: (store, bead) for store, beads in facts.ledger.items() for bead_id, bead in beads.items()}
    open_rigs = {rig.name for rig in town.rigs if rig.state == RigState.OPERATIONAL}
    found: dict[str, Ready] = {}
    for convoy in town.convoys:
        bundle = known.get(convoy.id)
        if convoy.status != OPEN or bundle is None or not HELD_BY_MOUNTAIN.isdisjoint(bundle[1].labels):
            continue
        fed_at = bundle[1].updated_at + facts.thresholds.feed_grace_s
        for member in convoy.members:
            if member.stage != MemberStage.READY or member.bead_id not in known:
                continue
            store, bead = known[member.bead_id]
            if store in open_rigs and _is_given(facts, bead):
                since = max(bead.updated_at, _freed_at(bead, known) or fed_at)
                found[bead.id] = Ready(bead.id, store, since)
    found |= {one.bead: one for one in _slings(facts, known, open_rigs, now)}
    return sorted(found.values(), key=lambda one: (one.since, one.bead))


def _is_given(facts: TownFacts, bead: Excerpt) -> bool:
    """Whether the daemon gives such a bead to a polecat: a plain, unassigned one that has not cost too many workers."""
    most = facts.thresholds.most_deaths
    is_plain = bead.status == OPEN and not bead.assignee and bead.issue_type in SLINGABLE
    is_skipped = bool(bead.labels) and not HELD_BY_MOUNTAIN.isdisjoint(bead.labels)
    return is_plain and not is_skipped and not (most and facts.died.get(bead.id, 0) >= most)


def _freed_at(bead: Excerpt, known: dict[str, tuple[str, Excerpt]]) -> float:
    """When the last of its blockers closed, 0 if it has none in view."""
    if not bead.edges:
        return 0.0
    targets = [edge.target for edge in bead.edges if edge.type in BLOCKING_TYPES and edge.type != PARENT_CHILD]
    return max((known[one][1].closed_at for one in targets if one in known), default=0.0)


def _slings(facts: TownFacts, known: dict[str, tuple[str, Excerpt]], rigs: set[str], now: float) -> Iterator[Ready]:
    graph = None
    for store, beads in facts.ledger.items():
        for context in beads.values():
            if SLING_CONTEXT not in context.labels or context.status == CLOSED or store not in rigs:
                continue
            graph = graph or TownGraph(facts, now).graph
            for edge in context.edges:
                work = known.get(edge.target)
                if edge.type != TRACKS or work is None or not _is_given(facts, work[1]):
                    continue
                if stage_of(work[1], graph) == MemberStage.READY:
                    yield Ready(work[1].id, store, max(context.created_at, _freed_at(work[1], known)), True)


def _placed(ready: Sequence[Ready], hands: list[AgentView], places: int, rig_places: int) -> list[Ready]:
    """Return those of the ready beads for whose rig a place is free."""
    if len(hands) >= places:
        return []
    per_rig: dict[str, int] = {}
    for agent in hands:
        per_rig[agent.address.rig] = per_rig.get(agent.address.rig, 0) + 1
    return [one for one in ready if per_rig.get(one.rig, 0) < rig_places]


# -- what is broken ------------------------------------------------------------------------------------------


def _deep(facts: TownFacts, flow: Flow, town: TownSnapshot, now: float, waits: bool) -> Iterator[BrokenLink]:
    """What nothing moves without: the clock, the ledgers, the daemon and its duties, tmux, the host."""
    for name, newest in flow.newest.items():
        ahead = newest - now
        if ahead > AHEAD_S and waits:
            words = f"the clock is wrong: a record of {name} was written {format_span(ahead)} in the future"
            yield BrokenLink(dam.CLOCK, words, 0.0, "date shows this machine's clock; set it, then gt daemon restart")
            break
    for source in town.sources:
        if source.error and source.name.startswith("beads:"):
            words = f"the ledger {source.name.removeprefix('beads:')} cannot be read: {source.error}"
            yield BrokenLink(dam.STORE, words, source.good_at or 0.0, "bd doctor says what is wrong with it")
    if not waits:
        return
    daemon = town.daemon
    if daemon.state == LATE or daemon.is_at_work:
        yield from _duties(town, now)
    elif not town.source_error("daemon"):
        since = 0.0 if daemon.state == NEVER else daemon.since
        yield BrokenLink(dam.DAEMON, daemon.words(now).partition(";")[0], since, "gt daemon start")
    failed = town.source_error("tmux")
    if failed is not None:
        yield BrokenLink(dam.TMUX, f"tmux does not answer: {failed.error}", failed.good_at or 0.0, "gt daemon logs")
    if facts.quota:
        yield BrokenLink(dam.LIMIT, f"no agent is started: {facts.quota}", facts.quota_since, "gt quota status")
    if facts.host:
        yield BrokenLink(dam.HOST, f"no agent is started while {facts.host}", facts.host_since, "gt scheduler explain")


def _duties(town: TownSnapshot, now: float) -> Iterator[BrokenLink]:
    for name, what, since in town.daemon.late:
        if name.startswith(MOVERS):
            words = f"the daemon's duty {name} {what} for {format_span(now - since)}"
            yield BrokenLink(dam.DUTY, words, since, "gt daemon logs, then gt daemon restart")
    for name, error, since in town.daemon.failing:
        if name.startswith(MOVERS) and now - since >= STEADY_S:
            yield BrokenLink(dam.DUTY, f"the daemon's duty {name} fails: {error}", since, "gt daemon logs")


def _dispatch(facts: TownFacts, town: TownSnapshot, free: list[Ready], now: float) -> Iterator[BrokenLink]:
    """Why what is ready is not given out, though there are places."""
    paused = town.scheduler
    if paused.is_paused and (facts.thresholds.is_deferred or all(one.is_queued for one in free)):
        by = paused.paused_by or "somebody"
        yield BrokenLink(dam.PAUSED, f"dispatch is paused by {by}", paused.paused_at, "gt scheduler resume")
    failed = [facts.failures.get(one.bead) for one in free]
    first = failed[0] if failed else None
    if first is not None and all(one is not None for one in failed):
        tries = f"{first.failures} tries failed" if first.failures > 1 else "the last try failed"
        words = f"no worker can start: {tries}: {first.error}"
        yield BrokenLink(dam.START, words, 0.0, f"gt scheduler explain {free[0].bead}")


def _workers(hands: list[AgentView]) -> Iterator[BrokenLink]:
    """Why those who hold work do not get on, if none of them does."""
    states = {agent.health.state for agent in hands}
    if not hands or not states.isdisjoint((Health.WORKING, Health.IDLE, Health.UNKNOWN)):
        return
    since = max(agent.health.since or 0.0 for agent in hands)
    many = f"all {len(hands)} workers" if len(hands) > 1 else "the only worker"
    reasons = sorted({agent.health.reason for agent in hands})
    why = f": {reasons[0]}" if len(reasons) == 1 else ""
    if states == {Health.LIMITED}:
        yield BrokenLink(dam.LIMIT, f"{many} at a rate limit{why}", since, "gt agents says until when")
    elif states == {Health.WAITING}:
        who = next(agent.address.short for agent in hands)
        yield BrokenLink(dam.PERSON, f"{many} waiting on a person{why}", since, f"gt attach {who}")
    else:
        told = ", ".join(
            f"{sum(agent.health.state is one for agent in hands)} {HEALTH_SYMBOLS[one][2]}" for one in sorted(states)
        )
        yield BrokenLink(dam.WORKERS, f"none of the workers gets on ({told}){why}", since, "gt feed --problems")


def _merging(town: TownSnapshot, queued: list[RequestView]) -> Iterator[BrokenLink]:
    """Why requests are not merged, where the engine says so."""
    waiting = {one.rig for one in queued}
    for view in town.refineries:
        if view.rig not in waiting:
            continue
        if view.trouble and not view.is_alive:
            words = f"nothing is merged in {view.rig}: {view.trouble}"
            yield BrokenLink(dam.QUEUE, words, view.state.updated_at, f"gt refinery process {view.rig}")
        if not view.is_held or view.is_by_choice:
            continue
        reason = view.state.hold_reason
        kind = view.state.hold_kind
        is_red = kind in TARGET_IS_RED if kind else "gate" in reason or "red" in reason
        link = dam.GATE if is_red else dam.QUEUE
        what = "the gates hold" if link == dam.GATE else "the merge queue holds"
        yield BrokenLink(link, f"{what} {view.rig}: {reason}", view.hold_since, f"gt refinery status {view.rig}")


def _unexplained(facts: TownFacts, flow: Flow, free: list[Ready], now: float) -> Iterator[BrokenLink]:
    """Work waits beside free places, and nothing that we know of is broken."""
    moved = max(free[0].since, flow.moved)
    if now - moved >= facts.thresholds.unexplained_s:
        words = f"there is room, and nothing has moved for {format_span(now - moved)}"
        yield BrokenLink(dam.UNKNOWN, words, moved, f"gt scheduler explain {free[0].bead}")


def _unmerged(
    facts: TownFacts, town: TownSnapshot, queued: list[RequestView], flow: Flow, now: float
) -> Iterator[BrokenLink]:
    """Requests wait in a rig whose engine does nothing, and nothing that we know of is broken."""
    open_rigs = {rig.name for rig in town.rigs if rig.state == RigState.OPERATIONAL}
    at_work = {one.rig for one in town.refineries if one.is_busy}
    left = [one for one in queued if one.rig in open_rigs - at_work]
    if not left:
        return
    rig = left[0].rig
    moved = max(min(one.created_at for one in left), flow.moved)
    if now - moved >= facts.thresholds.unexplained_s:
        words = f"nobody merges in {rig}, and nothing has moved for {format_span(now - moved)}"
        yield BrokenLink(dam.QUEUE, words, moved, f"gt refinery status {rig}")


def _movements(facts: TownFacts) -> Iterator[float]:
    """When work last changed hands: hooked, handed in, closed."""
    for name, beads in facts.ledger.items():
        for bead in beads.values() if name != "town" else ():
            if bead.status in (HOOKED, IN_PROGRESS, IN_REVIEW, CLOSED) and bead.issue_type in SLINGABLE:
                yield bead.closed_at or bead.updated_at
