"""The question on a screen: its choices, the marked one, and its subject.

A question is whatever ends in key hints ("Enter to confirm", "Esc to cancel", "(y/n)") or in choices with a cursor,
numbered or not.  It need not be known to be recognised; the tables only give it a name.
"""

from __future__ import annotations

import re

from gastown_core.model.record import Record
from gastown_core.runtimes.screen_rows import is_dashed, is_rule, lit_span
from gastown_core.runtimes.screens import LOGINS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.runtimes.screen_rows import ScreenRow
    from gastown_core.runtimes.screens import ScreenTable


class Choices(Record):
    """The choices (``1 Yes``, or ``Yes`` where there are no numbers), the cursor's place in them (-1: not seen), and
    the rows they stand in."""

    texts: tuple[str, ...]
    cursor: int
    first: int
    last: int


class Question(Record):
    """``kind`` is login, permission or dialog; ``detail`` what is asked, in a few words.

    ``text`` is the whole question above its choices, row by row: the command, the folder, the change.
    """

    kind: str
    detail: str
    options: tuple[str, ...]
    cursor: int
    text: str = ""


LOGIN, PERMISSION, DIALOG = "login", "permission", "dialog"
QUESTION_ROWS = 30
HINT_ROWS = 6
DETAIL_CHARS = 300
_HINT = re.compile(
    r"\benter\b (to )?(confirm|continue|select|submit|choose)|\besc\b (to )?(cancel|back|skip|exit|go back|close|reject)\b"
    r"|press (enter|return|any key)|\[?\(?\by(es)?\)?/\(?n(o)?\b\)?\]?|\(y\)es|↑/↓|⇆ select|use arrow keys",
    re.IGNORECASE,
)
_SPINNER_HINT = re.compile(r"\(esc to cancel, \d", re.IGNORECASE)
_STEP = re.compile(r"^[●⏺•✦]\s")
_CURSORS = "❯›>●→▶"
_CHOICE = re.compile(rf"^(?P<lead>[\s│┃|]*)(?P<mark>[{_CURSORS}]\s+)?(?P<text>\S.*?)\s*[│┃|█]?$")
_NUMBER = re.compile(r"^(\d{1,2})[.):]?\s+(\S.*)$")
_SEARCH = re.compile(r"type to (search|filter)", re.IGNORECASE)
_EDGES = tuple("│┃|╭╰├")
_FRAME = re.compile(r"^[\s│┃╭╮╰╯|]+|[\s│┃╭╮╰╯|]+$")
_CALL = re.compile(r"^[●⏺•]\s*(\w+)\((.+)\)?$")
_TOOL_ROW = re.compile(r"^[?$✓-]\s+(\w[\w ]*?)(?:\s{2,}|$)")
_RIGHT_COLUMN = re.compile(r"\s{8,}\S.*$")


def find_question(table: ScreenTable, rows: Sequence[ScreenRow], *, bare_lists: bool = True) -> Question | None:
    """The question at the bottom of these rows, None if nothing is asked there.

    Without ``bare_lists``, choices that have neither numbers nor key hints are none: a draft of many rows looks so.
    """
    body = [row for row in rows if row.text.strip()][-QUESTION_ROWS:]
    plain = [_unframe(row.text) for row in body]
    hinted = any(_HINT.search(text) and not _SPINNER_HINT.search(text) for text in plain[-HINT_ROWS:])
    # with this mark steps of an answer begin, too
    marks = _CURSORS if hinted else _CURSORS.replace("●", "")
    listed = _listed(body, _blocks(rows), marks) if bare_lists or hinted else None
    if listed is not None and not hinted and _STEP.match(body[min(listed.last + 1, len(body) - 1)].text):
        # a prompt of several rows, and the answer to it
        listed = None
    choices = _numbered(body) or listed or _side_by_side(body)
    if choices is not None and choices.cursor < 0 and not hinted:
        # a list at the end of an answer
        choices = None
    if choices is None and not hinted:
        return None
    first = choices.first if choices is not None else len(plain)
    above = plain[:first]
    whole = [row for row in rows if row.text.strip()]
    block = _block_above(whole[: len(whole) - len(body) + first], body[first].text if choices is not None else "")
    text = "\n".join(row for row in block if row.strip("─╌╭╮╰╯ "))
    kind, detail = _named(table, above, plain, block)
    if choices is None:
        return Question(kind, detail, (), -1, text)
    return Question(kind, detail, choices.texts, choices.cursor, text)


