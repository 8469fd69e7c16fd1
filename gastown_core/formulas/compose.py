"""Applies the ``compose`` table: branches, gates, aspects and their advice, bond points, and hooks."""

from __future__ import annotations

from gastown_core.formulas.condition_terms import renamed
from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.extend import resolve_extends
from gastown_core.formulas.formula import ASPECT, Advice, BondPoint, Formula, Hook, Pointcut, Step
from gastown_core.formulas.parse import find_in
from gastown_core.formulas.step_order import fits, heads_of, tails_of, unique
from gastown_core.formulas.weave import Moves, Swap, change_texts, fill, fill_single, replace
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Compose = Callable[[Formula, Mapping[str, str]], tuple[list[Step], Mapping[str, str]]]


def advise(formula: Formula, steps: Sequence[Step], moves: Moves) -> list[Step]:
    """``steps`` with the formula's advice applied.

    A piece of advice applies to the steps its target matches; if the formula has pointcuts, a step must also match
    one of them.  Advice without a target uses the pointcuts alone.
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
    """The target with its guards: the first guard takes over the target's needs, the others follow in a chain."""
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


def apply_branches(formula: Formula, steps: Sequence[Step], moves: Moves) -> list[Step]:
    """``compose.branch``: each of ``steps`` needs ``start``, and ``join`` needs them all."""
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
    """``compose.gate``: set the run-time condition that a step waits for."""
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
    """Apply the advice of ``compose.aspects``; returns the steps and the aspect formulas. Raises FormulaError."""
    out, used = list(steps), []
    for name in formula.compose.aspects:
        found = find_in(formula.places, name)
        where = formula.source.problem(("compose", "aspects"), "").where
        if found is None:
            from gastown_core.formulas.places import not_found

            raise not_found(name, formula.places, f"{formula.name} uses it as an aspect ({where})")
        found = resolve_extends(found)
        if found.type != ASPECT or not found.advice:
            raise FormulaError(
                f"formula {name} is not an aspect", f"it has no advice ({where})", "name a formula with advice"
            )
        out = advise(found, out, moves)
        used.append(found)
    return out, used


def bond_points(formula: Formula, steps: Sequence[Step], moves: Moves, dropped: set[str]) -> list[dict[str, object]]:
    """Return the bond points as data, their anchors mapped to current steps; one whose anchor is gone is dropped."""
    known = {step.id for step in steps}
    out = []
    for point in formula.compose.bond_points:
        anchors = moves.tails(point.after_step) if point.after_step else moves.heads(point.before_step)
        left = [anchor for anchor in anchors if anchor in known and anchor not in dropped]
        if left:
            out.append(_point(point, left[-1] if point.after_step else left[0]))
    return out


def _point(point: BondPoint, anchor: str) -> dict[str, object]:
    key = "after_step" if point.after_step else "before_step"
    return {"id": point.id, "description": point.description, key: anchor, "parallel": point.parallel}


class Subject(Record):
    """The bead that the formula is cooked for, as far as triggers see it: labels, type and priority."""

    labels: tuple[str, ...] = ()
    type: str = "task"
    priority: int = 2


def is_triggered(trigger: str, subject: Subject) -> bool:
    """Return whether ``label:x``, ``type:bug``, ``priority:1`` or ``priority:0-1`` matches the bead."""
    kind, _, wanted = trigger.partition(":")
    if kind == "label":
        return wanted in subject.labels
    if kind == "type":
        return wanted == subject.type
    low, _, high = wanted.partition("-")
    return low.isdigit() and int(low) <= subject.priority <= int(high or low)


def as_data(hook: Hook, values: Mapping[str, str]) -> dict[str, object]:
    """Return the hook as recipe data."""
    filled = {key: fill(value, values) for key, value in hook.vars.items()}
    return {"trigger": hook.trigger, "attach": hook.attach, "at": hook.at, "vars": filled}


def attach(
    formula: Formula,
    steps: Sequence[Step],
    points: Sequence[Mapping[str, object]],
    subject: Subject,
    values: Mapping[str, str],
    moves: Moves,
    compose: Compose,
) -> list[Step]:
    """``steps`` with the steps of every triggered hook's formula. Raises FormulaError.

    The added ids begin with the attached formula's name.  Without a bond point the steps are appended.
    """
    out = list(steps)
    for hook in formula.compose.hooks:
        if not is_triggered(hook.trigger, subject):
            continue
        found = find_in(formula.places, hook.attach)
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


def _placed(steps: list[Step], inner: list[Step], point: Mapping[str, object] | None, moves: Moves) -> list[Step]:
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
        # parallel to what follows, or before it
        ends = (anchor,) if point.get("parallel") else tails
        return replace(steps, {anchor: Swap(woven, (anchor,), ends)}, moves)
    first = _needing(inner, target.needs)
    last = target._replace(needs=unique((*target.needs, *tails)))
    return replace(steps, {anchor: Swap((*first, last), heads, (anchor,))}, moves)


def _needing(inner: Sequence[Step], needs: Sequence[str]) -> list[Step]:
    heads = set(heads_of(inner))
    return [step._replace(needs=unique((*needs, *step.needs))) if step.id in heads else step for step in inner]
