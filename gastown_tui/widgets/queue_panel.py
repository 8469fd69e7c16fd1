"""The merge queue of each rig, in order: the batch, then the requests that wait."""

from __future__ import annotations

from functools import partial

from gastown_core.clock import format_age
from gastown_core.model import queue_words
from gastown_core.model.ahead import in_brief
from gastown_core.model.bead import priority_word
from gastown_core.model.daemon import NEVER
from gastown_core.model.flights import LIKELY, landing_of
from gastown_core.model.refinery import FROZEN, EntryState, places_used, subject_of
from gastown_core.model.snapshot import RequestView
from gastown_core.model.states import RigState
from gastown_tui.rowtext import trouble_text
from gastown_tui.selection import BATCH, REQUEST, point_at
from gastown_tui.text import cells, clean, cut, fit, fit_right, glyph, two_ends, width_of, wrap
from gastown_tui.widgets.refinery_text import (
    ENTRIES,
    IN_HELD_QUEUE,
    brief,
    elapsed,
    mark_of,
    phase_tone,
    phase_words,
    short_batch,
    stage_words,
    who,
    why_pieces,
)
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.model.refinery import BatchEntry, FlightLine, Landing, RefineryState
    from gastown_core.model.snapshot import RefineryView, TownSnapshot
    from gastown_tui.text import Piece, Pieces

WIDE, MIDDLE = 66, 40
FIRST = ("chain", "verify", "union", "begin")
"""The subjects of a reason that say most of a batch among several."""


def rigs_with_queue(snapshot: TownSnapshot) -> list[str]:
    """Return the rigs that have a queue or a refinery, in the order of the rigs; once one has, all that are open."""
    known = {view.rig for view in snapshot.refineries} | {request.rig for request in snapshot.requests}
    known |= {rig.name for rig in snapshot.rigs if known and rig.state == RigState.OPERATIONAL}
    named = [rig.name for rig in snapshot.rigs if rig.name in known]
    return named + sorted(known - set(named))


def in_batch(view: RefineryView | None) -> list[BatchEntry]:
    """Return the requests of the current batch, in stacking order; none while the queue is held."""
    return list(view.state.requests) if view is not None and (view.is_busy or view.trouble) else []


def _waiting_words(waiting: Sequence[RequestView]) -> str:
    """Return how many requests are in no batch, by where they stand."""
    return queue_words.counted(one.word for one in waiting)


def rig_row(
    rig: str, view: RefineryView | None, waiting: Sequence[RequestView], width: int, ascii_only: bool
) -> Pieces:
    """Return the heading of a rig's queue: its name, its refinery's phase, how many requests wait."""
    left: list[Piece] = [(clean(rig) + "  ", "title")]
    if view is not None:
        left.append((phase_words(view), phase_tone(view)))
        if view.works_on_hold:
            left.append((f", {FROZEN if view.is_frozen else queue_words.HELD}", "stalled"))
        if view.state.batch and len(view.state.flights) < 2 and (view.is_busy or view.trouble):
            left.append((f"  {short_batch(view.state.batch)}", "dim"))
            left.append((_lane_tag(view.state.lanes), "dim"))
            union = len(view.state.union)
            left.append((f"  union of {union}" if union else "", "dim"))
            left.append((f"  verifies {len(view.state.pushed)} pushed" if view.state.pushed else "", "dim"))
    else:
        left.append(("no batch yet", "dim"))
    return two_ends(left, ((_waiting_words(waiting), "dim"),), width)


def _nobody_pieces(
    snapshot: TownSnapshot,
    view: RefineryView | None,
    waiting: Sequence[RequestView],
    width: int,
    now: float,
    ascii_only: bool,
) -> list[Pieces]:
    """Return that no daemon runs, where a request waits that nothing else keeps."""
    # of a town in which none ever ran, the header says nothing either
    is_kept = snapshot.daemon.state == NEVER or (view is not None and (view.is_busy or view.is_held))
    if is_kept or not snapshot.daemon.is_gone or all(one.word != queue_words.READY for one in waiting):
        return []
    lines = _two_lines(clean(snapshot.daemon.words(now)), width - 4)
    leads = (f"  {glyph('warn', ascii_only)} ", "    ")
    return [((lead, "warn"), (line, "warn")) for lead, line in zip(leads, lines, strict=False)]


