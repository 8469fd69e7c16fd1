"""The convoys panel: convoys in progress, those that landed today, and each rig's merge queue."""

from __future__ import annotations

from functools import partial

from gastown_core.clock import format_age, format_ago
from gastown_core.model import queue_words
from gastown_core.model.address import parse_address
from gastown_core.model.bead import MemberStage
from gastown_core.model.landing import BEGUN
from gastown_core.model.snapshot import RequestState
from gastown_core.state.convoy_views import stuck_word
from gastown_tui.rowtext import trouble_text
from gastown_tui.selection import BATCH, BEAD, CONVOY, REQUEST, Selection, point_at
from gastown_tui.text import clean, cut, fit, fit_right, glyph, two_ends
from gastown_tui.widgets.landing_text import cells_of
from gastown_tui.widgets.queue_panel import in_batch, rigs_with_queue
from gastown_tui.widgets.refinery_text import batch_row
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.convoy import ConvoyView, MemberView
    from gastown_core.model.snapshot import RefineryView, RequestView, TownSnapshot
    from gastown_tui.text import Piece, Pieces

STAGES = {
    MemberStage.DONE: ("done", "landed", "good"),
    MemberStage.REVIEW: ("review", "in review", "info"),
    MemberStage.RUNNING: ("running", "running", "working"),
    MemberStage.ORPHANED: ("warn", "no worker", "stalled"),
    MemberStage.READY: ("queued", "ready", "text"),
    MemberStage.BLOCKED: ("queued", "blocked", "dim"),
    MemberStage.DEFERRED: ("pause", "deferred", "dim"),
    MemberStage.MISSING: ("failed", "missing", "warn"),
}
"""Member stage → (glyph name, word, tone)."""

REQUESTS = {
    queue_words.MERGING: ("merging", "info"),
    queue_words.READY: ("queued", "text"),
    queue_words.BLOCKED: ("pause", "dim"),
    queue_words.HELD: ("pause", "stalled"),
    queue_words.TO_APPROVE: ("pause", "waiting"),
}
"""Request state → (glyph name, tone)."""


