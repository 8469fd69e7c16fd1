"""The text of a formula, and the line of each of its keys.

Lines are computed only when a message needs one, by a scan that gives its best guess and never fails.
"""

from __future__ import annotations

import os
import re

from gastown_core.errors import UsageError
from gastown_core.files.plain import open_plain
from gastown_core.formulas.errors import FormulaError, Problem
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Path = tuple[str | int, ...]
TOML, JSON = ".formula.toml", ".formula.json"
MAX_BYTES = 2_000_000
NAME = re.compile(r"[A-Za-z0-9][\w.+-]*")
LONGEST_NAME = 100
"""Bytes of a formula's name: file names and the ids of poured beads must be able to hold it."""


class Source:
    """A formula's text: ``path`` is its file (or ``shipped:<name>``), ``tier`` rig, town, user, shipped or file."""

    def __init__(self, text: str, path: str, *, tier: str = "file", is_json: bool = False) -> None:
        self.text = text
        self.path = path
        self.tier = tier
        self.is_json = is_json
        self._lines: dict[Path, int] | None = None

    @property
    def name(self) -> str:
        """The file's name without folder and extension."""
        base = os.path.basename(self.path).removeprefix("shipped:")
        return base.removesuffix(TOML).removesuffix(JSON).removesuffix(".toml").removesuffix(".json")

    def data(self) -> dict[str, Any]:
        """Return the parsed text. Raises FormulaError with the line if it is not valid TOML (or JSON)."""
        return _json_data(self) if self.is_json else _toml_data(self)

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a key, such as ``("steps", 2, "needs")``, or of its nearest enclosing table; 0 if unknown."""
        if self._lines is None:
            self._lines = json_lines(self.text) if self.is_json else toml_lines(self.text)
        key = tuple(path)
        while key:
            if key in self._lines:
                return self._lines[key]
            key = key[:-1]
        return 0

    def problem(self, path: Sequence[str | int], what: str, fix: str = "") -> Problem:
        """Return a Problem at a key."""
        return Problem(self.path, self.line(path), what, fix)


def read_source(path: str, *, tier: str = "file", shown: str = "") -> Source:
    """Read a formula's file. Raises FormulaError if it cannot be read, is too large, or is not UTF-8."""
    name = shown or path
    try:
        with open(open_plain(path), "rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise FormulaError(f"{name} cannot be read", error.strerror or str(error), "check the path") from None
    if len(raw) > MAX_BYTES:
        raise FormulaError(f"{name} is too large for a formula", f"more than {MAX_BYTES:,} bytes", "use loops")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FormulaError(f"{name} is not UTF-8", f"line {line}", "save it as UTF-8") from None
    return Source(text, name, tier=tier, is_json=path.endswith(".json"))


def _toml_data(source: Source) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        place = re.search(r"\(at line (\d+), column (\d+)\)", said)
        line = int(place[1]) if place else source.text.count("\n") + 1
        what = said[: place.start()].strip() if place else said.replace(" (at end of document)", "")
        raise _broken(source, "TOML", line, what) from None
    except RecursionError:
        raise _broken(source, "TOML", 0, "nested too deeply") from None


def _json_data(source: Source) -> dict[str, object]:
    import json

    try:
        value = decode_json(source.text)
    except json.JSONDecodeError as error:
        raise _broken(source, "JSON", error.lineno, error.msg) from None
    except ValueError as error:
        raise _broken(source, "JSON", 0, str(error)) from None
    if not isinstance(value, dict):
        raise _broken(source, "JSON", 1, "a formula must be an object")
    return value


def _broken(source: Source, kind: str, line: int, what: str) -> FormulaError:
    found = Problem(source.path, line, f"not valid {kind}: {what}", f"fix line {line}" if line else "simplify it")
    return FormulaError(f"formula {source.name} is {found.what}", found.where, found.fix, problems=(found,))


_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_MARK = re.compile(r"""\"\"\"|'''|"(?:\\.|[^"\\])*"|'[^']*'|#.*|[\[\]{}]""")


def toml_lines(text: str) -> dict[Path, int]:
    """Return the lines of tables, array elements and keys; values within one line share its number."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    quote, depth = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not quote and not depth:
            header = _HEADER.match(line)
            if header:
                table = _table(header[2], header[1] == "[[", counts)
                found.setdefault(table, number)
                continue
            key = _KEY.match(line)
            if key:
                found.setdefault((*table, *_parts(key[1])), number)
        quote, depth = _scan(line, quote, depth)
    return found


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _table(dotted: str, is_element: bool, counts: dict[Path, int]) -> Path:
    """Return the full path of a header; parts that are arrays of tables get the index of their newest element."""
    path: Path = ()
    parts = _parts(dotted)
    for place, part in enumerate(parts):
        path = (*path, part)
        if place == len(parts) - 1 and is_element:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _scan(line: str, quote: str, depth: int) -> tuple[str, int]:
    """Return the multi-line quote and the bracket depth that are open after ``line``."""
    at = 0
    while at < len(line):
        if quote:
            end = line.find(quote, at)
            if end < 0:
                return quote, depth
            at, quote = end + 3, ""
            continue
        mark = _MARK.search(line, at)
        if mark is None:
            return "", depth
        at = mark.end()
        if mark[0] in ('"""', "'''"):
            quote = mark[0]
        elif mark[0] in "[{":
            depth += 1
        elif mark[0] in "]}":
            depth = max(0, depth - 1)
    return quote, depth


_TOKEN = re.compile(r'"((?:\\.|[^"\\])*)"|[{}\[\],:]|\n')


def json_lines(text: str) -> dict[Path, int]:
    """Return the lines of keys, and of array elements that are objects or strings."""
    found: dict[Path, int] = {}
    stack: list[tuple[str, str | int]] = []
    number, word = 1, ""
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark == "\n":
            number += 1
        elif mark in "{[":
            _note(found, stack, number)
            stack.append((mark, 0 if mark == "[" else ""))
        elif mark in "}]":
            if stack:
                stack.pop()
        elif mark == ",":
            if stack and stack[-1][0] == "[":
                stack[-1] = ("[", int(stack[-1][1]) + 1)
        elif mark == ":":
            if stack and stack[-1][0] == "{":
                stack[-1] = ("{", word)
                _note(found, stack, number)
        else:
            word = token[1] or ""
            if stack and stack[-1][0] == "[":
                _note(found, stack, number)
    return found


def _note(found: dict[Path, int], stack: list[tuple[str, str | int]], number: int) -> None:
    found.setdefault(tuple(key for _, key in stack), number)


def check_name(name: str) -> str:
    """Return the name, if it is valid for a new formula. Raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(f'"{name}" cannot be a formula\'s name', "", "letters, digits, . _ + - are allowed")
    if len(name.encode()) > LONGEST_NAME:
        raise UsageError(
            f'"{name[:24]}…" cannot be a formula\'s name',
            f"it has {len(name.encode())} bytes",
            f"at most {LONGEST_NAME}",
        )
    return name
