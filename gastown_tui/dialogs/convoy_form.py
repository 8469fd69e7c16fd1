"""Choosing the beads of a new convoy: several of a list, marked with Tab."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_tui.dialogs.picker import Entry, Picker
from gastown_tui.text import glyph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gastown_tui.widgets.line_field import LineField


class BeadsPicker(Picker[tuple[str, ...]]):
    """The list of beads; Tab marks one, Enter returns the marked ones, or the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "mark", show=False)]

    def __init__(self, entries: Sequence[Entry], marked: Iterable[str]) -> None:
        super().__init__(
            "New convoy of which beads?",
            entries,
            verb="go on",
            empty="Every bead that is ready has a convoy." if not entries else "no match",
        )
        self.page.keys = (("Tab", "key"), (" mark  ", "dim"), *self.page.keys)
        known = [str(entry.key) for entry in entries]
        self.marked = [bead for bead in marked if bead in known]

    def entries_for(self, needle: str) -> list[Entry]:
        """Return the matching entries, each with its mark."""
        ascii_only = self.page.look.ascii_only
        on, off = glyph("mark", ascii_only), " "
        return [
            entry._replace(pieces=((f"{on if entry.key in self.marked else off} ", "accent"), *entry.pieces))
            for entry in super().entries_for(needle)
        ]

    def action_mark(self) -> None:
        """Mark or unmark the bead under the cursor, and go on to the next."""
        bead = self.page.key
        if not isinstance(bead, str):
            return
        if bead in self.marked:
            self.marked.remove(bead)
        else:
            self.marked.append(bead)
        self._refill()
        self.page.move(1)

    def _refill(self) -> None:
        key = self.page.key
        self.fill()
        self.page.select(key)
        if self.field is not None:
            self.field.say(f"{len(self.marked)} marked" if self.marked else "")

    def on_line_field_changed(self, event: LineField.Changed) -> None:
        """Narrow the list; what is marked stays marked."""
        super().on_line_field_changed(event)
        if self.field is not None:
            self.field.say(f"{len(self.marked)} marked" if self.marked else "")

    def action_enter(self) -> None:
        """Return the marked beads, else the one under the cursor."""
        if self.marked:
            self.dismiss(tuple(self.marked))
        elif isinstance(self.page.key, str):
            self.dismiss((self.page.key,))
        elif self.field is not None:
            self.field.say("nothing to select", "warn")