def quarantine_pieces(view: RefineryView | None, width: int, now: float) -> list[Pieces]:
    """Return a row that names the tests that may be red without blame now; none if there are none."""
    now_excused = [one.test for one in view.state.quarantined if one.until > now] if view is not None else []
    # a test that several gates run has changed its mind in each of them
    tests = [clean(one) for one in dict.fromkeys(now_excused)]
    if not tests:
        return []
    what = f"{len(tests)} test{'s' if len(tests) != 1 else ''} in quarantine, red counts as green: {', '.join(tests)}"
    return [((cut(f"  {what}", width), "waiting"),)]


def ahead_pieces(view: RefineryView | None, width: int, ascii_only: bool) -> list[Pieces]:
    """Return a row for each of the first few pairs of branches that will conflict, and how many more there are."""
    told = in_brief(view.ahead, view.rig) if view is not None else []
    lines = [line for one in told for line in zip((True, False), _two_lines(clean(one), width - 4), strict=False)]
    lead = f"  {glyph('warn', ascii_only)} "
    return [((lead if is_first else "    ", "warn"), (line, "warn")) for is_first, line in lines]


def told_first(why: Sequence[str]) -> str:
    """Return the reason of a batch among several that is told where there is room for one: what it stands on, else when it began."""
    return next((one for subject in FIRST for one in why if subject_of(one)[0] == subject), why[0] if why else "")


def lone_reason(state: RefineryState) -> str:
    """Return the most important reason of the only batch in flight: why batches run one at a time, else its size."""
    if state.alone and not state.hold_kind:
        return f"begin: one batch at a time: {state.alone}"
    return state.why[0] if state.why else ""


def places_pieces(view: RefineryView | None, width: int) -> list[Pieces]:
    """Return the gate places in use, of how many, and why a run waits for one; nothing of a rig with one place that is tested on."""
    if view is None or not view.is_busy:
        return []
    state, flights = view.state, view.state.flights if len(view.state.flights) > 1 else ()
    used = sum(one.running for one in flights) if flights else places_used(state.probes)
    waits = [one.waits for one in flights or state.probes if one.waits]
    # of the rig: other rigs may use those of the town
    where = "gate places in use here" if width >= MIDDLE + 16 else "places here"
    told = f"{used} of {state.places} {where}" if state.places else f"{where}: {used}"
    what = f"{len(flights)} batches in flight, {told}" if flights else told
    is_plain = not flights and not waits and state.places < 2
    out: list[Pieces] = [((cut(f"  {what}", width), "dim"),)] if not is_plain else []
    if waits:
        out += [
            (("  ", "text"), (line, "waiting")) for line in _two_lines(f"a run waits: {clean(waits[0])}", width - 2)
        ]
    return out


def _two_lines(text: str, width: int) -> list[str]:
    first, *more = wrap(text, max(12, width))
    return [first, brief(" ".join(more), width)] if more else [first]


def stacked(flights: Sequence[FlightLine]) -> list[tuple[int, FlightLine]]:
    """Return the batches in flight, each above those that stand on it, with how many it stands on."""
    names = {one.batch for one in flights}
    above: dict[str, list[FlightLine]] = {}
    for one in flights:
        above.setdefault(one.on if one.on in names and one.on != one.batch else "", []).append(one)
    out: list[tuple[int, FlightLine]] = []

    def put(below: str, depth: int) -> None:
        for one in above.pop(below, []):
            out.append((depth, one))
            put(one.batch, depth + 1)

    put("", 0)
    # what stands on itself in a ring is in no row above
    return out + [(0, one) for left in above.values() for one in left]


