"""Weaving: replaces steps, drops steps and fills placeholders, and updates the dependencies."""

from __future__ import annotations

import re

from gastown_core.formulas.condition_terms import renamed
from gastown_core.formulas.formula import GateText, Loop, Step
from gastown_core.formulas.recipe import OnComplete
from gastown_core.formulas.step_order import descendants, heads_of, tails_of, unique
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    Change = Callable[[str], str]


class Swap(Record):
    """The replacement of a step: ``heads`` are its first steps, ``tails`` its last (dependents wait for the tails)."""

    steps: tuple[Step, ...]
    heads: tuple[str, ...]
    tails: tuple[str, ...]


class Moves:
    """Where replaced steps went, for rules that name them by their old ids."""

    def __init__(self) -> None:
        self._swaps: dict[str, Swap] = {}

    def note(self, step_id: str, swap: Swap) -> None:
        """Record a replacement."""
        self._swaps[step_id] = swap

    def knows(self, step_id: str) -> bool:
        """Return whether a step of that id existed and was replaced."""
        return step_id in self._swaps

    def ends(self) -> dict[str, str]:
        """Return old id → id of the last step that replaces it, for conditions that name it."""
        return {step_id: tails[-1] for step_id in self._swaps if (tails := self.tails(step_id))}

    def heads(self, step_id: str) -> tuple[str, ...]:
        """Return the first steps of what replaces a step."""
        return self._follow(step_id, lambda swap: swap.heads)

    def tails(self, step_id: str) -> tuple[str, ...]:
        """Return the last steps of what replaces a step."""
        return self._follow(step_id, lambda swap: swap.tails)

    def _follow(self, step_id: str, end: Callable[[Swap], tuple[str, ...]]) -> tuple[str, ...]:
        swap = self._swaps.get(step_id)
        if swap is None:
            return (step_id,)
        out: list[str] = []
        for other in end(swap):
            out += (other,) if other == step_id else self._follow(other, end)
        return unique(out)


def swap_of(steps: Sequence[Step]) -> Swap:
    """Return the replacement by these steps, with heads and tails determined from their needs."""
    return Swap(tuple(steps), heads_of(steps), tails_of(steps))


def replace(steps: Sequence[Step], swaps: Mapping[str, Swap], moves: Moves) -> list[Step]:
    """``steps`` with each key of ``swaps`` replaced in place, and links to it redirected to its tails."""
    if not swaps:
        return list(steps)
    for step_id, swap in swaps.items():
        moves.note(step_id, swap)
    out: list[Step] = []
    for step in steps:
        if step.id in swaps:
            out += [_relinked(inner, swaps, step.id) for inner in swaps[step.id].steps]
        else:
            out.append(_relinked(step, swaps, ""))
    return out


def _relinked(step: Step, swaps: Mapping[str, Swap], within: str) -> Step:
    """Return the step with links to replaced steps redirected, except links to the step it replaces (``within``)."""
    changes: dict[str, object] = {}
    if any(need in swaps and need != within for need in step.needs):
        changes["needs"] = unique(led for need in step.needs for led in _led(need, swaps, within))
    if step.spawner in swaps and step.spawner != within and swaps[step.spawner].tails:
        changes["spawner"] = swaps[step.spawner].tails[-1]
    if any(other in swaps for other in step.body):
        body: list[str] = []
        for other in step.body:
            body += [inner.id for inner in swaps[other].steps] if other in swaps else [other]
        changes["body"] = unique(body)
    if step.only_if or step.until:
        names = {old: swap.tails[-1] for old, swap in swaps.items() if swap.steps and swap.tails and old != within}
        changes["only_if"] = renamed(step.only_if, names)
        changes["until"] = renamed(step.until, names)
    return step._replace(**changes) if changes else step  # type: ignore[arg-type]


def _led(need: str, swaps: Mapping[str, Swap], within: str) -> tuple[str, ...]:
    swap = swaps.get(need)
    if swap is None or need == within:
        return (need,)
    if swap.steps:
        return swap.tails
    # dropped without replacement: what it waited for may have been replaced as well
    return unique(led for other in swap.tails for led in _led(other, swaps, within))


def inherit(target: Step, inner: Sequence[Step]) -> Swap:
    """Return the replacement of ``target`` by ``inner``, with the target's properties passed on.

    Needs, notes, gate, waiting and run-time conditions go to the heads; conditions, labels, metadata, assignee,
    priority and interactivity to all steps; acceptance and on_complete to the tails.
    """
    swap = swap_of(inner)
    own = {step.id for step in inner}
    heads, tails = set(swap.heads), set(swap.tails)
    made = []
    for step in inner:
        step = step._replace(
            parent=step.parent if step.parent in own else target.parent,
            conditions=(*target.conditions, *step.conditions),
            labels=unique((*step.labels, *target.labels)),
            metadata={**target.metadata, **step.metadata},
            assignee=step.assignee or target.assignee,
            priority=target.priority if step.priority is None else step.priority,
            interactive=step.interactive or target.interactive,
        )
        if step.id in heads:
            step = _as_head(step, target, is_first=step.id == swap.heads[0])
        if step.id in tails:
            step = _as_tail(step, target, is_last=step.id == swap.tails[-1])
        made.append(step)
    return swap._replace(steps=tuple(made))


