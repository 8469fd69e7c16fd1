"""A formula's text into a Formula. All problems of one file are collected before any is raised."""

from __future__ import annotations

import re

from gastown_core.formulas.errors import raise_problems
from gastown_core.formulas.formula import ASPECT, CONVOY, EXPANSION, TYPES, WORKFLOW, Advice, Formula, Pointcut
from gastown_core.formulas.parse_compose import read_compose
from gastown_core.formulas.parse_convoy import read_convoy, read_legs
from gastown_core.formulas.parse_steps import read_steps
from gastown_core.formulas.reader import Notes, Reader
from gastown_core.formulas.variables import read_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.formulas.formula import Step
    from gastown_core.formulas.places import Places
    from gastown_core.formulas.source import Source

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*")
PHASES = ("", "vapor", "liquid")


def parse(source: Source, places: Places | None = None) -> Formula:
    """Read a formula. Raises FormulaError with all that is wrong with this text by itself."""
    from gastown_core.formulas.validate import check_formula

    notes = Notes(source)
    top = Reader(source.data(), (), "", notes)
    formula = _formula(top, source, places)
    top.done()
    _warn_of_unused(formula, notes)
    notes.problems += check_formula(formula)
    raise_problems(formula.name or source.name, notes.problems)
    return formula._replace(warnings=tuple(notes.warnings))


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
    """Parts that are written and that nothing of this type has a use for."""
    for key, types in _USED_BY.items():
        if key in formula.given and formula.type not in types and not formula.extends:
            notes.warn((key,), f"{key} is of no use in a formula of type {formula.type}")
    if formula.type == EXPANSION and formula.given & {"compose", "advice"}:
        notes.warn((), "compose and advice of an expansion hold only where it is cooked by itself")
    if formula.pointcuts and not formula.advice and not formula.extends:
        notes.warn(("pointcuts",), "pointcuts without advice choose nothing")


def _name(top: Reader, source: Source) -> str:
    name = top.text("formula")
    if not name:
        top.problem("", "the formula has no name", f'write at its top: formula = "{source.name}"')
    elif not _NAME.fullmatch(name):
        top.problem("formula", f'"{name}" cannot be a formula\'s name', "letters, digits, . _ + - are allowed")
    elif name != source.name:
        top.notes.warn(("formula",), f"the file is called {source.name}, its formula {name}; the file's name is found")
    return name


def _type(top: Reader) -> str:
    kind = top.text("type")
    if kind and kind not in TYPES:
        top.problem("type", f'the formula has the type "{kind}"', f"{', '.join(TYPES)} are known")
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
        top.problem("version", f"the formula has version {version}", "versions count from 1")
    return 1 if version is None else version


def _phase(top: Reader) -> str:
    phase = top.text("phase")
    if phase not in PHASES:
        top.problem("phase", f'the formula has the phase "{phase}"', "vapor (a wisp) or liquid (a molecule)")
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
        # one table is a list of one; the path keeps naming the table itself
        one = Reader({key: [value]}, own.path, own.called, own.notes)
        own.has(key)
        return read_steps(one, key)
    return read_steps(own, key)


def _pointcuts(top: Reader) -> list[Pointcut]:
    found = []
    for own in top.tables_at("pointcuts", "pointcut"):
        cut = Pointcut(own.text("glob"), own.text("type"), own.text("label"))
        if cut == Pointcut():
            own.problem("", "chooses nothing", "give it a glob, a type or a label")
        found.append(cut)
        own.done()
    return found
