"""Formulas as text: their variables, and the tree of their steps with needs, gates and composition."""

from __future__ import annotations

from gastown_cli.output import clean, shorten, style, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gastown_core.formulas.formula import Formula, Step, Variable
    from gastown_core.formulas.recipe import Recipe, RecipeStep

_WIDE = 100


def formula_lines(formula: Formula) -> list[str]:
    """Return the lines of a formula as its file defines it."""
    said = " · ".join(
        part
        for part in (
            formula.type,
            f"version {formula.version}",
            f"from {formula.source.tier}",
            formula.phase,
            "poured" if formula.pour else "",
            f"agent {formula.agent}" if formula.agent else "",
            "review only" if formula.review_only else "",
        )
        if part
    )
    lines = [f"{style(clean(formula.name), 'bold')}  {style(said, 'dim')}", style(clean(formula.source.path), "dim")]
    if formula.description:
        lines += ["", *(clean(line) for line in formula.description.split("\n"))]
    if formula.extends:
        lines += ["", f"extends {clean(', '.join(formula.extends))}"]
    lines += _variables("Variables", formula.vars.values()) + _variables("Inputs", formula.inputs.values())
    lines += _tree("Steps", formula.steps) + _tree("Template", formula.template)
    return lines + _advice(formula) + _convoy(formula) + _compose(formula)


def recipe_lines(recipe: Recipe) -> list[str]:
    """Return the lines of a cooked formula: every step in order, with what it waits for."""
    head = f"{style(clean(recipe.name), 'bold')}  {style(f'{len(recipe.steps)} steps in order', 'dim')}"
    lines = [head]
    if recipe.vars:
        lines += ["", style("Variables", "bold")]
        lines += [
            f"  {clean(name)} = {clean(shorten(value, 70)) or style('(empty)', 'dim')}"
            for name, value in recipe.vars.items()
        ]
    if recipe.missing:
        lines += ["", f"missing variables: {clean(', '.join(recipe.missing))}"]
    lines += ["", style("Steps", "bold")]
    depths: dict[str, int] = {}
    rows = []
    for number, step in enumerate(recipe.steps, 1):
        depths[step.id] = depths.get(step.parent, -1) + 1
        rows.append((str(number), *_cells("  " * depths[step.id], step, marks_of(step))))
    lines += ["  " + line for line in table(rows, right=(0,)).split("\n")]
    lines += [f"{style('note:', 'yellow')} {clean(warning)}" for warning in recipe.warnings]
    return lines


def marks_of(step: RecipeStep) -> list[str]:
    """Return what else affects a cooked step: ``⧖ human 4h``, ``if …``, ``until …``."""
    marks = []
    if step.gate is not None:
        marks.append(" ".join(part for part in ("⧖", step.gate.type, step.gate.await_id, step.gate.timeout) if part))
    if step.waits_for:
        marks.append(f"⧖ {step.waits_for} of {step.spawner}")
    if step.only_if:
        marks.append(f"⧖ when {step.only_if}")
    if step.until:
        marks.append(f"↻ until {step.until}, at most {step.most}")
    if step.on_complete is not None:
        marks.append(f"⇉ {step.on_complete.formula} for each {step.on_complete.for_each}")
    if step.condition:
        marks.append(f"if {step.condition}")
    return marks + (["parallel"] if step.parallel else []) + (["interactive"] if step.interactive else [])


def _cells(lead: str, step: Step | RecipeStep, marks: Sequence[str]) -> tuple[str, str, str]:
    """Return a step as columns: place in the tree and id, title, what it waits for."""
    needs = style("← " + clean(", ".join(step.needs)), "dim") if step.needs else ""
    said = style(clean(" · ".join(marks)), "yellow") if marks else ""
    title = "" if step.title == step.id else clean(shorten(step.title, _WIDE))
    return f"{lead}{style(clean(step.id), 'cyan')}", title, "  ".join(part for part in (needs, said) if part)


def _written_marks(step: Step) -> list[str]:
    marks = []
    if step.gate is not None:
        marks.append(" ".join(part for part in ("⧖", step.gate.type, step.gate.await_id, step.gate.timeout) if part))
    if step.waits_for:
        marks.append(f"⧖ {step.waits_for}" + (f" of {step.spawner}" if step.spawner else ""))
    marks += [f"if {condition}" for condition in step.conditions]
    if step.expand:
        marks.append(f"expands {step.expand}")
    if step.loop is not None:
        loop = step.loop
        often = f"{loop.times} times" if loop.times else loop.range or f"until {loop.until}, at most {loop.most}"
        marks.append(f"↻ {often}")
    if step.on_complete is not None:
        marks.append(f"⇉ {step.on_complete.formula} for each {step.on_complete.for_each}")
    return marks + (["parallel"] if step.parallel else []) + (["interactive"] if step.interactive else [])


