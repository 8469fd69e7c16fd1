"""The batch panel: why the queue is held, the probe tree, the verdicts, and past batches."""

from __future__ import annotations

from gastown_core.clock import format_ago
from gastown_core.model.refinery import (
    CACHED,
    IDLE,
    RUNNING,
    BatchRecord,
    EntryState,
    RefineryState,
    from_json,
    probe_to_show,
    subject_of,
)
from gastown_tui.rowtext import stamp_of, trouble_text
from gastown_tui.selection import PAST, PROBE, REQUEST, Selection, point_at
from gastown_tui.text import clean, cut, fit, fit_right, glyph, two_ends, width_of, wrap
from gastown_tui.widgets.refinery_text import (
    ENTRIES,
    PURPOSES,
    RESULTS,
    at_work_words,
    counted,
    elapsed,
    gates_pieces,
    held_words,
    mark_of,
    phase_tone,
    phase_words,
    retry_words,
    short_batch,
    took,
    why_pieces,
)
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.model.refinery import FlightLine, Probe
    from gastown_core.model.snapshot import RefineryView, TownSnapshot
    from gastown_tui.text import Piece, Pieces

WIDE = 84
NAME = 16
HISTORY = 8
TOLD = (EntryState.CULPRIT, EntryState.CONFLICT, EntryState.HELD, EntryState.GOOD, EntryState.MERGED)
"""The states that are a verdict, the most important first."""


def probe_tree(probes: tuple[Probe, ...]) -> Iterator[tuple[str, Probe]]:
    """Yield (branch lines drawn before it, probe) from the root down, children under their parents."""
    known = {probe.id for probe in probes}
    children: dict[int, list[Probe]] = {}
    for probe in probes:
        children.setdefault(probe.parent if probe.parent in known and probe.parent != probe.id else 0, []).append(probe)
    yield from _below(children, 0, "")


def _below(children: dict[int, list[Probe]], parent: int, lead: str) -> Iterator[tuple[str, Probe]]:
    found = children.pop(parent, [])
    for number, probe in enumerate(found):
        is_last = number == len(found) - 1
        own = "" if parent == 0 else lead + ("└ " if is_last else "├ ")
        yield own, probe
        below = "" if parent == 0 else lead + ("  " if is_last else "│ ")
        yield from _below(children, probe.id, below)


