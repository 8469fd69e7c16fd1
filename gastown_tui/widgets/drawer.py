"""The drawer: pages about the selection, one per tab.  It follows the selection and never takes the focus itself."""

from __future__ import annotations

from textual.message import Message

from gastown_tui.text import clip, fit, glyph, width_of
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from textual import events

    from gastown_tui.text import Piece, Pieces
    from gastown_tui.widgets.sheet import Line

TABS = {
    "agent": ("preview", "work", "why", "events", "cost", "said"),
    "convoy": ("landing", "why", "events", "cost"),
    "request": ("bead", "landing", "events", "cost"),
    "batch": ("batch", "events"),
    "event": ("record", "bead", "events"),
    "bead": ("bead", "landing", "events", "cost"),
    "group": ("agents", "events"),
    "incident": ("agents",),
    "": ("nothing selected",),
}
"""Kind of selection → its tabs."""
FIRST_KEY, TAB_KEYS = 4, 6
"""The key of the first tab, and the number of tabs with keys."""
SIDE = 52


class Drawer(Rows):
    """The panel at the bottom; ``kind`` is the selection's kind, ``tab`` the index of the open page.

    ``is_put_off``: the preferences have it open, but there was no room at the start.
    """

    class TabPressed(Message):
        """A tab was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__(id="drawer")
        self.has_cursor = False
        self.kind = ""
        self.subject: Pieces = ()
        self.tab = 0
        self.side: Sequence[Pieces] = ()
        self._page_key: tuple[Hashable, str, int] = (None, "", 0)
        self.is_open = False
        self.is_put_off = False

    @property
    def tabs(self) -> tuple[str, ...]:
        """The tabs for the selection."""
        return TABS[self.kind]

    @property
    def tab_name(self) -> str:
        """The name of the open tab."""
        return self.tabs[min(self.tab, len(self.tabs) - 1)]

    @property
    def page_width(self) -> int:
        """The width of a page's row in cells, without a side column."""
        return max(20, self.size.width - 4)

    @property
    def has_side_room(self) -> bool:
        """Whether the side column fits beside a page."""
        return self.size.width >= 120

    def show_page(
        self,
        key: Hashable,
        subject: Pieces,
        lines: Sequence[Pieces],
        side: Sequence[Pieces] = (),
        *,
        tail: bool = False,
    ) -> None:
        """Show a page; a different page starts at its top (``tail``: at its end)."""
        page = (key, self.kind, self.tab)
        is_new = page != self._page_key
        self._page_key = page
        self.subject, self.side = subject, side
        was_at_end = self.top + self.body_height >= len(self.rows)
        self.rows = [Row(None, line, False) for line in lines]
        limit = max(0, len(self.rows) - self.body_height)
        if tail:
            self.top = limit if is_new or was_at_end else min(self.top, limit)
        else:
            self.top = 0 if is_new else min(self.top, limit)
        self.redraw()

    @property
    def _tab_gap(self) -> int:
        """The blanks between tabs: five of them have little room on a narrow screen."""
        return 1 if self.size.width < 100 and len(self.tabs) > 4 else 2

    def title_pieces(self) -> Pieces:
        """The selection's name and state."""
        return self.subject

    def note_pieces(self) -> Pieces:
        """The tabs with their keys, the open one highlighted."""
        out: list[Piece] = []
        for number, name in enumerate(self.tabs):
            if number:
                out.append((" " * self._tab_gap, "text"))
            is_open = name == self.tab_name
            out.append((f"{FIRST_KEY + number} ", "key" if is_open else "dim"))
            out.append((name, "title" if is_open else "dim"))
        return tuple(out)

    def _body_line(self, index: int, width: int, bar: Piece, is_thumb: bool) -> Line:
        """Return the line uncached: with a side column it depends on more than its row."""
        pieces, ground = self._row_line(index, width - 4)
        return self._framed(pieces, ground, width, bar, is_thumb)

    def _row_line(self, index: int, inner: int) -> tuple[Pieces, str]:
        if not self._has_side():
            return super()._row_line(index, inner)
        pieces, ground = super()._row_line(index, inner - SIDE - 3)
        return self._beside(pieces, index - self.top, inner), ground

    def _has_side(self) -> bool:
        return bool(self.side) and self.has_side_room

    def _beside(self, pieces: Pieces, line: int, inner: int) -> Pieces:
        side = clip(self.side[line], SIDE) if line < len(self.side) else ()
        fill = inner - SIDE - 3 - width_of(pieces)
        bar = glyph("│", self.look.ascii_only)
        return (
            *pieces,
            (" " * fill + " ", "text"),
            (bar + " ", "border"),
            *side,
            (fit("", SIDE - width_of(side)), "text"),
        )

    def count(self) -> int:
        """The number of rows; with a side column at least the height of the drawer."""
        if self._has_side():
            return max(len(self.rows), self.body_height)
        return len(self.rows)

    def row_at(self, index: int) -> Row:
        """Return a row of the page; blank below its end."""
        return self.rows[index] if index < len(self.rows) else Row(None, (), False)

    def on_click(self, event: events.Click) -> None:
        """Open the clicked tab."""
        event.stop()
        if event.y != 0:
            return
        edge = self.size.width - 3
        spans = []
        for number in reversed(range(len(self.tabs))):
            start = edge - len(self.tabs[number]) - 2
            spans.append((start, edge, number))
            edge = start - self._tab_gap
        for start, end, number in spans:
            if start <= event.x < end:
                self.post_message(self.TabPressed(number))
