"""The queue of a rig: which requests may be merged now, in which order, and what holds the others.

Best score first.  A request is blocked while it, or the work it carries, waits for something open; where that something
is itself in the queue the two may land together, the one that is needed below the other.
"""

from __future__ import annotations

from gastown_core.beads.store import BeadQuery
from gastown_core.model.bead import CLOSED
from gastown_core.model.merge_request import LABEL, read_request, score
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Graph
    from gastown_core.model.merge_request import MergeRequest

STALE_CLAIM_S = 1800.0


class Queue(Record):
    """Open requests, each kind by score; ``blocked`` with the reason, ``needs`` names requests that must land first."""

    ready: tuple[MergeRequest, ...] = ()
    claimed: tuple[MergeRequest, ...] = ()
    blocked: tuple[tuple[MergeRequest, str], ...] = ()
    needs: Mapping[str, frozenset[str]] = {}

    def targets(self) -> list[str]:
        """Branches that ready requests want to go to, that of the best request first."""
        return list(dict.fromkeys(request.target for request in self.ready))


def open_requests(ledger: TownLedger, prefix: str, rig: str) -> list[MergeRequest]:
    """Every request of the rig that is not closed, in no order."""
    store = ledger.store_for(f"{prefix}-x")
    query = BeadQuery(labels_all=(LABEL,), exclude_statuses=(CLOSED,), include_wisps=True)
    requests = (read_request(bead) for bead in store.find(query))
    return [request for request in requests if request.rig in ("", rig)]


def survey(
    ledger: TownLedger, prefix: str, rig: str, now: float, *, default: str = "main", stale_s: float = STALE_CLAIM_S
) -> Queue:
    """The queue as it stands; a claim older than ``stale_s`` no longer counts."""
    requests = sorted(open_requests(ledger, prefix, rig), key=lambda one: (-score(one, now), one.id))
    requests = [one if one.target else one._replace(target=default) for one in requests]
    carried = {one.source_issue: one.id for one in requests if one.source_issue}
    ready, claimed, blocked, needs = [], [], [], {}
    graph = ledger.store_for(f"{prefix}-x").graph(now)
    for request in requests:
        if request.is_claimed and now - request.updated_at < stale_s:
            claimed.append(request)
            continue
        why, below = _held_by(request, carried, ledger, graph, now)
        if why:
            blocked.append((request, why))
        else:
            ready.append(request)
            if below:
                needs[request.id] = below
    return Queue(tuple(ready), tuple(claimed), tuple(blocked), needs)


def _held_by(
    request: MergeRequest, carried: Mapping[str, str], ledger: TownLedger, graph: Graph, now: float
) -> tuple[str, frozenset[str]]:
    """Why it is blocked (empty: it isn't), and the requests that must be below it."""
    if request.not_before > now:
        return f"tried again in {int(request.not_before - now)} s", frozenset()
    below: set[str] = set()
    waits = [hold for hold in graph.holds(request.id) if hold.reason in ("open", "unresolved")]
    if request.source_issue:
        own = graph
        if own.bead(request.source_issue) is None:
            home = ledger.home_of(request.source_issue)
            own = home.graph(now) if home is not None else graph
        waits += [hold for hold in own.holds(request.source_issue) if hold.reason == "open"]
    for hold in waits:
        needed = hold.id if hold.id in carried.values() else carried.get(hold.id, "")
        if not needed:
            return f"waits for {hold.id}", frozenset()
        below.add(needed)
    return "", frozenset(below - {request.id})


def pending(root: str, ledger: TownLedger, rig: str, now: float) -> list[MergeRequest]:
    """Requests of the rig that may be merged now, best score first."""
    from gastown_core.town.rigs import default_branch, require_rig
    from gastown_core.town.settings import load_settings

    stale_s = load_settings(root, "rig", rig).seconds("merge_queue.stale_claim_timeout")
    prefix = require_rig(root, rig)
    return list(survey(ledger, prefix, rig, now, default=default_branch(root, rig), stale_s=stale_s).ready)


def next_batch(ready: Sequence[MergeRequest], needs: Mapping[str, frozenset[str]], size: int) -> list[MergeRequest]:
    """The best requests of one target, at most ``size``, what is needed below what needs it; one that wants to be
    alone is taken alone."""
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
        chosen.update((one, by_id[one]) for one in group)
        if len(chosen) >= size:
            break
    return list(chosen.values())


def _with_needs(
    request_id: str, by_id: Mapping[str, MergeRequest], needs: Mapping[str, frozenset[str]], chosen: Iterable[str]
) -> list[str] | None:
    """The request behind all that it needs and that is not chosen yet; None if something of that cannot be had."""
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


def due_at(ready: Sequence[MergeRequest], size: int, wait_s: float) -> float | None:
    """When the requests of one target are to be taken: at once (0) if the batch is full or one wants no batch, else
    when the oldest has waited; None if there are none."""
    if not ready:
        return None
    if len(ready) >= size or any(request.alone for request in ready):
        return 0.0
    return min(request.created_at for request in ready) + wait_s