def _variables(title: str, variables: Iterable[Variable]) -> list[str]:
    rows = []
    for variable in variables:
        name = "  " + style(clean(variable.name), "cyan")
        about = clean(shorten(variable.description, 60))
        rows.append((name, about, style(clean(" · ".join(_facts(variable))), "dim")))
    return ["", style(title, "bold"), *table(rows).split("\n")] if rows else []


def _facts(variable: Variable) -> list[str]:
    facts = []
    if variable.default is None:
        unless = f" unless {', '.join(variable.required_unless)}" if variable.required_unless else ""
        facts.append(f"required{unless}")
    elif variable.default:
        facts.append(f"default {shorten(variable.default, 30)}")
    if variable.type != "string":
        facts.append(variable.type)
    if variable.enum:
        facts.append("one of " + ", ".join(variable.enum))
    return [*facts, f"matches {variable.pattern}"] if variable.pattern else facts


def _tree(title: str, steps: Sequence[Step]) -> list[str]:
    if not steps:
        return []
    rows: list[tuple[str, str, str]] = []
    _branches(rows, steps, "", "  ")
    return ["", style(title, "bold"), *table(rows).split("\n")]


def _branches(rows: list[tuple[str, str, str]], steps: Sequence[Step], parent: str, lead: str) -> None:
    """Append rows for the steps under ``parent``; the body of a loop goes under the loop."""
    own = [step for step in steps if step.parent == parent]
    for step in own:
        is_last = step is own[-1]
        rows.append(_cells(f"{lead}{'└─' if is_last else '├─'} ", step, _written_marks(step)))
        below = lead + ("   " if is_last else "│  ")
        if step.loop is not None:
            _branches(rows, step.loop.body, "", below)
        _branches(rows, steps, step.id, below)


def _advice(formula: Formula) -> list[str]:
    if not formula.advice:
        return []
    lines = ["", style("Advice", "bold")]
    cuts = [
        " ".join(
            part for part in (cut.glob, cut.type and f"type:{cut.type}", cut.label and f"label:{cut.label}") if part
        )
        for cut in formula.pointcuts
    ]
    if cuts:
        lines.append(f"  only at {clean(', '.join(cuts))}")
    for rule in formula.advice:
        lines.append(f"  around {clean(rule.target or 'these')}")
        rows = [_cells("    before  ", step, _written_marks(step)) for step in rule.before]
        rows += [_cells("    after   ", step, _written_marks(step)) for step in rule.after]
        lines += table(rows).split("\n")
    return lines


def _convoy(formula: Formula) -> list[str]:
    lines: list[str] = []
    if formula.legs:
        wide = max(len(leg.id) for leg in formula.legs)
        lines += ["", style("Legs", "bold")]
        for leg in formula.legs:
            agent = f"  {style(clean(leg.agent), 'dim')}" if leg.agent else ""
            lines.append(
                f"  {style(clean(leg.id).ljust(wide), 'cyan')}  {clean(shorten(leg.focus or leg.title, 80))}{agent}"
            )
    if formula.synthesis is not None:
        needs = ", ".join(formula.synthesis.needs) or "all legs"
        lines.append(f"  then  {clean(formula.synthesis.title)}  {style('← ' + clean(needs), 'dim')}")
    if formula.presets:
        lines += ["", style("Presets", "bold")]
        lines += [f"  {clean(preset.name)}: {clean(', '.join(preset.legs))}" for preset in formula.presets.values()]
    if formula.output.directory:
        lines += ["", f"writes into {clean(formula.output.directory)}"]
    return lines


def _compose(formula: Formula) -> list[str]:
    rules = formula.compose
    lines = [f"  expand {rule.select} with {rule.template}" for rule in rules.expand]
    lines += [f"  map {rule.select} to {rule.template}" for rule in rules.map]
    lines += [f"  branch from {rule.start}: {', '.join(rule.steps)}, joined by {rule.join}" for rule in rules.branch]
    lines += [f"  hold {rule.before} until {rule.condition}" for rule in rules.gate]
    lines += [f"  aspect {name}" for name in rules.aspects]
    lines += [
        f"  bond point {p.id} {'after ' + p.after_step if p.after_step else 'before ' + p.before_step}"
        for p in rules.bond_points
    ]
    lines += [f"  {hook.trigger} attaches {hook.attach}{' at ' + hook.at if hook.at else ''}" for hook in rules.hooks]
    return ["", style("Composed of", "bold"), *map(clean, lines)] if lines else []
