"""The batches in flight of a refinery's state, one line each, and how far a batch and its requests are: alike in every face."""

from __future__ import annotations

from gastown_core.model.refinery import BISECTING, RUNNING, TESTING, EntryState, FlightLine, places_used

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.model.refinery import Landing, RefineryState

TO_LAND = "waits to land"
"""Beside the phases of the engine: the batch is green, none of its runs goes on, and it is not its turn yet."""
LIKELY = 0.5
"""From which chance on a request is rather expected to go back than to land."""
UNJUDGED = (EntryState.WAITING, EntryState.STACKED, EntryState.TESTING)
JUDGED = (EntryState.CULPRIT, EntryState.CONFLICT, EntryState.HELD, EntryState.MERGED)
OF_ALL = ("requests", "probes")
"""Fields that mean another thing in a line of a batch than in the state."""


def flight_line(state: RefineryState) -> FlightLine:
    """The batch of a state, as one of several in flight."""
    ids = tuple(one.id for one in state.requests)
    waits = next((probe.waits for probe in state.probes if probe.result == RUNNING and probe.waits), "")
    return FlightLine(
        state.batch,
        state.phase,
        ids,
        places_used(state.probes),
        len(state.probes),
        state.base,
        state.started_at,
        waits,
        state.on,
        max((probe.started_at for probe in state.probes if probe.result == RUNNING and not probe.waits), default=0.0),
        state.lanes,
        state.union,
        state.pushed,
        state.clean,
        state.window,
        state.suspects,
        state.good,
        state.why,
        state.lands_next,
        state.probes,
        tuple(one for one in state.requests if one.state not in UNJUDGED),
    )


def flights_of(state: RefineryState) -> Sequence[FlightLine]:
    """All batches in flight, the oldest first, also if there is only one."""
    return state.flights or (flight_line(state),)


def state_of(state: RefineryState, batch: str) -> RefineryState:
    """The state with this batch of those in flight in full in the place of the oldest one; as it is if it has none of that name."""
    found = next((one for one in state.flights if one.batch == batch), None)
    if found is None or batch == state.batch:
        return state
    about = {key: value for key, value in found._asdict().items() if key in state._fields and key not in OF_ALL}
    return state._replace(**about, probes=found.tree, requests=found.judged)


def stage_of(flight: FlightLine) -> str:
    """The batch's phase, or that it waits for its turn to land."""
    is_tested = flight.phase in (TESTING, BISECTING)
    return TO_LAND if is_tested and flight.good and not flight.running and not flight.waits else flight.phase


def landing_of(state: RefineryState, request: str) -> Landing | None:
    """When a request is expected to land, None if that is not known or no longer so: the forecast is of a moment before.

    One that a search has singled out since, or that was judged, is not told to land, nor is any while the queue is held.
    """
    if state.hold_kind:
        return None
    found = next((one for one in state.forecast if one.id == request), None)
    if found is None or found.sent_back >= LIKELY:
        return found
    is_judged = any(one.id == request and one.state in JUDGED for one in state.requests)
    return None if is_judged or any(request in one.suspects for one in flights_of(state)) else found
