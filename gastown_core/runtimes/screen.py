"""Evidence from a pane's screen about its agent; the last resort.

Only the rows at the bottom count, never history; a box drawn around a question does not matter, and a no-break
space is a space.  What fits no pattern is ``unknown``, and nothing is claimed: least of all that it waits for a text.
"""

from __future__ import annotations

import re

from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256
from gastown_core.runtimes.adapter import BLANK
from gastown_core.runtimes.input_row import find_input
from gastown_core.runtimes.question import DIALOG, LOGIN, PERMISSION, find_question, says_login
from gastown_core.runtimes.screen_rows import is_rule, parse_rows
from gastown_core.runtimes.screens import ERRORS, GENERIC, LIMITS, LOGGED_OUT, MARKED, SCREENS, SHELL_PROMPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from re import Pattern

    from gastown_core.runtimes.screen_rows import ScreenRow
    from gastown_core.runtimes.screens import ScreenTable


class ScreenReading(Record):
    """``kind`` is one of KINDS; ``detail`` what is asked or said; ``options`` the choices (``1 Yes``).

    ``cursor`` is the place of the marked choice, -1 if none is seen.  ``has_input`` says that the input row is on
    the screen in that runtime's own shape, ``draft`` what stands in it.  An agent at rest with a draft is
    ``draft``; one that is busy, limited or failed stays so, and its draft is told all the same.  ``wait_s`` is
    after how many seconds a limited agent tries again, 0 if it does not say so.  ``text`` is the whole question above
    its choices, of which ``detail`` is a few words.
    """

    kind: str
    detail: str = ""
    options: tuple[str, ...] = ()
    cursor: int = -1
    draft: str = ""
    has_input: bool = False
    wait_s: float = 0.0
    text: str = ""

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that stand for the whole question and its choices, however its rows are broken."""
        asked = "".join((self.text or self.detail).split())
        text = "\0".join((self.kind, asked, *self.options))
        return sha256(text.encode("utf-8", "replace")).hex()[:12]


READY, BUSY, DRAFT, LIMITED, FAILED = "ready", "busy", "draft", "limited", "failed"
SHELL, UNKNOWN = "shell", "unknown"
KINDS = (READY, BUSY, DRAFT, PERMISSION, DIALOG, LOGIN, LIMITED, FAILED, SHELL, UNKNOWN)

ABOVE_ROWS = 8
"""How many rows above the input may show the current turn."""
_MARKS = " ●⏺•■✗✕✖✻✶✽⎿⬝"
_STEP = re.compile(r"^\s?[●⏺•■✗✕✖✦⚠ℹ]\s?|^\s?Error:")
_PROMPT = re.compile(r"^\s?[❯›>] |^\s?[❯›>]$|^ {0,2}┃")
_RETRY = re.compile(
    r"retrying (?:in|after) (\d+(?:\.\d+)?)\s*(m?s|m(?:in)?)?\b|(?:retrying|server is busy, reconnecting) \d+/\d+",
    re.IGNORECASE,
)
_DEAD = re.compile(r"^Pane is dead \(")


def read_screen(preset_name: str, lines: Sequence[str], title: str = "") -> ScreenReading:
    """What the bottom of the screen shows, by the table of that runtime (``Preset.screens``).

    ``lines`` may carry styles (``capture-pane -e``), by which a placeholder is told from a draft and the chosen of
    several words from the others.  ``title`` is the window's, in which some programs show their spinner.
    """
    table = SCREENS.get(preset_name, GENERIC)
    rows = parse_rows(lines)
    while rows and not rows[-1].text:
        rows.pop()
    if not rows:
        return ScreenReading(UNKNOWN, BLANK)
    if _DEAD.match(rows[-1].text):
        return ScreenReading(UNKNOWN)
    if any(pattern.search(rows[-1].text) for pattern in table.answered):
        return ScreenReading(UNKNOWN, rows[-1].text.strip())
    found = find_input(table, rows)
    asked = find_question(table, rows if found is None else rows[found.last + 1 :])
    if found is not None and found.is_tall:
        asked = find_question(table, rows, bare_lists=False)
    elif found is not None and (asked is not None or table.shape == MARKED):
        # what looked like the input row may be the choice that a cursor marks
        whole = find_question(table, rows)
        asked = whole if whole is not None and (asked is not None or whole.options) else asked
    if asked is not None:
        return ScreenReading(asked.kind, asked.detail, asked.options, asked.cursor, text=asked.text)
    if found is None:
        return _without_input(table, rows)
    above, below = _texts(rows[: found.first]), _texts(rows[found.last + 1 :])
    state = _state(table, above, below, title)
    if state.kind == READY and found.draft:
        state = state._replace(kind=DRAFT)
    return state._replace(draft=found.draft, has_input=True)


def _without_input(table: ScreenTable, rows: list[ScreenRow]) -> ScreenReading:
    """No question and no input row: a shell, a log-in, or something under way."""
    if SHELL_PROMPT.match(rows[-1].text.strip() + " ") and not rows[-1].text.startswith(" "):
        return ScreenReading(SHELL, rows[-1].text.strip())
    if says_login(rows):
        return ScreenReading(LOGIN, "log in")
    texts = _texts(rows)
    bottom = [text for text in texts if not is_rule(text)][-ABOVE_ROWS:]
    if _find((*table.working, *table.hints), bottom):
        return ScreenReading(BUSY, _activity(bottom))
    return ScreenReading(UNKNOWN)


def _state(table: ScreenTable, above: list[str], below: list[str], title: str) -> ScreenReading:
    """The activity of an agent whose input row is between these rows."""
    near = above[-ABOVE_ROWS:]
    retrying = next((text for text in (*reversed(near), *below) if _RETRY.search(text)), "")
    if retrying:
        return _retrying(retrying)
    last = _last_step(above)
    out = _find(LOGGED_OUT, [*last, *below])
    if out:
        return ScreenReading(LOGIN, next(_bare(part) for part in re.split(r"\s{4,}", out) if _find(LOGGED_OUT, [part])))
    working = _find(table.working, near) or _find(table.hints, below)
    if working or _find(table.titles, [title]):
        return ScreenReading(BUSY, _activity(near) or (_bare(working) if working in near else ""))
    said = _joined(last)
    if any(pattern.match(said) for pattern in LIMITS):
        return ScreenReading(LIMITED, said)
    if any(pattern.match(said) for pattern in ERRORS):
        return ScreenReading(FAILED, said)
    return ScreenReading(READY)


def _retrying(text: str) -> ScreenReading:
    """A request that is tried again: a refused key is a matter of log-in, all else a limit."""
    if _find(LOGGED_OUT, [text]) or re.search(r"\b40[13]\b", text):
        return ScreenReading(LOGIN, _bare(text))
    found = _RETRY.search(text)
    wait_s = 0.0
    if found is not None and found[1]:
        wait_s = float(found[1]) * {"ms": 0.001, "m": 60.0, "min": 60.0}.get(found[2] or "s", 1.0)
    return ScreenReading(LIMITED, _bare(text), wait_s=wait_s)


def _last_step(above: list[str]) -> list[str]:
    """The rows of the last step of the last answer: what came before it was lifted, or is another turn's."""
    prompts = [number for number, row in enumerate(above) if _PROMPT.match(row)]
    turn = above[prompts[-1] :] if prompts else above[-ABOVE_ROWS:]
    steps = [number for number, row in enumerate(turn) if _STEP.match(row)]
    return turn[steps[-1] :] if steps else turn


def _joined(step: list[str]) -> str:
    """The first words of a step, with the row they run on in."""
    if not step:
        return ""
    tail = step[1] if len(step) > 1 else ""
    runs_on = tail.startswith("  ") and not tail.lstrip().startswith("⎿")
    return f"{step[0].strip(_MARKS)} {tail.strip()}" if runs_on else step[0].strip(_MARKS)


def _activity(near: list[str]) -> str:
    """The spinner's words above the input, empty if they are not recognised."""
    for row in reversed(near):
        if re.match(r"^\s?[✻✢✽✶✳·∗*◐◓◑◒⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]\s+\S+", row):
            return _bare(row.strip()[1:])
    return ""


def _bare(text: str) -> str:
    """Return a row's words without the mark before them and a further column after them."""
    return re.sub(r"\s{4,}.*$", "", text.strip().lstrip(_MARKS + "■")).strip()


def _find(patterns: Sequence[Pattern[str]], texts: Sequence[str]) -> str:
    """The first of the texts that one of the patterns is in, empty if none is."""
    return next((text for text in texts if any(pattern.search(text) for pattern in patterns)), "")


def _texts(rows: Sequence[ScreenRow]) -> list[str]:
    return [row.text for row in rows if row.text.strip()]
