"""Integer arithmetic in loop counts and ranges: ``+ - * / ^`` and parentheses, bounded in size and depth."""

from __future__ import annotations

# only the node classes: the module ``ast`` costs each sling 2 ms
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
    """The expression cannot be evaluated; the text says why. ``name`` is the variable without a value, if that is why.

    ``is_value`` means that the syntax is fine and other values would work.
    """

    def __init__(self, said: str, name: str = "", *, is_value: bool = False) -> None:
        super().__init__(said)
        self.name = name
        self.is_value = is_value


def reckon(text: str, values: Mapping[str, str]) -> int:
    """Return the value of an expression; ``{n}``, ``{{n}}`` and bare ``n`` are looked up in ``values``.

    Division rounds down; a minus binds tighter than ``^``.  Raises ArithmeticFault.
    """
    if len(text) > _MAX_LENGTH:
        raise ArithmeticFault(f"longer than {_MAX_LENGTH} characters")
    tokens = _tokens(_BRACES.sub(lambda found: f" {found[1] or found[2]} ", text))
    if not tokens:
        raise ArithmeticFault("the expression is empty")
    return _Reckoning(tokens, values).result()


def syntax_fault(text: str) -> str:
    """Return why the text is not an expression, whatever the variables' values; empty if it is one."""
    if len(text) > _MAX_LENGTH:
        return f"longer than {_MAX_LENGTH} characters"
    try:
        reckon(text, _Any())
    except ArithmeticFault as fault:
        return "" if fault.is_value else str(fault)
    return ""


class _Any(dict[str, str]):
    """A mapping with a value for every name."""

    def get(self, key: str, default: object = None) -> str:
        return "2"


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ArithmeticFault(f'unexpected "{text[at:].strip()[:10]}"')
        tokens.append(found[1] or found[2] or found[3])
        at = found.end()
    return tokens


class _Reckoning:
    """Evaluates the syntax tree that Python makes of the tokens; any node type not listed here is refused.

    Names appear in the tree as ``v0``, ``v1`` …, so that no Python keyword has a meaning.  The length limit of the
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
            return "unexpected end"
        return f'unexpected "{self._tokens[at]}"'

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
        """Python's ``**`` binds tighter than a preceding minus; here ``-2^2`` is 4, and ``-(2^2)`` is -4."""
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
            raise ArithmeticFault(f'{name} is "{value}", which is not an integer')
        return _bounded(int(value))


def _in_python(place: int, token: str) -> str:
    """Return the token in Python syntax."""
    if token.isdigit():
        return str(int(token))
    return f"v{place}" if token[0].isalpha() or token[0] == "_" else {"^": "**", "/": "//"}.get(token, token)


def _power(base: int, exponent: int) -> int:
    if not 0 <= exponent <= 60:
        raise ArithmeticFault(f"the exponent {exponent} is not between 0 and 60", is_value=True)
    return _bounded(base**exponent)


def _quotient(number: int, by: int) -> int:
    if by == 0:
        raise ArithmeticFault("division by zero", is_value=True)
    return number // by


def _bounded(value: int) -> int:
    if abs(value) > _LIMIT:
        raise ArithmeticFault(f"the result exceeds {_LIMIT:,}", is_value=True)
    return value
