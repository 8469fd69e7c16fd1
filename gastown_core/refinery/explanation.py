"""Why the queue, a batch or a request is where it is, as ``gt mq explain`` tells it: from the engine's state, its records, the ledger."""

from __future__ import annotations

from gastown_core.clock import format_age
from gastown_core.model.ahead import still_ahead
from gastown_core.model.flights import LIKELY, flights_of, landing_of, stage_of
from gastown_core.model.merge_request import score
from gastown_core.model.queue_words import BLOCKED, HELD, MERGING, READY, TO_APPROVE, counted
from gastown_core.model.record import Record
from gastown_core.model.refinery import POST_MERGE, PUSHING, last_word_of, subject_of
from gastown_core.process_table import lives
from gastown_core.refinery.held_targets import held_rig, holds_of
from gastown_core.refinery.place import is_merging
from gastown_core.refinery.records import recent
from gastown_core.refinery.state_file import conflicts_ahead, read_state
from gastown_core.town.daemon_note import is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.model.refinery import BatchRecord, FlightLine, RefineryState
    from gastown_core.refinery.merge_queue import MergeQueue
    from gastown_core.refinery.place import Refinery

LOOK_BACK = 2000
"""How many finished batches are looked through for one."""
Why = tuple[str, str]


class Explanation(Record):
    """What stands about one thing: ``why`` are pairs of a subject, such as ``size`` or ``order``, and a sentence."""

    about: str
    kind: str
    status: str
    why: tuple[Why, ...] = ()


def explain_queue(place: Refinery, queue: MergeQueue) -> list[Explanation]:
    """The rig's queue, then each batch in flight, else the last one that ended."""
    state, found = _state(place), []
    rests = _rests(place, queue)
    why: list[Why] = [(HELD, f"{target}: {said}") for target, said in rests.items()]
    lost = last_word(place)
    why += [("engine", said) for said in (lost, nobody_merges(place, queue)) if said]
    why += _ahead(place, queue)
    if state is not None:
        why += [("begin", f"one batch at a time: {state.alone}")] if state.alone and not state.hold_kind else []
        why += [("next", state.next)] if state.next and queue.ready else []
    told = counted(word for _, word, _ in queue.told(rests)) or "empty"
    found.append(Explanation(place.rig, "queue", told, tuple(why)))
    if state is not None:
        return [*found, *(_flight(one) for one in flights_of(state))]
    return [*found, *(_ended(one) for one in recent(place.path, 1))]


def explain_batch(place: Refinery, batch: str) -> Explanation | None:
    """A batch in flight or one that ended, None if neither knows it."""
    state = _state(place)
    for flight in flights_of(state) if state is not None else ():
        if flight.batch == batch:
            return _flight(flight)
    return next((_ended(one) for one in recent(place.path, LOOK_BACK) if one.id == batch), None)


def explain_request(place: Refinery, queue: MergeQueue, request: MergeRequest) -> Explanation:
    """A request: what keeps it, or the batch that has it and why that is as it is."""
    state = _state(place)
    if not request.is_open:
        last = next((one for one in recent(place.path, LOOK_BACK) if request.id in one.mrs), None)
        why = [*_pairs_of(last.id, last.outcome, last.why)] if last is not None else []
        bead = place.store.get(request.id)
        why += [("why", bead.text("close_reason"))] if bead is not None and bead.text("close_reason") else []
        return Explanation(request.id, "request", request.close_reason or "closed", tuple(why))
    rests, clash = _rests(place, queue), _ahead(place, queue, request.id)
    if any(one.id == request.id for one in queue.claimed):
        flight = (
            next((one for one in flights_of(state) if request.id in one.requests), None) if state is not None else None
        )
        entry = next((one for one in state.requests if one.id == request.id), None) if state is not None else None
        why = [("claimed", f"by {request.assignee}")] if flight is None else [*_in_flight(flight, request.id)]
        why += [(entry.state, entry.why)] if entry is not None and entry.why else []
        return Explanation(request.id, "request", MERGING, (*why, *clash, *_soon(state, request.id, place.clock.now())))
    blocked = next((said for one, said in queue.blocked if one.id == request.id), "")
    if blocked:
        word = TO_APPROVE if request.id in queue.unapproved else BLOCKED
        return Explanation(request.id, "request", word, (("why", blocked), *clash))
    held = rests.get(request.target, "")
    nobody = nobody_merges(place, queue)
    why = [(HELD, held)] if held else [("engine", nobody)] if nobody else []
    why += [("next", state.next)] if state is not None and state.next and not held else []
    why += [("begin", f"one batch at a time: {state.alone}")] if state is not None and state.alone and not held else []
    last = next((one for one in recent(place.path) if request.id in one.mrs), None)
    why += [("last", f"{last.id}: {last.outcome}")] if last is not None else []
    why += [("order", _rank(place, queue, request)), *clash, *_soon(state, request.id, place.clock.now())]
    return Explanation(request.id, "request", HELD if held else READY, tuple(why))


def _state(place: Refinery) -> RefineryState | None:
    """The engine's state while it works."""
    state = read_state(place.path)
    return (
        state
        if state is not None and state.batch and state.phase != "idle" and lives(state.pid, state.pid_start)
        else None
    )


