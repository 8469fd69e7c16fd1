"""Loops: a step with a body becomes the body as often as it says, each round behind the one before."""

from __future__ import annotations

from gastown_core.formulas.arithmetic import ArithmeticFault, reckon
from gastown_core.formulas.condition_terms import renamed
from gastown_core.formulas.errors import MissingVariables, Problem, raise_problems
from gastown_core.formulas.formula import Step
from gastown_core.formulas.order import heads_of, tails_of, unique
from gastown_core.formulas.substitute import change_texts, fill_single
from gastown_core.formulas.weave import Moves, Swap, inherit, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.formulas.formula import Loop

MAX_STEPS = 5000
"""So many steps may a cooked formula have; more is taken for a mistake."""


def expand_loops(name: str, steps: Sequence[Step], values: Mapping[str, str], moves: Moves) -> list[Step]:
    """``steps`` with all loops unrolled. Raises FormulaError for a count that cannot be reckoned or is too large."""
    swaps: dict[str, Swap] = {}
    room = MAX_STEPS
    for step in steps:
        if step.loop is not None:
            inner = _unrolled(name, step, step.loop, values, room)
            room -= len(inner)
            # a loop of no rounds leaves nothing: its dependents wait for what it waited for
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
    """One round of the body: ids prefixed with ``<loop>.iter<turn>.``, the loop's variable filled in, inner loops too."""
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
    """The body once; its first step bears the condition until which the body is done again."""
    body = _round(name, step, loop, 1, 1, {**values, loop.var: "1"} if loop.var else values, room)
    most = _reckoned(name, step, "max", loop.most, values)
    if most < 1:
        _fail(name, step, f"has {most} as max", "write a whole number from 1 on")
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
            _fail(name, step, f"has {count} as count", "count from 0 on")
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
                f"the loop of step {step.id} counts with it ({key} = {text})",
                f"add --var {fault.name}=3, or give it a default",
                (fault.name,),
            ) from None
        _fail(name, step, f'cannot reckon {key} "{text}": {fault}', "whole numbers, variables, + - * / ^ ( ) are known")
        raise


def _fail(name: str, step: Step, what: str, fix: str) -> None:
    told = f"the loop of step {step.id} {what}"
    path = (*step.path, "loop")
    raise_problems(name, [step.origin.problem(path, told, fix) if step.origin else Problem(name, 0, told, fix)])
