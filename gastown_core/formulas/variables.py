"""A formula's variables: declared, given, checked. What is declared about a value holds everywhere it comes in."""

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
    """The variables of a table: ``[vars.x]`` with its attributes, or the shorthand ``x = "default"``."""
    found: dict[str, Variable] = {}
    table = top.raw(key)
    word = "input" if key == "inputs" else "variable"
    holder = type(top)(table, (*top.path, key), key, top.notes)
    for name in table:
        if not _NAME.fullmatch(name):
            holder.problem(name, f'{word} "{name}" has no usable name', "letters, digits and _ are allowed")
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
        # formulas of Go's Gas Town say both; an empty default is none
        told = "the default is taken" if made.default else "it has to be given"
        own.notes.warn((*own.path, "default"), f"{own.called} is required and has a default: {told}")
        made = made._replace(required=False) if made.default else made._replace(default=None)
    if made.type not in VARIABLE_TYPES:
        if own.path[0] != "inputs":
            own.problem("type", f'has the type "{made.type}"', f"{', '.join(VARIABLE_TYPES)} are known")
        made = made._replace(type="string")
    if made.pattern:
        try:
            re.compile(made.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            own.problem("pattern", f"has a pattern that is no regular expression: {error}", "correct the pattern")
            made = made._replace(pattern="")
    if made.default:
        wrong = fault(made, made.default)
        if wrong and "{" not in made.default:
            own.problem("default", f"has a default that it would not take: {wrong}", "correct the default")
    return made


def fault(variable: Variable, value: str) -> str:
    """What is wrong with a value, empty if it may be taken."""
    if len(value) > _MAX_VALUE:
        return f"longer than {_MAX_VALUE:,} characters"
    if variable.type == "int" and not re.fullmatch(r"[+-]?\d{1,18}", value.strip()):
        return f'"{value}" is no whole number'
    if variable.type == "bool" and value.strip().lower() not in (*_TRUE, *_FALSE):
        return f'"{value}" is neither true nor false'
    if variable.enum and coerced(variable, value) not in variable.enum:
        return f'"{value}" is none of {", ".join(variable.enum)}'
    if variable.pattern and not re.search(variable.pattern, value):
        return f'"{value}" does not fit {variable.pattern}'
    return ""


def coerced(variable: Variable, value: str) -> str:
    """The value in the one form of its type: ``true``/``false``, digits, or the text as given."""
    if variable.type == "int":
        return str(int(value))
    if variable.type == "bool":
        return "true" if value.strip().lower() in _TRUE else "false"
    return value


def settle(
    formula: str, variables: Mapping[str, Variable], given: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """All values (given ones, then defaults) and the names that still lack one.

    Given names that are not declared are taken too.  Raises FormulaError telling every value that is refused.
    """
    values: dict[str, str] = {}
    missing: list[str] = []
    wrong: list[str] = []
    for name, variable in variables.items():
        value = given.get(name, variable.default)
        if value is None:
            others = variable.required_unless
            # of several that stand in for each other, the first is asked for
            if not any(given.get(other) for other in others) and not any(other in others for other in missing):
                missing.append(name)
            continue
        # an empty text that stands for "computed later" is taken as it is, if it is the default
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
        f"formula {formula} refuses {plural}",
        "; ".join(wrong),
        f"give another: --var {name}={_example(variables[name])}" + (f" ({about})" if about else ""),
    )


def require(formula: str, variables: Mapping[str, Variable], missing: Sequence[str]) -> None:
    """Raise MissingVariables naming every one of ``missing``; does nothing if none is."""
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
        "not given and without a default: " + ", ".join(told),
        f"add {options}",
        missing,
    )


def _example(variable: Variable) -> str:
    if variable.enum:
        return variable.enum[0]
    return {"int": "3", "bool": "true"}.get(variable.type, "…")


def unknown_names(variables: Mapping[str, Variable], used: frozenset[str], given: Mapping[str, str]) -> list[str]:
    """Sentences about given variables that the formula neither declares nor uses, with the name that was meant."""
    from difflib import get_close_matches

    told = []
    for name in given:
        if name not in variables and name not in used:
            near = get_close_matches(name, [*variables, *used], n=1)
            told.append(f"the formula knows no variable {name}" + (f"; did you mean {near[0]}?" if near else ""))
    return told
