"""The base of all dialogs: a centred frame that Esc closes."""

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
    from gastown_tui.typed_ahead import TypedAhead
Answer = TypeVar("Answer")


def box(width: int, height: int, wanted: tuple[int, int]) -> Region:
    """Return the centred box, as large as wanted if the terminal has room."""
    room = (min(wanted[0], max(10, width - 2)), min(wanted[1], max(3, height - 2)))
    return Region((width - room[0]) // 2, (height - room[1]) // 2, *room)


class BoxLayout(Layout):
    """The page fills the box; a field lies on its last inner line."""

    name = "box"

    def __init__(self, dialog: Dialog[Any]) -> None:
        self.dialog = dialog

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> list[WidgetPlacement]:
        """Place the page and the field."""
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
    """The framed page of a dialog, always drawn as focused."""

    def __init__(self, title: str) -> None:
        super().__init__(id="page", title=title)
        self.has_cursor = False
        self.keys: Pieces = ()

    @property
    def is_lit(self) -> bool:
        """Always true: a dialog has the keys."""
        return True

    def ground_of(self, index: int, row: Row) -> str:
        """Show the cursor as focused, also before the focus comes, and while a field passes its moves on."""
        is_marked = self.has_cursor and row.key is not None and row.key == self.key and row.is_stop
        return "cursor" if is_marked else ""

    def note_pieces(self) -> Pieces:
        """The hints for the dialog's keys."""
        return self.keys

    def show_lines(self, lines: list[Pieces]) -> None:
        """Show plain lines."""
        self.show_rows([Row(None, line, False) for line in lines])


_MOVES = {
    "down": 1,
    "up": -1,
    "ctrl+n": 1,
    "ctrl+p": -1,
}


class Dialog(Bounded, ModalScreen[Answer], inherit_bindings=False):
    """A box with a page and optionally a field; Esc dismisses it with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("ctrl+c", "cancel", show=False),
        *(Binding(key, f"move({step})", show=False) for key, step in _MOVES.items()),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        # an Enter that was typed before the console had the terminal comes as Ctrl-J
        Binding("enter,ctrl+j", "enter", show=False),
    ]
    AUTO_FOCUS = ""
    takes_typed_ahead = True
    """Whether it takes what was typed before it stood; a question that must be seen first does not."""

    def __init__(self, page: Page, field: LineField | None = None) -> None:
        super().__init__()
        self.page = page
        self.field = field
        self._box = BoxLayout(self)
        self._is_filled = self._is_given_up = self.stands = False

    @property
    def layout(self) -> Layout:
        """The layout that centres the box."""
        return self._box

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """The size that the dialog wants in a terminal of this size."""
        return 72, 20

    @property
    def first(self) -> Rows | LineField:
        """What has the keys when the dialog opens: its field, else its page."""
        return self.field or self.page

    def compose(self) -> ComposeResult:
        """Yield the page, then the field above it."""
        yield self.page
        if self.field is not None:
            yield self.field

    def on_mount(self) -> None:
        """Give the keys to what has them first, and fill the page."""
        self.first.focus()
        self.fill()
        self._is_filled = True
        self._typed().mounted(self)

    def _typed(self) -> TypedAhead:
        typed: TypedAhead = self.app.typed  # type: ignore[attr-defined]
        return typed

    def faulted(self, error: Exception) -> None:
        """Close a dialog that fails before it is filled; keep one in use open, with its input."""
        super().faulted(error)
        if not self._is_filled and not self._is_given_up:
            self._is_given_up = True
            self.call_later(self._give_up)

    def _give_up(self) -> None:
        self.dismiss(None)
        self._typed().go_on()

    def fill(self) -> None:
        """Give the page its rows."""

    def action_cancel(self) -> None:
        """Close the dialog without an answer."""
        self.dismiss(None)

    def action_move(self, step: int) -> None:
        """Move the cursor of the page."""
        self.page.move(step)

    def action_page(self, direction: int) -> None:
        """Scroll by a page."""
        self.page.page(float(direction))

    def action_enter(self) -> None:
        """Accept."""

    def on_rows_row_opened(self, event: Rows.RowOpened) -> None:
        """Accept on a double click."""
        event.stop()
        self.action_enter()
