"""Framed rows with a cursor: the base of all panels, the drawer and the dialogs.

The selection is the *key* of a row, not its number: it stays with its agent or convoy when rows move.  A key is a value
(a Selection, or what a picker returns), None for a row that stands for nothing.  The cursor skips rows that are no
stop, such as headings; several rows may share a key (an entry of two lines).  The frame has the title, notes and a
scroll mark; a panel one line high shows its summary.
"""

from __future__ import annotations

from textual.message import Message

from gastown_core.model.record import Record
from gastown_tui.selection import CONVOY, GROUP, SECTION, Selection
from gastown_tui.text import clip, glyph, highlight, width_of
from gastown_tui.widgets.frame import Framed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from textual import events

    from gastown_tui.text import Piece, Pieces
    from gastown_tui.widgets.sheet import Line


class Row(Record):
    """One line: its key, its pieces (or a function that makes them), and whether the cursor stops on it."""

    key: Hashable
    pieces: Pieces | Callable[[], Pieces]
    is_stop: bool = True


WHEEL_ROWS = 3
FOLD_MARK = 3
"""The last column of the mark of a row that folds."""
FOLDS = (GROUP, SECTION, CONVOY)


def pieces_of(row: Row) -> Pieces:
    """Return the pieces of a row, making them if needed: rows out of view cost nothing."""
    pieces = row.pieces
    return pieces() if callable(pieces) else pieces


