"""Advice: steps put before and after others. It touches only steps that were there before it came."""

from __future__ import annotations

from gastown_core.formulas.formula import Advice, Formula, Pointcut, Step
from gastown_core.formulas.globs import fits
from gastown_core.formulas.order import unique
from gastown_core.formulas.substitute import change_texts, fill_single
from gastown_core.formulas.weave import Moves, Swap, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def advise(formula: Formula, steps: Sequence[Step], moves: Moves) -> list[Step]:
    """``steps`` with the formula's advice applied.

    A piece of advice touches the steps that its target fits; where the formula has pointcuts, only those of them
    that also one pointcut fits.  Advice without a target goes by the pointcuts alone.
    """
    present = {step.id for step in steps}
    out = list(steps)
    for rule in formula.advice:
        swaps = {}
        for step in out:
            if step.id in present and _chosen(step, rule, formula.pointcuts):
                swaps[step.id] = _around(step, rule)
        out = replace(out, swaps, moves)
    return out


def _chosen(step: Step, rule: Advice, cuts: Sequence[Pointcut]) -> bool:
    if rule.target and not fits(rule.target, step.id):
        return False
    if not cuts:
        return bool(rule.target)
    return any(
        (not cut.glob or fits(cut.glob, step.id))
        and (not cut.type or cut.type == (step.kind or "task"))
        and (not cut.label or cut.label in step.labels)
        for cut in cuts
    )


def _around(target: Step, rule: Advice) -> Swap:
    """The target with its guards: what it needed the first guard needs, those before and after it follow in a chain."""
    words = {
        "step": target.id,
        "step.id": target.id,
        "step.title": target.title,
        "step.description": target.description,
    }

    def made(guard: Step, needs: tuple[str, ...]) -> Step:
        step = change_texts(guard, lambda text: fill_single(text, words))
        return step._replace(
            needs=unique((*needs, *step.needs)),
            parent=step.parent or target.parent,
            conditions=(*target.conditions, *step.conditions),
            assignee=step.assignee or target.assignee,
        )

    before: list[Step] = []
    for guard in rule.before:
        before.append(made(guard, (before[-1].id,) if before else target.needs))
    own = target._replace(needs=unique((*target.needs, before[-1].id))) if before else target
    after: list[Step] = []
    for guard in rule.after:
        after.append(made(guard, (after[-1].id if after else target.id,)))
    first = before[0].id if before else target.id
    last = after[-1].id if after else target.id
    return Swap((*before, own, *after), (first,), (last,))
