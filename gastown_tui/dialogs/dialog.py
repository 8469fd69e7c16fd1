"""The base of everything that comes in front of the town: a framed box in the middle, Esc to go back."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.geometry import NULL_OFFSET, Region, Size, Spacing
from textual.layout import Layout, WidgetPlacement
from textual.screen import ModalScreen

from gastown_tui.boundary import Bounded
from gastown_tui.widgets.line_field import LineField
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from gastown_tui.text import Pieces
Answer = TypeVar("Answer")


def box(width: int, height: int, wanted: tuple[int, int]) -> Region:
    """The box in the middle of the terminal, as large as wanted or as there is room for."""
    room = (min(wanted[0], max(10, width - 2)), min(wanted[1], max(3, height - 2)))
    return Region((width - room[0]) // 2, (height - room[1]) // 2, *room)


class BoxLayout(Layout):
    """The frame fills the box; the field, if there is one, stands inside on its last line."""

    name = "box"

    def __init__(self, dialog: Dialog[Any]) -> None:
        self.dialog = dialog

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> list[WidgetPlacement]:
        """Frame and field."""
        region = box(size.width, size.height, self.dialog.wanted(size.width, size.height))
        none = Spacing()
        placements = []
        for child in children:
            if isinstance(child, LineField):
                inside = Region(region.x + 2, region.bottom - 2, region.width - 4, 1)
                placements.append(WidgetPlacement(inside, NULL_OFFSET, none, child, 1))
            else:
                placements.append(WidgetPlacement(region, NULL_OFFSET, none, child, 0))
        return placements


class Page(Rows):
    """The frame of a dialog: always drawn as the focused one."""

    def __init__(self, title: str) -> None:
        super().__init__(id="page", title=title)
        self.has_cursor = False
        self.keys: Pieces = ()

    @property
    def is_lit(self) -> bool:
        """A dialog has the keys."""
        return True

    def note_pieces(self) -> Pieces:
        """What the keys do here."""
        return self.keys

    def show_lines(self, lines: list[Pieces]) -> None:
        """Plain lines."""
        self.show_rows([Row(None, line, False) for line in lines])


_MOVES = {
    "down": 1,
    "up": -1,
    "ctrl+n": 1,
    "ctrl+p": -1,
}


class Dialog(Bounded, ModalScreen[Answer], inherit_bindings=False):
    """A box with a page and perhaps a field; ``dismiss(None)`` on Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("ctrl+c", "cancel", show=False),
        *(Binding(key, f"move({step})", show=False) for key, step in _MOVES.items()),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("enter", "enter", show=False),
    ]
    AUTO_FOCUS = ""

    def __init__(self, page: Page, field: LineField | None = None) -> None:
        super().__init__()
        self.page = page
        self.field = field
        self._box = BoxLayout(self)
        self._is_filled = self._is_given_up = False

    @property
    def layout(self) -> Layout:
        """The console's own layout."""
        return self._box

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """The size that the dialog would like, in a terminal of this size."""
        return 72, 20

    def compose(self) -> ComposeResult:
        """The frame, then the field over its last line."""
        yield self.page
        if self.field is not None:
            yield self.field

    def on_mount(self) -> None:
        """The field or the page gets the keys."""
        (self.field or self.page).focus()
        self.fill()
        self._is_filled = True

    def faulted(self, error: Exception) -> None:
        """A box that cannot even be filled goes away again; one that is in use stays, with what was typed."""
        super().faulted(error)
        if not self._is_filled and not self._is_given_up:
            self._is_given_up = True
            self.call_later(self._give_up)

    def _give_up(self) -> None:
        self.dismiss(None)

    def fill(self) -> None:
        """Give the page its rows."""

    def action_cancel(self) -> None:
        """One step back."""
        self.dismiss(None)

    def action_move(self, step: int) -> None:
        """Move the cursor of the page."""
        self.page.move(step)

    def action_page(self, direction: int) -> None:
        """A page up or down."""
        self.page.page(float(direction))

    def action_enter(self) -> None:
        """Accept."""

    def on_rows_row_opened(self, event: Rows.RowOpened) -> None:
        """A double click accepts."""
        event.stop()
        self.action_enter()
