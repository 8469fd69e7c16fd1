"""The batch window: how long the requests of one target wait for more, and only while a worker may hand some in."""

from __future__ import annotations

from gastown_core.model.metadata import order_of
from gastown_core.town.discover import read_rigs
from gastown_core.town.liveness import live_sessions
from gastown_core.work.workers import LIVE, UNKNOWN, polecat_of, worker_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.beads.query import Held
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery


class Window:
    """Decides when a target's requests are due; checks for live workers once for each state of their work."""

    def __init__(self, place: Refinery) -> None:
        self.place = place
        self._seen: frozenset[tuple[str, str]] = frozenset()
        self._is_somebody_at_work = False

    def due_at(self, ready: Sequence[MergeRequest], full: int = 0) -> float | None:
        """When to take the requests: 0 (now) if ``full`` of them wait, one asks to merge alone, or no polecat of the rig is at
        work; else when the oldest has waited long enough. None if there are no requests."""
        if not ready:
            return None
        policy = self.place.policy
        if len(ready) >= (full or policy.max_batch_size) or any(request.alone for request in ready):
            return 0.0
        now, wait_s = self.place.clock.now(), policy.batch_wait_s
        until = min(request.created_at for request in ready) + wait_s
        # a request of the future was handed in before the clock was put back
        return until if now < until <= now + 2 * wait_s and self.is_somebody_at_work() else 0.0

    def is_somebody_at_work(self) -> bool:
        """Whether a polecat of the rig, alive as far as is known, has work that it may hand in."""
        held = [one for store in self.place.ledger.stores().values() for one in store.held_work() if self._is_ours(one)]
        seen = frozenset((one.id, one.assignee) for one in held)
        if seen != self._seen:
            self._seen, self._is_somebody_at_work = seen, self._lives_one_of(held)
        return self._is_somebody_at_work

    def _is_ours(self, held: Held) -> bool:
        who = polecat_of(held.assignee)
        return who is not None and who.rig == self.place.rig

    def _lives_one_of(self, held: list[Held]) -> bool:
        if not held:
            return False
        live, rigs = live_sessions(self.place.root), read_rigs(self.place.root)
        beads = self.place.ledger.get_many(one.id for one in held)
        orders = {name: order_of(bead) for name, bead in beads.items()}
        states = (worker_state(one.assignee, live, rigs, orders.get(one.id, "")) for one in held)
        return any(state in (LIVE, UNKNOWN) for state in states)
