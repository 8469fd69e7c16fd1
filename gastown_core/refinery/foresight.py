"""When the requests of a rig's queue land: the forecast from the batches in flight, the queue, and what was measured.

The engine works it out for the console while gates run, anew when the queue changed; ``gt mq forecast`` asks for it.
"""

from __future__ import annotations

from gastown_core.errors import GitError
from gastown_core.model.flights import flights_of
from gastown_core.model.refinery import BISECTING, Landing
from gastown_core.refinery import outlook
from gastown_core.refinery.lanes import reach_of, together
from gastown_core.refinery.outlook import forecast, gate_times, handed_in
from gastown_core.refinery.reaches import Reaches
from gastown_core.refinery.records import recent
from gastown_core.refinery.runway import rates_now
from gastown_core.refinery.side_work import aside
from gastown_core.refinery.tips import changed_files
from gastown_core.refinery.virtual_world import Airborne

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.model.refinery import FlightLine, RefineryState
    from gastown_core.refinery.lanes import Reach
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
        self._reaches = Reaches(place)
        self._seen: tuple[str, ...] = ()

    def look(self) -> None:
        """Work the forecast out if requests came or went since, another batch is in flight, or a search has singled one out.

        One that fails is no forecast, and ends nothing.
        """
        found = aside(self.place, "the forecast", self._look, ())
        if found is not None:
            self.board.foresee(found)

    def _look(self) -> tuple[Landing, ...] | None:
        """The forecast, None where the one that is shown is still good."""
        queue, state = self.queue(), self.board.now()
        waiting = tuple(one.id for one in (*queue.claimed, *queue.ready) if one.target == self.target)
        now = self.place.clock.now()
        flights = [part for one in flights_of(state) for part in (one.batch, *one.suspects)]
        seen = (*waiting, *flights, str(now // AGAIN_S))
        if seen == self._seen:
            return None
        # first, so that one that fails is tried again with the queue's next change, and not at every look
        self._seen = seen
        if not times_now(self.place, self.target):
            return None
        found = foresee(self.place, self.target, queue, state, plays=PLAYS, reaches=self._reaches)
        return tuple(_landing(one, now) for one in found)


def _landing(one: Outlook, now: float) -> Landing:
    return Landing(one.id, now + one.early, now + one.middle, now + one.late, round(one.sent_back, 2))


def foresee(
    place: Refinery,
    target: str,
    queue: MergeQueue,
    state: RefineryState | None,
    *,
    slots: int = 0,
    batch: int = 0,
    plays: int = outlook.PLAYS,
    reaches: Reaches | None = None,
    times: tuple[float, ...] | None = None,
) -> list[Outlook]:
    """When each request for ``target`` lands; those that a search has singled out mostly go back.

    ``state`` is what the engine wrote last. ``slots`` and ``batch``: what if. ``times``: what ``times_now`` said; None: asked now.
    """
    tip = place.git.commit_of(f"refs/remotes/origin/{target}")
    reaches = reaches or Reaches(place)

    def is_stale(line: FlightLine) -> bool:
        return bool(tip and line.base) and line.base != tip and not _is_apart(reaches, queue, line, tip)

    ids, airborne = _in_flight(queue, target, state, place.clock.now(), is_stale)
    known = {one.id: one for one in (*queue.claimed, *queue.ready) if one.target == target}
    ids += [one for one in known if one not in ids]
    history = [one for one in recent(place.path, 60) if one.target == target]
    policy = place.policy
    return forecast(
        ids,
        rates_now(place, target),
        gate_times(history, policy.gate_set) if times is None else times,
        places=slots or policy.max_concurrent,
        floor=batch or policy.min_batch_size,
        ceiling=batch or policy.max_batch_size,
        airborne=airborne,
        per_hour=handed_in(history, place.clock.now()),
        reaches=_reaches(reaches, queue, [known[one] for one in ids]) if policy.lanes else (),
        plays=plays,
    )


def times_now(place: Refinery, target: str) -> tuple[float, ...]:
    """How long the runs of the rig's gates took of late, empty if they have not run since they were changed."""
    return gate_times([one for one in recent(place.path, 60) if one.target == target], place.policy.gate_set)


def _reaches(reaches: Reaches, queue: MergeQueue, requests: Sequence[MergeRequest]) -> list[Reach]:
    return [reach for _, reach in reaches.of_all(requests, queue.needs)]


def _is_apart(reaches: Reaches, queue: MergeQueue, line: FlightLine, tip: str) -> bool:
    """Whether what has landed since the batch was tested has nothing to do with it, so that it lands without another run."""
    policy, git = reaches.place.policy, reaches.place.git
    if not policy.lanes:
        return False
    try:
        theirs = reach_of(changed_files(git, line.base, tip), policy.lanes, policy.gates)
    except GitError:
        return False
    return not theirs.meets(together(reaches.of(one) for one in queue.claimed if one.id in line.requests))


def _in_flight(
    queue: MergeQueue,
    target: str,
    state: RefineryState | None,
    now: float,
    is_stale: Callable[[FlightLine], bool],
) -> tuple[list[str], list[Airborne]]:
    """The claimed requests of the batches in flight, in each of them last those that were singled out; and those batches."""
    if state is None or state.target != target:
        return [], []
    lines = flights_of(state)
    suspects = {request for one in lines for request in one.suspects}
    claimed, ids, airborne = {one.id for one in queue.claimed}, list[str](), list[Airborne]()
    for one in lines:
        here = [request for request in one.requests if request in claimed and request not in ids]
        mine, singled_out = [x for x in here if x not in suspects], [x for x in here if x in suspects]
        ran_s = max(0.0, now - one.ran_since) if one.ran_since else 0.0
        explains = not mine and bool(one.running or singled_out)
        if explains:
            # it only explains why its suspects fail, or tests what has landed
            airborne.append(Airborne(0, ran_s, suspects=len(singled_out), probes=one.running))
        if mine:
            clean = [request for request in mine if request in one.clean]
            window = [request for request in mine if request in one.window and request not in clean]
            is_red = one.phase == BISECTING and not one.good and (bool(window) or not one.suspects)
            made = Airborne(
                len(mine),
                ran_s,
                is_red,
                bool(one.on),
                is_stale=not one.on and is_stale(one),
                is_green=bool(one.good),
                suspects=len(singled_out),
                is_next=one.lands_next,
                probes=one.running,
            )
            airborne.append(made._replace(clean=len(clean), window=len(window)) if is_red else made)
            ids += dict.fromkeys([*clean, *window, *mine])
        if mine or explains:
            ids += singled_out
    return ids, airborne
