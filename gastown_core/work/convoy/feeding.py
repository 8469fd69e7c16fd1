"""Feeding: dispatching the next ready beads of open convoys to free polecats, by score.

Planning takes a few queries per store, whatever the number of beads, and at most one call of tmux, so it can run after
every close.
"""

from __future__ import annotations

import heapq
import os

from gastown_core.beads.graph import BLOCKING_TYPES
from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS, OPEN, PARENT_CHILD, TOMBSTONE
from gastown_core.model.obstacle import Obstacle
from gastown_core.model.record import Record
from gastown_core.town.settings import load_settings
from gastown_core.work.board import Board
from gastown_core.work.convoys import find_convoys, member_ids
from gastown_core.work.failure_count import PAUSED
from gastown_core.work.request import STRATEGIES, SlingRequest
from gastown_core.work.scheduler.dispatch import Dispatched, dispatch, keep_outcome
from gastown_core.work.scheduler.sling_queue import is_deferred
from gastown_core.work.workers import read_capacity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Excerpt
    from gastown_core.clock import Clock
    from gastown_core.work.workers import Capacity

AFTER = BLOCKING_TYPES - {PARENT_CHILD}
"""Types of edges that order work: not before the other."""
FRESH = "fresh"
"""Code of an Obstacle: the convoy was created or changed a moment ago."""
MOST_HOURS = 24.0
"""The age up to which a convoy's score grows."""


class Candidate(Record):
    """A ready member and the convoy that it is dispatched for."""

    bead: str
    title: str
    priority: int
    rig: str
    convoy: str
    convoy_title: str
    score: float


class FeedPlan(Record):
    """All ready members in order, what holds the others, and the capacity.

    ``held`` are (bead, convoy, why); ``passed`` are (convoy, why) of convoys that are not dispatched at all.
    """

    line: tuple[Candidate, ...]
    held: tuple[tuple[str, str, Obstacle], ...]
    passed: tuple[tuple[str, str], ...]
    capacity: Capacity | None

    def picks(self) -> tuple[Candidate, ...]:
        """Return the candidates for which there is room now."""
        taken: list[Candidate] = []
        room = self.capacity
        for one in self.line if room is not None else ():
            if room is not None and room.room_in(one.rig) > 0:
                room = room.taken(one.rig)
                taken.append(one)
        return tuple(taken)


def plan_feed(
    root: str,
    ledger: TownLedger,
    board: Board,
    *,
    only: Iterable[str] = (),
    convoys: Sequence[Excerpt] | None = None,
    with_holds: bool = True,
    with_room: bool = True,
) -> FeedPlan:
    """Return the order of dispatch; ``only`` restricts it to some convoys, without the grace period. Changes nothing.

    Without ``with_holds`` members that are not open get no reason, without ``with_room`` the capacity is not read.
    """
    wanted = frozenset(only)
    if convoys is None:
        convoys = open_convoys(ledger)
    passed = tuple((one.id, "paused") for one in convoys if PAUSED in one.labels)
    fed = [one for one in convoys if PAUSED not in one.labels and (not wanted or one.id in wanted)]
    members = {one.id: member_ids(one) for one in fed}
    statuses = ledger.statuses(dict.fromkeys(bead_id for ids in members.values() for bead_id in ids))
    board.learn(bead_id for bead_id, status in statuses.items() if status not in (CLOSED, HOOKED, IN_PROGRESS))
    grace_s = 0.0 if wanted else load_settings(root).seconds("convoy.feed_grace")
    groups: list[_Group] = []
    held: list[tuple[str, str, Obstacle]] = []
    for convoy in fed:
        group = _Group(convoy, board.now, sum(statuses.get(one) in (HOOKED, IN_PROGRESS) for one in members[convoy.id]))
        for bead_id in members[convoy.id]:
            status = statuses.get(bead_id)
            if status == CLOSED or (not with_holds and status != OPEN):
                continue
            hold = board.hold(bead_id) or _in_grace(convoy, board, bead_id, grace_s)
            if hold is not None:
                held.append((bead_id, convoy.id, hold))
            elif (bead := board.bead(bead_id)) is not None:
                group.beads.append(bead)
        if group.beads:
            groups.append(group)
    capacity = read_capacity(root, ledger, live=board.live, clock=ledger.clock) if groups and with_room else None
    return FeedPlan(_line(groups, board), tuple(held), passed, capacity)


