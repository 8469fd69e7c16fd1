"""The merge queue as the faces show it: open requests with score and troubles, and each rig's refinery; pure."""

from __future__ import annotations

from gastown_core.beads.graph import RELEASED
from gastown_core.model.ahead import still_ahead
from gastown_core.model.bead import BLOCKS, CLOSED, CONDITIONAL, IN_PROGRESS, MERGE_BLOCKS, TOMBSTONE, is_kind
from gastown_core.model.merge_request import (
    FAILURE_LABELS,
    LABEL,
    LEVEL_S,
    MERGED,
    TROUBLES,
    held_up,
    score,
    why_late,
    why_out,
    why_unapproved,
    why_withdrawn,
)
from gastown_core.model.refinery import BY_CHOICE, SETTINGS, RefineryState, held_target, holds, last_word_of
from gastown_core.model.snapshot import RefineryView, RequestState, RequestView, SchedulerView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.beads.query import Excerpt
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.state.facts import RefineryFacts, TownFacts
SLING_CONTEXT = "gt:sling-context"


def request_views(facts: TownFacts, now: float) -> tuple[RequestView, ...]:
    """Open requests per rig: those in hand first, then as they would be taken."""
    found = [
        (store, bead)
        for store, beads in facts.ledger.items()
        for bead in beads.values()
        if is_kind(bead, LABEL) and bead.status != CLOSED
    ]
    known = {bead.id: facts.requests.get(bead.id) for _, bead in found}
    carried = {one.source_issue: one.id for one in known.values() if one is not None and one.source_issue}
    rows, needs = [], {}
    for store, bead in found:
        waits = tuple(_waits_for(facts, bead))
        # what is in the queue itself may land together with what waits for it
        below = {bead_id if bead_id in known else carried.get(bead_id, "") for bead_id in waits}
        blockers = tuple(one for one in waits if one not in known and one not in carried)
        row = _view(facts, store, bead, blockers, now)
        rows.append(row)
        if row.state == RequestState.QUEUED:
            needs[row.id] = frozenset(below - {"", row.id})
    late = held_up(needs, (row.id for row in rows if row.state == RequestState.BLOCKED))
    rows = [_late(row, late[row.id]) if row.id in late else row for row in rows]
    rows.sort(key=lambda r: (r.rig, r.state != RequestState.MERGING, r.state == RequestState.BLOCKED, -r.score, r.id))
    return tuple(rows)


def _late(row: RequestView, other: str) -> RequestView:
    """The row of a request that needs another one of the queue, which is blocked."""
    return row._replace(state=RequestState.BLOCKED, blockers=(other,))


def _view(facts: TownFacts, store: str, bead: Excerpt, blockers: tuple[str, ...], now: float) -> RequestView:
    request = facts.requests.get(bead.id)
    rests = rests_of(facts, request, now) if request is not None else ""
    state = (
        RequestState.MERGING
        if bead.status == IN_PROGRESS
        else RequestState.BLOCKED
        if blockers or rests
        else RequestState.QUEUED
    )
    trouble = next((TROUBLES[label] for label in FAILURE_LABELS if label in bead.labels), "")
    home = "" if store == "town" else store
    if request is None:
        return RequestView(bead.id, home, bead.title, bead.assignee, state, "", bead.created_at, blockers=blockers)
    return RequestView(
        bead.id,
        request.rig or home,
        request.branch or bead.title,
        # who has claimed a request merges it and is not its worker
        request.worker or (bead.assignee if state != RequestState.MERGING else ""),
        state,
        request.source_issue,
        bead.created_at,
        title=_title(facts, request.source_issue),
        priority=bead.priority,
        score=score(request, now, _level_s(facts, request.rig or home)),
        retries=request.retry_count,
        trouble=trouble,
        target=request.target,
        blockers=blockers,
        has_conflict_task=request.conflict_task_id in blockers,
        rests=rests,
        commit=request.commit_sha,
        awaits_approval=bool(rests) and rests == _unapproved(facts, request),
        approved_by="" if why_unapproved(request) else request.approved_by,
        is_held=_is_held(facts, request.rig or home, request.target),
        rests_until=request.not_before if rests and rests == why_late(request, now) else 0.0,
    )


