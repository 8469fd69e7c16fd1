"""Cooking: composes a formula into a recipe and fills in its variables (or keeps placeholders, when compiling).

Order: extends, checks, loops, branches, gates, own advice, inline expansion, compose.expand, compose.map, aspects,
overlay, hooks, step conditions, variables.  An expansion formula by itself is cooked around a step ``main``.
"""

from __future__ import annotations

from gastown_core.clock import parse_duration
from gastown_core.formulas import compose
from gastown_core.formulas.compose import Subject, advise
from gastown_core.formulas.condition_terms import strangers
from gastown_core.formulas.conditions import keeps, variable_of
from gastown_core.formulas.errors import Problem, raise_problems
from gastown_core.formulas.expand import Expander, expand_loops
from gastown_core.formulas.extend import resolve_extends
from gastown_core.formulas.formula import CONVOY, DEFAULT_PRIORITY, EXPANSION, Formula, GateText, Step
from gastown_core.formulas.overlay import Overlay, apply_overlay
from gastown_core.formulas.recipe import COMPILE, RUNTIME, Gate, Recipe, RecipeStep
from gastown_core.formulas.step_order import in_order, unique
from gastown_core.formulas.validate import check_formula, check_graph
from gastown_core.formulas.variables import require, settle
from gastown_core.formulas.weave import Moves, change_texts, change_value, drop, fill, names_in
from gastown_core.model.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.formulas.formula import BondPoint, Branch, GateRule, Variable

__all__ = ["Subject", "cook"]


def cook(
    formula: Formula,
    variables: Mapping[str, str],
    *,
    mode: str = RUNTIME,
    overlay: Overlay | None = None,
    subject: Subject | None = None,
) -> Recipe:
    """Return the recipe of a formula. ``subject`` is the bead it is for; hooks that match it add their steps.

    Raises FormulaError with every problem found, and MissingVariables (at run time, or if a loop count needs one).
    """
    return _Kitchen(resolve_extends(formula), variables, mode).cook(overlay, subject)