def _in_grace(convoy: Excerpt, board: Board, bead_id: str, grace_s: float) -> Obstacle | None:
    """Return why a member of a new or changed convoy waits: its creator may want to sling it by hand.

    A member with blocking edges does not wait.
    """
    left = convoy.updated_at + grace_s - board.now
    bead = board.bead(bead_id)
    if not grace_s or left <= 0 or bead is None or any(edge.type in AFTER for edge in bead.edges):
        return None
    return Obstacle(
        FRESH, f"its convoy is new; dispatched in {left:.0f} s", (), f"if it is not: gt sling {bead_id} RIG"
    )


def open_convoys(ledger: TownLedger) -> list[Excerpt]:
    """Return the open convoys, oldest first."""
    query = BeadQuery(statuses=(OPEN,))
    return [one for one in find_convoys(ledger.store_for("hq-x").excerpts, query) if one.status != TOMBSTONE]


class _Group:
    """One convoy with its ready members, the most urgent last (they are taken from the end)."""

    def __init__(self, convoy: Excerpt, now: float, running: int) -> None:
        self.convoy = convoy
        self.running = running
        self.age_points = 10.0 * min(max(0.0, now - convoy.created_at) / 3600.0, MOST_HOURS)
        self.beads: list[Excerpt] = []

    def score(self) -> float:
        """Return the score of its next member: urgency and the convoy's age, minus a penalty per running member."""
        return 100.0 * (4 - self.beads[-1].priority) + self.age_points - 150.0 * self.running


def _line(groups: list[_Group], board: Board) -> tuple[Candidate, ...]:
    """Return all ready members in fair order: each pick lowers its convoy's score."""
    heap: list[tuple[float, float, str, int]] = []
    for number, group in enumerate(groups):
        group.beads.sort(key=lambda bead: (-bead.priority, -bead.created_at, bead.id))
        heap.append((-group.score(), group.convoy.created_at, group.convoy.id, number))
    heapq.heapify(heap)
    taken: set[str] = set()
    line: list[Candidate] = []
    while heap:
        points, _, _, number = heapq.heappop(heap)
        group = groups[number]
        bead, convoy = group.beads.pop(), group.convoy
        if bead.id not in taken:
            taken.add(bead.id)
            group.running += 1
            rig = board.rig_of(bead.id)
            line.append(Candidate(bead.id, bead.title, bead.priority, rig, convoy.id, convoy.title, -points))
        if group.beads:
            heapq.heappush(heap, (-group.score(), convoy.created_at, convoy.id, number))
    return tuple(line)


def feed(
    root: str,
    *,
    actor: str,
    clock: Clock = SYSTEM_CLOCK,
    ledger: TownLedger | None = None,
    only: Iterable[str] = (),
    everything: bool = False,
    wait_s: float = 0.0,
) -> list[Dispatched]:
    """Dispatch ready members to free polecats (or queue them if slings are deferred); return each result.

    ``everything`` queues all ready members if there is a queue, not only those with room.  If another process feeds
    for longer than ``wait_s``, nothing is done: it sees the same work.
    """
    from gastown_core.beads.ledger import TownLedger

    lock = FileLock(os.path.join(root, ".runtime", "feed.lock"), timeout_s=wait_s, name_holder=True)
    private_folder(os.path.dirname(lock.path))
    try:
        lock.__enter__()
    except ConflictError:
        return []
    try:
        ledger = ledger or TownLedger(root)
        board = Board(root, ledger, clock.now())
        plan = plan_feed(root, ledger, board, only=only, with_holds=False)
        if not plan.line:
            return []
        queues = is_deferred(root)
        picks = plan.line if queues and everything else plan.picks()
        if queues and not everything:
            # ready entries of the queue go before members of convoys
            before = [one for one, order in board.queued.items() if board.hold(one, rig=order.rig, queued=True) is None]
            picks = picks[: max(0, len(picks) - len(before))]
        return [_give(root, ledger, one, actor, clock) for one in picks]
    finally:
        lock.__exit__(None, None, None)


def _give(root: str, ledger: TownLedger, one: Candidate, actor: str, clock: Clock) -> Dispatched:
    convoy = ledger.store_for("hq-x").get(one.convoy)
    fields = convoy.fields if convoy is not None else {}
    merge = fields.get("merge", "")
    request = SlingRequest(
        one.bead,
        one.rig,
        base_branch=fields.get("base_branch", ""),
        merge=merge if merge in STRATEGIES else "",
        convoy_id=one.convoy,
        boot=False,
    )
    done = dispatch(root, ledger, one.bead, one.rig, actor=actor, request=request, clock=clock)
    keep_outcome(root, ledger, done, one.title, actor=actor, clock=clock)
    return done._replace(convoy=done.convoy or one.convoy)
