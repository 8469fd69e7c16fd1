"""What a pane's screen says about its agent; the last resort among the evidence.

Only the rows at the bottom count, never history; a box drawn around a question does not matter, and a no-break
space is a space.  What fits no pattern is ``unknown``, and nothing is claimed.
"""

from __future__ import annotations

import re

from gastown_core.model.record import Record
from gastown_core.runtimes.screens import GENERIC, SCREENS, SHELL_PROMPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.runtimes.screens import ScreenTable


class ScreenReading(Record):
    """``kind`` is one of KINDS; ``detail`` what is asked or said; ``options`` the choices (``1 Yes``)."""

    kind: str
    detail: str = ""
    options: tuple[str, ...] = ()


READY, BUSY, PERMISSION, DIALOG = "ready", "busy", "permission", "dialog"
LIMITED, SHELL, UNKNOWN = "limited", "shell", "unknown"
KINDS = (READY, BUSY, PERMISSION, DIALOG, LIMITED, SHELL, UNKNOWN)

BOTTOM_ROWS = 6
QUESTION_ROWS = 18
_FRAME = re.compile(r"^[\s│┃╭╮╰╯|]+|[\s│┃╭╮╰╯|]+$")
_RULE = re.compile(r"^[─━═▔▀╹▁_\-]{8,}$")
_OPTION = re.compile(r"^[❯›>●•*]?\s*(\d)[.):]?\s+(\S.*)$")
_CALL = re.compile(r"^[●⏺•]\s*(\w+)\((.+)\)?$")


def read_screen(preset_name: str, lines: Sequence[str]) -> ScreenReading:
    """What the bottom of the screen shows, by the tables of that preset (``Preset.screens``)."""
    rows = [line.replace("\u00a0", " ").rstrip() for line in lines]
    rows = [row for row in rows if row.strip()]
    if not rows:
        return ScreenReading(UNKNOWN)
    table = SCREENS.get(preset_name, GENERIC)
    asked = _question(table, [_unframe(row) for row in rows[-QUESTION_ROWS:]])
    if asked is not None:
        return asked
    bottom = [row for row in rows if not _RULE.match(row.strip())][-BOTTOM_ROWS:]
    if _any(table.busy, bottom):
        return ScreenReading(BUSY, _activity(rows))
    is_ready = _any(table.ready, bottom)
    limit = _limit(table, rows)
    if limit:
        return ScreenReading(LIMITED, limit)
    if is_ready:
        return ScreenReading(READY)
    if SHELL_PROMPT.match(rows[-1].strip() + " ") and not rows[-1].startswith(" "):
        return ScreenReading(SHELL, rows[-1].strip())
    return ScreenReading(UNKNOWN)


def _question(table: ScreenTable, rows: list[str]) -> ScreenReading | None:
    """A dialog or permission prompt: choices at the very bottom with a known question above them."""
    numbered = [(number, _OPTION.match(row)) for number, row in enumerate(rows)]
    options = [(number, found) for number, found in numbered if found is not None]
    first = _start_of_last_list([(number, found[1]) for number, found in options])
    if first is None or not _at_bottom(rows, options[-1][0]):
        return None
    texts = tuple(f"{found[1]} {found[2]}" for number, found in options if number >= first)
    if len(texts) < 2:
        return None
    above = rows[:first]
    below = rows[first:]
    for pattern, _ in table.permissions:
        if any(pattern.search(row) for row in above[-6:]):
            return ScreenReading(PERMISSION, _permission_detail(above), texts)
    for pattern, name in table.dialogs:
        if any(pattern.search(row) for row in (*above, *below)):
            return ScreenReading(DIALOG, name, texts)
    return ScreenReading(DIALOG, above[-1].strip() if above else "", texts)


def _start_of_last_list(options: list[tuple[int, str]]) -> int | None:
    """Row of the last option numbered 1, None if there is none."""
    starts = [number for number, digit in options if digit == "1"]
    return starts[-1] if starts else None


def _at_bottom(rows: list[str], last_option: int) -> bool:
    """Whether nothing but key hints and continuation rows follow the choices."""
    rest = [row for row in rows[last_option + 1 :] if row and not _RULE.match(row)]
    return len(rest) <= 3 and not any(row.startswith(("❯", "›")) for row in rest)


def _permission_detail(above: list[str]) -> str:
    """What the agent wants to do: ``Bash: npm install left-pad``."""
    inline = next((found for row in reversed(above) if (found := re.search(r"allow (\w+)\((.+)\)\?", row, re.I))), None)
    if inline:
        return f"{inline[1]}: {inline[2]}"
    cut = max((number for number, row in enumerate(above) if _RULE.match(row)), default=-1)
    box = [row.strip() for row in above[cut + 1 :] if row.strip()]
    call = next((found for row in reversed(above[: cut + 1]) if (found := _CALL.match(row.strip()))), None)
    kind = call[1] if call else (box[0].split()[0] if box else "")
    if len(box) > 1:
        return f"{kind}: {box[1]}"
    return f"{kind}: {call[2].rstrip(')')}" if call else kind


def _limit(table: ScreenTable, rows: list[str]) -> str:
    """The last answer's words about a limit, empty if it has none: history above a later prompt does not count."""
    body = [row for row in rows if not _RULE.match(row.strip())]
    prompts = [number for number, row in enumerate(body) if re.match(r"^[❯›](\s|$)", row)]
    # the last prompt is the input row; the one before it is what the last answer belongs to
    start = prompts[-2] if len(prompts) > 1 else 0
    end = prompts[-1] if prompts else len(body)
    last_turn = body[start:end] if end > start else body[start:]
    # within a long turn only its last step counts: after a limit was lifted the agent went on
    steps = [number for number, row in enumerate(last_turn) if row.lstrip().startswith(("●", "⏺", "•"))]
    last_turn = last_turn[steps[-1] :] if steps else last_turn
    for number, row in enumerate(last_turn):
        if any(pattern.match(row.strip(" ●⏺•✻")) for pattern in table.limits):
            tail = last_turn[number + 1] if number + 1 < len(last_turn) else ""
            joined = f"{row.strip(' ●⏺•')} {tail.strip()}" if tail.startswith("  ") else row.strip(" ●⏺•")
            return joined.strip()
    return ""


def _activity(rows: list[str]) -> str:
    """The spinner's words above the input, empty if they are not recognised."""
    for row in reversed(rows[-12:]):
        if re.match(r"^[✻✢✽✶✳·∗*◐◓◑◒⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]\s+\S+", row):
            return row[1:].strip()
    return ""


def _any(patterns: Sequence[re.Pattern[str]], rows: list[str]) -> bool:
    return any(pattern.search(_unframe(row)) for pattern in patterns for row in rows)


def _unframe(row: str) -> str:
    return _FRAME.sub("", row)