def progress_bar(done: int, in_review: int, total: int, width: int, ascii_only: bool) -> Pieces:
    """Return the bar: full for landed, shaded for in review, empty for the rest; only a complete convoy fills it."""
    if total <= 0:
        return ((glyph("todo", ascii_only) * width, "todo"),)
    full = width if done >= total else min(width - 1, max(done * width // total, 1 if done else 0))
    room = width - full
    shaded = min(room, max(round(in_review * width / total), 1)) if in_review else 0
    return (
        (glyph("landed", ascii_only) * full, "landed"),
        (glyph("review", ascii_only) * shaded, "review"),
        (glyph("todo", ascii_only) * (room - shaded), "todo"),
    )


def numbers(convoy: ConvoyView, ascii_only: bool) -> str:
    """Return ``10·3/20``: landed, in review if any, total."""
    review = f"{'+' if ascii_only else '·'}{convoy.in_review}" if convoy.in_review else ""
    return f"{convoy.done}{review}/{convoy.total}"


def convoy_row(convoy: ConvoyView, width: int, now: float, *, is_open: bool, ascii_only: bool) -> Pieces:
    """Return a convoy's row."""
    is_landed = convoy.closed_at is not None
    bar_width = 20 if width >= 80 else 12 if width >= 56 else 8
    ending, tone = _ending(convoy, now, ascii_only)
    extra: list[Piece] = [*progress_bar(convoy.done, convoy.in_review, convoy.total, bar_width, ascii_only)]
    extra.append((fit_right(numbers(convoy, ascii_only), 9) + "  ", "bright" if not is_landed else "dim"))
    if width >= 84:
        count = len(convoy.rigs)
        extra.append((fit(f"{count} rig{'s' if count != 1 else ''}", 7), "dim"))
    extra.append((fit_right(ending, 13 if width < 84 else 16), tone))
    left: list[Piece] = [(glyph("open" if is_open else "closed", ascii_only) + " ", "dim")]
    if width >= 80:
        left.append((fit(convoy.id, 12) + " ", "dim"))
    if convoy.is_mountain:
        left.append((glyph("mountain", ascii_only) + " ", "info"))
    left.append((clean(convoy.title), "dim" if is_landed else "bright"))
    return two_ends(left, extra, width, 2)


def _ending(convoy: ConvoyView, now: float, ascii_only: bool) -> tuple[str, str]:
    if convoy.faults:
        count = len(convoy.faults)
        return f"{glyph('warn', ascii_only)} {count} fault{'s' if count > 1 else ''}", "bad"
    if convoy.closed_at is not None:
        return f"{glyph('done', ascii_only)} {format_ago(now - convoy.closed_at)}", "good"
    stuck = stuck_word(convoy, now)
    if stuck:
        return f"{glyph('warn', ascii_only)} {stuck}", "stalled"
    return f"{glyph('age', ascii_only)} {format_age(now - convoy.created_at)}", "dim"


def progress_words(convoy: ConvoyView) -> str:
    """Return what is happening in a convoy that is not stalled."""
    told = [f"{convoy.running} running"] if convoy.running else []
    told += [f"{convoy.in_review} in review"] if convoy.in_review else []
    ready = sum(member.stage == MemberStage.READY for member in convoy.members)
    told += [f"{ready} ready to dispatch"] if ready else []
    return ", ".join(told) + "." if told else "nothing in it can start yet."


def member_row(member: MemberView, width: int, ascii_only: bool) -> Pieces:
    """Return a bead's row in an open convoy: stage (or fault), id, title, assignee, landing strip."""
    mark, word, tone = STAGES.get(member.stage, ("queued", member.stage, "dim"))
    if member.landing is not None and member.landing.fault:
        mark, word, tone = "warn", member.landing.fault, "bad"
    who = clean(parse_address(member.assignee).short) if member.assignee else ""
    left = (
        ("    ", "text"),
        (glyph(mark, ascii_only) + " ", tone),
        (fit(member.bead_id, 10) + " ", "dim"),
        (clean(member.title), "text"),
    )
    right: list[Piece] = [("  " + fit_right(word, max(9, len(word))), tone)]
    if width >= 72:
        cells = cells_of(member.landing, words=False, ascii_only=ascii_only, is_begun=member.status in BEGUN)
        right[:0] = [("  ", "text"), *cells]
    if width >= 50:
        right.insert(0, (cut(who, 18), "dim"))
    return two_ends(left, right, width)


def request_row(request: RequestView, width: int, now: float, ascii_only: bool) -> Pieces:
    """Return a merge request's row: state, branch, author, age."""
    mark, tone = REQUESTS[request.word]
    who = clean(parse_address(request.worker).label) if request.worker else ""
    left = (
        (glyph(mark, ascii_only) + " ", tone),
        (fit(request.word, 10) + " ", tone),
        (clean(request.branch or request.bead_id), "text"),
    )
    right = ((cut(who, 12) + "  ", "dim"), (fit_right(format_age(max(0.0, now - request.created_at)), 4), "dim"))
    return two_ends(left, right, width)


def heading(text: str, width: int, ascii_only: bool) -> Pieces:
    """Return the heading of a section."""
    line = glyph("─", ascii_only)
    words = clean(text)
    return ((f"{line * 2} ", "border"), (words, "dim"), (" " + line * max(0, width - len(words) - 4), "border"))


def convoy_rows(snapshot: TownSnapshot, width: int, now: float, *, opened: set[str], ascii_only: bool) -> list[Row]:
    """Return convoys in progress, those landed today, then each rig's merge queue; rows are made when drawn."""
    rows: list[Row] = []
    landed = [convoy for convoy in snapshot.convoys if convoy.closed_at is not None]
    for convoy in snapshot.convoys:
        if convoy.closed_at is None:
            rows += _with_members(convoy, width, now, opened, ascii_only)
    if landed:
        rows.append(Row(None, heading("landed today", width, ascii_only), False))
        for convoy in landed:
            rows += _with_members(convoy, width, now, opened, ascii_only)
    for rig in rigs_with_queue(snapshot):
        rows += _queue_rows(snapshot, rig, width, now, ascii_only)
    return rows


def _queue_rows(snapshot: TownSnapshot, rig: str, width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return a rig's merge queue: the batch on one line, then the waiting requests; no rows for an idle queue."""
    view = snapshot.refinery(rig)
    inside = {entry.id for entry in in_batch(view)}
    waiting = [request for request in snapshot.requests if request.rig == rig and request.id not in inside]
    rows: list[Row] = []
    if view is not None and (inside or view.is_held or view.is_busy or view.trouble):
        rows.append(Row(point_at(BATCH, rig), partial(_batch, view, width, now, ascii_only)))
    waiting.sort(key=lambda request: request.state != RequestState.MERGING)
    rows += [
        Row(point_at(REQUEST, "", request.id), partial(request_row, request, width, now, ascii_only))
        for request in waiting
    ]
    return [Row(None, heading(f"merge queue · {rig}", width, ascii_only), False), *rows] if rows else []


def _batch(view: RefineryView, width: int, now: float, ascii_only: bool) -> Pieces:
    return batch_row(view, width, now, ascii_only)


def _with_members(convoy: ConvoyView, width: int, now: float, opened: set[str], ascii_only: bool) -> list[Row]:
    is_open = convoy.id in opened
    rows = [
        Row(
            point_at(CONVOY, "", convoy.id),
            partial(convoy_row, convoy, width, now, is_open=is_open, ascii_only=ascii_only),
        )
    ]
    if is_open:
        rows += [
            Row(point_at(BEAD, "", member.bead_id, convoy.id), partial(member_row, member, width, ascii_only))
            for member in convoy.members
        ]
    return rows


class ConvoyPanel(Rows):
    """The panel of convoys, their members, and the merge queues; ``opened`` are convoy ids."""

    def __init__(self, *, id: str = "convoys") -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id, number="2", title="Convoys")
        self.snapshot: TownSnapshot | None = None
        self.opened: set[str] = set()
        self._counted: tuple[ConvoyView, ...] = ()
        self._faults = 0
        self.now = 0.0
        self.empty_text = "No convoys. Bundle beads with gt convoy create NAME BEAD…; gt sling makes one automatically."

    def show(self, snapshot: TownSnapshot, now: float) -> None:
        """Take a snapshot, or only a later time."""
        self.snapshot = snapshot
        self.now = now
        running = [convoy for convoy in snapshot.convoys if convoy.closed_at is None]
        stuck = sum(bool(convoy.standstills) for convoy in running)
        stalled = sum(convoy.is_stalled(now) and not convoy.standstills for convoy in running)
        self.trouble = trouble_text(snapshot.source_error("beads"), now)
        self.note = f"{len(running)} running" if running else ""
        parts: list[Piece] = [(f"{len(running)} running", "text")]
        for count, word in ((stuck, "stuck"), (stalled, "stalled")):
            if count:
                parts.append((f" {glyph('dot', self.look.ascii_only)} {count} {word}", "stalled"))
        if snapshot.convoys is not self._counted:
            self._counted = snapshot.convoys
            self._faults = sum(len(convoy.faults) for convoy in snapshot.convoys)
        faults = self._faults
        if faults:
            parts.append((f" {glyph('dot', self.look.ascii_only)} {faults} fault{'s' if faults > 1 else ''}", "bad"))
        landed = len(snapshot.convoys) - len(running)
        if landed:
            parts.append((f" {glyph('dot', self.look.ascii_only)} {landed} landed today", "dim"))
        self.summary = tuple(parts)
        self._rebuild()

    def _rebuild(self) -> None:
        self.show_rows(self._rows_now())

    def _rows_now(self) -> list[Row]:
        if self.snapshot is None:
            return []
        width, ascii_only = max(20, self.size.width - 4), self.look.ascii_only
        rows = convoy_rows(self.snapshot, width, self.now, opened=self.opened, ascii_only=ascii_only)
        return [self._kept(row, width) for row in rows]

    def remake(self) -> None:
        """Remake the rows for a new width."""
        self.rows = self._rows_now()

    def _kept(self, row: Row, width: int) -> Row:
        """Return the row, remade only when its facts or the minute of its ages changed."""
        make, selection = row.pieces, row.key
        if not isinstance(make, partial) or not isinstance(selection, Selection):
            return row
        subject = make.args[0]
        if selection.kind == BATCH:
            # it shows seconds and a spinner: four states a second
            return Row(
                row.key, partial(self.keep_made, row.key, (subject, int(self.now * 4), width, self.look.key), make)
            )
        at = getattr(subject, "created_at", 0.0)
        closed = getattr(subject, "closed_at", None) or getattr(subject, "stalled_since", None)
        state = (
            subject,
            format_age(self.now - at),
            format_age(self.now - closed) if closed else "",
            width,
            selection.kind == CONVOY and selection.id in self.opened,
            self.look.key,
        )
        return Row(row.key, partial(self.keep_made, row.key, state, make))

    def spin(self, now: float) -> None:
        """Redraw the batch's row while a gate runs; only time has passed."""
        self.now = now
        self._rebuild()

    def wanted_height(self) -> int:
        """The height that would show every row, frame included."""
        return max(3, len(self.rows) + 2)

    def fold(self, is_open: bool | None = None) -> str:
        """Open, close or toggle (None) the selected convoy; return why not, or an empty string."""
        selection = self.selection
        convoy_id = ""
        if selection is not None:
            convoy_id = selection.id if selection.kind == CONVOY else selection.convoy
        if self.snapshot is None or self.snapshot.convoy(convoy_id) is None:
            return "only convoys can be folded"
        close = convoy_id in self.opened if is_open is None else not is_open
        if close and convoy_id in self.opened:
            self.opened.discard(convoy_id)
            self.key = point_at(CONVOY, "", convoy_id)
        elif not close:
            self.opened.add(convoy_id)
        self._rebuild()
        return ""