def _block_above(above: Sequence[ScreenRow], choice: str) -> list[str]:
    """The rows above the choices that belong to the question: of its box, or up to the line or the step before it.

    ``choice`` is the row of the first choice.  What is doubtful belongs to it: an answer is for all that was shown.  A
    line inside a command is no end: it does not begin at the left margin.
    """
    texts = [row.text for row in above]
    edge = re.match(r"\s*[│┃|]", choice)
    start = len(texts) - 1
    if edge is not None:
        while start >= 0 and texts[start][edge.end() - 1 : edge.end()] in _EDGES:
            start -= 1
    else:
        while start >= 0 and not texts[start].startswith("────────") and not _STEP.match(texts[start]):
            start -= 1
    return [_unframe(text).rstrip() for text in texts[start + 1 :]]


def says_login(rows: Sequence[ScreenRow]) -> bool:
    """Whether the bottom of a screen without an input row is about logging in."""
    body = [row.text for row in rows if row.text.strip()][-QUESTION_ROWS:]
    return any(pattern.search(text) for pattern in LOGINS for text in body)


def _named(table: ScreenTable, above: list[str], plain: list[str], block: list[str]) -> tuple[str, str]:
    """Kind of the question and what it asks; ``block`` is all of it above the choices."""
    for pattern, _ in table.permissions:
        if any(pattern.search(text) for text in above[-6:]):
            return PERMISSION, _between_dashes(block) or _permission_detail(above)
        if any(pattern.search(text) for text in above[-12:]) and not any("?" in text for text in above[-3:]):
            return PERMISSION, _between_dashes(block) or _permission_detail(above)
    for pattern, name in table.dialogs:
        if any(pattern.search(text) for text in plain):
            return DIALOG, name
    if any(pattern.search(text) for pattern in LOGINS for text in plain):
        return LOGIN, "log in"
    return DIALOG, _what_is_asked(above)


def _what_is_asked(above: list[str]) -> str:
    """The last row that ends in a question mark near the choices; else the first row of the last block."""
    block = above[_last_rule(above) + 1 :]
    # a picture asks nothing
    texts = [text.strip() for text in block if any(map(str.isalpha, text)) and not _HINT.search(text)]
    asked = [text for text in texts[-6:] if text.endswith("?")]
    if asked:
        return asked[-1]
    return texts[0] if texts else ""


# --- choices -----------------------------------------------------------------------------------------------------------


def _blocks(rows: Sequence[ScreenRow]) -> list[int]:
    """For each row of ``find_question``'s body the number of its block; blank rows part blocks."""
    number = 0
    blocks = []
    for row in rows:
        if _unframe(row.text):
            blocks.append(number)
        else:
            number += 1
            blocks += [number] if row.text.strip() else []
    return blocks[-QUESTION_ROWS:]


def _numbered(body: Sequence[ScreenRow]) -> Choices | None:
    """The last list that begins with 1, if it stands at the very bottom."""
    found: list[tuple[int, str, str, bool]] = []
    for place, row in enumerate(body):
        choice = _CHOICE.match(row.text)
        number = _NUMBER.match(choice["text"]) if choice is not None else None
        if choice is not None and number is not None:
            found.append((place, number[1], number[2].strip(), bool(choice["mark"])))
    starts = [index for index, one in enumerate(found) if one[1] == "1"]
    if not starts:
        return None
    listed = found[starts[-1] :]
    listed = [one for index, one in enumerate(listed) if one[1] == str(index + 1)]
    if len(listed) < 2 or not _ends_there(body, listed[-1][0]):
        return None
    texts = tuple(f"{number} {text}" for _, number, text, _ in listed)
    cursor = next((index for index, one in enumerate(listed) if one[3]), -1)
    return Choices(texts, cursor, listed[0][0], listed[-1][0])


def _listed(body: Sequence[ScreenRow], blocks: list[int], marks: str) -> Choices | None:
    """Choices without numbers: the row that one of ``marks`` marks, and its block's rows that begin in the same column."""
    for place in range(len(body) - 1, -1, -1):
        marked = _CHOICE.match(body[place].text)
        if marked is None or not marked["mark"] or marked["mark"][0] not in marks:
            continue
        column = marked.start("text")
        first = last = place
        while first and blocks[first - 1] == blocks[place] and _begins_at(body[first - 1].text, column):
            first -= 1
        while last + 1 < len(body) and blocks[last + 1] == blocks[place] and _begins_at(body[last + 1].text, column):
            last += 1
        if last == first or not _ends_there(body, last):
            return None
        texts = tuple(_option_text(body[number].text, column) for number in range(first, last + 1))
        return Choices(texts, place - first, first, last)
    return None


