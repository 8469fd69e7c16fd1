"""A formula's variables: declarations, given values, checks. The same checks apply to every value."""

from __future__ import annotations

import re

from gastown_core.formulas.errors import FormulaError, MissingVariables
from gastown_core.formulas.formula import Variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.formulas.reader import Reader

VARIABLE_TYPES = ("string", "int", "bool")
_NAME = re.compile(r"[A-Za-z_]\w*")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_MAX_VALUE = 100_000


def read_variables(top: Reader, key: str) -> dict[str, Variable]:
    """Return the variables in a table: ``[vars.x]`` with attributes, or the shorthand ``x = "default"``."""
    found: dict[str, Variable] = {}
    table = top.raw(key)
    word = "input" if key == "inputs" else "variable"
    holder = type(top)(table, (*top.path, key), key, top.notes)
    for name in table:
        if not _NAME.fullmatch(name):
            holder.problem(name, f'{word} "{name}" has an invalid name', "letters, digits and _ are allowed")
        if not isinstance(table[name], dict):
            found[name] = Variable(name, default=holder.scalar(name))
            continue
        own = holder.table_at(name, f"{word} {name}")
        if own is not None:
            found[name] = _variable(own, name)
            own.done()
    return found


def _variable(own: Reader, name: str) -> Variable:
    made = Variable(
        name=name,
        description=own.text("description"),
        required=own.flag("required"),
        default=own.scalar("default"),
        enum=own.scalars("enum"),
        pattern=own.text("pattern"),
        type=own.text("type") or "string",
        required_unless=own.texts("required_unless"),
    )
    if made.required and made.default is not None:
        # formulas of Go's Gas Town set both; an empty default counts as none
        told = "the default is used" if made.default else "it must be given"
        own.notes.warn((*own.path, "default"), f"{own.called} is required and has a default: {told}")
        made = made._replace(required=False) if made.default else made._replace(default=None)
    if made.type not in VARIABLE_TYPES:
        if own.path[0] != "inputs":
            own.problem("type", f'has the type "{made.type}"', f"use one of {', '.join(VARIABLE_TYPES)}")
        made = made._replace(type="string")
    if made.pattern:
        try:
            re.compile(made.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            own.problem("pattern", f"has an invalid pattern: {error}", "fix the regular expression")
            made = made._replace(pattern="")
    if made.default:
        wrong = fault(made, made.default)
        if wrong and "{" not in made.default:
            own.problem("default", f"has an invalid default: {wrong}", "fix the default")
    return made


def fault(variable: Variable, value: str) -> str:
    """Return what is wrong with a value, empty if it is valid."""
    if len(value) > _MAX_VALUE:
        return f"longer than {_MAX_VALUE:,} characters"
    if variable.type == "int" and not re.fullmatch(r"[+-]?\d{1,18}", value.strip()):
        return f'"{value}" is not an integer'
    if variable.type == "bool" and value.strip().lower() not in (*_TRUE, *_FALSE):
        return f'"{value}" is neither true nor false'
    if variable.enum and coerced(variable, value) not in variable.enum:
        return f'"{value}" is not one of {", ".join(variable.enum)}'
    if variable.pattern and not re.search(variable.pattern, value):
        return f'"{value}" does not match {variable.pattern}'
    return ""


def coerced(variable: Variable, value: str) -> str:
    """Return the value in its type's canonical form: ``true``/``false``, digits, or unchanged."""
    if variable.type == "int":
        return str(int(value))
    if variable.type == "bool":
        return "true" if value.strip().lower() in _TRUE else "false"
    return value


def settle(
    formula: str, variables: Mapping[str, Variable], given: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return all values (given ones, then defaults) and the names still without one.

    Given names that are not declared are kept.  Raises FormulaError that lists every invalid value.
    """
    values: dict[str, str] = {}
    missing: list[str] = []
    wrong: list[str] = []
    for name, variable in variables.items():
        value = given.get(name, variable.default)
        if value is None:
            others = variable.required_unless
            # of several alternatives, only the first is reported as missing
            if not any(given.get(other) for other in others) and not any(other in others for other in missing):
                missing.append(name)
            continue
        # an empty default means "computed later" and is not checked
        said = "" if value == variable.default == "" else fault(variable, value)
        if said:
            wrong.append(f"{name}: {said}")
        elif value:
            values[name] = coerced(variable, value)
        else:
            values[name] = value
    if wrong:
        _refuse(formula, variables, wrong)
    for name, value in given.items():
        values.setdefault(name, value)
    return values, tuple(missing)


def _refuse(formula: str, variables: Mapping[str, Variable], wrong: Sequence[str]) -> None:
    name = wrong[0].split(":", 1)[0]
    plural = "a value" if len(wrong) == 1 else f"{len(wrong)} values"
    about = variables[name].description
    raise FormulaError(
        f"formula {formula} rejects {plural}",
        "; ".join(wrong),
        f"use another value: --var {name}={_example(variables[name])}" + (f" ({about})" if about else ""),
    )


def require(formula: str, variables: Mapping[str, Variable], missing: Sequence[str]) -> None:
    """Raise MissingVariables that lists ``missing``; do nothing if it is empty."""
    if not missing:
        return
    told = []
    for name in missing:
        about = variables[name].description if name in variables else ""
        instead = "".join(
            f", or {other} instead" for other in (variables[name].required_unless if name in variables else ())
        )
        told.append((f"{name} ({about})" if about else name) + instead)
    options = " ".join(
        f"--var {name}={_example(variables[name]) if name in variables else '…'}" for name in missing[:6]
    )
    raise MissingVariables(
        f"formula {formula} needs {'a value' if len(missing) == 1 else 'values'} for {', '.join(missing)}",
        "no value given and no default: " + ", ".join(told),
        f"add {options}",
        missing,
    )


def _example(variable: Variable) -> str:
    if variable.enum:
        return variable.enum[0]
    return {"int": "3", "bool": "true"}.get(variable.type, "…")


def unknown_names(variables: Mapping[str, Variable], used: frozenset[str], given: Mapping[str, str]) -> list[str]:
    """Return a sentence for each given variable that the formula neither declares nor uses, with a similar name."""
    from difflib import get_close_matches

    told = []
    for name in given:
        if name not in variables and name not in used:
            near = get_close_matches(name, [*variables, *used], n=1)
            told.append(f"the formula has no variable {name}" + (f"; did you mean {near[0]}?" if near else ""))
    return told
