"""Text for a terminal: cleaned, measured in cells, cut and padded; and THE table of glyphs.

Everything here is pure.  A *piece* is (text, tone); a row is a tuple of pieces.  A tone is a name from ``themes`` or a
ready style (pane previews).  Text written by others passes through ``clean`` before it becomes a piece, so no control
character, escape sequence or direction mark of a title reaches the terminal.
"""

from __future__ import annotations

import re
from itertools import pairwise

from rich.cells import cell_len

from gastown_core.model.plain_text import clean as clean
from gastown_core.model.plain_text import clean_lines as clean_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.style import Style

    Piece = tuple[str, str | Style]
    Pieces = tuple[Piece, ...]

GLYPHS: dict[str, tuple[str, str]] = {
    "brand": ("⛽", "gt"),
    "open": ("▾", "v"),
    "closed": ("▸", ">"),
    "more": ("…", "~"),
    "dot": ("·", "-"),
    "arrow": ("→", ">"),
    "age": ("⏱", "t"),
    "mail": ("✉", "m"),
    "mark": ("✦", "*"),
    "cursor": ("▌", "|"),
    "done": ("✓", "v"),
    "failed": ("✗", "x"),
    "warn": ("⚠", "!"),
    "escalated": ("⬆", "^"),
    "stuck": ("⊘", "#"),
    "queued": ("○", "o"),
    "merging": ("⚙", "*"),
    "mountain": ("⛰", "^"),
    "stacked": ("◐", "%"),
    "conflict": ("⇄", "X"),
    "known": ("≡", "="),
    "gap": ("–", "-"),
    "unknown": ("?", "?"),
    "├": ("├", "+"),
    "└": ("└", "`"),
    "landed": ("█", "#"),
    "review": ("▓", "="),
    "todo": ("░", "."),
    "running": ("●", "*"),
    "new": ("↑", "^"),
    "pause": ("‖", "="),
    "enter": ("⏎", "ret"),
    "caret": ("▏", "_"),
    "thumb": ("┃", "#"),
    "run": ("▸", ">"),
    "─": ("─", "-"),
    "│": ("│", "|"),
    "╭": ("╭", "+"),
    "╮": ("╮", "+"),
    "╰": ("╰", "+"),
    "╯": ("╯", "+"),
}
"""Name → (glyph, ASCII glyph): every sign of the console except health, role and event symbols."""


def glyph(name: str, ascii_only: bool = False) -> str:
    """Return the glyph of a name."""
    return GLYPHS[name][1 if ascii_only else 0]


_ESCAPES = re.compile(
    "\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?"
    "|\x1b[PX^_][^\x1b]*(?:\x1b\\\\)?"
    "|[\x1b\x9b]\\[?(?P<sgr>[0-9;:]*m)"
    "|\x1b\\[[0-?]*[ -/]*[@-~]?"
    "|\x9b[0-?]*[ -/]*[@-~]?"
    "|\x1b[ -/]*[0-~]?"
)


def only_colours(text: str) -> str:
    """Return a pane's line without escape sequences other than SGR, and with control characters made visible."""
    if "\x1b" not in text and "\x9b" not in text:
        return clean(text.replace("\t", "    "))
    out: list[str] = []
    end = 0
    for match in _ESCAPES.finditer(text):
        out.append(clean(text[end : match.start()].replace("\t", "    ")))
        sgr = match["sgr"]
        if sgr is not None and match[0].startswith("\x1b["):
            out.append("\x1b[" + sgr)
        end = match.end()
    out.append(clean(text[end:].replace("\t", "    ")))
    return "".join(out)


def pane_pieces(text: str) -> Pieces:
    """Return a pane's line as pieces that keep its colours only."""
    safe = only_colours(text)
    if "\x1b" not in safe:
        return ((safe, "text"),) if safe else ()
    from rich.ansi import AnsiDecoder

    line = AnsiDecoder().decode_line(safe)
    pieces: list[Piece] = []
    plain, end = line.plain, 0
    for span in line.spans:
        if span.start > end:
            pieces.append((plain[end : span.start], "text"))
        style = span.style
        pieces.append((plain[span.start : span.end], style if not isinstance(style, str) else "text"))
        end = span.end
    if end < len(plain):
        pieces.append((plain[end:], "text"))
    return tuple(piece for piece in pieces if piece[0])


