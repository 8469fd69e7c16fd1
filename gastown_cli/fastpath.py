"""The console's first frame, drawn before anything heavy is imported.

Textual needs a fifth of a second before it can draw. Until then the screen shows what the console last showed, marked
with its age, and the newest lines of the event log. Without a saved picture of this size, only the town's name and
the log are shown. The terminal's settings are not changed; ``give_back`` leaves the alternate screen.
"""

from __future__ import annotations

import os
import sys

from gastown_core.model.json_text import decode_json
from gastown_core.town.discover import find_town

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

PICTURE = os.path.join(".runtime", "console", "picture.json")
FULL_SCREEN_FLAGS = frozenset(
    ("--theme", "--readonly", "--since", "--type", "--rig", "--mol", "--ascii", "-n", "--limit", "-f", "--follow")
)
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J", "\x1b[?1049l\x1b[?25h"
TAIL_BYTES = 16 * 1024

_painted = False


def open_feed(argv: Sequence[str]) -> int | None:
    """Draw the first frame and run ``gt feed``; return None if the arguments do not lead to the full screen."""
    if not wants_screen(argv) or not on_terminal():
        return None
    root = find_town()
    if root is None:
        return None
    paint(root, plain=bool(argv))
    from gastown_cli.gt import ROOT
    from gastown_cli.lazy import run_root

    return run_root(ROOT, ["feed", *argv], before_error=give_back)


def on_terminal() -> bool:
    """Return whether stdin, stdout and stderr are a terminal that can be drawn on."""
    return os.environ.get("TERM") != "dumb" and all(
        stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)
    )


def wants_screen(argv: Sequence[str]) -> bool:
    """Return whether these arguments are all known and lead to the full screen."""
    return all(word.partition("=")[0] in FULL_SCREEN_FLAGS or not word.startswith("-") for word in argv)


def paint(root: str, *, plain: bool = False) -> None:
    """Enter the alternate screen and draw what is known; ``plain`` omits the saved picture (it has another filter)."""
    global _painted
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return
    lines = frame(root, size.columns, size.lines, None if plain else read_picture(root, size.columns, size.lines))
    body = "\r\n".join(lines[: size.lines])
    sys.stdout.write(ENTER + body)
    sys.stdout.flush()
    _painted = True


def give_back() -> None:
    """Leave the alternate screen, if it was entered and not handed over to the app."""
    global _painted
    if _painted:
        _painted = False
        sys.stdout.write(LEAVE)
        sys.stdout.flush()


def hand_over() -> bool:
    """Hand the screen over to the app; return whether it already shows the first frame."""
    global _painted
    was_painted, _painted = _painted, False
    return was_painted


def read_picture(root: str, width: int, height: int) -> dict[str, object] | None:
    """Return the saved picture, or None unless it is complete and of exactly this size."""
    from gastown_core.files.plain import open_plain

    try:
        with open(open_plain(os.path.join(root, PICTURE)), "rb") as handle:
            value = decode_json(handle.read())
    except (OSError, ValueError):
        return None
    if not isinstance(value, dict) or value.get("width") != width or value.get("height") != height:
        return None
    lines = value.get("lines")
    return value if isinstance(lines, list) and all(isinstance(line, str) for line in lines) else None


def frame(root: str, width: int, height: int, picture: dict[str, Any] | None) -> list[str]:
    """Return the lines of the first frame."""
    from gastown_core.clock import SYSTEM_CLOCK, format_ago

    if picture is None:
        rows = fresh_rows(root, height - 3, width)
        return [f" gt  {os.path.basename(root)}  opening", "", *rows]
    lines = [str(line) for line in picture["lines"][:height]]
    region = picture.get("events")
    if isinstance(region, list) and len(region) == 4 and all(isinstance(n, int) for n in region):
        top, left, room, count = region
        rows = fresh_rows(root, count, room)
        for number, row in enumerate(rows[:count]):
            if top + number < len(lines):
                lines[top + number] = overlay(lines[top + number], left, room, row)
    taken = picture.get("taken_at")
    if isinstance(taken, int | float) and lines:
        mark = f"as of {format_ago(SYSTEM_CLOCK.now() - taken)}"
        lines[0] = _mark_age(lines[0], width, mark)
    return lines


def _mark_age(header: str, width: int, mark: str) -> str:
    """Return the header with the picture's age in place of its live or stale mark."""
    from gastown_cli.output import cells

    cut = max(header.rfind(" live"), header.rfind(" stale"))
    left = cells(header[: cut + 1]) if cut > 0 else width - len(mark) - 1
    return overlay(header, max(0, left), width - left, mark)


def overlay(line: str, left: int, room: int, text: str) -> str:
    """Return ``line`` with ``room`` cells from ``left`` on replaced by ``text``."""
    from gastown_cli.output import cells, char_cells, shorten

    at, start, stop = 0, len(line), len(line)
    for number, char in enumerate(line):
        if at >= left and start == len(line):
            start = number
        if at >= left + room:
            stop = number
            break
        at += char_cells(char)
    head, tail = line[:start], line[stop:]
    head += " " * (left - cells(head))
    text = shorten(text, room)
    return head + text + " " * (room - cells(text)) + tail


def fresh_rows(root: str, count: int, width: int) -> list[str]:
    """Return at most ``count`` of the newest events as lines, newest first."""
    import time
    from itertools import islice

    from gastown_cli.output import clean, shorten
    from gastown_core.events.log import SHOWN, log_path, newest_events
    from gastown_core.model.address import parse_address
    from gastown_core.model.event import describe, kind_of

    rows = []
    try:
        shown = (event for event in newest_events(log_path(root)) if event.visibility in SHOWN)
        for event in islice(shown, max(0, count)):
            when = time.strftime("%H:%M:%S", time.localtime(event.ts))
            kind = kind_of(event.type)
            symbol = kind.ascii if os.environ.get("GT_NO_EMOJI") else kind.symbol
            who = parse_address(event.actor).short if event.actor else "system"
            rows.append(shorten(f" {when}  {symbol} {clean(who):<16} {clean(describe(event))}", width))
    except OSError:
        return rows
    return rows
