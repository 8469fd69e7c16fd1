"""Parses steps from their tables: of a workflow, a template, a loop's body, or advice."""

from __future__ import annotations

import re

from gastown_core.formulas.formula import GATES, KINDS, UNCHECKED_GATE, GateText, Loop, Step
from gastown_core.formulas.recipe import OnComplete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.formulas.reader import Reader

_ID = re.compile(r"[^\s\x00-\x1f\x7f]+")
_CHILDREN_OF = re.compile(r"children-of\(\s*([^()\s]+)\s*\)")
_MAX_NESTING = 20


def read_steps(reader: Reader, key: str, *, parent: str = "", depth: int = 0) -> list[Step]:
    """Return the steps in a list of tables, children after their parents."""
    steps: list[Step] = []
    if depth > _MAX_NESTING:
        reader.problem(key, f"has {key} nested deeper than {_MAX_NESTING} levels", "flatten them and use needs")
        return steps
    for number, own in enumerate(reader.tables_at(key, "step")):
        step = _step(own, parent, depth)
        if not step.id:
            own.problem("id", "has no id", f'give it one: id = "{key.rstrip("s")}-{number + 1}"')
            step = step._replace(id=f"?{own.path}")
        steps.append(step)
        steps += read_steps(own, "children", parent=step.id, depth=depth + 1)
        own.done()
    return steps


def _step(own: Reader, parent: str, depth: int) -> Step:
    step_id = own.text("id")
    if step_id and not _ID.fullmatch(step_id):
        own.problem("id", "has blanks in its id", f'write id = "{"-".join(step_id.split())}"')
    expand = own.text("expand")
    title = own.text("title")
    if not title and not expand:
        own.problem("title", "has no title", 'describe it in a few words: title = "…"')
    waits_for, spawner = _waiting(own)
    condition = own.text("condition")
    return Step(
        id=step_id,
        title=title or step_id,
        description=own.text("description"),
        notes=own.text("notes"),
        acceptance=own.text("acceptance"),
        kind=_kind(own),
        priority=_priority(own),
        labels=(*own.texts("labels"), *own.texts("tags")),
        metadata=own.free("metadata"),
        assignee=own.text("assignee"),
        needs=tuple(dict.fromkeys((*own.texts("needs"), *own.texts("depends_on")))),
        parent=parent,
        waits_for=waits_for,
        spawner=spawner,
        conditions=(condition,) if condition else (),
        gate=_gate(own),
        loop=_loop(own, depth),
        expand=expand,
        expand_vars=own.word_table("expand_vars"),
        on_complete=_on_complete(own),
        parallel=own.flag("parallel"),
        interactive=own.flag("interactive"),
        origin=own.notes.source,
        path=own.path,
    )


def _kind(own: Reader) -> str:
    kind = own.text("type")
    if own.table.get("children"):
        return "epic"
    if kind and kind not in KINDS:
        own.notes.warn((*own.path, "type"), f"{own.called} has the type {kind}, treated as task; types: {_or(KINDS)}")
        return "task"
    return kind


def _priority(own: Reader) -> int | None:
    priority = own.number("priority")
    if priority is not None and not 0 <= priority <= 4:
        own.problem("priority", f"has priority {priority}", "use 0 (critical) to 4 (backlog)")
        return None
    return priority


def _waiting(own: Reader) -> tuple[str, str]:
    text = own.text("waits_for")
    if not text or text in ("all-children", "any-children"):
        return text, ""
    of = _CHILDREN_OF.fullmatch(text)
    if of:
        return "all-children", of[1]
    own.problem("waits_for", f'waits for "{text}"', "use all-children, any-children or children-of(step)")
    return "", ""


def _gate(own: Reader) -> GateText | None:
    gate = own.table_at("gate", f"{own.called}: gate")
    if gate is None:
        return None
    kind = gate.text("type")
    if kind == UNCHECKED_GATE:
        told = f"{own.called}: nothing checks a conditional gate; the worker of the step decides"
        own.notes.warn((*gate.path, "type"), told)
        return None
    if kind not in GATES:
        gate.problem("type", f"has the type {kind}" if kind else "has no type", f"use one of {_or(GATES)}")
    await_id = gate.scalar("await_id") or gate.scalar("id") or ""
    gate.has("id")
    timeout = gate.text("timeout")
    if timeout and "{" not in timeout:
        from gastown_core.clock import parse_duration

        if parse_duration(timeout) is None:
            gate.problem("timeout", f'has "{timeout}" as timeout', 'write a duration: "90s", "30m", "2h"')
    if kind == "timer" and not timeout:
        gate.problem("timeout", "is a timer without timeout", 'set it: timeout = "30m"')
    gate.done()
    return GateText(kind, await_id, timeout)


def _loop(own: Reader, depth: int) -> Loop | None:
    loop = own.table_at("loop", f"{own.called}: loop")
    if loop is None:
        return None
    count, span, until = loop.scalar("count"), loop.text("range"), loop.text("until")
    most = loop.scalar("max") or ""
    kinds = [word for word, value in (("count", count), ("range", span), ("until", until)) if value]
    if len(kinds) != 1:
        said = f"has {' and '.join(kinds)}" if kinds else "has no count"
        loop.problem("", said, "set exactly one of count, range and until")
    if until and not most:
        loop.problem("until", "has until without max", "bound it: max = 5")
    if until and most and not ("{" in most or (most.isdigit() and int(most) > 0)):
        loop.problem("max", f"has {most} as max", "write an integer of at least 1")
    body = read_steps(loop, "body", depth=depth + 1)
    if not body:
        loop.problem("body", "has no body", f"add steps: [[{'.'.join(str(p) for p in own.path[:1])}.loop.body]]")
    var = loop.text("var")
    loop.done()
    return Loop(tuple(body), count or "", span, until, most, var)


def _on_complete(own: Reader) -> OnComplete | None:
    act = own.table_at("on_complete", f"{own.called}: on_complete")
    if act is None:
        return None
    each, bond = act.text("for_each"), act.text("bond")
    if not (each and bond):
        act.problem("", "lacks " + ("bond" if each else "for_each"), "set both for_each and bond")
    if each and not each.startswith("output."):
        act.problem("for_each", f'iterates over "{each}"', 'name a list of the output: for_each = "output.items"')
    parallel, sequential = act.flag("parallel"), act.flag("sequential")
    if parallel and sequential:
        act.problem("sequential", "is parallel and sequential at once", "keep one of them")
    made = OnComplete(each, bond, act.word_table("vars"), not sequential)
    act.done()
    return made


def _or(words: tuple[str, ...]) -> str:
    return ", ".join(words)
