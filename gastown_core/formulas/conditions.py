"""Evaluates conditions: those of steps at cooking time, and run-time conditions over the state of a molecule.

Both are small languages with bounded length and depth; nothing is ever evaluated as Python.
"""

from __future__ import annotations

import re

from gastown_core.formulas.condition_terms import And, Call, Compare, ConditionFault, Literal, Not, Or, PathTerm, read
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.formulas.condition_terms import Term

__all__ = ["ConditionFault", "RunState", "StepState", "check_runtime", "check_step", "holds", "keeps"]

_STEP = re.compile(r"\s*(!?)\s*\{\{\s*([A-Za-z_]\w*)\s*\}\}\s*(?:(==|!=)\s*(.*?)\s*)?$", re.DOTALL)
_FALSY = frozenset(("", "false", "0", "no", "off"))
_DONE = frozenset(("complete", "completed", "closed", "done"))


class StepState(Record):
    """The status of a step of a running molecule (``closed`` counts as complete) and its output."""

    status: str = "open"
    output: Any = None


class RunState(Record):
    """Everything a run-time condition may look at.

    ``children`` maps a step to the ids under it (bonded molecules' steps too), ``current`` is the step that has the
    condition, ``folder`` is the base of paths in ``file.exists``, ``env`` the environment.
    """

    steps: dict[str, StepState]
    children: dict[str, tuple[str, ...]] = {}  # noqa: RUF012  a default that is never modified
    current: str = ""
    folder: str = ""
    env: dict[str, str] = {}  # noqa: RUF012  a default that is never modified


def check_step(condition: str) -> str:
    """Return what is wrong with a step's condition, empty if it is valid."""
    if not condition.strip():
        return ""
    found = _STEP.match(condition)
    if found is None:
        return f'"{condition}" is not a condition'
    if found[1] and found[3]:
        return f'"{condition}" negates a comparison'
    return ""


def variable_of(condition: str) -> str:
    """Return the variable that a step's condition tests."""
    found = _STEP.match(condition)
    return found[2] if found else ""


def keeps(condition: str, values: Mapping[str, str]) -> bool:
    """Return whether a step with this condition is kept; a variable without a value counts as empty.

    ``{{v}}`` and ``!{{v}}`` test for truth (empty, false, 0, no and off are false), ``==`` and ``!=`` compare text.
    """
    found = _STEP.match(condition)
    if found is None:
        return not condition.strip()
    value = values.get(found[2], "")
    if found[3]:
        return (value == _unquoted(found[4])) == (found[3] == "==")
    return (value.strip().lower() not in _FALSY) != bool(found[1])


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def check_runtime(condition: str) -> str:
    """Return what is wrong with a run-time condition, empty if it is valid."""
    try:
        read(condition)
    except ConditionFault as fault:
        return str(fault)
    return ""


def holds(condition: str, state: RunState) -> bool:
    """Return whether a run-time condition is true now. Raises ConditionFault if it is invalid.

    An unknown value (a missing output, an unknown step) equals nothing: ``==`` and order comparisons with it are false,
    ``!=`` is true.  ``all`` over an empty set is false.
    """
    return _true(read(condition), state)


def _true(term: Term, state: RunState) -> bool:
    if isinstance(term, And):
        return all(_true(part, state) for part in term.parts)
    if isinstance(term, Or):
        return any(_true(part, state) for part in term.parts)
    if isinstance(term, Not):
        return not _true(term.part, state)
    if isinstance(term, Compare):
        return _compare(_value(term.left, state), term.sign, _value(term.right, state))
    value = _value(term, state)
    return value.strip().lower() not in _FALSY if isinstance(value, str) else bool(value)


def _value(term: Term, state: RunState) -> object:
    if isinstance(term, Literal):
        return term.value
    if isinstance(term, PathTerm):
        return _look_up(term.text, state)
    if isinstance(term, Call):
        return _file_exists(term, state) if term.name == "file.exists" else _over_set(term, state)
    return _true(term, state)


def _look_up(path: str, state: RunState) -> object:
    """The value at ``<step>.status``, ``<step>.output.a.b``, ``steps.<status>`` or ``env.NAME``; None if unknown."""
    if path.startswith("env."):
        return state.env.get(path[4:])
    if path.startswith("steps."):
        wanted = path[6:]
        return sum(1 for step in state.steps.values() if _same_status(step.status, wanted))
    step_id, rest = _split(path, state)
    step = state.steps.get(step_id)
    if step is None:
        return None
    if rest == "status":
        return _Status(step.status)
    if rest == "output" or rest.startswith("output."):
        return _dig(step.output, rest.split(".")[1:])
    return None


def _split(path: str, state: RunState) -> tuple[str, str]:
    """The step id that a path begins with (ids may contain dots, the longest match wins) and the rest of the path."""
    if path == "step" or path.startswith("step."):
        return state.current, path[5:]
    at = len(path)
    while at > 0:
        if path[:at] in state.steps:
            return path[:at], path[at + 1 :]
        at = path.rfind(".", 0, at)
    # inside all(…), any(…), count(…) bare names refer to the member being tested
    return (state.current, path) if path == "status" or path.split(".")[0] == "output" else ("", path)


def _dig(value: object, keys: list[str]) -> object:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _over_set(term: Call, state: RunState) -> object:
    whose = state.current if term.argument == "step" else term.argument
    members = list(state.children.get(whose, ()))
    if term.name == "descendants":
        seen = set(members)
        for member in members:
            for child in state.children.get(member, ()):
                if child not in seen:
                    seen.add(child)
                    members.append(child)
    fits = [_true(term.inner, state._replace(current=member)) for member in members] if term.inner else []
    if term.quantity == "all":
        return bool(fits) and all(fits)
    return any(fits) if term.quantity == "any" else sum(fits)


def _file_exists(term: Call, state: RunState) -> bool:
    import os

    path = os.path.normpath(os.path.join(state.folder or ".", term.argument))
    return os.path.lexists(path)


class _Status(str):
    """A status; ``closed``, ``done``, ``completed`` and ``complete`` are equal."""

    __slots__ = ()


def _same_status(one: str, other: str) -> bool:
    return one == other or (one in _DONE and other in _DONE)


def _compare(left: object, sign: str, right: object) -> bool:
    if sign in ("==", "!="):
        return _equal(left, right) == (sign == "==")
    one, other = _number(left), _number(right)
    if one is None or other is None:
        if not isinstance(left, str) or not isinstance(right, str):
            return False
        return _ordered(left, sign, right)
    return _ordered(one, sign, other)


def _ordered(left: Any, sign: str, right: Any) -> bool:
    if sign == "<":
        return bool(left < right)
    if sign == ">":
        return bool(left > right)
    return bool(left <= right) if sign == "<=" else bool(left >= right)


def _equal(left: object, right: object) -> bool:
    if left is None or right is None:
        return False
    if isinstance(left, _Status) or isinstance(right, _Status):
        return _same_status(str(left), str(right))
    if isinstance(left, bool) or isinstance(right, bool):
        return str(left).lower() == str(right).lower()
    one, other = _number(left), _number(right)
    return one == other if one is not None and other is not None else str(left) == str(right)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
