"""The rows of a screen as text with the styles that carry meaning: dim letters and background colours.

Placeholders are drawn dim, a chosen word by its background.  ``tmux capture-pane -e`` gives both; a capture without
styles gives rows of plain text.  A no-break space is a space.
"""

from __future__ import annotations

import re

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ScreenRow(Record):
    """One row: its text without blanks at the end, and (start, end, style) of the parts drawn in a style."""

    text: str
    styles: tuple[tuple[int, int, str], ...] = ()


DIM = "dim"
_ESCAPE = re.compile(r"\x1b(?:\[([0-9;:]*)([A-Za-z])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()][A-Za-z0-9]|.)")
_RULE = re.compile(r"[─━═▔▀▄╹▁_\-]{8,}")
_DASHED = re.compile(r"[╌┄┈╍┅]{8,}")


def parse_rows(lines: Iterable[str]) -> list[ScreenRow]:
    """The rows of a captured screen; styles go on from row to row as tmux writes them."""
    pen = _Pen()
    return [pen.draw(line) if "\x1b" in line or pen.is_on else ScreenRow(_clean(line).rstrip()) for line in lines]


def is_rule(text: str) -> bool:
    """Whether a row is a line from side to side, maybe with a name in it."""
    stripped = text.strip()
    return bool(_RULE.fullmatch(stripped)) or (stripped.startswith("────────") and stripped.endswith("─"))


def is_dashed(text: str) -> bool:
    """Whether a row is a dashed line, as programs draw around a command or a change inside a question."""
    return bool(_DASHED.fullmatch(text.strip()))


def solid_text(row: ScreenRow, start: int = 0) -> str:
    """Return the text of a row from column ``start`` on, without dim letters."""
    kept = list(row.text)
    for begin, end, style in row.styles:
        if style == DIM:
            kept[begin:end] = " " * len(kept[begin:end])
    return "".join(kept[start:]).strip()


def lit_span(row: ScreenRow, first: int, last: int) -> tuple[int, int] | None:
    """Return the part between two columns that has a background colour, None if there is none or more than one."""
    spans = ((max(begin, first), min(end, last), style) for begin, end, style in row.styles)
    grounds = [(begin, end, style) for begin, end, style in spans if style.startswith("ground") and end > begin]
    width: dict[str, int] = {}
    for begin, end, style in grounds:
        width[style] = width.get(style, 0) + end - begin
    usual = max(width, key=lambda style: width[style], default="")
    found = [(begin, end) for begin, end, style in grounds if style != usual and row.text[begin:end].strip()]
    return found[0] if len(found) == 1 else None


class _Pen:
    """The style that a terminal writes in, as escape sequences change it."""

    def __init__(self) -> None:
        self.is_dim = False
        self.ground = ""

    @property
    def is_on(self) -> bool:
        return self.is_dim or bool(self.ground)

    def draw(self, line: str) -> ScreenRow:
        """The row of one line with its escape sequences taken out."""
        text: list[str] = []
        styles: list[tuple[int, int, str]] = []
        column = place = 0
        for escape in (*_ESCAPE.finditer(line), None):
            part = _clean(line[place : escape.start() if escape else None])
            if part:
                text.append(part)
                if self.is_dim:
                    styles.append((column, column + len(part), DIM))
                styles.append((column, column + len(part), f"ground {self.ground}"))
                column += len(part)
            if escape is not None:
                place = escape.end()
                if escape[2] == "m":
                    self._obey([int(code or 0) for code in re.split("[;:]", escape[1])])
        return ScreenRow("".join(text).rstrip(), tuple(styles))

    def _obey(self, codes: Sequence[int]) -> None:
        place = 0
        while place < len(codes):
            code = codes[place]
            if code in (38, 48):
                length = 3 if codes[place + 1 : place + 2] == [5] else 5
                if code == 48:
                    self.ground = ".".join(map(str, codes[place : place + length]))
                place += length
                continue
            if code in (0, 22):
                self.is_dim = False
            if code in (0, 49):
                self.ground = ""
            elif code == 2:
                self.is_dim = True
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.ground = str(code)
            place += 1


def _clean(text: str) -> str:
    return text.replace("\u00a0", " ")
