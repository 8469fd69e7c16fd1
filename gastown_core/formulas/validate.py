"""Checks of a formula by itself, and of its steps after composition; they report all problems, not only the first."""

from __future__ import annotations

from collections import Counter

from gastown_core.formulas.arithmetic import syntax_fault
from gastown_core.formulas.conditions import check_runtime, check_step
from gastown_core.formulas.formula import ASPECT, CONVOY, EXPANSION, WORKFLOW
from gastown_core.formulas.step_order import descendants, in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gastown_core.formulas.errors import Problem
    from gastown_core.formulas.formula import Advice, BondPoint, Formula, GateRule, Hook, Step
    from gastown_core.formulas.source import Source

RUNTIME_FIX = "for example: verify.status == 'complete', step.output.score >= 3, children(x).all(status == 'failed')"
STEP_FIX = 'write "{{name}}", "!{{name}}", "{{name}} == value" or "{{name}} != value"'


def check_formula(formula: Formula) -> list[Problem]:
    """Problems within one file; what parents must supply is checked at composition."""
    found = [*_of_type(formula), *_of_rules(formula), *_of_convoy(formula)]
    for steps in (formula.steps, formula.template):
        found += check_texts(steps)
    for rule in formula.advice:
        found += check_texts((*rule.before, *rule.after))
    if not formula.extends:
        found += check_graph(formula.steps, formula.source)
        found += check_graph(formula.template, formula.source, is_open=True)
    else:
        found += duplicates((*formula.steps, *formula.template), formula.source)
    return found


def _of_type(formula: Formula) -> Iterator[Problem]:
    problem = formula.source.problem
    if formula.extends:
        return
    if formula.type == EXPANSION and not formula.template:
        yield problem((), "the expansion has no template", "add steps: [[template]]")
    if formula.type == CONVOY and not formula.legs:
        yield problem((), "the convoy has no legs", "add some: [[legs]]")
    if formula.type == WORKFLOW and not formula.steps:
        yield problem((), "the workflow has no steps", "add some: [[steps]]")
    if formula.type == ASPECT and not formula.advice and not formula.legs:
        yield problem((), "the aspect has neither advice nor aspects", "add some: [[advice]]")


def _of_rules(formula: Formula) -> Iterator[Problem]:
    compose = formula.compose
    for rule in formula.advice:
        if not rule.target and not formula.pointcuts:
            yield _at(rule, formula, "", "advice has no target", 'set it: target = "*"')
    for hold in compose.gate:
        wrong = check_runtime(hold.condition) if hold.condition else ""
        if wrong:
            told = f"the condition before {hold.before} is invalid: {wrong}"
            yield _at(hold, formula, "condition", told, RUNTIME_FIX)
    seen: set[str] = set()
    for point in compose.bond_points:
        if point.id in seen:
            yield _at(point, formula, "", f"bond point {point.id} is defined twice", "rename one of them")
        seen.add(point.id)
    for hook in compose.hooks if not formula.extends else ():
        if hook.at and hook.at not in seen:
            yield _at(hook, formula, "at", f"a hook names no bond point: {hook.at}", _near(hook.at, seen))


def _at(rule: Advice | GateRule | BondPoint | Hook, formula: Formula, key: str, told: str, fix: str) -> Problem:
    path = (*rule.path, key) if key else rule.path
    return (rule.origin or formula.source).problem(path, told, fix)


def _of_convoy(formula: Formula) -> Iterator[Problem]:
    problem = formula.source.problem
    legs: dict[str, int] = {}
    for leg in formula.legs:
        line = formula.source.line(leg.path)
        if leg.id in legs:
            yield problem(
                (*leg.path, "id"), f"leg {leg.id} is defined twice, first in line {legs[leg.id]}", "rename one"
            )
        legs.setdefault(leg.id, line)
    for name, variable in formula.inputs.items():
        for other in variable.required_unless:
            if other not in formula.inputs and not formula.extends:
                yield problem(
                    ("inputs", name, "required_unless"),
                    f"required_unless of input {name} names an unknown input: {other}",
                    _near(other, formula.inputs),
                )
    if formula.extends:
        return
    if formula.synthesis is not None:
        for need in formula.synthesis.needs:
            if need not in legs:
                yield problem(
                    (*formula.synthesis.path, "depends_on"),
                    f"the synthesis depends on an unknown leg: {need}",
                    _near(need, legs),
                )
    for name, preset in formula.presets.items():
        for leg_id in preset.legs:
            if leg_id not in legs:
                yield problem(
                    ("presets", name, "legs"), f"preset {name} names an unknown leg: {leg_id}", _near(leg_id, legs)
                )


