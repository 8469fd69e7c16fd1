"""Confirmation before an action that can lose something: it shows what would be lost; the default is cancel."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_tui.dialogs.dialog import Dialog, Page
from gastown_tui.text import cells, wrap
from gastown_tui.widgets.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_tui.text import Pieces


class Confirm(Dialog[bool]):
    """A question about ``subject``; Enter takes the highlighted answer, at first *cancel*."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n", "answer(False)", show=False),
        Binding("q", "answer(False)", show=False),
        *(Binding(key, "other", show=False) for key in ("left", "right", "tab", "shift+tab", "h", "l")),
    ]

    takes_typed_ahead = False

    def __init__(self, title: str, subject: str, lines: list[Pieces], yes: str) -> None:
        page = Page(title)
        page.keys = (("y", "key"), (" yes  ", "dim"), ("Esc", "key"), (" cancel", "dim"))
        super().__init__(page)
        self.subject = subject
        self.lines = lines
        self.yes = yes
        self.is_yes = False

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """As high as the text."""
        return 66, len(self._words(min(60, width - 8))) + 3

    def _words(self, width: int) -> list[Pieces]:
        out: list[Pieces] = [((self.subject, "heading"),)]
        for line in self.lines:
            if len(line) == 1 and isinstance(line[0][1], str):
                out += [((part, line[0][1]),) for part in wrap(line[0][0], max(10, width))]
            else:
                out.append(line)
        return [*out, ()]

    def fill(self) -> None:
        """Show the text and the two answers."""
        width = min(60, self.app.size.width - 8)
        cancel, yes = " Cancel ", f" {self.yes} "
        chosen, other = "badge", "dim"
        answers: Pieces = (
            (" " * max(0, width - cells(cancel) - cells(yes) - 2), "text"),
            (cancel, other if self.is_yes else chosen),
            ("  ", "text"),
            (yes, chosen if self.is_yes else other),
        )
        self.page.show_rows([Row(None, line, False) for line in [*self._words(width), answers]])

    def action_other(self) -> None:
        """Highlight the other answer."""
        self.is_yes = not self.is_yes
        self.fill()

    def action_answer(self, value: bool) -> None:
        """Answer at once."""
        self.dismiss(value)

    def action_enter(self) -> None:
        """Take the highlighted answer."""
        self.dismiss(self.is_yes)