def flight_row(flight: FlightLine, depth: int, width: int, now: float, ascii_only: bool) -> Pieces:
    """Return the row of one of several batches in flight; what has no room is left out from its end."""
    gap = "  " if width >= MIDDLE + 16 else " "
    lead = " " * (2 * min(depth, 3)) + (glyph("└", ascii_only) + " " if depth else "")
    left: list[Piece] = [(f"  {lead}", "faint"), (f"{short_batch(flight.batch)}{gap}", "bright")]
    left.append((stage_words(flight), "accent" if flight.running else "dim"))
    runs = "all gates" if flight.union else f"run {flight.probes}" if flight.requests and flight.probes else ""
    on = f"on {short_batch(flight.on)}" if flight.on else ""
    more = ((_lane_words(flight.lanes), "accent"), (_contents(flight), "text"), (on, "dim"), (runs, "dim"))
    right = ((elapsed(now - flight.started_at), "dim"),) if flight.started_at else ()
    for text, tone in more:
        if width_of(left) + len(gap) + cells(text) + width_of(right) >= width:
            break
        if text:
            left.append((f"{gap}{text}", tone))
    return two_ends(left, right, width)


def _contents(flight: FlightLine) -> str:
    """Return what a batch in flight tests."""
    if flight.union:
        return f"union of {len(flight.union)}"
    if flight.pushed:
        return f"verifies {len(flight.pushed)} pushed"
    count = len(flight.requests)
    return f"{count} request{'s' if count != 1 else ''}"


def request_pieces(
    state: str,
    name: str,
    request: RequestView | None,
    why: str,
    width: int,
    now: float,
    ascii_only: bool,
    landing: Landing | None = None,
    lanes: tuple[str, ...] = (),
) -> Pieces:
    """Return a request's row: state, id, score, priority, retries, trouble or lanes, author and title, when it lands, age."""
    mark, word, tone = ENTRIES.get(state, ("queued", state, "dim"))
    left: list[Piece] = [("  ", "text"), (mark_of(mark, now, ascii_only) + " ", tone), (fit(name, 9) + " ", "bright")]
    right: list[Piece] = []
    if request is not None:
        if width >= MIDDLE:
            score = f"{request.score:.0f}" if request.score else ""
            left.append((fit_right(score, 4) + " ", "dim"))
            left.append((f"{priority_word(request.priority)} ", "waiting" if request.priority == 0 else "dim"))
            retries = f"{'x' if ascii_only else '↻'}{request.retries} " if request.retries else ""
            left.append((fit(retries, 3) if width >= WIDE else retries, "warn"))
            left.append((f"{_lane_words(lanes)} " if lanes else "", "accent"))
        trouble = why or _trouble(request)
        if trouble and state not in (EntryState.TESTING, EntryState.GOOD, EntryState.MERGED):
            left.append((clean(trouble), tone if state != queue_words.READY else "warn"))
        else:
            left.append((who(request.worker) + " ", "dim") if width >= WIDE else ("", "dim"))
            left.append((clean(request.title or request.branch), "text"))
        age = format_age(max(0.0, now - request.created_at)) if request.created_at else ""
        right.append((fit_right(age, 4), "dim"))
    elif why:
        left.append((clean(why), "dim"))
    soon = lands(landing, now, ascii_only, is_wide=width >= WIDE) if landing is not None and width >= MIDDLE else ""
    return two_ends(left, [(f"{soon} " if soon else "", "dim"), (cut(word, 10), tone), *right], width)


def lands(landing: Landing, now: float, ascii_only: bool, *, is_wide: bool) -> str:
    """Return when a request is expected to land, as an interval in a wide row, else the middle; empty once that is past.

    What a search has singled out is rather expected to go back.
    """
    if landing.sent_back >= LIKELY:
        return f"goes back {100 * landing.sent_back:.0f} %" if is_wide else "back?"
    if landing.late <= now:
        return ""
    early, middle, late = (format_age(max(0.0, at - now)) for at in (landing.early, landing.middle, landing.late))
    if not is_wide:
        return f"~{middle}"
    if early == "now":
        return f"lands within {late}" if late != "now" else "lands now"
    return f"lands in {late}" if early == late else f"lands in {early}{glyph('gap', ascii_only)}{late}"


