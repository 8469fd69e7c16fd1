"""Values under keys as they changed over time; all tables can be moved to a moment, forwards and backwards.

A move costs as much as the changes between the two moments, whatever lies before them.
"""

from __future__ import annotations

from bisect import bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Table: TypeAlias = dict[Any, Any]

ABSENT: Any = object()
"""The value of a key that a table does not have."""


class Timeline:
    """Collect changes with ``put``, then ``settle``; from then on ``seek`` moves the tables."""

    def __init__(self) -> None:
        self._steps: list[tuple[float, Table, Any, Any]] = []
        self._undo: list[Any] = []
        self._at: list[float] = []
        self._position = 0

    def put(self, at: float, table: Table, key: Any, value: Any) -> None:
        """Note that ``key`` has ``value`` in ``table`` from a moment on; ABSENT takes the key away."""
        self._steps.append((at, table, key, value))

    def settle(self) -> None:
        """Order the changes; those of one moment stay in the order in which they were put."""
        self._steps.sort(key=lambda step: step[0])
        self._at = [step[0] for step in self._steps]
        for _, table, key, value in self._steps:
            self._undo.append(table.get(key, ABSENT))
            _set(table, key, value)
        self._position = len(self._steps)

    @property
    def moments(self) -> list[float]:
        """When something changed, in order; a moment occurs once for each change."""
        return self._at

    @property
    def position(self) -> int:
        """The number of changes up to the moment that the tables are at."""
        return self._position

    def seek(self, moment: float) -> None:
        """Move all tables to how they were at ``moment``, its own changes included."""
        target, position = bisect_right(self._at, moment), self._position
        # one moment may have a whole import: nothing but what a change needs is done here
        absent = ABSENT
        if target > position:
            for _, table, key, value in self._steps[position:target]:
                if value is absent:
                    table.pop(key, None)
                else:
                    table[key] = value
        else:
            changes = zip(reversed(self._steps[target:position]), reversed(self._undo[target:position]), strict=True)
            for (_, table, key, _), value in changes:
                if value is absent:
                    table.pop(key, None)
                else:
                    table[key] = value
        self._position = target


def _set(table: Table, key: Any, value: Any) -> None:
    if value is ABSENT:
        table.pop(key, None)
    else:
        table[key] = value
