"""Whole-number arithmetic in loop counts and ranges: ``+ - * / ^`` and parentheses, bounded in size and depth."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z_]\w*)|([-+*/^()]))")
_LIMIT = 10**12
_MAX_LENGTH = 200
_BRACES = re.compile(r"\{\{\s*(\w+)\s*\}\}|\{\s*(\w+)\s*\}")


class ArithmeticFault(Exception):
    """The expression cannot be reckoned; the text says why. ``name`` is the variable that has no value, if that is it.

    ``is_value`` says that other values would have done.
    """

    def __init__(self, said: str, name: str = "", *, is_value: bool = False) -> None:
        super().__init__(said)
        self.name = name
        self.is_value = is_value


def reckon(text: str, values: Mapping[str, str]) -> int:
    """The whole number that an expression stands for; ``{n}``, ``{{n}}`` and bare ``n`` are looked up in ``values``.

    Division leaves no fraction.  Raises ArithmeticFault.
    """
    if len(text) > _MAX_LENGTH:
        raise ArithmeticFault(f"longer than {_MAX_LENGTH} characters")
    tokens = _tokens(_BRACES.sub(lambda found: f" {found[1] or found[2]} ", text))
    if not tokens:
        raise ArithmeticFault("there is nothing to reckon")
    parser = _Parser(tokens, values)
    value = parser.sum()
    if parser.at < len(tokens):
        raise ArithmeticFault(f'"{tokens[parser.at]}" is out of place')
    return value


def syntax_fault(text: str) -> str:
    """What makes the text no expression, whatever the variables' values; empty if it is one."""
    if len(text) > _MAX_LENGTH:
        return f"longer than {_MAX_LENGTH} characters"
    try:
        reckon(text, _Any())
    except ArithmeticFault as fault:
        return "" if fault.is_value else str(fault)
    return ""


class _Any(dict[str, str]):
    """A value for every name."""

    def get(self, key: str, default: object = None) -> str:
        return "2"


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ArithmeticFault(f'"{text[at:].strip()[:10]}" cannot be reckoned with')
        tokens.append(found[1] or found[2] or found[3])
        at = found.end()
    return tokens


class _Parser:
    """Recursive descent; the length limit of the text bounds the depth."""

    def __init__(self, tokens: list[str], values: Mapping[str, str]) -> None:
        self.tokens = tokens
        self.values = values
        self.at = 0

    def sum(self) -> int:
        value = self._product()
        while self._peek() in ("+", "-"):
            value = self._bounded(value + self._product() if self._take() == "+" else value - self._product())
        return value

    def _product(self) -> int:
        value = self._power()
        while self._peek() in ("*", "/"):
            if self._take() == "*":
                value = self._bounded(value * self._power())
                continue
            by = self._power()
            if by == 0:
                raise ArithmeticFault("division by zero", is_value=True)
            value //= by
        return value

    def _power(self) -> int:
        base = self._unary()
        if self._peek() != "^":
            return base
        self._take()
        exponent = self._power()
        if not 0 <= exponent <= 60:
            raise ArithmeticFault(f"the exponent {exponent} is not within 0 to 60", is_value=True)
        return self._bounded(base**exponent)

    def _unary(self) -> int:
        if self._peek() == "-":
            self._take()
            return -self._unary()
        return self._atom()

    def _atom(self) -> int:
        token = self._take()
        if token == "(":
            value = self.sum()
            if self._take() != ")":
                raise ArithmeticFault("a parenthesis is not closed")
            return value
        if token.isdigit():
            return self._bounded(int(token))
        if token and (token[0].isalpha() or token[0] == "_"):
            return self._variable(token)
        raise ArithmeticFault(f'"{token}" is out of place' if token else "it ends too early")

    def _variable(self, name: str) -> int:
        value = self.values.get(name)
        if value is None or not value.strip():
            raise ArithmeticFault(f"{name} has no value", name)
        if not re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value):
            raise ArithmeticFault(f'{name} is "{value}", which is no whole number')
        return self._bounded(int(value))

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self.at += 1
        return token

    def _bounded(self, value: int) -> int:
        if abs(value) > _LIMIT:
            raise ArithmeticFault(f"it grows beyond {_LIMIT:,}", is_value=True)
        return value
