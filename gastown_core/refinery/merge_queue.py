"""The queue of a rig: which requests may be merged now, in which order, and what blocks the others.

Best score first.  A request is blocked while its work must not be merged (closed, deferred, deleted, assigned to
another agent), and while it, or the work it carries, waits for an open bead; if that bead's own request is in the queue,
the two may land together, the needed one below the other.
"""

from __future__ import annotations

from gastown_core.beads.graph import STILL_OPEN, UNRESOLVED
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import NotFoundError
from gastown_core.model.bead import CLOSED, MERGE_BLOCKS
from gastown_core.model.merge_request import (
    LABEL,
    LEVEL_S,
    MERGED_IN,
    REJECTED,
    held_up,
    read_request,
    score,
    why_late,
    why_out,
    why_unapproved,
    why_withdrawn,
)
from gastown_core.model.queue_words import BLOCKED, HELD, MERGING, READY, TO_APPROVE
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_core.beads.graph import Graph
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.merge_request import MergeRequest
STALE_CLAIM_S = 1800.0
NEARLY = 50.0
"""Up to this difference, half a level of priority, two scores count as the same where requests hinder others."""
TURNED_DOWN_S = 30 * 86400.0
"""How long a rejected request is still checked for branches that were made on it."""


class MergeQueue(Record):
    """Open requests, each kind by score; ``blocked`` with the reason, ``needs`` names requests that must land first.

    ``level_s`` is how long a request waits for one level of urgency; ``unapproved`` are those of the blocked that only wait
    for an approval.
    """

    ready: tuple[MergeRequest, ...] = ()
    claimed: tuple[MergeRequest, ...] = ()
    blocked: tuple[tuple[MergeRequest, str], ...] = ()
    needs: Mapping[str, frozenset[str]] = {}
    level_s: float = LEVEL_S
    unapproved: frozenset[str] = frozenset()

    def open(self) -> list[MergeRequest]:
        """All of them, blocked or not."""
        return [*self.ready, *self.claimed, *(one for one, _ in self.blocked)]

    def told(self, holds: Mapping[str, str]) -> list[tuple[MergeRequest, str, str]]:
        """Each request with its word of ``queue_words`` and why, in queue order; ``holds``: held target → why."""
        found = [(one, HELD if one.target in holds else READY, holds.get(one.target, "")) for one in self.ready]
        found += [(one, MERGING, one.assignee) for one in self.claimed]
        return found + [(one, TO_APPROVE if one.id in self.unapproved else BLOCKED, why) for one, why in self.blocked]

    def targets(self) -> list[str]:
        """Target branches of the ready requests, that of the best request first."""
        return list(dict.fromkeys(request.target for request in self.ready))


class Rivals(Record):
    """Of each request that does not merge with others: those of the queue, and with how many it does not, in work or queued."""

    apart: Mapping[str, frozenset[str]] = {}
    damage: Mapping[str, int] = {}


def open_requests(ledger: TownLedger, prefix: str, rig: str) -> list[MergeRequest]:
    """Every request of the rig that is not closed, in no order."""
    store = ledger.store_for(f"{prefix}-x")
    query = BeadQuery(labels_all=(LABEL,), exclude_statuses=(CLOSED,), include_wisps=True)
    requests = (read_request(bead) for bead in store.find(query))
    return [request for request in requests if request.rig in ("", rig)]


def turned_down(ledger: TownLedger, prefix: str, rig: str, now: float) -> list[MergeRequest]:
    """Requests rejected within a month whose work is not done: their commits must not land as they are."""
    store = ledger.store_for(f"{prefix}-x")
    query = BeadQuery(labels_all=(LABEL,), statuses=(CLOSED,), closed_since=now - TURNED_DOWN_S, include_wisps=True)
    ids = [one.id for one in store.excerpts(query) if one.is_failed]
    found = [read_request(bead) for bead in store.get_many(ids).values()]
    found = [one for one in found if one.close_reason == REJECTED and one.rig in ("", rig) and one.commit_sha]
    statuses = ledger.statuses(one.source_issue for one in found)
    return [one for one in found if statuses.get(one.source_issue, CLOSED) != CLOSED]


