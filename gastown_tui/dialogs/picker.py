"""Picking one of many by typing a part of it: the palette, beads and targets of a sling, filters, all of them."""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_tui.dialogs.dialog import Answer, Dialog, Page
from gastown_tui.text import clip, width_of
from gastown_tui.widgets.line_field import LineField
from gastown_tui.widgets.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from gastown_tui.text import Piece, Pieces
    from gastown_tui.widgets.sheet import Line


class Entry(Record):
    """One choice: its key, how it is shown, the text it is found by, and the section it stands in."""

    key: Hashable
    pieces: Pieces
    text: str
    section: str = ""


def rank(text: str, needle: str) -> int:
    """How well a text fits what was typed: 0 the best, -1 not at all. Every typed word must be in it."""
    text = text.lower()
    words = needle.lower().split()
    if not words:
        return 0
    worst = 0
    for word in words:
        at = text.find(word)
        if at < 0:
            return -1
        at_start = at == 0 or not text[at - 1].isalnum()
        worst = max(worst, 0 if at == 0 else 1 if at_start else 2)
    return worst


def found(entries: Sequence[Entry], needle: str) -> list[Entry]:
    """The entries that fit, the best first, else in their own order."""
    ranked = [(rank(entry.text, needle), number, entry) for number, entry in enumerate(entries)]
    return [entry for score, _, entry in sorted(ranked, key=lambda row: row[:2]) if score >= 0]


class PickerPage(Page):
    """The list of a picker: with a cursor, and a rule above the line of the field."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.has_cursor = True

    @property
    def body_height(self) -> int:
        """The last two lines inside belong to the field."""
        return max(0, self.size.height - 4)

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """As a panel, with room for the field at the bottom."""
        lines = list(super().draw(width, height - 2))
        if len(lines) < 2:
            return lines
        edge = lines.pop()
        left, rule, right = "├", "─", "┤"
        bar = (("│", "border_on"), (" " * (width - 2), "text"), ("│", "border_on"))
        return [*lines, (((left + rule * (width - 2) + right, "border_on"),), ""), (bar, ""), edge]

    def ground_of(self, index: int, row: Row) -> str:
        """The cursor is always live: the keys of the field move it."""
        return "cursor" if row.key is not None and row.key == self.key and row.is_stop else ""


class Picker(Dialog[Answer]):
    """A list and a line to narrow it; Enter gives the key of the row, Esc None."""

    def __init__(
        self, title: str, entries: Sequence[Entry], *, hint: str = "type to narrow", verb: str = "take", empty: str = ""
    ) -> None:
        page = PickerPage(title)
        page.keys = (("Enter", "key"), (f" {verb}  ", "dim"), ("Esc", "key"), (" back", "dim"))
        page.empty_text = empty or "nothing fits"
        super().__init__(page, LineField(id="narrow", prompt="> ", hint=hint))
        self.entries = list(entries)

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """Wide enough for its rows, not higher than they need."""
        widest = max([width_of(entry.pieces) for entry in self.entries] or [0])
        sections = len({entry.section for entry in self.entries if entry.section})
        return max(50, min(110, widest + 6)), min(len(self.entries) + sections + 5, 30, max(10, height - 4))

    def fill(self) -> None:
        """The rows that fit what was typed, under their sections while nothing is typed."""
        needle = self.field.value if self.field is not None else ""
        rows: list[Row] = []
        section = ""
        for entry in found(self.entries, needle):
            if not needle and entry.section and entry.section != section:
                section = entry.section
                rows.append(Row(None, ((section, "dim"),), False))
            indent: tuple[Piece, ...] = (("  ", "text"),) if section else ()
            rows.append(Row(entry.key, clip((*indent, *entry.pieces), 120)))
        if needle:
            self.page.key = rows[0].key if rows else None
        self.page.needle = needle.strip().lower()
        self.page.show_rows(rows)

    def on_line_field_changed(self, event: LineField.Changed) -> None:
        """Narrow."""
        event.stop()
        self.fill()

    def action_enter(self) -> None:
        """Take the row of the cursor."""
        if self.page.key is not None and self.page.cursor >= 0:
            self.dismiss(self.page.key)  # type: ignore[arg-type]
        elif self.field is not None:
            self.field.say("nothing to take", "warn")