class _Kitchen:
    """One cooking: the steps so far, and the state of the variables."""

    def __init__(self, formula: Formula, given: Mapping[str, str], mode: str) -> None:
        self.formula = formula
        self.given = given
        self.mode = mode
        self.warnings = list(formula.warnings)
        self.texts = list(formula.texts)
        self.moves = Moves()
        self.declared: dict[str, Variable] = {**formula.inputs, **formula.vars}
        self.dropped: set[str] = set()
        if len(formula.texts) > 1:
            raise_problems(formula.name, check_formula(formula))
        self.values, self.missing = self._settle()
        self.filling: Mapping[str, str] = {}

    def cook(self, overlay: Overlay | None, subject: Subject | None) -> Recipe:
        formula = self.formula
        steps = self._composed(_raw_steps(formula, self.given))
        if overlay is not None:
            steps, skipped = apply_overlay(steps, overlay, self.warnings)
            self.dropped |= skipped
        points = compose.bond_points(formula, steps, self.moves, set())
        if subject is not None:
            steps = self._hooked(steps, points, subject)
        self.values, self.missing = self._settle()
        kept = self.given if self.mode == COMPILE else self.values
        self.filling = {name: value for name, value in self.values.items() if name in kept}
        self._lint(steps)
        steps, gone = drop(steps, [step.id for step in steps if not self._stays(step)])
        self.dropped |= gone
        points = compose.bond_points(formula, steps, self.moves, self.dropped)
        self._doubt(steps)
        return self._recipe(self._ordered(_with_parents_needs(steps)), points)

    def _settle(self) -> tuple[dict[str, str], tuple[str, ...]]:
        values, missing = settle(self.formula.name, self.declared, self.given)
        if self.mode == RUNTIME:
            require(self.formula.name, self.declared, missing)
        return values, missing

    def _composed(self, steps: Sequence[Step]) -> list[Step]:
        formula, moves = self.formula, self.moves
        steps = expand_loops(formula.name, steps, self.values, moves)
        steps = compose.apply_branches(formula, steps, moves)
        steps = compose.apply_holds(formula, steps, moves)
        steps = advise(formula, steps, moves)
        expander = Expander(formula, self.values, moves)
        if formula.type == EXPANSION:
            expander.take(formula)
        steps = expander.by_rules(expander.inline(steps))
        self.declared = {**expander.declared, **self.declared}
        self.texts += expander.texts
        self.warnings += expander.warnings
        steps, aspects = compose.apply_aspects(formula, steps, moves)
        for used in aspects:
            self.declared = {**used.vars, **self.declared}
            self.texts += used.texts
            self.warnings += used.warnings
        raise_problems(formula.name, self._astray(steps) or check_graph(steps, formula.source))
        return steps

    def _astray(self, steps: Sequence[Step]) -> list[Problem]:
        """Problems of ``compose`` rules that name an unknown step."""
        known = {step.id for step in steps}
        rules = self.formula.compose
        lost: list[Problem] = []

        def check(rule: Branch | GateRule | BondPoint, said: str, *words: str) -> None:
            for word in words:
                if word not in known and not self.moves.knows(word):
                    told = f"{said} names an unknown step: {word}"
                    origin = rule.origin or self.formula.source
                    lost.append(origin.problem(rule.path, told, f"steps: {', '.join(sorted(known)[:12])}"))

        for branch in rules.branch:
            check(branch, "compose.branch", branch.start, *branch.steps, branch.join)
        for hold in rules.gate:
            check(hold, "compose.gate", hold.before)
        for point in rules.bond_points:
            check(point, f"bond point {point.id}", point.after_step or point.before_step)
        return lost

    def _hooked(self, steps: list[Step], points: list[dict[str, object]], subject: Subject) -> list[Step]:
        def composed(other: Formula, given: Mapping[str, str]) -> tuple[list[Step], Mapping[str, str]]:
            kitchen = _Kitchen(resolve_extends(other), given, COMPILE)
            inner = kitchen._composed(_raw_steps(kitchen.formula, given))
            for name in kitchen.missing:
                self.declared.setdefault(name, kitchen.declared[name])
            self.texts += kitchen.texts
            self.warnings += kitchen.warnings
            return inner, kitchen.values

        steps = compose.attach(self.formula, steps, points, subject, self.values, self.moves, composed)
        raise_problems(self.formula.name, check_graph(steps, self.formula.source))
        return steps

    def _stays(self, step: Step) -> bool:
        """Whether the step's conditions hold; when compiling, one whose variable is not given stays undecided."""
        return all(self._is_open(word) or keeps(word, self.values) for word in step.conditions)

    def _is_open(self, condition: str) -> bool:
        name = variable_of(condition)
        return self.mode == COMPILE and name in self.declared and name not in self.given

    def _lint(self, steps: Sequence[Step]) -> None:
        """Warn of undeclared variables; a condition on one would silently drop its step."""
        told = set()
        for step in steps:
            texts = (step.title, step.description, step.notes, step.acceptance, step.assignee)
            for text in (*texts, *step.labels, *step.conditions):
                for name in names_in(text):
                    if name not in self.declared and name not in self.given and name not in told:
                        told.add(name)
                        where = (step.origin or self.formula.source).problem(step.path, "").where
                        self.warnings.append(f"{where}: step {step.id} uses {{{{{name}}}}}, which is not declared")

    def _doubt(self, steps: Sequence[Step]) -> None:
        """Warn of run-time conditions that name an unknown step: they may never become true."""
        known = {step.id for step in steps}
        for step in steps:
            for condition in (step.only_if, step.until):
                for name in strangers(condition, known) if condition else ():
                    where = (step.origin or self.formula.source).problem(step.path, "").where
                    told = f"step {step.id} refers to {name}, which is not a step; it may wait forever"
                    self.warnings.append(f"{where}: {told}")

    def _ordered(self, steps: Sequence[Step]) -> list[Step]:
        ordered, cycle = in_order(steps)
        if cycle:
            told = f"steps wait for each other: {' → '.join(cycle)}"
            raise_problems(self.formula.name, [self.formula.source.problem((), told, "remove one of these needs")])
        return ordered

    def _recipe(self, steps: Sequence[Step], points: list[dict[str, object]]) -> Recipe:
        formula, problems = self.formula, list[Problem]()
        made = tuple(self._step(step, problems) for step in steps)
        raise_problems(formula.name, problems)
        return Recipe(
            name=formula.name,
            type=formula.type,
            version=formula.version,
            steps=made,
            description=self._fill(formula.description),
            vars=self.values,
            missing=self.missing,
            phase=formula.phase,
            pour=formula.pour,
            wisp_type=formula.wisp_type or self.values.get("wisp_type", ""),
            agent=self._fill(formula.agent),
            review_only=formula.review_only,
            source=formula.source.path,
            tier=formula.source.tier,
            digest=_digest(self.texts),
            bond_points=tuple(points),
            hooks=tuple(compose.as_data(hook, self.values) for hook in formula.compose.hooks),
            squash=change_value(formula.squash, self._fill),
            warnings=unique(self.warnings),
        )

    def _step(self, step: Step, problems: list[Problem]) -> RecipeStep:
        open_conditions = " && ".join(word for word in step.conditions if self._is_open(word))
        step = self._filled(step)
        return RecipeStep(
            id=step.id,
            title=step.title,
            description=step.description.strip(),
            notes=step.notes.strip(),
            acceptance=step.acceptance.strip(),
            kind=step.kind or "task",
            priority=DEFAULT_PRIORITY if step.priority is None else step.priority,
            labels=tuple(label for label in step.labels if label),
            metadata=step.metadata,
            assignee=step.assignee,
            needs=step.needs,
            parent=step.parent,
            waits_for=step.waits_for,
            spawner=step.spawner or (step.needs[0] if step.waits_for and step.needs else ""),
            gate=_gate(step.gate, step, problems) if step.gate else None,
            only_if=step.only_if,
            until=step.until,
            most=step.most,
            body=step.body,
            on_complete=step.on_complete,
            parallel=step.parallel,
            interactive=step.interactive,
            condition=open_conditions,
        )

    def _filled(self, step: Step) -> Step:
        return change_texts(step, self._fill) if self.filling else step

    def _fill(self, text: str) -> str:
        """The text with all values; when compiling, only with given ones, since a default can still be overridden."""
        return fill(text, self.filling)


