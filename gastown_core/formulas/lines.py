"""At which line each key of a TOML or JSON text stands; for messages, so it guesses rather than fails."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_MARK = re.compile(r"""\"\"\"|'''|"(?:\\.|[^"\\])*"|'[^']*'|#.*|[\[\]{}]""")


def toml_lines(text: str) -> dict[Path, int]:
    """Lines of tables, of elements of arrays of tables, and of keys; values inside one line share its line."""
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
    """The full path of a header: parts that are arrays of tables get the number of their newest element."""
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
    """The long quote and the depth of brackets that are open after ``line``."""
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
    """Lines of keys and of elements that are objects or texts."""
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