def survey(
    ledger: TownLedger,
    prefix: str,
    rig: str,
    now: float,
    *,
    default: str = "main",
    stale_s: float = STALE_CLAIM_S,
    level_s: float = LEVEL_S,
    needs_approval: bool = False,
) -> MergeQueue:
    """The queue now; a claim older than ``stale_s`` no longer counts, and a wait of ``level_s`` seconds raises urgency by
    one level."""
    requests = sorted(open_requests(ledger, prefix, rig), key=lambda one: (-score(one, now, level_s), one.id))
    requests = [one if one.target else one._replace(target=default) for one in requests]
    look = _Look(ledger, ledger.store_for(f"{prefix}-x").graph(now), requests, now, needs_approval=needs_approval)
    ready, claimed, blocked, needs = [], [], [], {}
    for request in requests:
        if request.is_claimed and now - request.updated_at < stale_s:
            claimed.append(request)
            continue
        why, below = look.held_by(request)
        if why:
            blocked.append((request, why))
        else:
            ready.append(request)
            if below:
                needs[request.id] = below
    unapproved = frozenset(one.id for one, why in blocked if needs_approval and why == why_unapproved(one))
    blocked += _without_what_they_need(ready, blocked, needs)
    return MergeQueue(tuple(ready), tuple(claimed), tuple(blocked), needs, level_s, unapproved)


def _without_what_they_need(
    ready: list[MergeRequest], blocked: list[tuple[MergeRequest, str]], needs: dict[str, frozenset[str]]
) -> list[tuple[MergeRequest, str]]:
    """Move requests that need a blocked one from ``ready`` to ``blocked``, with the reason."""
    found = held_up(needs, (one.id for one, _ in blocked))
    late = [(one, f"waits for {found[one.id]}, which is on hold") for one in ready if one.id in found]
    ready[:] = [one for one in ready if one.id not in found]
    for one, _ in late:
        del needs[one.id]
    return late


def fallen_out(
    ledger: TownLedger,
    prefix: str,
    taken: Mapping[str, MergeRequest],
    now: float,
    *,
    actor: str,
    needs_approval: bool = False,
) -> dict[str, str]:
    """Those of the requests claimed by ``actor`` that may no longer land as claimed, each with the reason."""
    store = ledger.store_for(f"{prefix}-x")
    beads = store.get_many(taken)
    look = _Look(ledger, store.graph(now), list(taken.values()), now, needs_approval=needs_approval)
    out = {}
    for one in taken.values():
        bead = beads.get(one.id)
        is_other = bead is not None and _is_another(one, read_request(bead))
        out_of_queue = why_out(read_request(bead)) if bead is not None else ""
        if bead is None:
            why = "it is deleted"
        elif bead.is_closed:
            why = f"it is {read_request(bead).close_reason or 'closed'}"
        elif out_of_queue:
            why = out_of_queue
        elif is_other:
            why = "its commit or target was changed"
        elif not (read_request(bead).is_claimed and bead.assignee == actor):
            why = f"{bead.assignee} has claimed it" if bead.assignee else "its claim was released"
        else:
            after = read_request(bead)
            why, _ = look.held_by(one._replace(not_before=0.0, approved=after.approved, approved_by=after.approved_by))
        if why:
            out[one.id] = why
    return out


def _is_another(before: MergeRequest, after: MergeRequest) -> bool:
    return (before.branch, before.commit_sha) != (after.branch, after.commit_sha) or (
        after.target not in ("", before.target)
    )


class _Look:
    """What blocks requests, at one moment; ``carried`` are those that may land together with what needs them."""

    def __init__(
        self,
        ledger: TownLedger,
        graph: Graph,
        requests: Sequence[MergeRequest],
        now: float,
        *,
        needs_approval: bool,
    ) -> None:
        self.ledger = ledger
        self.needs_approval = needs_approval
        self.graph = graph
        self.now = now
        self.carried = {one.source_issue: one.id for one in requests if one.source_issue}
        self.work = ledger.get_many(self.carried)

    def held_by(self, request: MergeRequest) -> tuple[str, frozenset[str]]:
        """Why it is blocked (empty: it is not), and the requests that must be below it."""
        withdrawn = why_out(request) or self._withdrawn(request)
        if withdrawn:
            return withdrawn, frozenset()
        unapproved = why_unapproved(request) if self.needs_approval else ""
        if unapproved:
            return unapproved, frozenset()
        late = why_late(request, self.now)
        if late:
            return late, frozenset()
        return _waits_for(request, self.carried, self.ledger, self.graph, self.now)

    def _withdrawn(self, request: MergeRequest) -> str:
        if not request.source_issue:
            return ""
        work = self.work.get(request.source_issue)
        if work is None and not _has_store(self.ledger, request.source_issue):
            return ""
        reason = work.text("close_reason") if work is not None else ""
        return why_withdrawn(request, work, self.now, reason=reason)


def _has_store(ledger: TownLedger, bead_id: str) -> bool:
    """Whether the store that would hold the bead exists; without it, a missing bead means nothing."""
    try:
        ledger.store_for(bead_id)
    except NotFoundError:
        return False
    return True


