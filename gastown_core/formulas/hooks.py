"""``compose.hooks``: steps that a formula takes in when the bead it is cooked for bears a label, type or priority."""

from __future__ import annotations

from gastown_core.formulas.condition_terms import renamed
from gastown_core.formulas.formula import Formula, Hook, Step
from gastown_core.formulas.order import heads_of, tails_of, unique
from gastown_core.formulas.substitute import change_texts, fill
from gastown_core.formulas.weave import Moves, Swap, replace
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Compose = Callable[[Formula, Mapping[str, str]], tuple[list[Step], Mapping[str, str]]]


class Subject(Record):
    """What triggers look at: the labels, type and priority of the bead that the formula is cooked for."""

    labels: tuple[str, ...] = ()
    type: str = "task"
    priority: int = 2


def is_triggered(trigger: str, subject: Subject) -> bool:
    """Whether ``label:x``, ``type:bug``, ``priority:1`` or ``priority:0-1`` fits the bead."""
    kind, _, wanted = trigger.partition(":")
    if kind == "label":
        return wanted in subject.labels
    if kind == "type":
        return wanted == subject.type
    low, _, high = wanted.partition("-")
    return low.isdigit() and int(low) <= subject.priority <= int(high or low)


def as_data(hook: Hook, values: Mapping[str, str]) -> dict[str, Any]:
    """The hook as a recipe tells it."""
    filled = {key: fill(value, values) for key, value in hook.vars.items()}
    return {"trigger": hook.trigger, "attach": hook.attach, "at": hook.at, "vars": filled}


def attach(
    formula: Formula,
    steps: Sequence[Step],
    points: Sequence[Mapping[str, Any]],
    subject: Subject,
    values: Mapping[str, str],
    moves: Moves,
    compose: Compose,
) -> list[Step]:
    """``steps`` with those of every triggered hook's formula. Raises FormulaError.

    The steps' ids begin with the attached formula's name.  Without a bond point they come last.
    """
    out = list(steps)
    for hook in formula.compose.hooks:
        if not is_triggered(hook.trigger, subject):
            continue
        found = formula.places.find(hook.attach) if formula.places is not None else None
        if found is None:
            from gastown_core.formulas.places import not_found

            where = (hook.origin or formula.source).problem(hook.path, "").where
            raise not_found(hook.attach, formula.places, f"a hook of {formula.name} attaches it ({where})")
        given = {key: fill(value, values) for key, value in hook.vars.items()}
        inner, known = compose(found, given)
        point = next((point for point in points if point["id"] == hook.at), None)
        out = _placed(out, _prefixed(inner, f"{found.name}.", known), point, moves)
    return out


def _prefixed(steps: Sequence[Step], prefix: str, values: Mapping[str, str]) -> list[Step]:
    own = {step.id for step in steps}
    names = {step_id: prefix + step_id for step_id in own}

    def named(step_id: str) -> str:
        return prefix + step_id if step_id in own else step_id

    made = []
    for step in steps:
        step = change_texts(step, lambda text: fill(text, values))
        made.append(
            step._replace(
                id=named(step.id),
                needs=tuple(map(named, step.needs)),
                parent=named(step.parent),
                spawner=named(step.spawner),
                only_if=renamed(step.only_if, names),
                until=renamed(step.until, names),
                body=tuple(map(named, step.body)),
            )
        )
    return made


def _placed(steps: list[Step], inner: list[Step], point: Mapping[str, Any] | None, moves: Moves) -> list[Step]:
    if not inner:
        return steps
    if point is None:
        return [*steps, *_needing(inner, tails_of(steps))]
    after = str(point.get("after_step") or "")
    anchor = after or str(point["before_step"])
    target = next(step for step in steps if step.id == anchor)
    heads, tails = heads_of(inner), tails_of(inner)
    if after:
        woven = (target, *_needing(inner, (anchor,)))
        # beside what follows, or before it
        ends = (anchor,) if point.get("parallel") else tails
        return replace(steps, {anchor: Swap(woven, (anchor,), ends)}, moves)
    first = _needing(inner, target.needs)
    last = target._replace(needs=unique((*target.needs, *tails)))
    return replace(steps, {anchor: Swap((*first, last), heads, (anchor,))}, moves)


def _needing(inner: Sequence[Step], needs: Sequence[str]) -> list[Step]:
    heads = set(heads_of(inner))
    return [step._replace(needs=unique((*needs, *step.needs))) if step.id in heads else step for step in inner]
