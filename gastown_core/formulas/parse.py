"""Parses a formula's text into a Formula; all problems of a file are collected before they are raised."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gastown_core.formulas.errors import raise_problems
from gastown_core.formulas.formula import (
    ASPECT,
    CONVOY,
    EXPANSION,
    TYPES,
    WORKFLOW,
    Advice,
    BondPoint,
    Branch,
    Compose,
    Expand,
    Formula,
    GateRule,
    Hook,
    Leg,
    Output,
    Pointcut,
    Preset,
    Synthesis,
)
from gastown_core.formulas.parse_steps import read_steps
from gastown_core.formulas.places import shown_path
from gastown_core.formulas.reader import Notes, Reader
from gastown_core.formulas.source import NAME, read_source
from gastown_core.formulas.variables import read_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.formulas.formula import Step
    from gastown_core.formulas.places import Places
    from gastown_core.formulas.source import Source
_TRIGGER = re.compile(r"label:\S+|type:\w+|priority:[0-4](-[0-4])?")


def read_compose(top: Reader) -> Compose:
    """Return the rules of the ``compose`` table."""
    own = top.table_at("compose", "compose")
    if own is None:
        return Compose()
    made = Compose(
        bond_points=tuple(_bond_point(item) for item in own.tables_at("bond_points", "bond point")),
        hooks=tuple(_hook(item) for item in own.tables_at("hooks", "hook")),
        expand=tuple(_expand(item, "target") for item in own.tables_at("expand", "compose.expand")),
        map=tuple(_expand(item, "select") for item in own.tables_at("map", "compose.map")),
        branch=tuple(_branch(item) for item in own.tables_at("branch", "compose.branch")),
        gate=tuple(_hold(item) for item in own.tables_at("gate", "compose.gate")),
        aspects=own.texts("aspects"),
    )
    own.done()
    return made


def _bond_point(own: Reader) -> BondPoint:
    point = BondPoint(
        own.text("id"),
        own.text("description"),
        own.text("after_step"),
        own.text("before_step"),
        own.flag("parallel"),
        own.path,
        own.notes.source,
    )
    if not point.id:
        own.problem("id", "has no id", 'give it one: id = "…"')
    if bool(point.after_step) == bool(point.before_step):
        said = "has after_step and before_step" if point.after_step else "names no step"
        own.problem("", said, "set exactly one of after_step and before_step")
    own.done()
    return point


def _hook(own: Reader) -> Hook:
    hook = Hook(
        own.text("trigger"), own.text("attach"), own.text("at"), own.word_table("vars"), own.path, own.notes.source
    )
    if not _TRIGGER.fullmatch(hook.trigger):
        own.problem("trigger", f'has "{hook.trigger}" as trigger', "use label:NAME, type:KIND or priority:0-1")
    _must(own, "attach", hook.attach, "the formula to add")
    own.done()
    return hook


def _expand(own: Reader, key: str) -> Expand:
    made = Expand(own.text(key), own.text("with"), own.word_table("vars"), own.path, own.notes.source)
    _must(own, key, made.select, "the steps to replace")
    _must(own, "with", made.template, "the expansion formula")
    own.done()
    return made


def _branch(own: Reader) -> Branch:
    made = Branch(own.text("from"), own.texts("steps"), own.text("join"), own.path, own.notes.source)
    if not made.steps:
        own.problem("steps", "names no steps", 'name the parallel steps: steps = ["…", "…"]')
    _must(own, "from", made.start, "the step before them")
    _must(own, "join", made.join, "the step that waits for all")
    own.done()
    return made


def _hold(own: Reader) -> GateRule:
    made = GateRule(own.text("before"), own.text("condition"), own.path, own.notes.source)
    _must(own, "before", made.before, "the step that waits")
    _must(own, "condition", made.condition, "what it waits for")
    own.done()
    return made


def _must(own: Reader, key: str, value: str, meaning: str) -> None:
    if not value:
        own.problem(key, f"has no {key}", f'name {meaning}: {key} = "…"')


def read_convoy(top: Reader, formula: Formula) -> Formula:
    """``formula`` with its convoy parts: inputs, prompts, legs, output, synthesis and presets."""
    return formula._replace(
        inputs=read_variables(top, "inputs"),
        prompts=top.word_table("prompts"),
        legs=tuple(read_legs(top, "legs")),
        output=_output(top),
        synthesis=_synthesis(top),
        presets=_presets(top),
    )


def read_legs(top: Reader, key: str) -> list[Leg]:
    """Return the legs in a list of tables."""
    legs = []
    for own in top.tables_at(key, key.rstrip("s")):
        leg = Leg(
            own.text("id"),
            own.text("title"),
            own.text("focus"),
            own.text("description").strip(),
            own.text("agent"),
            own.path,
        )
        if not leg.id:
            own.problem("id", "has no id", 'give it one: id = "…"')
        legs.append(leg if leg.title else leg._replace(title=leg.id.replace("-", " ").capitalize()))
        own.done()
    return legs


def _output(top: Reader) -> Output:
    own = top.table_at("output", "output")
    if own is None:
        return Output()
    made = Output(own.text("directory"), own.text("leg_pattern"), own.text("synthesis"))
    own.done()
    return made


def _synthesis(top: Reader) -> Synthesis | None:
    own = top.table_at("synthesis", "synthesis")
    if own is None:
        return None
    made = Synthesis(
        own.text("title") or "Synthesis",
        own.text("description").strip(),
        tuple(dict.fromkeys((*own.texts("depends_on"), *own.texts("needs")))),
        own.text("agent"),
        own.path,
    )
    own.done()
    return made


def _presets(top: Reader) -> dict[str, Preset]:
    presets = {}
    for name in top.raw("presets"):
        table = top.table["presets"][name]
        holder = type(top)(top.table["presets"], ("presets",), "presets", top.notes)
        if isinstance(table, list):
            presets[name] = Preset(name, holder.texts(name))
            continue
        own = holder.table_at(name, f"preset {name}")
        if own is not None:
            presets[name] = Preset(name, own.texts("legs"), own.text("description"))
            own.done()
    return presets


PHASES = ("", "vapor", "liquid")


def parse(source: Source, places: Places | None = None) -> Formula:
    """Parse a formula. Raises FormulaError with every problem in this text."""
    from gastown_core.formulas.validate import check_formula

    notes = Notes(source)
    top = Reader(source.data(), (), "", notes)
    formula = _formula(top, source, places)
    top.done()
    _warn_of_unused(formula, notes)
    notes.problems += check_formula(formula)
    raise_problems(formula.name or source.name, notes.problems)
    return formula._replace(warnings=tuple(notes.warnings))


def find_in(places: Places | None, name: str, *, without: Sequence[str] | set[str] = ()) -> Formula | None:
    """Return the first formula of that name in ``places``; None if there is none.

    ``without`` holds paths (as shown) to skip. Raises FormulaError.
    """
    if places is not None:
        for tier, path in places.files(name):
            if shown_path(tier, path) not in without:
                return load_from(places, path, tier)
    return None


def load_from(places: Places, path: str, tier: str = "file") -> Formula:
    """Return the formula in a file; formulas that it names are searched in ``places``. Raises FormulaError."""
    return parse(read_source(path, tier=tier, shown=shown_path(tier, path)), places)


def _formula(top: Reader, source: Source, places: Places | None) -> Formula:
    formula = Formula(
        name=_name(top, source),
        type=_type(top),
        source=source,
        version=_version(top),
        description=top.text("description").strip(),
        phase=_phase(top),
        pour=top.flag("pour"),
        wisp_type=top.text("wisp_type"),
        agent=top.text("agent"),
        review_only=top.flag("review_only"),
        extends=top.texts("extends"),
        vars=read_variables(top, "vars"),
        steps=tuple(read_steps(top, "steps")),
        template=tuple(read_steps(top, "template")),
        compose=read_compose(top),
        advice=tuple(_advice(top)),
        pointcuts=tuple(_pointcuts(top)),
        squash=top.free("squash"),
        data=top.table,
        places=places,
        given=frozenset(top.table),
        texts=(source.text,),
    )
    formula = read_convoy(top, formula)
    if formula.type == ASPECT:
        formula = formula._replace(legs=(*formula.legs, *read_legs(top, "aspects")))
    return formula


_USED_BY = {
    "steps": (WORKFLOW, ASPECT),
    "template": (EXPANSION,),
    "legs": (CONVOY,),
    "aspects": (ASPECT,),
    "prompts": (CONVOY,),
    "output": (CONVOY,),
    "synthesis": (CONVOY,),
    "presets": (CONVOY,),
}


def _warn_of_unused(formula: Formula, notes: Notes) -> None:
    """Warn of tables that a formula of this type does not use."""
    for key, types in _USED_BY.items():
        if key in formula.given and formula.type not in types and not formula.extends:
            notes.warn((key,), f"{key} is not used in a formula of type {formula.type}")
    if formula.type == EXPANSION and formula.given & {"compose", "advice"}:
        notes.warn((), "compose and advice of an expansion apply only when it is cooked by itself")
    if formula.pointcuts and not formula.advice and not formula.extends:
        notes.warn(("pointcuts",), "pointcuts without advice have no effect")


def _name(top: Reader, source: Source) -> str:
    name = top.text("formula")
    if not name:
        top.problem("", "the formula has no name", f'add at the top: formula = "{source.name}"')
    elif not NAME.fullmatch(name):
        top.problem("formula", f'"{name}" cannot be a formula\'s name', "letters, digits, . _ + - are allowed")
    elif name != source.name:
        told = f"the file is named {source.name} but its formula {name}; only the file name is found"
        top.notes.warn(("formula",), told)
    return name


def _type(top: Reader) -> str:
    kind = top.text("type")
    if kind and kind not in TYPES:
        top.problem("type", f'the formula has the type "{kind}"', f"use one of {', '.join(TYPES)}")
    if kind:
        return kind
    if top.has("extends") or top.has("steps"):
        return WORKFLOW
    if top.has("legs"):
        return CONVOY
    if top.has("template"):
        return EXPANSION
    return ASPECT if top.has("aspects") or top.has("advice") else WORKFLOW


def _version(top: Reader) -> int:
    version = top.number("version")
    if version is not None and version < 1:
        top.problem("version", f"the formula has version {version}", "versions start at 1")
    return 1 if version is None else version


def _phase(top: Reader) -> str:
    phase = top.text("phase")
    if phase not in PHASES:
        top.problem("phase", f'the formula has the phase "{phase}"', "use vapor (a wisp) or liquid (a molecule)")
    return phase


def _advice(top: Reader) -> list[Advice]:
    found = []
    for own in top.tables_at("advice", "advice"):
        before, after = _one_step(own, "before"), _one_step(own, "after")
        around = own.table_at("around", f"{own.called}: around")
        if around is not None:
            before += read_steps(around, "before")
            after += read_steps(around, "after")
            around.done()
        if not before and not after:
            own.problem("", "adds nothing", "give it before, after or around")
        found.append(Advice(own.text("target"), tuple(before), tuple(after), own.path, own.notes.source))
        own.done()
    return found


def _one_step(own: Reader, key: str) -> list[Step]:
    value = own.table.get(key)
    if isinstance(value, dict):
        # treat a single table as a list of one; the path keeps naming the table itself
        one = Reader({key: [value]}, own.path, own.called, own.notes)
        own.has(key)
        return read_steps(one, key)
    return read_steps(own, key)


def _pointcuts(top: Reader) -> list[Pointcut]:
    found = []
    for own in top.tables_at("pointcuts", "pointcut"):
        cut = Pointcut(own.text("glob"), own.text("type"), own.text("label"))
        if cut == Pointcut():
            own.problem("", "selects nothing", "give it a glob, a type or a label")
        found.append(cut)
        own.done()
    return found