def _as_head(step: Step, target: Step, *, is_first: bool) -> Step:
    step = step._replace(
        needs=unique((*target.needs, *step.needs)),
        notes=_both(target.notes, step.notes),
        gate=step.gate or target.gate,
        only_if=f"({target.only_if}) and ({step.only_if})"
        if target.only_if and step.only_if
        else target.only_if or step.only_if,
        parallel=step.parallel or target.parallel,
    )
    if target.waits_for and not step.waits_for:
        step = step._replace(waits_for=target.waits_for, spawner=target.spawner)
    if target.until and is_first:
        step = step._replace(until=target.until, most=target.most, body=target.body)
    return step


def _as_tail(step: Step, target: Step, *, is_last: bool) -> Step:
    step = step._replace(acceptance=_both(step.acceptance, target.acceptance))
    return step._replace(on_complete=target.on_complete) if is_last and step.on_complete is None else step


def _both(one: str, other: str) -> str:
    return f"{one}\n{other}" if one and other else one or other


def drop(steps: Sequence[Step], gone: Iterable[str]) -> tuple[list[Step], set[str]]:
    """``steps`` without those of ``gone`` and their descendants, and the ids of all dropped steps.

    Steps that needed a dropped step take over its needs, so the order is kept.
    """
    dropped = set(gone)
    if not dropped:
        return list(steps), dropped
    under = descendants(steps)
    for step_id in list(dropped):
        dropped |= under.get(step_id, set())
    links = {step.id: step for step in steps}

    def kept(need: str, seen: frozenset[str]) -> list[str]:
        if need not in dropped:
            return [need]
        step = links[need]
        out = [] if step.parent not in dropped else kept_all(links[step.parent].needs, seen)
        return out + kept_all(step.needs, seen | {need})

    def kept_all(needs: Iterable[str], seen: frozenset[str]) -> list[str]:
        return [found for need in needs if need not in seen for found in kept(need, seen)]

    out = []
    for step in steps:
        if step.id in dropped:
            continue
        if any(need in dropped for need in step.needs):
            step = step._replace(needs=unique(kept_all(step.needs, frozenset())))
        if step.spawner in dropped:
            step = step._replace(waits_for="", spawner="")
        if any(other in dropped for other in step.body):
            step = step._replace(body=tuple(other for other in step.body if other not in dropped))
        out.append(step)
    return _repeat_again(out, steps, dropped), dropped


def _repeat_again(kept: list[Step], all_steps: Sequence[Step], dropped: set[str]) -> list[Step]:
    """Move the ``until`` of a dropped first step to the next remaining step of its body."""
    for lost in all_steps:
        if lost.id not in dropped or not lost.until:
            continue
        left = tuple(other for other in lost.body if other not in dropped)
        for number, step in enumerate(kept):
            if left and step.id == left[0]:
                kept[number] = step._replace(until=lost.until, most=lost.most, body=left)
    return kept


_DOUBLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_SINGLE = re.compile(r"\{\{?\s*([A-Za-z_][\w.]*)\s*\}?\}")
NOT_VARIABLES = frozenset("else this root index key first last end range with block define template nil".split())
"""Keywords of the older template language; ``{{else}}`` is never a variable."""


def names_in(text: str) -> list[str]:
    """Return the names of the variables in a text."""
    return [name for name in _DOUBLE.findall(text) if name not in NOT_VARIABLES] if "{{" in text else []


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with known variables filled in; others are unchanged, and values are not expanded again."""
    if "{{" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return found[0] if name in NOT_VARIABLES else values.get(name, found[0])

    return _DOUBLE.sub(value, text)


def fill_single(text: str, values: Mapping[str, str]) -> str:
    """``text`` with ``{name}`` and ``{{name}}`` filled in for the given names; other braces are unchanged."""
    if "{" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        is_balanced = found[0].startswith("{{") == found[0].endswith("}}")
        return values.get(found[1], found[0]) if is_balanced else found[0]

    return _SINGLE.sub(value, text)


def change_texts(step: Step, change: Change) -> Step:
    """Return the step with ``change`` applied to each of its texts, including ids, needs, conditions and the loop."""
    return step._replace(
        id=change(step.id),
        title=change(step.title),
        description=change(step.description),
        notes=change(step.notes),
        acceptance=change(step.acceptance),
        labels=tuple(map(change, step.labels)),
        metadata=change_value(step.metadata, change) if step.metadata else step.metadata,
        assignee=change(step.assignee),
        needs=tuple(map(change, step.needs)),
        parent=change(step.parent),
        spawner=change(step.spawner),
        conditions=tuple(map(change, step.conditions)),
        gate=_gate(step.gate, change) if step.gate else None,
        loop=_loop(step.loop, change) if step.loop else None,
        expand=change(step.expand),
        expand_vars={key: change(value) for key, value in step.expand_vars.items()},
        on_complete=_on_complete(step.on_complete, change) if step.on_complete else None,
        only_if=change(step.only_if),
        until=change(step.until),
    )


def change_value(value: object, change: Change) -> Any:
    """Return a JSON-like value with ``change`` applied to every string in it (keys are unchanged)."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: change_value(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [change_value(item, change) for item in value]
    return value


def _gate(gate: GateText, change: Change) -> GateText:
    return GateText(gate.type, change(gate.await_id), change(gate.timeout))


def _on_complete(act: OnComplete, change: Change) -> OnComplete:
    return act._replace(
        for_each=change(act.for_each),
        formula=change(act.formula),
        vars={key: change(value) for key, value in act.vars.items()},
    )


def _loop(loop: Loop, change: Change) -> Loop:
    return loop._replace(
        times=change(loop.times),
        range=change(loop.range),
        until=change(loop.until),
        most=change(loop.most),
        body=tuple(change_texts(step, change) for step in loop.body),
    )
