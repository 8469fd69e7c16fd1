"""The grammar of run-time conditions: text into terms, with limits on length and depth.

``a.status == 'complete'``, ``verify.output.score >= 3 and not env.CI``, ``children(x).all(status == 'failed')``,
``descendants(step).count(status == 'open') < 2``, ``steps.complete >= 3``, ``file.exists('p')``.
"""

from __future__ import annotations

import re

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any, TypeAlias

    Term: TypeAlias = "And | Or | Not | Compare | Call | Literal | PathTerm"

_TOKEN = re.compile(
    r"""\s*(?:('[^']*'|"[^"]*")|(-?\d+(?:\.\d+)?)(?![\w.])|(==|!=|<=|>=|<|>|&&|\|\||!|\(|\)|\.)|([\w][\w:/\-]*(?:\.[\w:/\-]+)*))"""
)
_MAX_LENGTH, _MAX_TOKENS, _MAX_DEPTH = 1000, 200, 20
_COMPARE = frozenset(("==", "!=", "<=", ">=", "<", ">"))
_SETS = ("children", "descendants")
_QUANTITIES = ("all", "any", "count")


class ConditionFault(Exception):
    """The text is not a run-time condition; the message says why."""


class And(Record):
    """True if all parts are."""

    parts: tuple[Term, ...]


class Or(Record):
    """True if any part is."""

    parts: tuple[Term, ...]


class Not(Record):
    """Negation."""

    part: Term


class Compare(Record):
    """A comparison of two values."""

    left: Term
    sign: str
    right: Term


class Literal(Record):
    """A string, number or boolean."""

    value: Any


class PathTerm(Record):
    """A dotted name."""

    text: str


class Call(Record):
    """``children(argument).quantity(inner)``, the same for descendants, or ``file.exists(argument)``."""

    name: str
    argument: str
    quantity: str = ""
    inner: Term | None = None


def read(text: str) -> Term:
    """Parse a condition. Raises ConditionFault."""
    if len(text) > _MAX_LENGTH:
        raise ConditionFault(f"it is longer than {_MAX_LENGTH} characters")
    reader = _Reader(_tokens(text))
    term = reader.either(0)
    if reader.at < len(reader.tokens):
        raise ConditionFault(f'unexpected "{reader.tokens[reader.at]}"')
    return term


_OTHERS = ("step", "steps", "env", "status", "output")


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The condition with step ids replaced by ``names`` (old → new); text that is not a condition is unchanged."""
    if not text or not names:
        return text
    out, at = [], 0
    while found := _TOKEN.match(text, at):
        word = found[4]
        if word:
            start = found.start(4)
            old = _longest(word, names)
            out.append(text[at:start] + (names[old] + word[len(old) :] if old else word))
        else:
            out.append(found[0])
        at = found.end()
    return "".join(out) + text[at:]


def strangers(text: str, known: Collection[str]) -> list[str]:
    """Return the names in a condition that are neither a step in ``known`` nor built in."""
    try:
        words = _tokens(text)
    except ConditionFault:
        return []
    out = []
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        is_name = (
            re.match(r"[A-Za-z_]", word) and following != "(" and word not in ("and", "or", "not", "true", "false")
        )
        if is_name and word.split(".")[0] not in _OTHERS and not _longest(word, known):
            out.append(word)
    return out


def _longest(word: str, names: Collection[str]) -> str:
    """Return the longest of ``names`` that is a dotted prefix of the word; empty if none is."""
    at = len(word)
    while at > 0:
        if word[:at] in names:
            return word[:at]
        at = word.rfind(".", 0, at)
    return ""


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ConditionFault(f'unexpected "{text[at:].strip()[:12]}"')
        tokens.append(found[0].strip())
        at = found.end()
    if not tokens:
        raise ConditionFault("it is empty")
    if len(tokens) > _MAX_TOKENS:
        raise ConditionFault(f"it has more than {_MAX_TOKENS} parts")
    return tokens


class _Reader:
    """Recursive-descent parser over the tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def either(self, depth: int) -> Term:
        parts = [self._both(depth)]
        while self._peek() in ("||", "or"):
            self.at += 1
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self, depth: int) -> Term:
        parts = [self._negation(depth)]
        while self._peek() in ("&&", "and"):
            self.at += 1
            parts.append(self._negation(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self, depth: int) -> Term:
        if depth > _MAX_DEPTH:
            raise ConditionFault(f"it is nested deeper than {_MAX_DEPTH}")
        if self._peek() in ("!", "not"):
            self.at += 1
            return Not(self._negation(depth + 1))
        left = self._value(depth)
        if self._peek() in _COMPARE:
            sign = self._take()
            return Compare(left, sign, self._value(depth))
        return left

    def _value(self, depth: int) -> Term:
        token = self._take()
        if token == "(":
            inner = self.either(depth + 1)
            self._expect(")")
            return inner
        if token[0] in "'\"":
            return Literal(token[1:-1])
        if re.fullmatch(r"-?\d+(\.\d+)?", token):
            return Literal(float(token) if "." in token else int(token))
        if token in ("true", "false"):
            return Literal(token == "true")
        if not re.match(r"\w", token):
            raise ConditionFault(f'unexpected "{token}"')
        return self._call(token, depth) if self._peek() == "(" else PathTerm(token)

    def _call(self, name: str, depth: int) -> Term:
        if name == "file.exists":
            return Call(name, self._argument())
        if name not in _SETS:
            raise ConditionFault(f"{name}(…) is unknown; use children, descendants or file.exists")
        whose = self._argument()
        self._expect(".")
        quantity = self._take()
        if quantity not in _QUANTITIES:
            raise ConditionFault(f'"{quantity}" is unknown; use all, any or count')
        self._expect("(")
        inner = self.either(depth + 1)
        self._expect(")")
        return Call(name, whose, quantity, inner)

    def _argument(self) -> str:
        self._expect("(")
        token = self._take()
        self._expect(")")
        if token[0] in "'\"":
            return token[1:-1]
        if not re.match(r"\w", token):
            raise ConditionFault(f'unexpected "{token}"')
        return token

    def _expect(self, token: str) -> None:
        got = self._take()
        if got != token:
            raise ConditionFault(f'expected "{token}", found "{got}"')

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self) -> str:
        if self.at >= len(self.tokens):
            raise ConditionFault("unexpected end")
        self.at += 1
        return self.tokens[self.at - 1]
