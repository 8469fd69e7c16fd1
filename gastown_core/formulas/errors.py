"""Errors in formulas: all problems are reported at once, each with its place and its fix."""

from __future__ import annotations

from gastown_core.errors import GastownError, NotFoundError
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 20


class Problem(Record):
    """One problem: its file and line (0 if unknown), what it is, and how to fix it."""

    source: str
    line: int
    what: str
    fix: str = ""

    @property
    def where(self) -> str:
        """``path:line``, or the path alone."""
        return f"{self.source}:{self.line}" if self.line else self.source

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class FormulaError(GastownError):
    """A formula cannot be read, composed or cooked; ``problems`` holds every problem found."""

    def __init__(self, what: str, why: str = "", hint: str = "", *, problems: Sequence[Problem] = ()) -> None:
        super().__init__(what, why, hint)
        self.problems = tuple(problems)

    def as_json(self) -> dict[str, object]:
        """Return the error as JSON, with its ``problems``."""
        out = super().as_json()
        if self.problems:
            out["problems"] = [
                {"file": found.source, "line": found.line, "problem": found.what, "fix": found.fix}
                for found in self.problems
            ]
        return out


class FormulaNotFound(FormulaError, NotFoundError):
    """No formula has the requested name."""


class MissingVariables(FormulaError):
    """Required variables were not given; ``names`` lists them."""

    def __init__(self, what: str, why: str, hint: str, names: Sequence[str]) -> None:
        super().__init__(what, why, hint)
        self.names = tuple(names)


def raise_problems(name: str, problems: Sequence[Problem]) -> None:
    """Raise one FormulaError that lists all ``problems``; do nothing if there are none."""
    if not problems:
        return
    if len(problems) == 1:
        only = problems[0]
        raise FormulaError(f"formula {name}: {only.what}", only.where, only.fix, problems=problems)
    lines = [f"{found}{f' ({found.fix})' if found.fix else ''}" for found in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"and {len(problems) - _SHOWN} more")
    raise FormulaError(
        f"formula {name} has {len(problems)} problems",
        "\n        ".join(lines),
        f"fix them, then run bd cook {name} --dry-run",
        problems=problems,
    )
