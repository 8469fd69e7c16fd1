"""A panel's frame: its edges, its number and title, and the notes at the right end of the top edge."""

from __future__ import annotations

from gastown_tui.text import clip, glyph, width_of
from gastown_tui.widgets.sheet import Sheet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_tui.text import Piece, Pieces


class Framed(Sheet):
    """A sheet with a frame; ``trouble`` and a fault are shown in place of the note, ``summary`` on a single line."""

    def __init__(self, *, id: str, number: str = "", title: str = "") -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self.number = number
        self.title_text = title
        self.note = ""
        self.note_tone = "dim"
        self.trouble = ""
        self.summary: Pieces = ()

    @property
    def is_lit(self) -> bool:
        """Whether the panel is drawn as focused."""
        return self.has_focus

    def note_pieces(self) -> Pieces:
        """The notes at the right end of the frame's top edge."""
        if self.fault or self.trouble:
            return ((self.fault or self.trouble, "error"),)
        return ((self.note, self.note_tone),) if self.note else ()

    def title_pieces(self) -> Pieces:
        """The number and name at the left end of the frame's top edge."""
        tone = "title" if self.is_lit else "text"
        number: tuple[Piece, ...] = ((f"{self.number} ", "accent" if self.is_lit else "dim"),) if self.number else ()
        return (*number, (self.title_text, tone))

    def frame_top(self, width: int, border: str) -> Pieces:
        """Return the top edge with title and notes; notes that do not fit are left out."""
        ascii_only = self.look.ascii_only
        line = glyph("─", ascii_only)
        left, right = glyph("╭", ascii_only), glyph("╮", ascii_only)
        title = clip(self.title_pieces(), width - 6)
        note = self.note_pieces()
        room = width - 6 - width_of(title)
        if (self.fault or self.trouble) and width_of(note) + 3 > room:
            note = clip(note, room - 3) if room > 14 else ()
        while note and (width_of(note) + 3 > room or not note[-1][0].strip()):
            note = note[:-1]
        if note:
            gap = room - width_of(note) - 2
            return (
                (left + line + " ", border), *title, (" " + line * gap + " ", border), *note, (" " + line + right, border),
            )  # fmt: skip
        return ((left + line + " ", border), *title, (" " + line * room + line + right, border))

    def frame_bottom(self, width: int, border: str) -> Pieces:
        """Return the bottom edge."""
        ascii_only = self.look.ascii_only
        line = glyph("─", ascii_only)
        return ((glyph("╰", ascii_only) + line * (width - 2) + glyph("╯", ascii_only), border),)

    def summary_line(self, width: int) -> Pieces:
        """Return title and summary on one line, or what is wrong in place of the summary."""
        wrong = self.fault or self.trouble
        note: Pieces = ((wrong, "error"),) if wrong else self.summary
        return clip(((" ", "text"), *self.title_pieces(), ("  ", "text"), *note), width)

    def on_focus(self) -> None:
        """Draw the frame as focused."""
        self.redraw()

    def on_blur(self) -> None:
        """Draw the frame as unfocused."""
        self.redraw()