def _waits_for(
    request: MergeRequest, carried: Mapping[str, str], ledger: TownLedger, graph: Graph, now: float
) -> tuple[str, frozenset[str]]:
    """The open bead that it waits for, and the queued requests that it waits for."""
    unmerged = _closed_unmerged(request, ledger, graph)
    if unmerged:
        return f"waits for {unmerged}, which was closed without a merge", frozenset()
    below: set[str] = set()
    waits = [hold for hold in graph.holds(request.id) if hold.reason in (STILL_OPEN, UNRESOLVED)]
    if request.source_issue:
        own = graph
        if own.bead(request.source_issue) is None:
            home = ledger.home_of(request.source_issue)
            own = home.graph(now) if home is not None else graph
        waits += [hold for hold in own.holds(request.source_issue) if hold.reason == STILL_OPEN]
    for hold in waits:
        needed = hold.id if hold.id in carried.values() else carried.get(hold.id, "")
        if not needed:
            return f"waits for {hold.id}", frozenset()
        below.add(needed)
    return "", frozenset(below - {request.id})


def _closed_unmerged(request: MergeRequest, ledger: TownLedger, graph: Graph) -> str:
    """Work that was never merged and on whose branch the request's was made, empty if there is none."""
    own = graph.bead(request.id)
    wanted = [edge.target for edge in own.edges if edge.type == MERGE_BLOCKS] if own is not None else []
    for bead in ledger.get_many(wanted).values() if wanted else ():
        if bead.is_closed and not bead.text("close_reason").startswith(MERGED_IN):
            return bead.id
    return ""


def pending(root: str, ledger: TownLedger, rig: str, now: float) -> list[MergeRequest]:
    """Requests of the rig that may be merged now, best score first."""
    from gastown_core.refinery.policy import of_hours
    from gastown_core.town.rigs import default_branch, require_rig

    policy, default, prefix = of_hours(root, rig), default_branch(root, rig), require_rig(root, rig)
    stale_s, level_s, approval = policy.stale_claim_s, policy.level_s, policy.needs_approval
    queue = survey(ledger, prefix, rig, now, default=default, stale_s=stale_s, level_s=level_s, needs_approval=approval)
    return list(queue.ready)


def least_damage(queue: MergeQueue, ready: Sequence[MergeRequest], rivals: Rivals, now: float) -> list[MergeRequest]:
    """The requests with those first that hinder fewer others, but only before a rival of nearly the same score."""
    ordered = list(ready)
    for one in ready:
        mine, points = rivals.damage.get(one.id, 0), score(one, now, queue.level_s)
        for place, other in enumerate(ordered[: ordered.index(one)]):
            is_worse = other.id in rivals.apart.get(one.id, ()) and rivals.damage.get(other.id, 0) > mine
            if is_worse and score(other, now, queue.level_s) - points <= NEARLY:
                ordered.remove(one)
                ordered.insert(place, one)
                break
    return ordered


def next_batch(
    ready: Sequence[MergeRequest],
    needs: Mapping[str, frozenset[str]],
    size: int,
    apart: Mapping[str, frozenset[str]] | None = None,
) -> list[MergeRequest]:
    """The best requests of one target, at most ``size``, needed ones below those that need them; a request that asks to
    merge alone is a batch of its own, and none is in one batch with a request that it does not merge with (``apart``)."""
    apart = apart or {}
    by_id = {request.id: request for request in ready}
    chosen: dict[str, MergeRequest] = {}
    for request in ready:
        group = _with_needs(request.id, by_id, needs, chosen)
        if group is None:
            continue
        if request.alone:
            if chosen:
                continue
            return [by_id[one] for one in group]
        if chosen and len(chosen) + len(group) > size:
            continue
        if chosen and any(not apart.get(one, frozenset()).isdisjoint(chosen) for one in group):
            continue
        chosen.update((one, by_id[one]) for one in group)
        if len(chosen) >= size:
            break
    return list(chosen.values())


def _with_needs(
    request_id: str, by_id: Mapping[str, MergeRequest], needs: Mapping[str, frozenset[str]], chosen: Iterable[str]
) -> list[str] | None:
    """The request after all that it needs and that is not chosen yet; None if one of those is not available."""
    order: list[str] = []
    open_ones: set[str] = set()

    def take(one: str) -> bool:
        if one in chosen or one in order:
            return True
        if one not in by_id or one in open_ones:
            return False
        open_ones.add(one)
        fits = all(take(other) for other in sorted(needs.get(one, ())))
        order.append(one)
        return fits

    return order if take(request_id) else None