def _raw_steps(formula: Formula, given: Mapping[str, str]) -> tuple[Step, ...]:
    """The steps before composition: a convoy's legs and synthesis, a step ``main`` for an expansion, or as written."""
    if formula.type == EXPANSION and not formula.steps:
        own = {name: value for name, value in given.items() if name in formula.vars}
        main = Step("main", formula.name, formula.description, expand=formula.name, expand_vars=own)
        return (main._replace(origin=formula.source, path=("template",)),)
    if formula.type == CONVOY or (formula.legs and not formula.steps):
        from gastown_core.formulas.convoy_plan import leg_steps

        return leg_steps(formula)
    return formula.steps


def _with_parents_needs(steps: Sequence[Step]) -> list[Step]:
    """Add each parent's needs to its children explicitly, since a checklist does not show the tree."""
    known = {step.id: step for step in steps}

    def all_needs(step: Step) -> tuple[str, ...]:
        above = known.get(step.parent)
        return unique((*step.needs, *all_needs(above))) if above is not None else step.needs

    return [step._replace(needs=all_needs(step)) if step.parent else step for step in steps]


def _gate(gate: GateText, step: Step, problems: list[Problem]) -> Gate:
    span = parse_duration(gate.timeout) if gate.timeout else 0.0
    if span is None and "{" not in gate.timeout and step.origin is not None:
        told = f'step {step.id}: gate has "{gate.timeout}" as timeout'
        problems.append(step.origin.problem((*step.path, "gate"), told, 'write a duration: "90s", "30m", "2h"'))
    return Gate(gate.type, gate.await_id, span or 0.0, gate.timeout)


def _digest(texts: Sequence[str]) -> str:
    return sha256("\0".join(texts).encode()).hex()
