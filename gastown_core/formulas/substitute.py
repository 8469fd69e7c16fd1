"""Filling placeholders into every text of a step: ``{{name}}`` of variables, ``{name}`` of loops and expansions."""

from __future__ import annotations

import re

from gastown_core.formulas.formula import GateText, Loop, Step
from gastown_core.formulas.recipe import OnComplete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Change = Callable[[str], str]

_DOUBLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_SINGLE = re.compile(r"\{\{?\s*([A-Za-z_][\w.]*)\s*\}?\}")
NOT_VARIABLES = frozenset("else this root index key first last end range with block define template nil".split())
"""Words of the older template language; ``{{else}}`` is never a variable."""


def names_in(text: str) -> list[str]:
    """Names of the variables that a text uses."""
    return [name for name in _DOUBLE.findall(text) if name not in NOT_VARIABLES] if "{{" in text else []


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with the variables that have a value; others stay as they are, and values are not filled in again."""
    if "{{" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return found[0] if name in NOT_VARIABLES else values.get(name, found[0])

    return _DOUBLE.sub(value, text)


def fill_single(text: str, values: Mapping[str, str]) -> str:
    """``text`` with ``{name}`` and ``{{name}}`` for the given names; all other braces stay."""
    if "{" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        is_balanced = found[0].startswith("{{") == found[0].endswith("}}")
        return values.get(found[1], found[0]) if is_balanced else found[0]

    return _SINGLE.sub(value, text)


def change_texts(step: Step, change: Change) -> Step:
    """The step with every text of it changed: ids and needs, words, labels, metadata, gate, conditions, bonds, loop."""
    return step._replace(
        id=change(step.id),
        title=change(step.title),
        description=change(step.description),
        notes=change(step.notes),
        acceptance=change(step.acceptance),
        labels=tuple(map(change, step.labels)),
        metadata=change_value(step.metadata, change) if step.metadata else step.metadata,
        assignee=change(step.assignee),
        needs=tuple(map(change, step.needs)),
        parent=change(step.parent),
        spawner=change(step.spawner),
        conditions=tuple(map(change, step.conditions)),
        gate=_gate(step.gate, change) if step.gate else None,
        loop=_loop(step.loop, change) if step.loop else None,
        expand=change(step.expand),
        expand_vars={key: change(value) for key, value in step.expand_vars.items()},
        on_complete=_on_complete(step.on_complete, change) if step.on_complete else None,
        only_if=change(step.only_if),
        until=change(step.until),
    )


def change_value(value: Any, change: Change) -> Any:
    """A JSON-like value with every text in it changed (keys stay)."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: change_value(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [change_value(item, change) for item in value]
    return value


def _gate(gate: GateText, change: Change) -> GateText:
    return GateText(gate.type, change(gate.await_id), change(gate.timeout))


def _on_complete(act: OnComplete, change: Change) -> OnComplete:
    return act._replace(
        for_each=change(act.for_each),
        formula=change(act.formula),
        vars={key: change(value) for key, value in act.vars.items()},
    )


def _loop(loop: Loop, change: Change) -> Loop:
    return loop._replace(
        times=change(loop.times),
        range=change(loop.range),
        until=change(loop.until),
        most=change(loop.most),
        body=tuple(change_texts(step, change) for step in loop.body),
    )