def probe_rows(view: RefineryView, state: RefineryState, width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return the tree: each probe with its result, requests and gates; if narrow, the gates on their own row."""
    rows: list[Row] = []
    for lead, probe in probe_tree(state.probes):
        rows += _probe(view, lead, probe, width, now, ascii_only)
    return rows


def _probe(view: RefineryView, lead: str, probe: Probe, width: int, now: float, ascii_only: bool) -> list[Row]:
    is_live = view.is_alive and probe.result == RUNNING
    mark, word, tone = RESULTS.get(probe.result, ("dot", probe.result, "dim"))
    if probe.result == RUNNING and not is_live:
        mark, word, tone = "dot", "stopped", "dim"
    drawn = "".join(glyph(sign, ascii_only) if sign in "├└│" else sign for sign in lead)
    seconds = (
        elapsed(now - probe.started_at) if is_live and probe.started_at else took(probe.secs) if probe.secs else ""
    )
    head: list[Piece] = [
        (drawn, "faint"),
        (mark_of(mark, now, ascii_only) + " ", tone),
        (fit(PURPOSES.get(probe.purpose, clean(probe.purpose)), max(4, NAME - len(drawn))), "bright"),
        (fit(word, 12), tone),
    ]
    key = point_at(PROBE, view.rig, str(probe.id))
    gates = gates_pieces(probe.gates, now, ascii_only, is_live=is_live, with_time=True)
    if probe.result == CACHED:
        gates = (("this tree was tested before", "dim"),)
    members = _members(probe)
    if width >= WIDE:
        room = max(12, min(34, width - width_of(head) - width_of(gates) - 10))
        head += [(fit(members, room) + "  ", "dim"), *gates]
        return [Row(key, two_ends(head, ((seconds, "dim"),), width))]
    first = Row(
        key, two_ends([*head, (cut(members, max(0, width - width_of(head) - 7)), "dim")], ((seconds, "dim"),), width)
    )
    if not gates:
        return [first]
    return [first, Row(key, ((" " * (len(drawn) + 2), "text"), *gates), False)]


def _members(probe: Probe) -> str:
    count = len(probe.requests)
    if not count:
        return ""
    return f"{count}: " + " ".join(probe.requests) if count > 1 else probe.requests[0]


def verdict_rows(state: RefineryState, width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return the requests decided so far, the bad ones first, each with its reason."""
    rows: list[Row] = []
    for word in TOLD:
        found = [entry for entry in state.requests if entry.state == word]
        mark, name, tone = ENTRIES[word]
        plain = [entry for entry in found if not entry.why]
        for entry in (one for one in found if one.why):
            lead: tuple[Piece, ...] = (
                (mark_of(mark, now, ascii_only) + " ", tone),
                (fit(name, 9), tone),
                (fit(entry.id, 10) + " ", "bright"),
            )
            first, *more = wrap(clean(entry.why), max(16, width - width_of(lead)))
            rows.append(Row(point_at(REQUEST, "", entry.id), (*lead, (first, "text"))))
            rows += [
                Row(point_at(REQUEST, "", entry.id), ((" " * width_of(lead) + line, "text"),), False)
                for line in more[:2]
            ]
        if plain:
            names = " ".join(entry.id for entry in plain)
            rows.append(Row(None, ((mark_of(mark, now, ascii_only) + " ", tone), (fit(name, 9), tone), (names, "bright")), False))  # fmt: skip
    return rows


def history_row(batch: BatchRecord, width: int, now: float, ascii_only: bool) -> Pieces:
    """Return a finished batch's row: when, how many landed, culprits and conflicts, probes, time."""
    red = batch.culprits or batch.conflicts or (batch.union and batch.hold) or batch.found not in ("", "green")
    if batch.killed:
        mark, tone = "warn", "warn"
    elif (batch.merged or batch.union or batch.found) and not red:
        mark, tone = "done", "good"
    elif batch.merged:
        mark, tone = "warn", "warn"
    else:
        mark, tone = ("failed", "bad") if red else ("dot", "dim")
    stamp = stamp_of(batch.at, now, is_long=width >= 60, seconds=False) if batch.at else "     "
    left: list[Piece] = [
        (glyph(mark, ascii_only) + " ", tone),
        (f"{stamp}  ", "dim"),
        (batch.outcome, "text"),
    ]
    for state, ids in (
        (EntryState.CULPRIT, batch.culprits),
        (EntryState.CONFLICT, batch.conflicts),
        (EntryState.HELD, batch.held),
    ):
        if ids:
            left.append((f"  {ENTRIES[state][1]} {' '.join(ids[:3])}{' …' if len(ids) > 3 else ''}", ENTRIES[state][2]))
    right = (f"{batch.probes} probe{'s' if batch.probes != 1 else ''}  " if width >= 60 else "") + fit_right(took(batch.secs), 5)  # fmt: skip
    return two_ends(left, ((right, "dim"),), width, 2)


def heading(text: str, width: int, ascii_only: bool) -> Row:
    """Return the heading of a section."""
    line = glyph("─", ascii_only)
    return Row(
        None, ((f"{line * 2} ", "border"), (text + " ", "dim"), (line * max(0, width - len(text) - 4), "border")), False
    )


def shown_state(view: RefineryView) -> tuple[RefineryState, bool]:
    """Return the state to show, and whether it is current: for an idle refinery the last batch, if it was kept."""
    state = view.state
    if state.phase != IDLE or state.probes:
        return state, state.phase != IDLE
    last = from_json({**state.last, "rig": view.rig}) if state.last else None
    return (last, False) if last is not None and last.probes else (state, False)


def batch_rows(view: RefineryView, width: int, now: float, ascii_only: bool, key: str = "P") -> list[Row]:
    """Return all rows about a rig's batch; ``key`` runs the engine now."""
    state, is_present = shown_state(view)
    rows: list[Row] = []
    if view.trouble:
        rows += _notice(f"{view.trouble}. {key} runs it again.", "warn", "warn", width, ascii_only)
    if view.is_held:
        rows += _notice(held_words(view, now), "pause", "stalled", width, ascii_only)
        rows += _notice(retry_words(view, now, key), "", "dim", width, ascii_only)
    if view.works_on_hold:
        rows += _notice(at_work_words(view), "pause", "stalled", width, ascii_only)
    if not is_present and not view.trouble:
        words = "Nothing is being tested." + (" Below is the last batch." if state.probes else "")
        rows += _notice(words, "", "dim", width, ascii_only)
    if rows:
        rows.append(Row(None, (), False))
    rows += probe_rows(view, state, width, now, ascii_only)
    verdicts = verdict_rows(state, width, now, ascii_only)
    if verdicts:
        rows += [heading("verdicts", width, ascii_only), *verdicts]
    rows += why_rows(view, width, ascii_only)
    if view.history:
        rows.append(heading("last batches", width, ascii_only))
        rows += [
            Row(point_at(PAST, view.rig, batch.id), history_row(batch, width, now, ascii_only))
            for batch in view.history[:HISTORY]
        ]
    return rows


def why_rows(view: RefineryView, width: int, ascii_only: bool) -> list[Row]:
    """Return why each batch in flight is as it is, in full; of several the name before it, the one that is shown first."""
    if not view.is_busy:
        return []
    state, name = view.state, ""
    flights = sorted(state.flights, key=lambda one: one.batch != state.batch) if len(state.flights) > 1 else []
    told = [(short_batch(one.batch), _telling(one)) for one in flights]
    if not told:
        why = list(state.why)
        if state.alone and not state.hold_kind and not any(state.alone in one for one in why):
            why.insert(1, f"begin: one batch at a time: {state.alone}")
        told = [("", why)]
    room = max((len(name) for name, _ in told), default=0)
    lines: list[Pieces] = []
    for name, why in told:
        made = [pieces for one in why for pieces in why_pieces(one, width - room - 2 if room else width)]
        heads = (f"{name:<{room}}  ", " " * (room + 2)) if room else ("", "")
        lines += [((heads[bool(number)], "bright"), *pieces) for number, pieces in enumerate(made)]
    return [heading("why", width, ascii_only), *(Row(None, one, False) for one in lines)] if lines else []


def _telling(flight: FlightLine) -> list[str]:
    """Return its reasons without the order of one request."""
    return [one for one in flight.why if len(flight.requests) > 1 or subject_of(one)[0] != "order"]


def _notice(text: str, mark: str, tone: str, width: int, ascii_only: bool) -> list[Row]:
    lead = glyph(mark, ascii_only) + " " if mark else "  "
    lines = wrap(clean(text), max(16, width - 2))
    return [Row(None, ((lead if not number else "  ", tone), (line, tone)), False) for number, line in enumerate(lines)]


class ProbePanel(Rows):
    """The panel of one rig's batch: probes, requests with a verdict, past batches."""

    def __init__(self) -> None:
        super().__init__(id="probes", number="2", title="Batch")
        self.view: RefineryView | None = None
        self.now = 0.0
        self.process_key = "P"
        """What runs the engine now, by the keys in force."""
        self.empty_text = "No refinery has run here yet. It starts when a request is queued."

    def show(self, snapshot: TownSnapshot, rig: str, view: RefineryView | None, now: float) -> None:
        """Take a rig's refinery with the batch to show, or only a later time; without focus, the cursor follows the running probe."""
        self.view, self.now = view, now
        self.trouble = trouble_text(snapshot.source_error("refinery"), now)
        self._tell(rig)
        live = self.present
        if live and not self.has_focus:
            self.key = live
        self.show_rows(self._rows_now())

    @property
    def present(self) -> Selection | None:
        """The probe that runs, or ran last."""
        if self.view is None:
            return None
        probe = probe_to_show(shown_state(self.view)[0].probes)
        return point_at(PROBE, self.view.rig, str(probe.id)) if probe is not None else None

    def _tell(self, rig: str) -> None:
        view = self.view
        self.title_text, self.note, self.summary = f"Batch · {clean(rig)}" if rig else "Batch", "", ()
        if self.look.ascii_only:
            self.title_text = self.title_text.replace("·", "-")
        if view is None:
            return
        state, is_present = shown_state(view)
        tone = phase_tone(view)
        target = f" {glyph('arrow', self.look.ascii_only)} {clean(state.target)}" if state.target else ""
        if state.batch:
            self.title_text = f"{clean(state.batch)}{target}"
        since = elapsed(self.now - state.started_at) if is_present and state.started_at and view.is_alive else ""
        self.note, self.note_tone = f"{phase_words(view)}  {since}".strip(), tone
        probe = probe_to_show(state.probes) if is_present else None
        words = f"{phase_words(view)}  {counted(probe.gates)}  {since}" if probe is not None else phase_words(view)
        if view.is_held:
            words = held_words(view, self.now)
        elif not is_present and view.history:
            last = view.history[0]
            age = f", {format_ago(self.now - last.at)}" if last.at else ""
            words += f", last {last.outcome}{age}"
        self.summary = ((words, tone),)

    def _rows_now(self) -> list[Row]:
        if self.view is None:
            return []
        width = max(24, self.size.width - 4)
        return batch_rows(self.view, width, self.now, self.look.ascii_only, self.process_key)

    def remake(self) -> None:
        """Remake the rows for a new width; if narrow, a probe takes two rows."""
        self.rows = self._rows_now()
        self.cursor = self.find_key(self.key)
