"""When the requests of a rig's queue land: the forecast from the batches in flight, the queue, and what was measured.

The engine works it out for the console while gates run, anew when the queue changed; ``gt mq forecast`` asks for it.
"""

from __future__ import annotations

from gastown_core.model.refinery import BISECTING, Landing
from gastown_core.refinery import outlook
from gastown_core.refinery.outlook import forecast, gate_times, handed_in
from gastown_core.refinery.records import recent
from gastown_core.refinery.runway import rates_now
from gastown_core.refinery.state_file import flight_line
from gastown_core.refinery.virtual_queue import Airborne

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.model.refinery import RefineryState
    from gastown_core.refinery.merge_queue import MergeQueue
    from gastown_core.refinery.outlook import Outlook
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.state_file import Board

PLAYS = 60
"""How often the queue is played for one forecast; the engine waits meanwhile."""


AGAIN_S = 30.0
"""How often it is worked out anew for the same queue."""


class Foresight:
    """The forecast of one target's ``queue``, shown on ``board``."""

    def __init__(self, place: Refinery, target: str, board: Board, queue: Callable[[], MergeQueue]) -> None:
        self.place = place
        self.target = target
        self.board = board
        self.queue = queue
        self._seen: tuple[str, ...] = ()

    def look(self) -> None:
        """Work the forecast out if requests came or went since, or another batch is in flight."""
        queue, state = self.queue(), self.board.now()
        waiting = tuple(one.id for one in (*queue.claimed, *queue.ready) if one.target == self.target)
        now = self.place.clock.now()
        seen = (*waiting, *(one.batch for one in state.flights), str(now // AGAIN_S))
        if seen == self._seen or not recent(self.place.path, 1):
            return
        self._seen = seen
        found = foresee(self.place, self.target, queue, state, plays=PLAYS)
        self.board.foresee(Landing(one.id, now + one.early, now + one.middle, now + one.late) for one in found)


def foresee(
    place: Refinery,
    target: str,
    queue: MergeQueue,
    state: RefineryState | None,
    *,
    slots: int = 0,
    batch: int = 0,
    plays: int = outlook.PLAYS,
) -> list[Outlook]:
    """When each request for ``target`` lands; ``state`` is what the engine wrote last. ``slots`` and ``batch``: what if."""
    ids, airborne = _in_flight(queue, target, state, place.clock.now())
    waiting = [one.id for one in (*queue.claimed, *queue.ready) if one.target == target and one.id not in ids]
    history = [one for one in recent(place.path, 60) if one.target == target]
    policy = place.policy
    return forecast(
        [*ids, *waiting],
        rates_now(place, target),
        gate_times(history),
        places=slots or policy.max_concurrent,
        floor=batch or policy.min_batch_size,
        ceiling=batch or policy.max_batch_size,
        airborne=airborne,
        per_hour=handed_in(history, place.clock.now()),
        plays=plays,
    )


def _in_flight(
    queue: MergeQueue, target: str, state: RefineryState | None, now: float
) -> tuple[list[str], list[Airborne]]:
    """The claimed requests of the batches in flight, and those batches."""
    if state is None or state.target != target:
        return [], []
    claimed, ids, airborne = {one.id for one in queue.claimed}, list[str](), list[Airborne]()
    for one in state.flights or (flight_line(state),):
        mine = [request for request in one.requests if request in claimed and request not in ids]
        if mine:
            ran_s = max(0.0, now - one.ran_since) if one.ran_since else 0.0
            airborne.append(Airborne(len(mine), ran_s, one.phase == BISECTING, bool(one.on)))
            ids += mine
    return ids, airborne
