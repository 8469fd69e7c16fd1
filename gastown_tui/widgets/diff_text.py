"""A diff as rows: files by section, lines with their numbers, changed words marked; pure."""

from __future__ import annotations

import re
from functools import partial

from gastown_core.model.record import Record
from gastown_tui.text import clean, fit, fit_right
from gastown_tui.widgets.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.state.diffs import Diff, DiffLine, FileDiff, Hunk
    from gastown_tui.text import Piece, Pieces

SECTION_WORDS = {
    "committed": "committed",
    "staged": "staged, not committed",
    "unstaged": "changed, not staged",
    "untracked": "new, not added to git",
}
"""Section of a diff → its heading; as in ``gastown_core.git.diff``."""
LETTERS = {
    "added": ("A", "good"),
    "deleted": ("D", "bad"),
    "renamed": ("R", "info"),
    "modified": ("M", "warn"),
}
"""State of a file → git's letter and its tone."""
TONES = {"+": "added", "-": "removed", " ": "text"}
WORD_TONES = {"+": "added_word", "-": "removed_word"}
NUMBER = 5
MOST_WORDS = 400
"""Longer lines are not compared word by word."""
LEAST_ALIKE = 0.4
"""Lines less alike than this are shown as replaced, without marked words."""
_WORD = re.compile(r"\w+|\s+|.")


class FileKey(Record):
    """A file of a diff: the same path may be in several sections."""

    section: str
    path: str


class LineKey(Record):
    """A line of a diff; ``old`` and ``new`` are its numbers, 0 where it is not there."""

    section: str
    path: str
    old: int
    new: int

    @property
    def place(self) -> str:
        """The line as a person names it: ``src/cart.py:12``; a removed one by its old number."""
        return f"{self.path}:{self.new or self.old}" + ("" if self.new else " (removed)")


def file_of(key: object) -> FileKey | None:
    """Return the file that a row of either panel is about."""
    if isinstance(key, LineKey):
        return FileKey(key.section, key.path)
    return key if isinstance(key, FileKey) else None


def totals(diff: Diff) -> Pieces:
    """Return ``3 files  +120 -7``."""
    count = len({one.path for one in diff.files})
    return ((f"{count} file{'s' if count != 1 else ''}", "text"), *_counts(diff.added, diff.removed))


def _counts(added: int, removed: int) -> Pieces:
    out: list[Piece] = [(f"  +{added}", "added")] if added else []
    return (*out, (f"  -{removed}", "removed")) if removed else tuple(out)


def file_rows(diff: Diff, width: int) -> list[Row]:
    """Return the list of files under their sections' headings."""
    rows: list[Row] = []
    section = ""
    for one in diff.files:
        if one.section != section:
            section = one.section
            rows += [Row(None, (), False)] if rows else []
            rows.append(Row(None, ((SECTION_WORDS[section], "heading"),), False))
        rows.append(Row(FileKey(one.section, one.path), partial(_file_row, one, width)))
    return rows


def _file_row(one: FileDiff, width: int) -> Pieces:
    letter, tone = LETTERS[one.state]
    counts = _counts(one.added, one.removed)
    room = max(8, width - 2 - sum(len(text) for text, _ in counts))
    path = clean(one.path)
    if len(path) > room:
        # the end of a path tells more than its beginning
        path = "…" + path[len(path) - room + 1 :]
    return ((f"{letter} ", tone), (fit(path, room), "text"), *counts)


def patch_rows(diff: Diff) -> list[Row]:
    """Return every line of the diff, file after file; a row is made only when it is shown."""
    rows: list[Row] = []
    for one in diff.files:
        rows += [Row(None, (), False)] if rows else []
        rows.append(Row(FileKey(one.section, one.path), partial(_file_head, one)))
        for hunk in one.hunks:
            words = ChangedWords(hunk)
            if hunk.heading or hunk is not one.hunks[0]:
                rows.append(Row(None, ((f"{'':>{2 * NUMBER}} @@ {clean(hunk.heading)}".rstrip(), "info"),), False))
            rows += [
                Row(LineKey(one.section, one.path, line.old, line.new), partial(_line_row, line, at, words))
                for at, line in enumerate(hunk.lines)
            ]
        if one.note:
            rows.append(Row(None, ((f"{'':>{2 * NUMBER}} {clean(one.note)}", "dim"),), False))
    return rows


def _file_head(one: FileDiff) -> Pieces:
    letter, tone = LETTERS[one.state]
    was = f"  was {clean(one.before)}" if one.before else ""
    return (
        (f"{letter} ", tone),
        (clean(one.path), "title"),
        (was, "dim"),
        *_counts(one.added, one.removed),
        (f"  {SECTION_WORDS[one.section]}", "dim"),
    )


def _line_row(line: DiffLine, at: int, words: ChangedWords) -> Pieces:
    numbers = fit_right(str(line.old or ""), NUMBER) + fit_right(str(line.new or ""), NUMBER)
    return ((numbers, "faint"), (f" {line.kind} ", TONES[line.kind]), *words.pieces(at))


def expanded(text: str) -> str:
    """Return a line as it is shown: tabs as blanks, control characters visible."""
    return clean(text.removesuffix("\r").expandtabs(4))


class ChangedWords:
    """The lines of a hunk as pieces, with the words marked that differ from the line's counterpart.

    Removed lines directly followed by as many added ones are counterparts, in order.
    """

    def __init__(self, hunk: Hunk) -> None:
        self._lines = hunk.lines
        self._marked: dict[int, Pieces] | None = None

    def pieces(self, at: int) -> Pieces:
        """Return the text of the line at an index of the hunk."""
        if self._marked is None:
            self._marked = dict(self._compare())
        line = self._lines[at]
        return self._marked.get(at) or ((expanded(line.text), TONES[line.kind]),)

    def _compare(self) -> Iterator[tuple[int, Pieces]]:
        for removed, added in self._blocks():
            if len(removed) != len(added):
                continue
            for old, new in zip(removed, added, strict=True):
                marked = _marked(expanded(self._lines[old].text), expanded(self._lines[new].text))
                if marked is not None:
                    yield old, marked[0]
                    yield new, marked[1]

    def _blocks(self) -> Iterator[tuple[list[int], list[int]]]:
        removed: list[int] = []
        added: list[int] = []
        for at, line in enumerate(self._lines):
            if line.kind == "+":
                added.append(at)
                continue
            if added or line.kind != "-":
                if removed and added:
                    yield removed, added
                removed, added = [], []
            if line.kind == "-":
                removed.append(at)
        if removed and added:
            yield removed, added


def _marked(old: str, new: str) -> tuple[Pieces, Pieces] | None:
    """Return both lines with their differing words marked; None if they are too long or too different."""
    if max(len(old), len(new)) > MOST_WORDS:
        return None
    from difflib import SequenceMatcher

    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < LEAST_ALIKE:
        return None
    left: list[Piece] = []
    right: list[Piece] = []
    for what, a, b, c, d in matcher.get_opcodes():
        same = what == "equal"
        if b > a:
            left.append(("".join(before[a:b]), TONES["-"] if same else WORD_TONES["-"]))
        if d > c:
            right.append(("".join(after[c:d]), TONES["+"] if same else WORD_TONES["+"]))
    return tuple(left), tuple(right)