def _is_held(facts: TownFacts, rig: str, target: str) -> bool:
    """Whether its rig's engine says that nothing is merged into its target now."""
    known = facts.refineries.get(rig)
    if known is None or known.state is None or not holds(known.state, is_alive=known.is_alive):
        return False
    held = held_target(known.state)
    return known.state.hold_kind in (*BY_CHOICE, SETTINGS) or not held or not target or held == target


def rests_of(facts: TownFacts, request: MergeRequest, now: float) -> str:
    """Why nobody wants the request merged now, as far as the facts tell; empty if it may be merged."""
    if not request.is_open:
        return ""
    withdrawn = why_out(request) or _withdrawn(facts, request, now)
    return withdrawn or _unapproved(facts, request) or why_late(request, now)


def _unapproved(facts: TownFacts, request: MergeRequest) -> str:
    """What approval it lacks, where its rig merges nothing without one."""
    known = facts.refineries.get(request.rig)
    needs = known is not None and known.state is not None and known.state.needs_approval
    return why_unapproved(request) if needs else ""


def _withdrawn(facts: TownFacts, request: MergeRequest, now: float) -> str:
    """Why its work must not be merged now."""
    name = request.source_issue
    if not name:
        return ""
    found = facts.bead(name)
    if found is not None and found[1].status != TOMBSTONE:
        return why_withdrawn(request, found[1], now)
    rig = next((rig for rig in facts.inventory.rigs if name.startswith(f"{rig.prefix}-")), None)
    store = "town" if name.startswith("hq-") else rig.name if rig is not None else ""
    if store not in facts.ledger or facts.error_of(f"beads:{store}"):
        return ""
    # open work is always in view
    return "" if request.closes_early else f"{name} is closed or deleted"


def _level_s(facts: TownFacts, rig: str) -> float:
    """What the rig's engine counts as a level of waiting, the usual one where it never ran."""
    known = facts.refineries.get(rig)
    return known.state.level_s if known is not None and known.state is not None else LEVEL_S


def _waits_for(facts: TownFacts, bead: Excerpt) -> Iterator[str]:
    """The open beads that a request, or the work that it carries, waits for."""
    request = facts.requests.get(bead.id)
    work = facts.bead(request.source_issue) if request is not None and request.source_issue else None
    for one in (bead, work[1]) if work is not None else (bead,):
        for edge in one.edges:
            found = facts.bead(edge.target) if edge.type in (BLOCKS, CONDITIONAL, MERGE_BLOCKS) else None
            if found is not None and found[1].status not in RELEASED:
                yield edge.target


def _title(facts: TownFacts, bead_id: str) -> str:
    found = facts.bead(bead_id) if bead_id else None
    return found[1].title if found is not None else ""


def refinery_views(facts: TownFacts) -> tuple[RefineryView, ...]:
    """Each rig's refinery that ever ran, in the order of the rigs."""
    views = []
    for rig in facts.inventory.rigs:
        known = facts.refineries.get(rig.name)
        if known is not None:
            state = known.state or RefineryState(rig.name)
            view = RefineryView(rig.name, rig.path, state, known.is_alive, trouble_of(known), known.history)
            waiting = {one.id for one in facts.requests.values() if one.is_open} if known.ahead else ()
            ahead = still_ahead(known.ahead, waiting)
            views.append(view._replace(hold_since=known.hold_since, hold_until=known.hold_until, ahead=ahead))
    return tuple(views)


def scheduler_view(facts: TownFacts) -> SchedulerView:
    """Deferred slings, and whether giving out is paused."""
    queued = sum(
        SLING_CONTEXT in bead.labels and bead.status != CLOSED
        for beads in facts.ledger.values()
        for bead in beads.values()
    )
    return facts.scheduler._replace(queued=queued)


def requests_by_work(facts: TownFacts) -> dict[str, tuple[MergeRequest, ...]]:
    """Work bead → its requests: the open one first, then merged ones, then by age, the newest first."""
    out: dict[str, list[MergeRequest]] = {}
    for request in facts.requests.values():
        if request.source_issue:
            out.setdefault(request.source_issue, []).append(request)
    for found in out.values():
        found.sort(key=lambda r: (not r.is_open, r.close_reason != MERGED, -r.created_at, r.id))
    return {bead_id: tuple(found) for bead_id, found in out.items()}


def trouble_of(known: RefineryFacts) -> str:
    """What is wrong with the picture, in words; empty if it can be believed."""
    state = known.state
    if known.error:
        return f"its state cannot be read: {known.error}"
    return last_word_of(state) if state is not None and not known.is_alive else ""