class Rows(Framed):
    """A framed list of rows; subclasses call ``show_rows`` (or override ``count`` and ``row_at``)."""

    can_focus = True

    class SelectionMoved(Message):
        """The cursor of a panel is on another row now, for whatever reason."""

        def __init__(self, panel: Rows) -> None:
            super().__init__()
            self.panel = panel

        def can_replace(self, message: Message) -> bool:
            """Replace an earlier message of the same panel."""
            return isinstance(message, Rows.SelectionMoved) and message.panel is self.panel

    class RowOpened(Message):
        """A row was opened by a double click."""

        def __init__(self, panel: Rows) -> None:
            super().__init__()
            self.panel = panel

    class FoldPressed(Message):
        """The mark of a row that folds was clicked."""

        def __init__(self, panel: Rows) -> None:
            super().__init__()
            self.panel = panel

    def __init__(self, *, id: str, number: str = "", title: str = "") -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id, number=number, title=title)
        self.rows: Sequence[Row] = ()
        self.cursor = -1
        self.top = 0
        self.key: Hashable = None
        self.needle = ""
        self.has_cursor = True
        self.empty_text = ""
        self._made: dict[Hashable, tuple[object, Pieces]] = {}
        self._made_for = 0
        self._framed_lines: dict[int, tuple[Pieces, tuple[object, ...], Line]] = {}

    # content

    def keep_made(self, key: Hashable, state: object, make: Callable[[], Pieces]) -> Pieces:
        """Return the pieces made earlier for the same ``state``, else make them: only changed rows are made again."""
        known = self._made.get(key)
        if known is not None and known[0] == state:
            return known[1]
        if len(self._made) > 4000:
            self._made.clear()
        pieces = make()
        self._made[key] = (state, pieces)
        return pieces

    def count(self) -> int:
        """The number of rows."""
        return len(self.rows)

    def row_at(self, index: int) -> Row:
        """Return the row at an index; called only for visible rows, moves and searches."""
        return self.rows[index]

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Take new rows; the cursor follows its key, or stays near its old place if the key is gone."""
        before = self.key
        self.rows = rows
        self._made_for = self.size.width
        place = self.find_key(self.key) if self.key is not None else -1
        if place < 0:
            place = self._near_stop(max(0, self.cursor))
        self.cursor = place
        self.key = rows[place].key if place >= 0 else None
        self._keep_in_view()
        self.redraw()
        if self.key != before:
            self.post_message(self.SelectionMoved(self))

    def find_key(self, key: Hashable) -> int:
        """Return the index of the first stop with a key, -1 if there is none."""
        for index in range(self.count()):
            row = self.row_at(index)
            if row.is_stop and row.key == key:
                return index
        return -1

    def _near_stop(self, index: int) -> int:
        total = self.count()
        if not total:
            return -1
        index = min(index, total - 1)
        for step in (1, -1):
            at = index
            while 0 <= at < total:
                if self.row_at(at).is_stop:
                    return at
                at += step
        return -1

    @property
    def selection(self) -> Selection | None:
        """The selection of the current row, None if its key is not a Selection."""
        return self.key if isinstance(self.key, Selection) else None

    # moving

    def select(self, key: Hashable) -> bool:
        """Put the cursor on a key; return False if it has no row."""
        place = self.find_key(key)
        if place < 0:
            return False
        self._go(place)
        return True

    def _go(self, index: int) -> None:
        if index < 0 or not self.has_cursor:
            return
        moved = self.row_at(index).key != self.key
        self.cursor = index
        self.key = self.row_at(index).key
        self._keep_in_view()
        self.redraw()
        if moved:
            self.post_message(self.SelectionMoved(self))

    def move(self, step: int) -> None:
        """Move the cursor by ``step`` stops; without a cursor, scroll."""
        if not self.has_cursor:
            self.scroll_rows(step)
            return
        at, left = self.cursor, abs(step)
        direction = 1 if step > 0 else -1
        best = at
        probe = at + direction
        while 0 <= probe < self.count() and left:
            row = self.row_at(probe)
            if row.is_stop:
                best = probe
                left -= 1
            probe += direction
        if best == at:
            # bring headings before the first stop, or rows after the last one, into view
            self.scroll_rows(direction)
            return
        self._go(best)

    def page(self, fraction: float) -> None:
        """Move by a fraction of the page, negative upwards."""
        step = max(1, int(abs(fraction) * max(1, self.body_height - 1)))
        self.move(step if fraction > 0 else -step)

    def go_top(self) -> None:
        """Go to the first row."""
        self.top = 0
        if self.has_cursor:
            self._go(self._near_stop(0))
        self.redraw()

    def go_bottom(self) -> None:
        """Go to the last row."""
        if self.has_cursor:
            self._go(self._near_stop(self.count() - 1))
        self.top = max(0, self.count() - self.body_height)
        self.redraw()

    def scroll_rows(self, step: int) -> None:
        """Scroll the view without moving the cursor."""
        limit = max(0, self.count() - self.body_height)
        top = min(max(0, self.top + step), limit)
        if top != self.top:
            self.top = top
            self.redraw()

    def _keep_in_view(self) -> None:
        height = self.body_height
        if height <= 0:
            return
        if self.has_cursor and self.cursor >= 0:
            first, last = self.cursor, self.cursor
            while (
                last + 1 < self.count()
                and last - first < 2
                and self.row_at(last + 1).key == self.key
                and not self.row_at(last + 1).is_stop
            ):
                last += 1
            if last >= self.top + height:
                self.top = last - height + 1
            if first < self.top:
                self.top = first
            if self.top == 1 and not self.row_at(0).is_stop and first < height - 1:
                self.top = 0
        self.top = max(0, min(self.top, max(0, self.count() - height)))

    # search

    def text_at(self, index: int) -> str:
        """Return the text of a row that the search looks at, in lower case."""
        return "".join(text for text, _ in pieces_of(self.row_at(index))).lower()

    def search(self, needle: str, step: int = 0) -> tuple[int, int]:
        """Highlight ``needle``; step 0 goes to the first match from the cursor on, ±1 to the next or previous one.

        Returns (number of the match under the cursor, number of matches).
        """
        self.needle = needle.lower()
        if not self.needle:
            self.redraw()
            return (0, 0)
        hits = [i for i in range(self.count()) if self.row_at(i).is_stop and self.needle in self.text_at(i)]
        if not hits:
            self.redraw()
            return (0, 0)
        here = self.cursor
        if step > 0:
            place = next((i for i in hits if i > here), hits[0])
        elif step < 0:
            place = next((i for i in reversed(hits) if i < here), hits[-1])
        else:
            place = next((i for i in hits if i >= here), hits[0])
        self._go(place)
        self.redraw()
        return (hits.index(place) + 1, len(hits))

    # drawing

    @property
    def body_height(self) -> int:
        """The number of rows inside the frame."""
        return max(0, self.size.height - 2)

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Draw frame and rows, or the summary on one line."""
        if height == 1:
            return [(self.summary_line(width), "")]
        if height < 3 or width < 8:
            return []
        if self._made_for != width:
            self._made_for = width
            self.remake()
        self._settle(height - 2)
        look = self.look
        border = "border_on" if self.is_lit else "border"
        bar = (glyph("│", look.ascii_only), border)
        total, body = self.count(), height - 2
        thumb = _thumb(self.top, body, total)
        lines: list[Line] = [(self.frame_top(width, border), "")]
        inner = width - 4
        empty = self._empty_lines(inner) if not total else []
        for y in range(body):
            index = self.top + y
            is_thumb = thumb is not None and thumb[0] <= y < thumb[1]
            if index < total:
                lines.append(self._body_line(index, width, bar, is_thumb))
            else:
                lines.append(self._framed(empty[y] if y < len(empty) else (), "", width, bar, is_thumb))
        lines.append((self.frame_bottom(width, border), ""))
        return lines

    def remake(self) -> None:
        """Make the rows again for a new width, without drawing; for subclasses whose rows depend on the width."""

    def _settle(self, body: int) -> None:
        """Scroll back if the view grew: no blank rows at the end while rows are hidden above."""
        self.top = max(0, min(self.top, max(0, self.count() - body)))

    def _body_line(self, index: int, width: int, bar: Piece, is_thumb: bool) -> Line:
        """Return a row in its frame; cached while its pieces, place and look are the same."""
        row = self.row_at(index)
        pieces = pieces_of(row)
        state = (self.ground_of(index, row), width, bar, is_thumb, self.needle, self.look.key)
        known = self._framed_lines.get(id(pieces))
        if known is not None and known[0] is pieces and known[1] == state:
            return known[2]
        if len(self._framed_lines) > 1000:
            self._framed_lines.clear()
        shown, ground = self._row_line(index, width - 4)
        line = self._framed(shown, ground, width, bar, is_thumb)
        self._framed_lines[id(pieces)] = (pieces, state, line)
        return line

    def _row_line(self, index: int, inner: int) -> tuple[Pieces, str]:
        """Return a row's pieces, cut and highlighted, and its background."""
        row = self.row_at(index)
        pieces = clip(pieces_of(row), inner)
        if self.needle:
            pieces = highlight(pieces, self.needle)
        return pieces, self.ground_of(index, row)

    def ground_of(self, index: int, row: Row) -> str:
        """Return a row's background: the cursor's, or plain."""
        if self.has_cursor and self.cursor >= 0 and row.key == self.key and row.key is not None:
            return "cursor" if self.has_focus else "resting"
        return ""

    def _framed(self, pieces: Pieces, ground: str, width: int, bar: Piece, is_thumb: bool) -> Line:
        inner = width - 4
        fill = inner - width_of(pieces)
        right: Piece = (glyph("thumb", self.look.ascii_only), "accent" if self.is_lit else "dim") if is_thumb else bar
        if not ground:
            return ((bar, (" ", "text"), *pieces, (" " * (fill + 1), "text"), right), "")
        look = self.look
        styled = [(text, look.style(tone, ground)) for text, tone in (*pieces, (" " * (fill + 1), "text"))]
        edge = look.style("accent" if ground == "cursor" else "dim", ground)
        head = (
            (glyph("cursor", look.ascii_only), edge)
            if ground in ("cursor", "resting")
            else (" ", look.style("text", ground))
        )
        return ((bar, head, *styled, right), "")

    def _empty_lines(self, inner: int) -> list[Pieces]:
        from gastown_tui.text import wrap

        return [((line, "dim"),) for line in wrap(self.empty_text, inner)] if self.empty_text else []

    # mouse

    def index_at(self, y: int) -> int:
        """Return the row index at a line of the widget, -1 for none."""
        index = self.top + y - 1
        return index if 0 < y < self.size.height - 1 and index < self.count() else -1

    def on_click(self, event: events.Click) -> None:
        """Select the clicked row; a click on its mark folds it, a double click opens it."""
        event.stop()
        index = self.index_at(event.y)
        if index < 0 or not self.has_cursor:
            return
        row = self.row_at(index)
        if row.key is not None and row.key == self.key and event.chain > 1:
            self.post_message(self.RowOpened(self))
        elif row.is_stop or row.key is not None:
            place = index if row.is_stop else self.find_key(row.key)
            self._go(place)
            is_mark = event.x <= FOLD_MARK and isinstance(row.key, Selection) and row.key.kind in FOLDS
            if is_mark and event.chain == 1:
                self.post_message(self.FoldPressed(self))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down by three rows."""
        event.stop()
        self.scroll_rows(WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up by three rows."""
        event.stop()
        self.scroll_rows(-WHEEL_ROWS)

    def on_resize(self) -> None:
        """Keep the cursor in view in the new size."""
        self._keep_in_view()
        self.redraw()


def _thumb(top: int, body: int, total: int) -> tuple[int, int] | None:
    """Return the scroll mark: its first line and one past its last; None if everything is visible."""
    if total <= body or body < 3:
        return None
    size = max(1, body * body // total)
    room = body - size
    start = round(room * top / max(1, total - body))
    return start, start + size
