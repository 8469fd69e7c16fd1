"""Text, JSON and errors on stdout and stderr.

Text from beads, mail or panes must pass through ``clean`` before it is printed.
"""

from __future__ import annotations

import os
import sys

from gastown_core.errors import GastownError
from gastown_core.model.json_text import encode_json
from gastown_core.model.plain_text import clean as clean
from gastown_core.model.plain_text import clean_lines as clean_lines
from gastown_core.model.plain_text import clean_styled, escape_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

LONGEST_LINE = 1000
"""Maximum length, in cells, of a line in an error message."""
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


def uses_colour(stream: Any = None) -> bool:
    """Return whether to use colour: NO_COLOR and CLICOLOR=0 turn it off, CLICOLOR_FORCE on; else on for a terminal."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR") or os.environ.get("CLICOLOR") == "0":
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return bool(stream.isatty())


def style(text: str, *names: str) -> str:
    """Return ``text`` in the named styles if stdout takes colour."""
    if not names or not uses_colour():
        return text
    return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """Write one line to stdout. Text of others in it must have passed through ``clean``, which escapes line ends."""
    sys.stdout.write(clean_styled(text) + "\n")


def say_json(value: object) -> None:
    """Write ``value`` as indented JSON."""
    import json

    write_json(json.dumps(value, indent=2, ensure_ascii=False))


def say_json_rows(rows: Sequence[object]) -> None:
    """Write a list as JSON with one element per line."""
    import json

    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    write_json(f"[\n{lines}\n]" if rows else "[]")


def say_json_line(value: object) -> None:
    """Write ``value`` as one line of JSON and flush it."""
    write_json(encode_json(value))
    sys.stdout.flush()


def write_json(text: str) -> None:
    """Write JSON text to stdout, with characters escaped that a terminal or the encoding cannot take."""
    encoding = (sys.stdout.encoding or "utf-8").lower().replace("-", "").replace("_", "")
    sys.stdout.write(escape_json(text, ascii_only=encoding != "utf8") + "\n")


def note(text: str) -> None:
    """Write one line (progress, warnings) to stderr."""
    sys.stderr.write(clean_styled(text) + "\n")


def report_error(error: GastownError, *, as_json: bool) -> int:
    """Report an error, as JSON on stdout or as what, why and next step on stderr, and return its exit code."""
    if as_json:
        say_json(error.as_json())
        return error.exit_code
    sys.stderr.write(f"{_under(error.what, 2)}\n")
    if error.why:
        sys.stderr.write(f"  why:  {_under(error.why, 8)}\n")
    for line in _whole_story(error):
        sys.stderr.write(f"        {clean(line)}\n")
    if error.hint:
        sys.stderr.write(f"  next: {_under(error.hint, 8)}\n")
    return error.exit_code


def _under(text: str, indent: int) -> str:
    """Return the text with every line but the first indented, and each line shortened."""
    return f"\n{' ' * indent}".join(shorten(line, LONGEST_LINE) for line in clean_lines(text))


def _whole_story(error: GastownError) -> list[str]:
    """Return all that git and its hooks printed, if the reason holds only part of it."""
    said = getattr(error, "said", "").splitlines()
    return said if any(line not in error.why for line in said) else []


def table(rows: Sequence[Sequence[str]], *, header: Sequence[str] = (), right: Iterable[int] = ()) -> str:
    """Return columns aligned by terminal cells; ``right`` names right-aligned columns, the last column is not padded."""
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


_ANSI = r"\x1b\[[0-9;]*m"


def cells(text: str) -> int:
    """Return the number of terminal cells of ``text``, without its colour codes."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(map(char_cells, _without_colours(text) if "\x1b" in text else text))


def _without_colours(text: str) -> str:
    import re

    return re.sub(_ANSI, "", text)


def char_cells(char: str) -> int:
    """Return the terminal cells of one character: 0 for combining ones, 2 for wide ones."""
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


LONGEST_NAME = 80
"""Cells of a foreign name, such as a branch's, in a list."""


def brief(text: str, width: int = LONGEST_NAME) -> str:
    """Return foreign text on one safe line of at most ``width`` cells."""
    return shorten(clean(text), width)


def shorten(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` cells, ending in ``…`` if it was cut."""
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
