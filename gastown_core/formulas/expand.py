"""Expansion: a step becomes the template of another formula, inline or by the rules of ``compose``."""

from __future__ import annotations

from gastown_core.formulas.errors import FormulaError, Problem, raise_problems
from gastown_core.formulas.extend import resolve_extends
from gastown_core.formulas.formula import EXPANSION, Expand, Formula, Step, Variable
from gastown_core.formulas.globs import fits
from gastown_core.formulas.loops import MAX_STEPS, expand_loops
from gastown_core.formulas.substitute import change_texts, fill, fill_single
from gastown_core.formulas.variables import settle
from gastown_core.formulas.weave import Moves, Swap, inherit, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.formulas.source import Path, Source

MAX_NESTING = 5


class Expander:
    """Expands the steps of one formula. ``declared`` gathers variables that templates need and nobody has set."""

    def __init__(self, formula: Formula, values: Mapping[str, str], moves: Moves) -> None:
        self.formula = formula
        self.values = values
        self.moves = moves
        self.declared: dict[str, Variable] = {}
        self.texts: list[str] = []
        self.warnings: list[str] = []
        self._found: dict[str, Formula] = {}

    def take(self, formula: Formula) -> None:
        """Use this formula for its name, wherever else one of that name lies."""
        self._found[formula.name] = formula

    def inline(self, steps: Sequence[Step]) -> list[Step]:
        """All steps with ``expand`` replaced, templates that expand further too."""
        swaps = {step.id: self._inline(step, ()) for step in steps if step.expand}
        return self._checked(replace(steps, swaps, self.moves))

    def by_rules(self, steps: Sequence[Step]) -> list[Step]:
        """``compose.expand``, then ``compose.map``: each rule replaces every step that it chooses."""
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
            told = f'no step is called "{rule.select}", which {rule.template} should expand'
            found = origin.problem(rule.path, told, "name one of its steps")
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
            told = f"step {target.id} expands more than {MAX_NESTING} deep: {' → '.join(chain)}"
            raise_problems(self.formula.name, [origin.problem(path, told, "expand fewer templates inside each other")])
        formula = self._template(name, origin, path)
        inner = self._instance(formula, target, given)
        inner_swaps = {step.id: self._inline(step, chain) for step in inner if step.expand}
        return inherit(target._replace(expand=""), replace(inner, inner_swaps, Moves()))

    def _instance(self, formula: Formula, target: Step, given: Mapping[str, str]) -> list[Step]:
        """The template's steps with the target and the template's own variables filled in."""
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
        found = self.formula.places.find(name) if self.formula.places is not None else None
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
