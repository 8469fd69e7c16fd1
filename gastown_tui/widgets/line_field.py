"""A one-line text field: the search line, prompts, the filter line of pickers."""

from __future__ import annotations

from textual.message import Message

from gastown_tui.text import cells, clean, cut
from gastown_tui.widgets.sheet import Sheet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from gastown_tui.text import Piece
    from gastown_tui.widgets.sheet import Line

LONGEST = 2000


def edited(value: str, at: int, key: str) -> tuple[str, int] | None:
    """Return (text, caret) after an editing key, None if the key does not edit."""
    if key in ("left", "ctrl+b"):
        return value, max(0, at - 1)
    if key in ("right", "ctrl+f"):
        return value, min(len(value), at + 1)
    if key in ("home", "ctrl+a"):
        return value, 0
    if key in ("end", "ctrl+e"):
        return value, len(value)
    if key == "backspace":
        return value[: max(0, at - 1)] + value[at:], max(0, at - 1)
    if key in ("delete", "ctrl+d"):
        return value[:at] + value[at + 1 :], at
    if key == "ctrl+u":
        return value[at:], 0
    if key == "ctrl+k":
        return value[:at], at
    if key in ("ctrl+w", "ctrl+backspace"):
        head = value[:at].rstrip()
        head = head[: head.rfind(" ") + 1]
        return head + value[at:], len(head)
    return None


class LineField(Sheet):
    """The field; its caret does not blink. Keys that do not edit go on to the screen."""

    can_focus = True

    class Changed(Message):
        """The text changed."""

        def __init__(self, value: str) -> None:
            super().__init__()
            self.value = value

    def __init__(
        self,
        *,
        id: str,  # noqa: A002
        prompt: str = "",
        value: str = "",
        hint: str = "",
        passes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(id=id)
        self.prompt = prompt
        self.value = value
        self.caret = len(value)
        self.hint = hint
        self.passes = passes
        """Editing keys that its dialog takes instead."""
        self.note: tuple[Piece, ...] = ()
        self.is_untouched = bool(value)

    def set(self, value: str) -> None:
        """Set the text, the caret at its end."""
        self.value, self.caret = value, len(value)
        self.redraw()

    def say(self, note: str, tone: str = "dim") -> None:
        """Show a remark at the right end."""
        self.note = ((note, tone),) if note else ()
        self.redraw()

    def type(self, text: str) -> None:
        """Insert a text at the caret, cleaned to one line; it replaces an offered text not yet edited."""
        text = clean(text)
        if self.is_untouched:
            self.value, self.caret = "", 0
        self.is_untouched = False
        self.value = (self.value[: self.caret] + text + self.value[self.caret :])[:LONGEST]
        self.caret = min(len(self.value), self.caret + len(text))
        self._changed()

    def _changed(self) -> None:
        self.redraw()
        self.post_message(self.Changed(self.value))

    def on_focus(self) -> None:
        """Show the caret."""
        self.redraw()

    def on_blur(self) -> None:
        """Hide the caret."""
        self.redraw()

    def on_key(self, event: events.Key) -> None:
        """Edit; pass other keys on."""
        after = None if event.key in self.passes else edited(self.value, self.caret, event.key)
        if after is not None:
            event.stop()
            self.is_untouched = False
            moved = after[0] != self.value
            self.value, self.caret = after
            if moved:
                self._changed()
            else:
                self.redraw()
        elif event.is_printable and event.character:
            event.stop()
            self.type(event.character)

    def on_paste(self, event: events.Paste) -> None:
        """Insert pasted text as one line."""
        event.stop()
        self.type(event.text)

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Draw prompt, text with caret, and remark."""
        note_width = sum(cells(text) for text, _ in self.note)
        room = width - cells(self.prompt) - note_width - 3
        head, tail = self.value[: self.caret], self.value[self.caret :]
        while cells(head) > room - 1 and head:
            head = head[1:]
        under = tail[:1] or " "
        rest = cut(tail[1:], max(0, room - cells(head) - cells(under)))
        tone = "dim" if self.is_untouched else "bright"
        pieces: list[Piece] = [(self.prompt, "key"), (head, tone)]
        if self.has_focus:
            pieces.append((under, "badge"))
        else:
            pieces.append((under, tone))
        pieces.append((rest, tone))
        if not self.value and self.hint:
            pieces.append((cut(self.hint, max(0, room - 2)), "faint"))
        used = sum(cells(text) for text, _ in pieces)
        pieces.append((" " * max(1, width - used - note_width - 1), "text"))
        pieces += [*self.note, (" ", "text")]
        return [(tuple(pieces), "bar")]
