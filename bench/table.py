"""One figure, its goal, and the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A name, the figure seen, the figure wanted."""

    name: str
    seen: str
    goal: str

    def __str__(self) -> str:
        return f"{self.name:<28} {self.seen:<40} {self.goal}"
