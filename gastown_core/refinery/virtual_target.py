"""The target branch in virtual time: which commits there are, what is below each, and which of them chance made red."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.refinery.virtual_world import Request

BEFORE = "before"
"""The target as it was before it moved for the last time."""


class VirtualTarget:
    """A target without git: ``tip`` is its commit now. Requests go by names of a letter and their number (``r7``)."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.requests = requests
        self.tip = "0"
        self.landed_over = self.tested_over = 0
        """How many batches landed without a common test, and how many of those were tested together since."""
        self._pushes = 0
        self._landed_as: dict[int, int] = {}
        self._commits: dict[tuple[str, tuple[str, ...]], str] = {}
        self._below: dict[str, tuple[int, frozenset[int]]] = {BEFORE: (0, frozenset()), "0": (0, frozenset())}
        """Commit → how many pushes are below it, and the requests between those and it."""
        self._green: set[tuple[str, tuple[str, ...]]] = {(BEFORE, ()), ("0", ())}

    def commit(self, base: str, stack: tuple[str, ...]) -> str:
        """The commit that these requests make of ``base``."""
        key = base, stack
        if key not in self._commits:
            self._commits[key] = name = f"{len(self._commits) + 1}"
            pushes, above = self._below[base]
            self._below[name] = pushes, above | {number_of(one) for one in stack}
        return self._commits[key]

    def land(self, stack: tuple[str, ...], base: str, *, over: bool = False) -> None:
        """Requests land on ``base``; what is below them was tested with them, but for what they land ``over``."""
        self.tip = self.commit(base, stack)
        self._pushes += 1
        self._landed_as.update((number_of(one), self._pushes) for one in stack)
        self._below[self.tip] = self._pushes, frozenset()
        self._green.add((self.tip, ()))
        self.landed_over += over
        if not over:
            self.tested_over = self.landed_over

    def is_known_green(self, base: str, stack: tuple[str, ...]) -> bool:
        """Whether a run on this stack was green."""
        return (base, stack) in self._green

    def saw_green(self, base: str, stack: tuple[str, ...]) -> None:
        """A run on this stack was green."""
        self._green.add((base, stack))

    def is_red(self, stack: tuple[str, ...], base: str) -> bool:
        """Whether the stack and what was on the target at ``base`` do not go together."""
        inside = {number_of(one) for one in stack} | self._below[base][1]
        return any(
            self.requests[one].is_bad
            or (self.requests[one].is_later_of_pair and (one - 1 in inside or self._is_on(one - 1, base)))
            or (self._is_on(one + 1, base) and self.requests[one + 1].is_later_of_pair)
            for one in inside
        )

    def _is_on(self, number: int, base: str) -> bool:
        pushes = self._below[base][0]
        return self._landed_as.get(number, pushes + 1) <= pushes


def number_of(name: str) -> int:
    """The number of the request with this name."""
    return int(name[1:])