def _side_by_side(body: Sequence[ScreenRow]) -> Choices | None:
    """Return choices in one row, the chosen one with a background colour: ``Allow once   Allow always   Reject``."""
    for place in range(len(body) - 1, max(-1, len(body) - HINT_ROWS), -1):
        row = body[place]
        if "⇆ select" not in row.text:
            continue
        words = re.match(r"^[\s│┃|]*(.*?)\s{8,}", row.text)
        found = list(re.finditer(r"\S+(?: \S+)*", words[1])) if words is not None else []
        if words is None or len(found) < 2:
            return None
        offset = words.start(1)
        lit = lit_span(row, offset, words.end(1))
        at = [index for index, one in enumerate(found) if lit and lit[0] <= offset + one.start() < lit[1]]
        return Choices(tuple(one[0] for one in found), at[0] if at else -1, place, place)
    return None


def _begins_at(text: str, column: int) -> bool:
    """Whether a row has nothing but frame before ``column`` and its text right there."""
    return (
        not text[:column].strip(" │┃|")
        and text[column : column + 1].strip(" │┃|█") != ""
        and not _SEARCH.match(text[column:])
    )


def _option_text(text: str, column: int) -> str:
    return re.sub(r"\s{3,}[│┃|█]\s*$", "", text[column:]).strip(" │┃|█")


def _ends_there(body: Sequence[ScreenRow], last: int) -> bool:
    """Whether nothing but explanations and key hints follow the choices."""
    rest = [_unframe(row.text) for row in body[last + 1 :]]
    rest = [text for text in rest if text and not is_rule(text)]
    return len(rest) <= 4 and not any(text.startswith(("❯", "›")) for text in rest)


# --- what a permission is for ------------------------------------------------------------------------------------------


def _permission_detail(above: list[str]) -> str:
    """What the agent wants to do: ``Bash: npm install left-pad``."""
    inline = next((found for row in reversed(above) if (found := re.search(r"allow (\w+)\((.+)\)\?", row, re.I))), None)
    if inline:
        return f"{inline[1]}: {inline[2]}"
    titled = _titled(above)
    if titled:
        return titled
    cut = _last_rule(above)
    box = [row.strip() for row in above[cut + 1 :] if row.strip()]
    call = next((found for row in reversed(above[: cut + 1]) if (found := _CALL.match(row.strip()))), None)
    command = next((row[2:] for row in box if row.startswith("$ ")), "")
    if command:
        return f"Command: {command}"
    kind = call[1] if call else (box[0].split()[0] if box else "")
    if len(box) > 1:
        return f"{kind}: {box[1]}"
    return f"{kind}: {call[2].rstrip(')')}" if call else kind


def _between_dashes(block: list[str]) -> str:
    """What stands between the dashed lines of a question, with its first word: ``Bash: npm install``.

    Above them stand tips and the model's own words.
    """
    dashed = [number for number, text in enumerate(block) if is_dashed(text)]
    if len(dashed) < 2 or not dashed[0]:
        return ""
    inner = [text.strip() for text in block[dashed[0] + 1 : dashed[-1]] if text.strip()]
    return f"{block[0].split()[0]}: {' '.join(inner)}"[:DETAIL_CHARS]


def _titled(above: list[str]) -> str:
    """Return name and argument from a box that has a row for each."""
    rows = [_RIGHT_COLUMN.sub("", text).strip() for text in above]
    for place in range(len(rows) - 1, -1, -1):
        if rows[place].startswith("△ "):
            inner = [text.lstrip("←→#$ ") for text in rows[place + 1 :] if text.strip("┃ ")]
            return ": ".join(inner[:2]) if rows[place + 1].startswith("#") and len(inner) > 1 else "".join(inner[:1])
        tool = _TOOL_ROW.match(above[place].strip())
        if tool is not None and rows[place].startswith("?"):
            return f"{tool[1]}: {above[place].strip()[tool.end() :].strip()}"
        if "run a command" in rows[place].lower() and not rows[place].startswith("$"):
            inner = [text for text in rows[place + 1 :] if text and not is_rule(text) and "?" not in text]
            return f"{rows[place]}: {inner[0]}" if inner else rows[place]
    return ""


def _last_rule(rows: Sequence[str]) -> int:
    return max((number for number, row in enumerate(rows) if is_rule(row)), default=-1)


def _unframe(text: str) -> str:
    return _FRAME.sub("", text)
