"""The rest of ``compose``: branches, run-time holds, aspects, and points where other work may be bonded."""

from __future__ import annotations

from gastown_core.formulas.advise import advise
from gastown_core.formulas.condition_terms import renamed
from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.extend import resolve_extends
from gastown_core.formulas.formula import ASPECT, BondPoint, Formula, Step
from gastown_core.formulas.order import unique
from gastown_core.formulas.weave import Moves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def apply_branches(formula: Formula, steps: Sequence[Step], moves: Moves) -> list[Step]:
    """``compose.branch``: each of the steps needs the one before, the joining one needs them all."""
    more: dict[str, tuple[str, ...]] = {}
    beside: set[str] = set()
    for rule in formula.compose.branch:
        ends: list[str] = []
        for name in rule.steps:
            for head in moves.heads(name):
                more[head] = (*more.get(head, ()), *moves.tails(rule.start))
                beside.add(head)
            ends += moves.tails(name)
        for head in moves.heads(rule.join):
            more[head] = (*more.get(head, ()), *ends)
    return [
        step._replace(needs=unique((*step.needs, *more.get(step.id, ()))), parallel=step.parallel or step.id in beside)
        if step.id in more
        else step
        for step in steps
    ]


def apply_holds(formula: Formula, steps: Sequence[Step], moves: Moves) -> list[Step]:
    """``compose.gate``: the condition that holds the step back at run time."""
    held: dict[str, str] = {}
    names = moves.ends()
    for rule in formula.compose.gate:
        condition = renamed(rule.condition, names)
        for head in moves.heads(rule.before):
            held[head] = f"({held[head]}) and ({condition})" if head in held else condition
    return [_held(step, held[step.id]) if step.id in held else step for step in steps]


def _held(step: Step, condition: str) -> Step:
    return step._replace(only_if=f"({step.only_if}) and ({condition})" if step.only_if else condition)


def apply_aspects(formula: Formula, steps: Sequence[Step], moves: Moves) -> tuple[list[Step], list[Formula]]:
    """``compose.aspects``: the advice of the named formulas, and those formulas. Raises FormulaError."""
    out, used = list(steps), []
    for name in formula.compose.aspects:
        found = formula.places.find(name) if formula.places is not None else None
        where = formula.source.problem(("compose", "aspects"), "").where
        if found is None:
            from gastown_core.formulas.places import not_found

            raise not_found(name, formula.places, f"{formula.name} uses it as an aspect ({where})")
        found = resolve_extends(found)
        if found.type != ASPECT or not found.advice:
            raise FormulaError(
                f"formula {name} is no aspect", f"it has no advice ({where})", "name a formula with advice"
            )
        out = advise(found, out, moves)
        used.append(found)
    return out, used


def bond_points(formula: Formula, steps: Sequence[Step], moves: Moves, dropped: set[str]) -> list[dict[str, Any]]:
    """The bond points as data, their anchors led to the steps that are there now; one without an anchor left is gone."""
    known = {step.id for step in steps}
    out = []
    for point in formula.compose.bond_points:
        anchors = moves.tails(point.after_step) if point.after_step else moves.heads(point.before_step)
        left = [anchor for anchor in anchors if anchor in known and anchor not in dropped]
        if left:
            out.append(_point(point, left[-1] if point.after_step else left[0]))
    return out


def _point(point: BondPoint, anchor: str) -> dict[str, Any]:
    key = "after_step" if point.after_step else "before_step"
    return {"id": point.id, "description": point.description, key: anchor, "parallel": point.parallel}