def _lane_words(lanes: tuple[str, ...]) -> str:
    """Return the lanes of a row, their number if they are many."""
    return "+".join(map(clean, lanes)) if len(lanes) < 3 else f"{len(lanes)} lanes"


def _lane_tag(lanes: tuple[str, ...]) -> str:
    return f"  {_lane_words(lanes)}" if lanes else ""


def _trouble(request: RequestView) -> str:
    if request.awaits_approval:
        # its state says so
        return ""
    if request.rests:
        return f"on hold: {request.rests}"
    if request.blockers:
        return f"waits for {', '.join(request.blockers[:2])}"
    if request.has_conflict_task:
        return "waits for its conflict to be resolved"
    return f"{request.trouble} last time" if request.trouble else ""


def _flown(view: RefineryView | None, inside: set[str]) -> dict[str, str]:
    """Return the requests of the other batches in flight, each with its state."""
    flights = view.state.flights if view is not None and view.is_busy else ()
    return {name: _state_in(one, name) for one in flights for name in one.requests if name not in inside}


def _state_in(flight: FlightLine, request: str) -> str:
    """Return how far a request is in a batch of which a line is known."""
    known = next((one.state for one in flight.judged if one.id == request), "")
    if known:
        return known
    if request in flight.good:
        return EntryState.GOOD
    return EntryState.TESTING if flight.running else EntryState.STACKED


def _in_flight(view: RefineryView) -> int:
    """Return how many requests are in a batch now."""
    inside = {entry.id for entry in in_batch(view)}
    return len(inside) + len(_flown(view, inside))


def _told(entry: BatchEntry, rig: str) -> RequestView:
    """Return a request from its batch entry, for when the ledger does not have it."""
    return RequestView(entry.id, rig, entry.branch, entry.worker, entry.state, entry.issue, 0.0, title=entry.title)


def _request_row(
    width: int,
    now: float,
    ascii_only: bool,
    landings: Mapping[str, Landing],
    lanes: Mapping[str, tuple[str, ...]],
    state: str,
    name: str,
    request: RequestView | None,
    why: str,
) -> Row:
    found = landings.get(name), lanes.get(name, ())
    return Row(point_at(REQUEST, "", name), request_pieces(state, name, request, why, width, now, ascii_only, *found))


def queue_rows(
    snapshot: TownSnapshot, width: int, now: float, ascii_only: bool, *, tells_why: bool = False
) -> list[Row]:
    """Return the queues of all rigs; ``tells_why``: with the most important reason of each batch."""
    rows: list[Row] = []
    for rig in rigs_with_queue(snapshot):
        if rows:
            rows.append(Row(None, (), False))
        rows += _rig_rows(snapshot, rig, width, now, ascii_only, tells_why=tells_why)
    return rows


