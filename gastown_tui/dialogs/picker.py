"""Picking one of many by typing part of it: the base of the palette, sling and filter lists."""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_tui.dialogs.dialog import Answer, Dialog, Page
from gastown_tui.text import cells, clip, width_of
from gastown_tui.widgets.line_field import LineField
from gastown_tui.widgets.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from gastown_tui.text import Piece, Pieces
    from gastown_tui.widgets.sheet import Line


class Entry(Record):
    """One choice: the value it returns, its pieces, the text it is found by, its section, and its scope: ``@shop @billing``."""

    key: Hashable
    pieces: Pieces
    text: str
    section: str = ""
    scope: str = ""


def rank(text: str, needle: str, scope: str = "") -> int:
    """Return how well a text matches: 0 the best, -1 not at all. Every typed word must occur in it; ``@word`` in its scope."""
    text = text.lower()
    words = needle.lower().split()
    if not words:
        return 0
    worst = 0
    for word in words:
        at = scope.lower().find(word) if word[0] == "@" and scope else text.find(word)
        if at < 0:
            return -1
        at_start = at == 0 or not text[at - 1].isalnum()
        worst = max(worst, 0 if at == 0 else 1 if at_start else 2)
    return worst


def found(entries: Sequence[Entry], needle: str) -> list[Entry]:
    """Return the matching entries, best first; equal matches keep their order."""
    ranked = [(rank(entry.text, needle, entry.scope), number, entry) for number, entry in enumerate(entries)]
    return [entry for score, _, entry in sorted(ranked, key=lambda row: row[:2]) if score >= 0]


class PickerPage(Page):
    """The page of a picker: rows with a cursor, and a rule above the field's line."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.has_cursor = True

    @property
    def body_height(self) -> int:
        """The height of the list: the last two inner lines belong to the field."""
        return max(0, self.size.height - 4)

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Draw the panel with room for the field at the bottom."""
        lines = list(super().draw(width, height - 2))
        if len(lines) < 2:
            return lines
        edge = lines.pop()
        left, rule, right = "├", "─", "┤"
        bar = (("│", "border_on"), (" " * (width - 2), "text"), ("│", "border_on"))
        return [*lines, (((left + rule * (width - 2) + right, "border_on"),), ""), (bar, ""), edge]


class Picker(Dialog[Answer]):
    """A list and a field that narrows it; Enter returns the key of the selected row, Esc None.

    ``lead`` gives, for a width, rows that stand above the list, whatever is typed.
    """

    def __init__(
        self,
        title: str,
        entries: Sequence[Entry],
        *,
        hint: str = "type to filter",
        verb: str = "select",
        empty: str = "",
        lead: Callable[[int], Sequence[Pieces]] | None = None,
    ) -> None:
        page = PickerPage(title)
        page.keys = (("Enter", "key"), (f" {verb}  ", "dim"), ("Esc", "key"), (" back", "dim"))
        page.empty_text = empty or "no match"
        super().__init__(page, LineField(id="narrow", prompt="> ", hint=hint))
        self.entries = list(entries)
        self._lead = lead

    def lead(self, width: int) -> Sequence[Pieces]:
        """The rows above the list in a console of that width."""
        return self._lead(max(20, min(100, width - 8))) if self._lead is not None else ()

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """As wide as the rows, and no higher than they need."""
        sections = {entry.section for entry in self.entries if entry.section}
        lead = self.lead(width)
        widest = max(
            [width_of(entry.pieces) for entry in self.entries]
            + [cells(section) for section in sections]
            + [width_of(pieces) for pieces in lead]
            + [0]
        )
        rows = len(self.entries) + len(sections) + len(lead)
        return max(50, min(110, widest + 6)), min(rows + 5, 30, max(10, height - 4))

    def entries_for(self, needle: str) -> list[Entry]:
        """Return the entries for what is typed, best first."""
        return found(self.entries, needle)

    def fill(self) -> None:
        """Show the matching rows, with section headings while nothing is typed."""
        needle = self.field.value if self.field is not None else ""
        rows: list[Row] = [Row(None, pieces, False) for pieces in self.lead(self.app.size.width)]
        above = len(rows)
        section = ""
        for entry in self.entries_for(needle):
            if not needle and entry.section and entry.section != section:
                section = entry.section
                rows.append(Row(None, ((section, "dim"),), False))
            indent: tuple[Piece, ...] = (("  ", "text"),) if section else ()
            rows.append(Row(entry.key, clip((*indent, *entry.pieces), 120)))
        if above and len(rows) == above:
            rows.append(Row(None, ((self.page.empty_text, "dim"),), False))
            self.page.key = None
        elif needle:
            self.page.key = rows[above].key if rows else None
        self.page.needle = needle.strip().lower()
        self.page.show_rows(rows)

    def on_line_field_changed(self, event: LineField.Changed) -> None:
        """Narrow the list."""
        event.stop()
        self.fill()

    def action_enter(self) -> None:
        """Return the selected row."""
        if self.page.key is not None and self.page.cursor >= 0:
            self.dismiss(self.page.key)  # type: ignore[arg-type]
        elif self.field is not None:
            self.field.say("nothing to select", "warn")
