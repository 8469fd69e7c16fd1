"""What the parts of the console tell each other: facts, in the past tense."""

from __future__ import annotations

from textual.message import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from textual.widget import Widget


class SelectionMoved(Message):
    """The cursor of a panel stands on another row now, by whatever cause."""

    def __init__(self, panel: Widget) -> None:
        super().__init__()
        self.panel = panel

    def can_replace(self, message: Message) -> bool:
        """Only the newest of one panel counts."""
        return isinstance(message, SelectionMoved) and message.panel is self.panel


class RowOpened(Message):
    """A row was opened: double click, or a click on the row under the cursor."""

    def __init__(self, panel: Widget) -> None:
        super().__init__()
        self.panel = panel


class FieldChanged(Message):
    """The text of an input line changed."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self.value = value


class SearchEnded(Message):
    """A search through long history came to its end."""

    def __init__(self, *, is_found: bool) -> None:
        super().__init__()
        self.is_found = is_found


class TabPressed(Message):
    """A tab of the drawer was clicked."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index
