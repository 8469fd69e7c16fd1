"""The forecast that the console shows beside each request: worked out by the engine while gates run, anew when the queue changed."""

from __future__ import annotations

from gastown_core.model.refinery import Landing
from gastown_core.refinery.outlook import forecast, gate_times
from gastown_core.refinery.records import recent
from gastown_core.refinery.runway import rates_now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.refinery.merge_queue import MergeQueue
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.state_file import Board

PLAYS = 60
"""How often the queue is played for one forecast; the engine waits meanwhile."""


class Foresight:
    """The forecast of one target's ``queue``, shown on ``board``."""

    def __init__(self, place: Refinery, target: str, board: Board, queue: Callable[[], MergeQueue]) -> None:
        self.place = place
        self.target = target
        self.board = board
        self.queue = queue
        self._seen: tuple[str, ...] = ()

    def look(self) -> None:
        """Work the forecast out if requests came or went since."""
        queue, now = self.queue(), self.place.clock.now()
        ids = tuple(one.id for one in (*queue.claimed, *queue.ready) if one.target == self.target)
        if ids == self._seen:
            return
        self._seen = ids
        history = [one for one in recent(self.place.path, 60) if one.target == self.target]
        policy = self.place.policy
        found = forecast(
            ids,
            rates_now(self.place, self.target),
            gate_times(history),
            places=policy.max_concurrent,
            floor=policy.min_batch_size,
            ceiling=policy.max_batch_size,
            ran_s=max(0.0, now - self.board.shown.started_at),
            plays=PLAYS,
        )
        if history:
            self.board.foresee(Landing(one.id, now + one.early, now + one.middle, now + one.late) for one in found)
