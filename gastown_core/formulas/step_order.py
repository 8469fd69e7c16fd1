"""The order of steps: predecessors, cycles, first and last steps of a group, and matching of step ids."""

from __future__ import annotations

from heapq import heappop, heappush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol, TypeVar

    class Linked(Protocol):
        """The properties that ordering needs of a step."""

        @property
        def id(self) -> str:
            """The step's id."""

        @property
        def needs(self) -> tuple[str, ...]:
            """Ids of the steps before it."""

        @property
        def parent(self) -> str:
            """Id of the enclosing step."""

        @property
        def spawner(self) -> str:
            """Id of the step whose children it waits for."""

    S = TypeVar("S", bound=Linked)


def predecessors(steps: Sequence[Linked]) -> dict[str, set[str]]:
    """Return each step's predecessors: its needs with all their descendants, its spawner and its parent."""
    under = descendants(steps)
    known = {step.id for step in steps}
    before: dict[str, set[str]] = {}
    for step in steps:
        earlier = set()
        for need in step.needs:
            if need in known:
                earlier.add(need)
                if need in under:
                    earlier |= under[need]
        earlier.update(other for other in (step.spawner, step.parent) if other in known)
        before[step.id] = earlier
    return before


def descendants(steps: Sequence[Linked]) -> dict[str, set[str]]:
    """Return each parent's descendants."""
    parents = {step.id: step.parent for step in steps if step.parent}
    under: dict[str, set[str]] = {}
    for step_id in parents:
        above, seen = parents.get(step_id, ""), {step_id}
        while above and above not in seen:
            seen.add(above)
            under.setdefault(above, set()).add(step_id)
            above = parents.get(above, "")
    return under


def in_order(steps: Sequence[S]) -> tuple[list[S], list[str]]:
    """The steps in topological order, stable otherwise, and a cycle (ids, the first repeated at the end) or nothing.

    With a cycle, only the steps that can be ordered are returned.
    """
    before = predecessors(steps)
    after: dict[str, list[str]] = {}
    open_count: dict[str, int] = {}
    place = {step.id: number for number, step in enumerate(steps)}
    ready: list[int] = []
    for step in steps:
        open_count[step.id] = len(before[step.id])
        for earlier in before[step.id]:
            after.setdefault(earlier, []).append(step.id)
        if not before[step.id]:
            heappush(ready, place[step.id])
    ordered: list[S] = []
    while ready:
        step = steps[heappop(ready)]
        ordered.append(step)
        for later in after.get(step.id, ()):
            open_count[later] -= 1
            if not open_count[later]:
                heappush(ready, place[later])
    if len(ordered) == len(steps):
        return ordered, []
    return ordered, _cycle(before, {step.id for step in ordered})


def _cycle(before: dict[str, set[str]], done: set[str]) -> list[str]:
    """Return one cycle among the steps that could not be ordered, each id followed by one it waits for."""
    here = next((step_id for step_id in before if step_id not in done), "")
    trail: list[str] = []
    while here and here not in trail:
        trail.append(here)
        here = min(earlier for earlier in before[here] if earlier not in done)
    return [*trail[trail.index(here) :], here] if here else []


def heads_of(steps: Sequence[Linked]) -> tuple[str, ...]:
    """Return the ids of the steps that wait for no other step of the group (children start with their parents)."""
    own = {step.id for step in steps}
    return tuple(
        step.id for step in steps if step.parent not in own and step.spawner not in own and not own & set(step.needs)
    )


def tails_of(steps: Sequence[Linked]) -> tuple[str, ...]:
    """Return the ids of the steps that no other step of the group waits for (children end with their parents)."""
    own = {step.id for step in steps}
    needed: set[str] = set()
    for step in steps:
        needed.update(step.needs)
        needed.add(step.spawner)
    return tuple(step.id for step in steps if step.id not in needed and step.parent not in own)


def unique(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words in order, without duplicates."""
    return tuple(dict.fromkeys(words))


def fits(pattern: str, step_id: str) -> bool:
    """Return whether ``pattern`` (an id, or a glob with ``*`` or ``?``) matches a step's id."""
    if pattern == step_id or pattern == "*":
        return True
    if "*" not in pattern and "?" not in pattern:
        return False
    from fnmatch import fnmatchcase

    return fnmatchcase(step_id, pattern)
