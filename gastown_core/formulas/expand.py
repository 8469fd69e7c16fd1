"""Expansion: a step becomes the template of another formula, or a loop's body repeated."""

from __future__ import annotations

from gastown_core.formulas.arithmetic import ArithmeticFault, reckon
from gastown_core.formulas.condition_terms import renamed
from gastown_core.formulas.errors import FormulaError, MissingVariables, Problem, raise_problems
from gastown_core.formulas.extend import resolve_extends
from gastown_core.formulas.formula import EXPANSION, Expand, Formula, Step, Variable
from gastown_core.formulas.parse import find_in
from gastown_core.formulas.step_order import fits, heads_of, tails_of, unique
from gastown_core.formulas.variables import settle
from gastown_core.formulas.weave import Moves, Swap, change_texts, fill, fill_single, inherit, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.formulas.formula import Loop
    from gastown_core.formulas.source import Path, Source
MAX_STEPS = 5000
"""The most steps of a cooked formula; more are treated as a mistake."""


def expand_loops(name: str, steps: Sequence[Step], values: Mapping[str, str], moves: Moves) -> list[Step]:
    """``steps`` with all loops unrolled. Raises FormulaError for a count that is invalid or too large."""
    swaps: dict[str, Swap] = {}
    room = MAX_STEPS
    for step in steps:
        if step.loop is not None:
            inner = _unrolled(name, step, step.loop, values, room)
            room -= len(inner)
            # a loop of zero rounds leaves nothing: its dependents take over its needs
            swaps[step.id] = inherit(step, inner) if inner else Swap((), (), step.needs)
    return replace(steps, swaps, moves)


def _unrolled(name: str, step: Step, loop: Loop, values: Mapping[str, str], room: int) -> list[Step]:
    if loop.until:
        return _repeating(name, step, loop, values, room)
    numbers = _numbers(name, step, loop, values)
    if len(numbers) * len(loop.body) > room:
        _fail(name, step, f"makes {len(numbers) * len(loop.body):,} steps", f"at most {MAX_STEPS:,} are allowed")
    out: list[Step] = []
    tails: tuple[str, ...] = ()
    for turn, number in enumerate(numbers, 1):
        own = {**values, loop.var: str(number)} if loop.var else dict(values)
        body = _round(name, step, loop, turn, number, own, room - len(out))
        heads = set(heads_of(body))
        if tails:
            body = [
                inner._replace(needs=unique((*tails, *inner.needs))) if inner.id in heads else inner for inner in body
            ]
        tails = tails_of(body)
        out += body
    return out


def _round(
    name: str, step: Step, loop: Loop, turn: int, number: int, values: Mapping[str, str], room: int
) -> list[Step]:
    """One round: the body with ids prefixed ``<loop>.iter<turn>.``, ``loop.var`` set, and inner loops unrolled."""
    prefix = f"{step.id}.iter{turn}."
    var = {loop.var: str(number)} if loop.var else {}
    body = [change_texts(inner, lambda text: fill_single(text, var)) for inner in loop.body] if var else loop.body
    own = {inner.id for inner in body}

    def named(other: str) -> str:
        return prefix + other if other in own else other

    names = {other: prefix + other for other in own}
    made = [
        inner._replace(
            id=prefix + inner.id,
            loop=inner.loop._replace(until=renamed(inner.loop.until, names)) if inner.loop else None,
            needs=tuple(map(named, inner.needs)),
            parent=named(inner.parent),
            spawner=named(inner.spawner),
        )
        for inner in body
    ]
    if not any(inner.loop for inner in made):
        return made
    swaps: dict[str, Swap] = {}
    for inner in made:
        if inner.loop is not None:
            nested = _unrolled(name, inner, inner.loop, values, room)
            swaps[inner.id] = inherit(inner, nested) if nested else Swap((), (), inner.needs)
    return replace(made, swaps, Moves())


def _repeating(name: str, step: Step, loop: Loop, values: Mapping[str, str], room: int) -> list[Step]:
    """Return the body once; its first step carries the condition until which the body is repeated."""
    body = _round(name, step, loop, 1, 1, {**values, loop.var: "1"} if loop.var else values, room)
    most = _reckoned(name, step, "max", loop.most, values)
    if most < 1:
        _fail(name, step, f"has {most} as max", "write an integer of at least 1")
    if body:
        prefix = f"{step.id}.iter1."
        names = {inner.id.removeprefix(prefix): inner.id for inner in body}
        until = renamed(loop.until, names)
        body[0] = body[0]._replace(until=until, most=most, body=tuple(inner.id for inner in body))
    return body


def _numbers(name: str, step: Step, loop: Loop, values: Mapping[str, str]) -> range:
    if loop.times:
        count = _reckoned(name, step, "count", loop.times, values)
        if count < 0:
            _fail(name, step, f"has {count} as count", "write an integer of at least 0")
        return range(1, count + 1)
    first, dots, last = loop.range.partition("..")
    if not dots:
        _fail(name, step, f'has the range "{loop.range}"', 'write first..last: range = "1..3"')
    low = _reckoned(name, step, "range", first, values)
    high = _reckoned(name, step, "range", last, values)
    return range(low, high + 1)


