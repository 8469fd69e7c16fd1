"""The drawer's page of an agent's transcript: what it was given, what it said, and the tools it called, folded; pure."""

from __future__ import annotations

import time

from gastown_tui.text import clean, clean_lines, cut, glyph, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.state.transcript import Entry, Reading
    from gastown_tui.text import Pieces

LEAD = 9
MOST_WIDTH = 120
MOST_LINES = 40
"""So many lines of one message are shown."""
LOOKS = {
    "user": ("run", "accent", "accent"),
    "agent": ("running", "working", "text"),
    "tool": ("gap", "dim", "info"),
    "result": (None, "dim", "dim"),
}
"""Kind of entry → (glyph name, its tone, the text's tone)."""


def transcript_lines(reading: Reading, width: int, ascii_only: bool) -> list[Pieces]:
    """Return the entries, oldest first; calls of tools take a line, and so does what came back."""
    lines: list[Pieces] = []
    if reading.is_cut:
        lines.append((("earlier entries are in the transcript; gt search finds them", "dim"),))
    if not reading.entries:
        lines.append((("Nothing has been said here yet.", "dim"),))
    for entry in reading.entries:
        lines += _entry_lines(entry, max(20, min(MOST_WIDTH, width - LEAD - 2)), ascii_only)
    return lines


def _entry_lines(entry: Entry, width: int, ascii_only: bool) -> list[Pieces]:
    mark, mark_tone, tone = LOOKS[entry.kind]
    at = time.strftime("%H:%M:%S", time.localtime(entry.at)) if entry.at else ""
    sign = glyph(mark, ascii_only) if mark else " "
    texts = _folded(entry.text, width) if entry.kind in ("tool", "result") else _wrapped(entry.text, width)
    head = ((f"{at:<8} " if entry.kind != "result" else " " * LEAD, "dim"), (sign + " ", mark_tone), (texts[0], tone))
    return [head, *(((" " * (LEAD + 2) + text, tone),) for text in texts[1:])]


def _folded(text: str, width: int) -> list[str]:
    """Return the first line that says something, with the number of those behind it."""
    said = [line for line in clean_lines(text) if line.strip()]
    if not said:
        return [""]
    more = f"  (+{len(said) - 1} lines)" if len(said) > 1 else ""
    return [cut(said[0].strip(), max(8, width - len(more))) + more]


def _wrapped(text: str, width: int) -> list[str]:
    out: list[str] = []
    for line in clean_lines(text.strip()):
        out += wrap(clean(line), width)
        if len(out) > MOST_LINES:
            return [*out[:MOST_LINES], "…"]
    return out or [""]
