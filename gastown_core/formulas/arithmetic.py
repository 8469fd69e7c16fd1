"""Whole-number arithmetic in loop counts and ranges: ``+ - * / ^`` and parentheses, bounded in size and depth."""

from __future__ import annotations

# the classes of the tree alone: the module ``ast`` around them costs each sling 2 ms
import _ast as ast
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

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

    Division leaves no fraction; a minus binds closer than ``^``.  Raises ArithmeticFault.
    """
    if len(text) > _MAX_LENGTH:
        raise ArithmeticFault(f"longer than {_MAX_LENGTH} characters")
    tokens = _tokens(_BRACES.sub(lambda found: f" {found[1] or found[2]} ", text))
    if not tokens:
        raise ArithmeticFault("there is nothing to reckon")
    return _Reckoning(tokens, values).result()


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


class _Reckoning:
    """Walks the syntax tree that Python makes of the tokens; whatever is not named here is refused.

    Names stand in the tree as ``v0``, ``v1`` …, so that no word of Python's means anything.  The length limit of the
    text bounds the depth.
    """

    def __init__(self, tokens: list[str], values: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._values = values
        self._source = " ".join(map(_in_python, range(len(tokens)), tokens))

    def result(self) -> int:
        try:
            tree: Any = compile(self._source, "formula", "eval", flags=ast.PyCF_ONLY_AST)
        except SyntaxError as error:
            raise ArithmeticFault(self._misplaced((error.offset or 1) - 1)) from None
        return self._value(tree.body)

    def _misplaced(self, column: int) -> str:
        if self._tokens.count("(") > self._tokens.count(")"):
            return "a parenthesis is not closed"
        at = self._source.count(" ", 0, column)
        if column >= len(self._source) or self._tokens[-1] in "+-*/^":
            return "it ends too early"
        return f'"{self._tokens[at]}" is out of place'

    def _value(self, node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int(number)):
                return _bounded(number)
            case ast.Name(id=place):
                return self._variable(self._tokens[int(place[1:])])
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._negative(node, operand)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return _power(self._value(left), self._value(right))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _bounded(self._value(left) + self._value(right))
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return _bounded(self._value(left) - self._value(right))
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return _bounded(self._value(left) * self._value(right))
            case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
                return _quotient(self._value(left), self._value(right))
        raise ArithmeticFault(self._misplaced(node.col_offset))

    def _negative(self, node: ast.UnaryOp, operand: ast.expr) -> int:
        """Python lets ``^`` bind closer than a minus before it; here ``-2^2`` is 4, and ``-(2^2)`` is -4."""
        sign, start = -1, node.col_offset
        while isinstance(operand, ast.UnaryOp) and isinstance(operand.op, ast.USub):
            if "(" in self._source[start : operand.col_offset]:
                break
            sign, start, operand = -sign, operand.col_offset, operand.operand
        if (
            isinstance(operand, ast.BinOp)
            and isinstance(operand.op, ast.Pow)
            and "(" not in self._source[start : operand.col_offset]
        ):
            return _power(sign * self._value(operand.left), self._value(operand.right))
        return sign * self._value(operand)

    def _variable(self, name: str) -> int:
        value = self._values.get(name)
        if value is None or not value.strip():
            raise ArithmeticFault(f"{name} has no value", name)
        if not re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value):
            raise ArithmeticFault(f'{name} is "{value}", which is no whole number')
        return _bounded(int(value))


def _in_python(place: int, token: str) -> str:
    """A token as Python writes it."""
    if token.isdigit():
        return str(int(token))
    return f"v{place}" if token[0].isalpha() or token[0] == "_" else {"^": "**", "/": "//"}.get(token, token)


def _power(base: int, exponent: int) -> int:
    if not 0 <= exponent <= 60:
        raise ArithmeticFault(f"the exponent {exponent} is not within 0 to 60", is_value=True)
    return _bounded(base**exponent)


def _quotient(number: int, by: int) -> int:
    if by == 0:
        raise ArithmeticFault("division by zero", is_value=True)
    return number // by


def _bounded(value: int) -> int:
    if abs(value) > _LIMIT:
        raise ArithmeticFault(f"it grows beyond {_LIMIT:,}", is_value=True)
    return value
