"""The log of one gate while it is written: it follows the end, and pauses when scrolled back."""

from __future__ import annotations

from collections import deque

from gastown_core.model.refinery import RUNNING
from gastown_core.state.sources.refineries import LINES
from gastown_tui.text import cells, clean, cut, glyph, only_colours, pane_pieces
from gastown_tui.widgets.refinery_text import RESULTS, elapsed, mark_of, took
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.refinery import GateRun, Probe
    from gastown_core.state.sources.refineries import GateLog
    from gastown_tui.text import Piece, Pieces


class GatePanel(Rows):
    """The panel of a gate's log, without a cursor; ``rig`` is the gate's rig, ``is_following`` true at the end."""

    def __init__(self) -> None:
        super().__init__(id="gates", number="3", title="Gate log")
        self.has_cursor = False
        self.rig = ""
        self.shown: GateLog | None = None
        self.is_following = True
        self.missed = 0
        self._subject: Pieces = ()
        self._came = 0
        self._pieces: deque[Pieces] = deque(maxlen=LINES)
        self.empty_text = "No gate has run yet. Its output will appear here as it runs."

    def show_log(self, log: GateLog | None, subject: Pieces, empty: str) -> None:
        """Show the lines read so far; a different log starts at its end."""
        if log is not self.shown:
            self.shown, self.is_following, self.missed, self._came = log, True, 0, 0
            self._pieces.clear()
        self._subject, self.empty_text = subject, empty
        before = self._came
        rows = self._rows_now()
        fresh = self._came - before
        self.rows = rows
        limit = max(0, len(rows) - self.body_height)
        if self.is_following:
            self.top, self.missed = limit, 0
        else:
            self.missed += fresh
            self.top = min(self.top, limit)
        last: Pieces = next((pieces for pieces in reversed(self._pieces) if pieces), ())
        self.summary = last if subject else ((empty, "dim"),)
        self.redraw()

    def _rows_now(self) -> list[Row]:
        log = self.shown
        if log is None:
            return []
        self._take(log)
        rows = [Row(None, pieces, False) for pieces in self._pieces]
        if log.skipped:
            rows.insert(
                0, Row(None, ((f"earlier lines are in the file; {self.key_of('gates.pager')} opens it", "dim"),), False)
            )
        if log.partial:
            rows.append(Row(None, self._line(log.partial), False))
        if log.error:
            rows.append(Row(None, ((f"cannot read the log: {clean(log.error)}", "error"),), False))
        return rows

    def _take(self, log: GateLog) -> None:
        """Convert the new lines to pieces; all lines if the log was rewritten."""
        fresh = log.came - self._came
        self._came = log.came
        if fresh:
            self._pieces.extend(self._line(line) for line in list(log.lines)[-fresh:])
        if len(self._pieces) != len(log.lines):
            self._pieces = deque((self._line(line) for line in log.lines), LINES)

    def _line(self, text: str) -> Pieces:
        """Return a line's pieces: cleaned, with its own colours unless the console has none."""
        if not self.look.colour or "\x1b" not in text:
            plain = only_colours(text)
            if "\x1b" in plain:
                plain = "".join(piece for piece, _ in pane_pieces(text))
            return ((plain, "text"),) if plain else ()
        return pane_pieces(text)

    def title_pieces(self) -> Pieces:
        """The title and the gate shown."""
        base = super().title_pieces()
        return (*base, ("  ", "text"), *self._subject) if self._subject else base

    def note_pieces(self) -> Pieces:
        """The pause, with the number of new lines."""
        ascii_only = self.look.ascii_only
        if not self.is_following:
            more = f" +{self.missed} new" if self.missed else ""
            return ((f" {glyph('pause', ascii_only)} paused{more} ", "badge"),)
        return super().note_pieces()

    # scrolling back pauses, the end resumes

    def hold(self) -> bool:
        """Pause, or follow the end again; return whether it is paused now."""
        self.is_following = not self.is_following
        if self.is_following:
            self.go_bottom()
        self.redraw()
        return not self.is_following

    def scroll_rows(self, step: int) -> None:
        """Scroll the view; it follows at the end and pauses elsewhere."""
        super().scroll_rows(step)
        self.is_following = self.top >= max(0, self.count() - self.body_height)
        if self.is_following:
            self.missed = 0
        self.redraw()

    def go_top(self) -> None:
        """Go to the oldest line that is kept."""
        super().go_top()
        self.is_following = self.count() <= self.body_height
        self.redraw()

    def go_bottom(self) -> None:
        """Go to the end and follow."""
        super().go_bottom()
        self.is_following, self.missed = True, 0
        self.redraw()

    def search(self, needle: str, step: int = 0) -> tuple[int, int]:
        """Scroll to a match: step 0 goes to the last one, ±1 to the next or previous from the middle of the view."""
        self.needle = needle.lower()
        if not self.needle:
            self.redraw()
            return (0, 0)
        hits = [index for index in range(self.count()) if self.needle in self.text_at(index)]
        if not hits:
            self.redraw()
            return (0, 0)
        middle = self.top + self.body_height // 2
        if step > 0:
            place = next((hit for hit in hits if hit > middle), hits[0])
        elif step < 0:
            place = next((hit for hit in reversed(hits) if hit < middle), hits[-1])
        else:
            place = hits[-1]
        self.scroll_rows(place - self.body_height // 2 - self.top)
        return (hits.index(place) + 1, len(hits))

    def on_resize(self) -> None:
        """Stay at the end in the new size."""
        super().on_resize()
        if self.is_following:
            self.top = max(0, self.count() - self.body_height)


def gate_subject(probe: Probe, gate: GateRun, now: float, ascii_only: bool, *, is_live: bool, purpose: str) -> Pieces:
    """Return ``unit ✗ red 12s · left half``: a gate's result and its probe."""
    mark, word, tone = RESULTS.get(gate.result, ("dot", gate.result, "dim"))
    if gate.result == RUNNING and not is_live:
        mark, word, tone = "dot", "stopped", "dim"
    running = gate.result == RUNNING and is_live and gate.started_at
    time = elapsed(now - gate.started_at) if running else took(gate.secs) if gate.secs else ""
    detail = f" {cut(clean(gate.detail), 40)}" if gate.detail else ""
    out: list[Piece] = [
        (clean(gate.name) + " ", "bright"),
        (mark_of(mark, now, ascii_only) + " ", tone),
        (f"{word}{detail}", tone),
        (f" {time}" if time else "", "dim"),
        (f" {glyph('dot', ascii_only)} {purpose}", "dim"),
    ]
    return tuple(piece for piece in out if cells(piece[0]))
