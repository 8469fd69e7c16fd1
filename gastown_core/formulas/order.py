"""The order of steps: what comes before what, cycles, first and last steps of a group, and steps chosen by id pattern."""

from __future__ import annotations

from heapq import heappop, heappush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol, TypeVar

    class Linked(Protocol):
        """What a step must have to be put in order."""

        @property
        def id(self) -> str:
            """Its id."""

        @property
        def needs(self) -> tuple[str, ...]:
            """Ids of what comes before."""

        @property
        def parent(self) -> str:
            """Id of the step around it."""

        @property
        def spawner(self) -> str:
            """Id of the step whose children it waits for."""

    S = TypeVar("S", bound=Linked)


def predecessors(steps: Sequence[Linked]) -> dict[str, set[str]]:
    """For each step the steps that come before it: needs with all under them, the spawner, the parent."""
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
    """For each step with children all steps under it."""
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
    """The steps, each behind those it follows (else in the order given), and a cycle (ids, first again last) or nothing.

    With a cycle the steps come back as far as they can be ordered.
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
    """One cycle among the steps that could not be ordered, told in the order in which they wait for each other."""
    here = next((step_id for step_id in before if step_id not in done), "")
    trail: list[str] = []
    while here and here not in trail:
        trail.append(here)
        here = min(earlier for earlier in before[here] if earlier not in done)
    return [*trail[trail.index(here) :], here] if here else []


def heads_of(steps: Sequence[Linked]) -> tuple[str, ...]:
    """Those of a group that wait for none of it (children begin with their parents)."""
    own = {step.id for step in steps}
    return tuple(
        step.id for step in steps if step.parent not in own and step.spawner not in own and not own & set(step.needs)
    )


def tails_of(steps: Sequence[Linked]) -> tuple[str, ...]:
    """Those of a group that none of it waits for (children end with their parents)."""
    own = {step.id for step in steps}
    needed: set[str] = set()
    for step in steps:
        needed.update(step.needs)
        needed.add(step.spawner)
    return tuple(step.id for step in steps if step.id not in needed and step.parent not in own)


def unique(words: Iterable[str]) -> tuple[str, ...]:
    """The words in their order, each once."""
    return tuple(dict.fromkeys(words))


def fits(pattern: str, step_id: str) -> bool:
    """Whether a step's id is one that ``pattern`` means."""
    if pattern == step_id or pattern == "*":
        return True
    if "*" not in pattern and "?" not in pattern:
        return False
    from fnmatch import fnmatchcase

    return fnmatchcase(step_id, pattern)