def last_word(place: Refinery) -> str:
    """What is wrong with what the rig's engine wrote: it died in mid-batch, and nobody has gone on since; empty if nothing is."""
    state = read_state(place.path)
    if state is None or lives(state.pid, state.pid_start) or is_merging(place):
        return ""
    return last_word_of(state)


def nobody_merges(place: Refinery, queue: MergeQueue) -> str:
    """That requests wait which nothing holds but that no daemon runs, and what to do; empty where that is not so."""
    if not (queue.ready or queue.claimed) or held_rig(place) is not None or is_merging(place) or is_running(place.root):
        return ""
    return f"no daemon runs, so nothing is merged; gt up starts one, gt refinery process {place.rig} merges what waits"


def _ahead(place: Refinery, queue: MergeQueue, request: str = "") -> list[Why]:
    """The conflicts ahead, of all or of one request."""
    told = still_ahead(conflicts_ahead(place.path), {one.id for one in queue.open()})
    return [("ahead", one.reason) for one in told if not request or request in one.requests]


def _rests(place: Refinery, queue: MergeQueue) -> dict[str, str]:
    """Target → why nothing is merged into it."""
    return holds_of(place, queue.targets() or [place.default])


def _flight(flight: FlightLine) -> Explanation:
    return Explanation(
        flight.batch, "batch", stage_of(flight), (*_members(flight), *map(subject_of, flight.why), *_search(flight))
    )


def _members(flight: FlightLine) -> tuple[Why, ...]:
    return (("requests", ", ".join(flight.requests)),) if flight.requests else ()


def _in_flight(flight: FlightLine, request: str) -> list[Why]:
    return [("batch", f"{flight.batch}, {stage_of(flight)}"), *map(subject_of, flight.why), *_search(flight, request)]


def _search(flight: FlightLine, request: str = "") -> tuple[Why, ...]:
    """How far the search in a red batch is, for all of it or for one request."""
    if flight.phase in (PUSHING, POST_MERGE):
        # its search is over, and it is its turn
        return ()
    wanted = {request} if request else set(flight.requests)
    parts = (
        ("clean", "green together so far", flight.clean),
        ("window", "the culprit is among these", flight.window),
        ("suspect", "singled out, tested alone", flight.suspects),
        ("good", "green, waits for its turn to land", flight.good),
    )
    return tuple((name, f"{words}: {', '.join(ids)}") for name, words, ids in parts if wanted.intersection(ids))


def _ended(batch: BatchRecord) -> Explanation:
    # why a verification or a run of the union began is told while it goes on
    began = () if batch.found or batch.union or batch.pushed else tuple(_pairs_of("", "", batch.why))
    return Explanation(batch.id, "batch", batch.outcome, began + _ends(batch))


def _ends(batch: BatchRecord) -> tuple[Why, ...]:
    parts = (
        ("verified", batch.pushed),
        ("together", batch.union),
        ("taken back" if batch.found else "at odds", batch.pair),
        ("merged", batch.merged),
        ("sent back", batch.culprits),
        ("conflict", batch.conflicts),
        ("left out", batch.held),
    )
    told = tuple((name, ", ".join(ids)) for name, ids in parts if ids)
    told += (("held", batch.hold),) if batch.hold else ()
    return (*told, ("died", _of_killed(batch))) if batch.killed else told


def _of_killed(batch: BatchRecord) -> str:
    back = "what had not landed is in the queue again; " if len(batch.merged) < len(batch.mrs) else ""
    logs = f"gt refinery log -b {batch.id} shows its gates' logs" if batch.runs else "no gate had begun"
    return f"its engine was killed or crashed; {back}{logs}"


def _pairs_of(batch: str, outcome: str, why: Sequence[str]) -> list[Why]:
    return [*([("batch", f"{batch}: {outcome}")] if batch else []), *map(subject_of, why)]


def _rank(place: Refinery, queue: MergeQueue, request: MergeRequest) -> str:
    now = place.clock.now()
    same = [one for one in queue.ready if one.target == request.target]
    position = 1 + next(number for number, one in enumerate(same) if one.id == request.id)
    parts = [f"waits for {format_age(max(0.0, now - request.created_at))}", f"P{request.priority}"]
    parts += [f"convoy {request.convoy_id}"] if request.convoy_id else []
    parts += [f"tried {request.retry_count} times"] if request.retry_count else []
    points = score(request, now, queue.level_s)
    return f"place {position} of {len(same)} for {request.target}, score {points:.0f} ({', '.join(parts)})"


def _soon(state: RefineryState | None, request: str, now: float) -> tuple[Why, ...]:
    found = landing_of(state, request) if state is not None else None
    if found is None:
        return ()
    if found.sent_back >= LIKELY:
        return (("forecast", f"goes back to its worker {100 * found.sent_back:.0f} times of 100"),)
    early, late = (format_age(max(0.0, at - now)) for at in (found.early, found.late))
    when = f"in {early} to {late}" if early not in ("now", late) else f"within {late}" if late != "now" else "now"
    return (("forecast", f"lands {when}, four times of five"),)