_ASCII_TWINS = str.maketrans(
    {
        "…": "~", "·": "-", "→": ">", "←": "<", "↑": "^", "↓": "v", "–": "-", "—": "-", "“": '"', "”": '"', "‘": "'",
        "’": "'", "×": "x", "✓": "v", "✗": "x", "•": "*", "─": "-", "│": "|", "█": "#", "▓": "=", "░": ".",
        "●": "*", "○": "o", "▸": ">", "▾": "v", "⎯": "-", "▌": "|", "▐": "|", "▏": "|", "❯": ">", "⏺": "*", "⏎": "~",
        "╭": "+", "╮": "+", "╰": "+", "╯": "+", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+", "┃": "#",
    }
)  # fmt: skip


def title_sequence(words: str) -> str:
    """Return the sequence that sets a terminal's title (OSC 2): one line of at most 120 characters, made safe."""
    return f"\x1b]2;{cut(clean(words), 120)}\x07"


def to_ascii(text: str) -> str:
    """Return ASCII text of the same width: replacements for known signs, base letters, ``?`` for the rest."""
    if text.isascii():
        return text
    text = text.translate(_ASCII_TWINS)
    if text.isascii():
        return text
    import unicodedata

    out: list[str] = []
    for char in text:
        if char.isascii():
            out.append(char)
            continue
        base = unicodedata.normalize("NFKD", char)[0]
        out.append(base if base.isascii() and cell_len(char) == 1 else "?" * cell_len(char))
    return "".join(out)


def cells(text: str) -> int:
    """Return the width of a text in cells."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int, end: str = "…") -> str:
    """Cut a text to ``width`` cells, ending in ``end`` if it was cut; a wide character is never halved."""
    if cells(text) <= width:
        return text
    room = width - cells(end)
    if room < 0:
        return ""
    if text.isascii():
        return text[:room].rstrip() + end
    out: list[str] = []
    used = 0
    for char in text:
        used += cell_len(char)
        if used > room:
            break
        out.append(char)
    return "".join(out).rstrip() + end


def fit(text: str, width: int) -> str:
    """Cut or pad a text to exactly ``width`` cells."""
    text = cut(text, width)
    return text + " " * (width - cells(text))


def fit_right(text: str, width: int) -> str:
    """Cut or pad a text to exactly ``width`` cells, aligned right."""
    text = cut(text, width)
    return " " * (width - cells(text)) + text


def wrap(text: str, width: int) -> list[str]:
    """Wrap a text at ``width`` cells between words; cut longer words."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        while cells(word) > width > 0:
            if line:
                lines.append(line)
                line = ""
            head = cut(word, width, "")
            lines.append(head or word[:1])
            word = word[len(head or word[:1]) :]
        if line and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    return lines


def width_of(pieces: Iterable[Piece]) -> int:
    """Return the width of a row in cells."""
    return sum(cells(text) for text, _ in pieces)


def clip(pieces: Sequence[Piece], width: int) -> Pieces:
    """Cut a row to ``width`` cells, with an ellipsis in the tone of the cut piece."""
    used = 0
    out: list[Piece] = []
    for text, tone in pieces:
        size = cells(text)
        if used + size > width:
            rest = cut(text, width - used)
            if rest:
                out.append((rest, tone))
            elif out and used == width:
                last, last_tone = out.pop()
                out.append((cut(last, cells(last) - 1, "") + "…" if cells(last) > 1 else "…", last_tone))
            break
        out.append((text, tone))
        used += size
    return tuple(out)


def two_ends(left: Sequence[Piece], right: Sequence[Piece], width: int, gap: int = 1) -> Pieces:
    """Return a row with a part at each end; the left part is cut, the right one dropped if it does not fit alone."""
    need = width_of(right)
    if need + gap > width:
        return clip(left, width)
    room = width - need - gap
    kept = clip(left, room)
    return (*kept, (" " * (width - need - width_of(kept)), "text"), *right)


def highlight(pieces: Pieces, needle: str, tone: str = "match") -> Pieces:
    """Return the row with every occurrence of ``needle`` (lower case) in ``tone``, also across pieces."""
    if not needle:
        return pieces
    plain = "".join(text for text, _ in pieces)
    folded = plain.lower()
    if len(folded) != len(plain):
        return pieces
    spots = []
    at = folded.find(needle)
    while at >= 0:
        spots.append((at, at + len(needle)))
        at = folded.find(needle, at + len(needle))
    if not spots:
        return pieces
    out: list[Piece] = []
    start = 0
    for text, own in pieces:
        edges = sorted(
            {start, start + len(text)} | {edge for spot in spots for edge in spot if start < edge < start + len(text)}
        )
        for low, high in pairwise(edges):
            inside = any(a <= low and high <= b for a, b in spots)
            out.append((plain[low:high], tone if inside else own))
        start += len(text)
    return tuple(out)
