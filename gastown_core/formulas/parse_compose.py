"""The ``compose`` table: how a formula's steps are woven with other formulas."""

from __future__ import annotations

import re

from gastown_core.formulas.formula import BondPoint, Branch, Compose, Expand, Hold, Hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.formulas.reader import Reader

_TRIGGER = re.compile(r"label:\S+|type:\w+|priority:[0-4](-[0-4])?")


def read_compose(top: Reader) -> Compose:
    """All rules of the table."""
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
        own.problem("", said, "give exactly one of after_step, before_step")
    own.done()
    return point


def _hook(own: Reader) -> Hook:
    hook = Hook(
        own.text("trigger"), own.text("attach"), own.text("at"), own.word_table("vars"), own.path, own.notes.source
    )
    if not _TRIGGER.fullmatch(hook.trigger):
        own.problem("trigger", f'has "{hook.trigger}" as trigger', "label:NAME, type:KIND or priority:0-1 are known")
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
        own.problem("steps", "names no steps", 'name those that run beside each other: steps = ["…", "…"]')
    _must(own, "from", made.start, "the step before them")
    _must(own, "join", made.join, "the step that waits for all")
    own.done()
    return made


def _hold(own: Reader) -> Hold:
    made = Hold(own.text("before"), own.text("condition"), own.path, own.notes.source)
    _must(own, "before", made.before, "the step that waits")
    _must(own, "condition", made.condition, "what it waits for")
    own.done()
    return made


def _must(own: Reader, key: str, value: str, meaning: str) -> None:
    if not value:
        own.problem(key, f"has no {key}", f'name {meaning}: {key} = "…"')