def check_texts(steps: Sequence[Step]) -> Iterator[Problem]:
    """Problems of single steps, including those in loops: conditions, ranges and combinations."""
    for step in steps:
        if step.origin is None:
            continue
        problem = step.origin.problem
        for condition in step.conditions:
            wrong = check_step(condition)
            if wrong:
                yield problem((*step.path, "condition"), f"step {step.id}: {wrong}", STEP_FIX)
        if step.expand and step.loop:
            yield problem(
                (*step.path, "expand"), f"step {step.id} has both loop and expand", "expand a step of the loop's body"
            )
        if (step.expand or step.loop) and any(other.parent == step.id for other in steps):
            yield problem(
                step.path,
                f"step {step.id} has both children and {'expand' if step.expand else 'loop'}",
                "move the children into the " + ("template" if step.expand else "loop's body"),
            )
        if step.waits_for and not step.spawner and not step.needs:
            yield problem(
                (*step.path, "waits_for"),
                f"step {step.id} waits for children but names no step",
                'name it: waits_for = "children-of(step)", or set needs',
            )
        if step.loop:
            yield from _of_loop(step)


def _of_loop(step: Step) -> Iterator[Problem]:
    loop, origin = step.loop, step.origin
    if loop is None or origin is None:
        return
    path = (*step.path, "loop")
    said = f"the loop of step {step.id}"
    if loop.until:
        wrong = check_runtime(loop.until)
        if wrong:
            yield origin.problem((*path, "until"), f"{said} has an invalid until: {wrong}", RUNTIME_FIX)
    if loop.range and ".." not in loop.range:
        yield origin.problem(
            (*path, "range"), f'{said} has the range "{loop.range}"', 'write first..last: range = "1..3"'
        )
    for key, text in (("count", loop.times), ("range", loop.range)):
        for part in text.split("..") if text else ():
            wrong = syntax_fault(part)
            if wrong:
                yield origin.problem(
                    (*path, key),
                    f'{said} cannot evaluate "{text}": {wrong}',
                    "use integers, variables and + - * / ^",
                )
                break
    yield from check_texts(loop.body)
    yield from check_graph(loop.body, origin, is_open=True)


def check_graph(steps: Sequence[Step], source: Source, *, is_open: bool = False) -> list[Problem]:
    """Duplicate ids, unknown needs, cycles. With ``is_open``, needs may name outside steps (templates, loop bodies)."""
    found = duplicates(steps, source)
    known = {step.id: step for step in steps}
    grows = tuple(f"{step.id}." for step in steps if step.loop or step.expand)
    rules = tuple(steps)
    under = descendants(steps)
    counts = Counter(step.id for step in steps)
    for step in steps:
        if counts[step.id] > 1:
            continue  # its links are ambiguous
        origin = step.origin or source
        for need in step.needs:
            if need == step.id or (need in under and step.id in under[need]):
                which = "itself" if need == step.id else f"{need}, whose child it is"
                found.append(origin.problem((*step.path, "needs"), f"step {step.id} needs {which}", "remove it"))
            elif need not in known and not is_open and not need.startswith(grows):
                found.append(_unknown(step, origin, "needs", "needs", need, rules))
        if step.spawner and step.spawner not in known and not is_open and not step.spawner.startswith(grows):
            found.append(_unknown(step, origin, "waits_for", "waits for children of", step.spawner, rules))
    if found:
        return found
    _, cycle = in_order(steps)
    if cycle:
        first = known[cycle[0]]
        told = f"steps wait for each other: {' → '.join(cycle)}"
        found.append((first.origin or source).problem((*first.path, "needs"), told, "remove one of these needs"))
    return found


def duplicates(steps: Sequence[Step], source: Source) -> list[Problem]:
    """Problems for ids used twice, with the place of the first use."""
    found = []
    first: dict[str, Step] = {}
    for step in steps:
        if step.id not in first:
            first[step.id] = step
            continue
        origin, other = step.origin or source, first[step.id]
        place = (other.origin or source).problem((*other.path, "id"), "").where
        fix = "rename one of them"
        if origin is not source or other.path == step.path:
            fix = "start the template's ids with the target's: id = \"{target}.…\""
        found.append(origin.problem((*step.path, "id"), f"step {step.id} is defined twice, first at {place}", fix))
    return found


def _unknown(step: Step, origin: Source, key: str, verb: str, need: str, steps: Sequence[Step]) -> Problem:
    path = (*step.path, key if key != "needs" or _written(step, origin, "needs") else "depends_on")
    return origin.problem(
        path, f"step {step.id} {verb} an unknown step: {need}", _near(need, [other.id for other in steps])
    )


def _written(step: Step, origin: Source, key: str) -> bool:
    return origin.line((*step.path, key)) != origin.line(step.path)


def _near(word: str, known: Iterable[object]) -> str:
    from difflib import get_close_matches

    names = [str(name) for name in known]
    near = get_close_matches(word, names, n=1, cutoff=0.4)
    if near:
        return f"did you mean {near[0]}?"
    return f"known: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}" if names else "there are none"
