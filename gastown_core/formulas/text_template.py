"""The small template language of convoy texts: dotted names, conditions and lists; unknown names give nothing.

``{{.leg.focus}}``, ``{{name}}``, ``{{if .pr_number}}…{{else}}…{{end}}``, ``{{range .changed_files}}{{.path}}{{end}}``
(``{{.}}`` is the item itself).  Nothing else is known; anything else in braces stays as it is.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_TAG = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)
_DOTTED = re.compile(r"\.?[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*|\.")
_MAX_DEPTH = 10


def render(text: str, names: Mapping[str, Any]) -> str:
    """``text`` with names, conditions and lists filled in; values are never read as template again."""
    if "{{" not in text:
        return text
    return _Renderer(_tokens(text)).block(names, 0)[0]


def _tokens(text: str) -> list[tuple[str, str]]:
    """Pairs of kind (``text`` or ``tag``) and content, blanks trimmed where a tag says ``{{-`` or ``-}}``."""
    out: list[tuple[str, str]] = []
    at, trim = 0, False
    for found in _TAG.finditer(text):
        piece = text[at : found.start()]
        piece = piece.lstrip() if trim else piece
        out.append(("text", piece.rstrip() if found[1] else piece))
        out.append(("tag", found[2]))
        at, trim = found.end(), bool(found[3])
    out.append(("text", text[at:].lstrip() if trim else text[at:]))
    return out


class _Renderer:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens

    def block(self, names: Any, at: int, root: Any = None, depth: int = 0) -> tuple[str, int]:
        """The text from token ``at`` to the tag that ends its block, and that tag's place."""
        root = names if root is None else root
        out: list[str] = []
        while at < len(self.tokens):
            kind, content = self.tokens[at]
            word = content.partition(" ")[0]
            if kind == "text":
                out.append(content)
            elif word in ("else", "end"):
                return "".join(out), at
            elif word in ("if", "range") and depth < _MAX_DEPTH:
                piece, at = self._choice(word, content, names, at, root, depth)
                out.append(piece)
            else:
                out.append(_word(content, names, root))
            at += 1
        return "".join(out), at

    def _choice(self, word: str, content: str, names: Any, at: int, root: Any, depth: int) -> tuple[str, int]:
        value = _look_up(content[len(word) :].strip(), names, root)
        if word == "range":
            items = value if isinstance(value, list | tuple) else [value] if value else []
        else:
            items = [names] if value else []
        pieces = [self.block(item, at + 1, root, depth + 1)[0] for item in items]
        # a block that is not shown is still walked over, to find its end
        _, end = self.block(names, at + 1, root, depth + 1)
        if end < len(self.tokens) and self.tokens[end][1] == "else":
            other, end = self.block(names, end + 1, root, depth + 1)
            pieces = pieces or [other]
        return "".join(pieces), end


def _word(content: str, names: Any, root: Any) -> str:
    if not _DOTTED.fullmatch(content):
        return "{{" + content + "}}"
    value = _look_up(content, names, root)
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "\n".join(_line(item) for item in value)
    return _line(value)


def _line(value: Any) -> str:
    if isinstance(value, dict):
        if "path" in value:
            counts = f" (+{value.get('additions', 0)} -{value.get('deletions', 0)})" if "additions" in value else ""
            return f"- {value['path']}{counts}"
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return "true" if value is True else "false" if value is False else str(value)


def _look_up(dotted: str, names: Any, root: Any) -> Any:
    if dotted == ".":
        return names
    parts = [part for part in dotted.lstrip("$.").split(".") if part]
    for start in (names, root):
        value = start
        for part in parts:
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None
