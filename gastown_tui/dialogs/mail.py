"""Mail: the list of an inbox, and the reading pane of a message or its thread."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_core.clock import format_age
from gastown_tui.dialogs.dialog import Dialog, Page
from gastown_tui.dialogs.picker import Entry, Picker
from gastown_tui.text import clean, clean_lines, fit, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.orders.mail_room import Message
    from gastown_tui.text import Pieces

REPLY, ARCHIVE, THREAD, BACK = "reply", "archive", "thread", "back"
HIGH = 1
SENDER_CELLS = 18


def _age(message: Message, now: float) -> str:
    return format_age(max(0.0, now - message.at)) if 0 < message.at <= now else "-"


def inbox_picker(messages: Sequence[Message], reader: str, now: float, *, ascii_only: bool) -> Picker[str]:
    """Return the list of an inbox; it returns the id of the message to read."""
    entries = []
    for message in messages:
        unread = not message.is_read(reader)
        mark = ("*" if ascii_only else "●") if unread else " "
        pressing = "! " if message.priority <= HIGH else ""
        pieces: Pieces = (
            (f"{mark} ", "info"),
            (fit(_age(message, now), 5) + " ", "dim"),
            (fit(clean(message.sender), SENDER_CELLS) + " ", "text"),
            (clean(pressing + message.subject), "bright" if unread else "text"),
        )
        entries.append(Entry(message.id, pieces, clean(f"{message.sender} {message.subject}")))
    unread_count = sum(not message.is_read(reader) for message in messages)
    title = f"Mail of {clean(reader)}: {unread_count} unread"
    return Picker(title, entries, verb="read", empty="no mail")


class MessagePane(Dialog[str]):
    """A message, or a thread with the oldest first; its answer is what to do with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "choose('reply')", show=False),
        Binding("e", "choose('archive')", show=False),
        Binding("t", "choose('thread')", show=False),
        Binding("q", "choose('back')", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(self, messages: Sequence[Message], now: float) -> None:
        page = Page("Message" if len(messages) == 1 else f"Thread of {len(messages)} messages")
        keys = (("r", "reply"), ("e", "archive"), ("t", "thread"), ("q", "list"), ("Esc", "close"))
        pieces = [piece for key, does in keys for piece in ((key, "key"), (f" {does}  ", "dim"))]
        page.keys = (*pieces[:-1], (" close", "dim"))
        super().__init__(page)
        self.messages = messages
        self.now = now

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """As wide as reads well, and as high as the text."""
        columns = min(100, width - 2)
        return columns, max(8, len(self._lines(columns - 4)) + 2)

    def _lines(self, width: int) -> list[Pieces]:
        lines: list[Pieces] = []
        for number, message in enumerate(self.messages):
            if number:
                lines.append((("─" * width if not self.page.look.ascii_only else "-" * width, "dim"),))
            lines += [((part, "title"),) for part in wrap(clean(message.subject), width)]
            lines.append(
                (("from ", "dim"), (clean(message.sender), "text"), (" to ", "dim"), (clean(message.to), "text"))
            )
            lines.append(((f"{message.id}  {_age(message, self.now)} ago  {clean(message.type)}", "dim"),))
            lines.append(())
            for line in clean_lines(message.body):
                lines += [((part, "text"),) for part in wrap(line, width)] if line.strip() else [()]
        return lines

    def fill(self) -> None:
        """Show the text."""
        width = self.wanted(*self.app.size)[0]
        self.page.show_lines(self._lines(width - 4))

    def action_choose(self, what: str) -> None:
        """Return what to do."""
        self.dismiss(what)
