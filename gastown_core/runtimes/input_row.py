"""Find an agent's input row on its screen, and the text typed into it.

Each runtime draws it in its own shape.  A row that only looks alike (a prompt in the history, a choice that a
cursor marks) has not that shape, and is none.
"""

from __future__ import annotations

import re

from gastown_core.model.record import Record
from gastown_core.runtimes.screen_rows import is_rule, solid_text
from gastown_core.runtimes.screens import BOXED, FOOTED, MARKED, ROUNDED, RULED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.runtimes.screen_rows import ScreenRow
    from gastown_core.runtimes.screens import ScreenTable


class InputRow(Record):
    """Its frame from row ``first`` to row ``last``, and the draft in it, empty if nobody has typed.

    One that ``is_tall`` fills the screen to its end, so that what usually stands below it cannot be seen.
    """

    first: int
    last: int
    draft: str
    is_tall: bool = False


_ATTACHED = re.compile(r"^\[(pasted|image)\b", re.IGNORECASE)
FOOTER_ROWS = 8
"""How many rows may be below an input row."""


def find_input(table: ScreenTable, rows: Sequence[ScreenRow]) -> InputRow | None:
    """The input row of a screen without blank rows at its end, None if there is none of that runtime's shape."""
    finders = {
        RULED: _between_rules,
        FOOTED: _above_footer,
        BOXED: _in_box,
        ROUNDED: _in_round_box,
        MARKED: _behind_mark,
    }
    finder = finders.get(table.shape)
    return finder(table, rows) if finder is not None else None


def _between_rules(table: ScreenTable, rows: Sequence[ScreenRow]) -> InputRow | None:
    """Input of any height between the last rule and the one before it."""
    rules = [number for number, row in enumerate(rows) if is_rule(row.text)]
    if len(rules) < 2 or _count(rows[rules[-1] + 1 :]) > FOOTER_ROWS:
        return None
    top, bottom = rules[-2], rules[-1]
    if bottom - top < 2 or not table.mark.match(rows[top + 1].text):
        return None
    return InputRow(top, bottom, _draft(table, rows[top + 1 : bottom]))


def _above_footer(table: ScreenTable, rows: Sequence[ScreenRow]) -> InputRow | None:
    """The last row with the mark, and what follows it up to a blank row; the footer stands below that.

    A prompt in the history has an answer below it.  Without a footer it is no empty input row, but may be a draft so
    tall that nothing has room below it.
    """
    marked = [number for number, row in enumerate(rows) if table.mark.match(row.text)]
    if not marked:
        return None
    top = bottom = marked[-1]
    while bottom + 1 < len(rows) and rows[bottom + 1].text.strip():
        bottom += 1
    footer = rows[bottom + 1 :]
    if not all(row.text.startswith(" ") or not row.text for row in footer):
        return None
    if 1 <= _count(footer) <= FOOTER_ROWS:
        return InputRow(top, bottom, _draft(table, rows[top : bottom + 1]))
    draft = _draft(table, rows[top:])
    return InputRow(top, len(rows) - 1, draft, is_tall=True) if "\n" in draft else None


def _in_box(table: ScreenTable, rows: Sequence[ScreenRow]) -> InputRow | None:
    """A box with a bar at its left and a thick rule below; its last row names the model."""
    ends = [number for number, row in enumerate(rows) if row.text.lstrip().startswith("╹▀▀▀▀")]
    if not ends or _count(rows[ends[-1] + 1 :]) > FOOTER_ROWS:
        return None
    bottom = ends[-1]
    left = rows[bottom].text.index("╹")
    right = rows[bottom].text.rindex("▀") + 1
    top = bottom
    while top and rows[top - 1].text[left : left + 1] == "┃":
        top -= 1
    if bottom - top < 3:
        return None
    inside = [_part(row, left + 1, right) for row in rows[top : bottom - 1]]
    return InputRow(top, bottom, _draft(table, inside, is_marked=False))


def _in_round_box(table: ScreenTable, rows: Sequence[ScreenRow]) -> InputRow | None:
    """A box with round corners at the bottom; its first row names the model, its last row takes text too."""
    ends = [number for number, row in enumerate(rows) if row.text.startswith("╰─ ") and row.text.endswith(" ─╯")]
    if not ends or _count(rows[ends[-1] + 1 :]) > FOOTER_ROWS:
        return None
    top = bottom = ends[-1]
    while top and rows[top - 1].text.startswith("│"):
        top -= 1
    if not top or not table.mark.match(rows[top - 1].text):
        return None
    inside = [_part(row, 3, len(row.text) - 3) for row in rows[top : bottom + 1]]
    return InputRow(top - 1, bottom, _draft(table, inside, is_marked=False))


def _behind_mark(table: ScreenTable, rows: Sequence[ScreenRow]) -> InputRow | None:
    """A row that begins with the mark, near the bottom."""
    near = range(max(0, len(rows) - FOOTER_ROWS), len(rows))
    marked = [number for number in near if table.mark.match(rows[number].text.strip(" │|"))]
    if not marked:
        return None
    row = rows[marked[-1]]
    bare = row._replace(text=row.text.strip(" │|")) if row.text[:1] in " │|" else row
    return InputRow(marked[-1], marked[-1], _draft(table, [bare]))


def _draft(table: ScreenTable, rows: Sequence[ScreenRow], *, is_marked: bool = True) -> str:
    """Return the typed text, without dim letters and known placeholders; blank rows are ignored."""
    found = table.mark.match(rows[0].text) if is_marked else None
    start = found.end() if found is not None else 0
    full = rows[0].text[start:].strip()
    if _ATTACHED.match(full):
        # what stands for a pasted text or a picture is dim on some, and is no placeholder
        return "\n".join(text for text in (full, *(row.text.strip() for row in rows[1:])) if text)
    said = [solid_text(row, start if number == 0 else 0) for number, row in enumerate(rows)]
    # the cursor covers the first letter of a placeholder, which is then not dim
    if len(said[0]) == 1 and len(full) > 1 and full.startswith(said[0]):
        said[0] = ""
    if any(pattern.match(text) for pattern in table.placeholders for text in (full, *said) if text):
        return ""
    return "\n".join(text for text in said if text)


def _count(rows: Sequence[ScreenRow]) -> int:
    return sum(1 for row in rows if row.text.strip())


def _part(row: ScreenRow, start: int, end: int) -> ScreenRow:
    """The columns of a row from ``start`` to ``end``."""
    styles = (
        (max(a, start) - start, min(b, end) - start, style) for a, b, style in row.styles if b > start and a < end
    )
    return row._replace(text=row.text[start:end].rstrip(), styles=tuple(styles))
