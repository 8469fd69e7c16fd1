"""The only writer to stdout: text for people, JSON for programs, errors on stderr.

Text that came from a bead, a mail or a pane goes through ``clean`` before it can reach a terminal.
"""

from __future__ import annotations

import json
import os
import re
import sys

from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_STYLES = {
    "bold": "1",
    "dim": "2",
    "green": "32",
    "red": "31",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


def clean(text: str) -> str:
    """``text`` with control characters, escape sequences and direction overrides made visible as ``␛``-like marks."""
    if text.isprintable():
        return text
    return _CONTROL.sub(lambda m: chr(0x2400 + ord(m[0])) if ord(m[0]) < 0x20 else "�", text)


def uses_colour(stream: Any = None) -> bool:
    """NO_COLOR and CLICOLOR=0 switch colour off, CLICOLOR_FORCE on; else it is on for a terminal."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR") or os.environ.get("CLICOLOR") == "0":
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return bool(stream.isatty())


def style(text: str, *names: str) -> str:
    """``text`` in the named styles if stdout takes colour."""
    if not names or not uses_colour():
        return text
    return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """Write one line to stdout; control characters in it must already be gone."""
    sys.stdout.write(text + "\n")


def say_json(value: object) -> None:
    """Write ``value`` as indented JSON (one line when not on a terminal would break nobody, so it is always indented)."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def say_json_rows(rows: Sequence[object]) -> None:
    """Write a list as JSON with one element a line: quick also for thousands, and a person can still read it."""
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    sys.stdout.write(f"[\n{lines}\n]\n" if rows else "[]\n")


def say_json_line(value: object) -> None:
    """Write ``value`` as one line of JSON and push it out at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Write one line of talk (progress, warnings) to stderr."""
    sys.stderr.write(text + "\n")


def report_error(error: GastownError, *, as_json: bool) -> int:
    """Show a failure: JSON on stdout if asked for, else what, why and what next on stderr. Returns its exit code."""
    if as_json:
        say_json(error.as_json())
        return error.exit_code
    sys.stderr.write(f"{clean(error.what)}\n")
    if error.why:
        sys.stderr.write(f"  why:  {clean(error.why)}\n")
    for line in _whole_story(error):
        sys.stderr.write(f"        {clean(line)}\n")
    if error.hint:
        sys.stderr.write(f"  next: {clean(error.hint)}\n")
    return error.exit_code


def _whole_story(error: GastownError) -> list[str]:
    """What git and its hooks said, where the reason holds only the end of it."""
    said = getattr(error, "said", "").splitlines()
    return said if any(line not in error.why for line in said) else []


def table(rows: Sequence[Sequence[str]], *, header: Sequence[str] = (), right: Iterable[int] = ()) -> str:
    """Columns aligned by terminal cells; the last column is left ragged. ``right`` holds right-aligned columns."""
    everything = [header, *rows] if header else list(rows)
    if not everything:
        return ""
    wide = max(len(row) for row in everything)
    widths = [max((cells(row[i]) for row in everything if i < len(row)), default=0) for i in range(wide)]
    on_right = set(right)
    lines = []
    for number, row in enumerate(everything):
        parts = []
        for i, text in enumerate(row):
            pad = " " * (widths[i] - cells(text))
            parts.append(pad + text if i in on_right else text + ("" if i == len(row) - 1 else pad))
        line = "  ".join(parts).rstrip()
        lines.append(style(line, "dim") if header and number == 0 else line)
    return "\n".join(lines)


_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def cells(text: str) -> int:
    """Terminal cells that ``text`` takes, its colour codes not counted."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(map(char_cells, _ANSI.sub("", text)))


def char_cells(char: str) -> int:
    """Terminal cells of one character: 0 for what combines, 2 for wide ones."""
    if char < "\u0300":
        return 1
    if char in "\u200d\ufe0f":
        return 0
    if char < "\u1100" or "\u2500" <= char < "\u25fd":
        return 0 if "\u0300" <= char < "\u0370" else 1
    import unicodedata

    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells, with ``…`` where it was cut."""
    text = text.replace("\n", " ")
    if cells(text) <= width:
        return text
    out, used = "", 0
    for char in text:
        size = char_cells(char)
        if used + size > width - 1:
            break
        out += char
        used += size
    return out + "…"
