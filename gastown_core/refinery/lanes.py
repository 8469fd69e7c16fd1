"""Lanes: parts of a repository that have nothing to do with one another, and what a change affects.

Pure functions of file names and of the rig's ``merge_queue.lanes``; what is unknown affects everything.
"""

from __future__ import annotations

import re
from functools import cache, reduce

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Protocol, TypeVar

    class HasPaths(Protocol):
        """A gate: it looks at ``paths`` (none: at everything), and others (``needs``) run before it."""

        @property
        def name(self) -> str:
            """Unique among the gates."""

        @property
        def paths(self) -> tuple[str, ...]:
            """Patterns of files."""

        @property
        def needs(self) -> tuple[str, ...]:
            """Names of gates."""

    GateKind = TypeVar("GateKind", bound=HasPaths)


class Lane(Record):
    """A part of the repository; a change of a lane that it ``needs`` affects it, too."""

    name: str
    paths: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class Reach(Record):
    """What a change affects: lanes, and gates that name paths of it; everything if it ``is_wide``."""

    lanes: frozenset[str] = frozenset()
    gates: frozenset[str] = frozenset()
    is_wide: bool = False

    def meets(self, other: Reach) -> bool:
        """Whether the two may affect one another."""
        if self.is_wide or other.is_wide:
            return NOTHING not in (self, other)
        return not (self.lanes.isdisjoint(other.lanes) and self.gates.isdisjoint(other.gates))

    def holds(self, other: Reach) -> bool:
        """Whether the other affects nothing that this one does not."""
        return self.is_wide or (not other.is_wide and other.lanes <= self.lanes and other.gates <= self.gates)

    def with_(self, other: Reach) -> Reach:
        """What both affect."""
        return Reach(self.lanes | other.lanes, self.gates | other.gates, self.is_wide or other.is_wide)

    def names(self, lanes: Sequence[str]) -> tuple[str, ...]:
        """The lanes of ``lanes`` that it affects, in that order."""
        return tuple(one for one in lanes if self.is_wide or one in self.lanes)


EVERYTHING = Reach(is_wide=True)
NOTHING = Reach()


def together(reaches: Iterable[Reach]) -> Reach:
    """What all of them affect."""
    return reduce(Reach.with_, reaches, NOTHING)


def reach_of(files: Collection[str], lanes: Sequence[Lane], gates: Sequence[HasPaths] = ()) -> Reach:
    """What a change of these files affects; everything without lanes, without files, and if a file is in no lane."""
    if not lanes or not files:
        return EVERYTHING
    touched: set[str] = set()
    for file in files:
        mine = [lane.name for lane in lanes if matches(file, lane.paths)]
        if not mine:
            return EVERYTHING
        touched.update(mine)
    while more := {lane.name for lane in lanes if lane.name not in touched and touched.intersection(lane.needs)}:
        touched |= more
    tied = (gate.name for gate in gates if any(matches(file, gate.paths) for file in files))
    return Reach(frozenset(touched), frozenset(tied))


def gates_for(files: Collection[str], gates: Sequence[GateKind], lanes: Sequence[Lane] = ()) -> tuple[GateKind, ...]:
    """The gates to run where these files changed: those without paths, those that look at one of them, and what they need.

    All of them if the files are not known, or one is in none of the rig's ``lanes``.
    """
    if not files or (lanes and reach_of(files, lanes).is_wide):
        return tuple(gates)
    return with_needs(
        [one.name for one in gates if not one.paths or any(matches(file, one.paths) for file in files)], gates
    )


def with_needs(names: Iterable[str], gates: Sequence[GateKind]) -> tuple[GateKind, ...]:
    """The gates with these names, and those that they need, in the order of ``gates``."""
    wanted = set(names)
    while more := {need for gate in gates if gate.name in wanted for need in gate.needs} - wanted:
        wanted |= more
    return tuple(gate for gate in gates if gate.name in wanted)


def matches(file: str, patterns: Iterable[str]) -> bool:
    """Whether a file is one of those that the patterns name."""
    return any(_compiled(pattern).fullmatch(file) is not None for pattern in patterns)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as an expression: ``*`` and ``?`` stay within a folder, ``**`` does not; a folder means all below it."""
    out, rest = "", pattern.strip("/")
    while rest:
        if rest.startswith("**/"):
            # one after another mean no more than one, and take the expression a power longer each
            out, rest = out + "(?:[^/]+/)*", re.sub(r"^(\*\*/)+", "", rest)
        elif rest.startswith("**"):
            out, rest = out + ".*", rest.lstrip("*")
        elif rest[0] in "*?":
            out, rest = out + ("[^/]*" if rest[0] == "*" else "[^/]"), rest[1:]
        else:
            out, rest = out + re.escape(rest[0]), rest[1:]
    return re.compile(out + "(?:/.*)?", re.DOTALL)