def _rig_rows(
    snapshot: TownSnapshot, rig: str, width: int, now: float, ascii_only: bool, *, tells_why: bool
) -> list[Row]:
    view = snapshot.refinery(rig)
    entries = in_batch(view)
    inside = {entry.id for entry in entries}
    flights = view.state.flights if view is not None and view.is_busy and len(view.state.flights) > 1 else ()
    # a batch of several says itself which lanes it affects
    unsaid = {name for one in flights for name in one.requests} if width < WIDE else set()
    lanes = {one.id: one.lanes for one in view.state.reaches if one.id not in unsaid} if view is not None else {}
    soon = [(one.id, landing_of(view.state, one.id)) for one in view.state.forecast] if view and view.is_busy else []
    landings = {name: landing for name, landing in soon if landing is not None}
    row = partial(_request_row, width, now, ascii_only, landings, lanes)
    flown = _flown(view, inside)
    mine = {one.id: one for one in snapshot.requests if one.rig == rig and one.id not in inside}
    waiting = [one for one in mine.values() if one.id not in flown]
    rows = [Row(point_at(BATCH, rig), rig_row(rig, view, waiting, width, ascii_only))]
    told = _nobody_pieces(snapshot, view, waiting, width, now, ascii_only)
    told += [*quarantine_pieces(view, width, now), *ahead_pieces(view, width, ascii_only), *places_pieces(view, width)]
    rows += _unstopped(told)
    members = [_entry_row(row, snapshot, view, entry) for entry in entries]
    if not flights and view is not None and view.is_busy and tells_why:
        rows += _why_rows(lone_reason(view.state), width)
    for depth, flight in stacked(flights):
        rows.append(Row(point_at(BATCH, rig, flight.batch), flight_row(flight, depth, width, now, ascii_only)))
        rows += _why_rows(told_first(flight.why), width) if tells_why else []
        if not inside.isdisjoint(flight.requests):
            rows, members = rows + members, []
        rows += [row(flown[one], one, mine[one], "") for one in flight.requests if one in flown and one in mine]
    rows += members
    if len(rows) > 1 and waiting and (entries or flown):
        rows.append(Row(None, (("  " + glyph("─", ascii_only) * 2 + " next", "faint"),), False))
    if view is not None and view.is_busy and view.state.next and waiting:
        rows += _why_rows(f"why: {view.state.next}", width, 2)
    return rows + [_waiting_row(row, request) for request in waiting]


def _unstopped(lines: Sequence[Pieces]) -> list[Row]:
    return [Row(None, pieces, False) for pieces in lines]


def _why_rows(why: str, width: int, most: int = 1) -> list[Row]:
    return _unstopped([(("  ", "text"), *pieces) for pieces in why_pieces(why, width - 2, most)]) if why else []


def _entry_row(row: partial[Row], snapshot: TownSnapshot, view: RefineryView | None, entry: BatchEntry) -> Row:
    """Return the row of a request of the batch that the state is about."""
    request = snapshot.request(entry.id) or _told(entry, view.rig if view is not None else "")
    unsaid = (EntryState.TESTING, EntryState.STACKED, EntryState.WAITING)
    is_left = view is not None and bool(view.trouble) and entry.state in unsaid
    return row("left" if is_left else entry.state, entry.id, request, entry.why)


def _waiting_row(row: partial[Row], request: RequestView) -> Row:
    word = IN_HELD_QUEUE if request.word == queue_words.HELD else request.word
    return row(word, request.id, request, "")


class QueuePanel(Rows):
    """The panel of the queue: batches and merge requests."""

    def __init__(self) -> None:
        super().__init__(id="queue", number="1", title="Merge queue")
        self.snapshot: TownSnapshot | None = None
        self.now = 0.0
        self.empty_text = "Nothing is queued. gt done queues a worker's branch; it lands when the gates pass."

    def show(self, snapshot: TownSnapshot, now: float) -> None:
        """Take a snapshot, or only a later time."""
        self.snapshot, self.now = snapshot, now
        self.trouble = trouble_text(snapshot.source_error("beads", "refinery"), now)
        batched = sum(map(_in_flight, snapshot.refineries))
        waiting = sum(len([r for r in snapshot.requests if r.rig == rig]) for rig in rigs_with_queue(snapshot))
        self.note = f"{len(snapshot.requests)} open" if snapshot.requests else ""
        self.summary = ((f"{batched} in a batch, {max(0, waiting - batched)} waiting", "text"),)
        self.show_rows(self._rows_now())

    def _rows_now(self) -> list[Row]:
        if self.snapshot is None:
            return []
        # beside the panel of the batch, that one tells why
        stands_alone = self.size.width >= self.screen.size.width
        width = max(24, self.size.width - 4)
        return queue_rows(self.snapshot, width, self.now, self.look.ascii_only, tells_why=stands_alone)

    def remake(self) -> None:
        """Remake the rows for a new width."""
        self.rows = self._rows_now()