def _reckoned(name: str, step: Step, key: str, text: str, values: Mapping[str, str]) -> int:
    try:
        return reckon(text, values)
    except ArithmeticFault as fault:
        if fault.name:
            raise MissingVariables(
                f"formula {name} needs a value for {fault.name}",
                f"the loop of step {step.id} uses it ({key} = {text})",
                f"add --var {fault.name}=3, or give it a default",
                (fault.name,),
            ) from None
        _fail(name, step, f'cannot evaluate {key} "{text}": {fault}', "use integers, variables and + - * / ^ ( )")
        raise


def _fail(name: str, step: Step, what: str, fix: str) -> None:
    told = f"the loop of step {step.id} {what}"
    path = (*step.path, "loop")
    raise_problems(name, [step.origin.problem(path, told, fix) if step.origin else Problem(name, 0, told, fix)])


MAX_NESTING = 5


class Expander:
    """Expands the steps of one formula. ``declared`` collects template variables that have no value."""

    def __init__(self, formula: Formula, values: Mapping[str, str], moves: Moves) -> None:
        self.formula = formula
        self.values = values
        self.moves = moves
        self.declared: dict[str, Variable] = {}
        self.texts: list[str] = []
        self.warnings: list[str] = []
        self._found: dict[str, Formula] = {}

    def take(self, formula: Formula) -> None:
        """Use this formula for its name, even if the search would find another one."""
        self._found[formula.name] = formula

    def inline(self, steps: Sequence[Step]) -> list[Step]:
        """Replace all steps that have ``expand``, also within templates."""
        swaps = {step.id: self._inline(step, ()) for step in steps if step.expand}
        return self._checked(replace(steps, swaps, self.moves))

    def by_rules(self, steps: Sequence[Step]) -> list[Step]:
        """Apply ``compose.expand``, then ``compose.map``: each rule replaces every step that it selects."""
        compose = self.formula.compose
        for rule in compose.expand:
            targets = set(self.moves.heads(rule.select)) | {rule.select}
            steps = self._by_rule(steps, rule, targets)
        for rule in compose.map:
            targets = {step.id for step in steps if fits(rule.select, step.id)}
            steps = self._by_rule(steps, rule, targets)
        return list(steps)

    def _by_rule(self, steps: Sequence[Step], rule: Expand, targets: set[str]) -> list[Step]:
        swaps: dict[str, Swap] = {}
        origin = rule.origin or self.formula.source
        for step in steps:
            if step.id in targets:
                swaps[step.id] = self._swap(step, rule.template, rule.vars, origin, rule.path, ())
        if not swaps and not self.moves.knows(rule.select):
            told = f'no step matches "{rule.select}", which {rule.template} should expand'
            found = origin.problem(rule.path, told, "name one of the formula's steps")
            if "*" not in rule.select:
                raise_problems(self.formula.name, [found])
            self.warnings.append(str(found))
        return self._checked(replace(steps, swaps, self.moves))

    def _inline(self, step: Step, chain: tuple[str, ...]) -> Swap:
        origin = step.origin or self.formula.source
        return self._swap(step, fill(step.expand, self.values), step.expand_vars, origin, step.path, chain)

    def _swap(
        self, target: Step, name: str, given: Mapping[str, str], origin: Source, path: Path, chain: tuple[str, ...]
    ) -> Swap:
        chain = (*chain, name)
        if len(chain) > MAX_NESTING:
            told = f"step {target.id} expands deeper than {MAX_NESTING} levels: {' → '.join(chain)}"
            raise_problems(self.formula.name, [origin.problem(path, told, "nest fewer templates")])
        formula = self._template(name, origin, path)
        inner = self._instance(formula, target, given)
        inner_swaps = {step.id: self._inline(step, chain) for step in inner if step.expand}
        return inherit(target._replace(expand=""), replace(inner, inner_swaps, Moves()))

    def _instance(self, formula: Formula, target: Step, given: Mapping[str, str]) -> list[Step]:
        """Return the template's steps with the target and the template's own variables filled in."""
        filled = {key: fill_single(value, _target_words(target)) for key, value in given.items()}
        values, missing = settle(formula.name, formula.vars, filled)
        for name in missing:
            if name not in self.formula.vars:
                self.declared.setdefault(name, formula.vars[name])
        words = {**values, **_target_words(target)}
        steps = expand_loops(formula.name, formula.template, {**self.values, **values}, Moves())
        return [change_texts(step, lambda text: fill_single(text, words)) for step in steps]

    def _template(self, name: str, origin: Source, path: Path) -> Formula:
        if name in self._found:
            return self._found[name]
        found = find_in(self.formula.places, name)
        if found is None:
            from gastown_core.formulas.places import not_found

            raise not_found(name, self.formula.places, f"to expand a step ({origin.problem(path, '').where})")
        found = resolve_extends(found)
        if found.type != EXPANSION:
            raise FormulaError(
                f"formula {name} cannot be expanded into a step",
                f"it is of type {found.type} ({origin.problem(path, '').where})",
                "name a formula with a template",
            )
        self._found[name] = found
        self.texts += found.texts
        self.warnings += found.warnings
        return found

    def _checked(self, steps: list[Step]) -> list[Step]:
        if len(steps) > MAX_STEPS:
            found = Problem(self.formula.source.path, 0, f"expansion makes {len(steps):,} steps", "expand fewer steps")
            raise_problems(self.formula.name, [found])
        return steps


def _target_words(target: Step) -> dict[str, str]:
    return {
        "target": target.id,
        "target.id": target.id,
        "target.title": target.title,
        "target.description": target.description,
    }
