"""The list of all formulas of a place: where each lies, what it shadows, and whether it can be read."""

from __future__ import annotations

from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.extend import resolve_extends
from gastown_core.formulas.places import shown_path
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.formulas.formula import Formula
    from gastown_core.formulas.places import Places

_ABOUT = 60


class Listed(Record):
    """A row: ``steps`` and ``vars`` are counts, ``shadows`` the files that this one hides, ``error`` why it is unusable."""

    name: str
    type: str
    description: str
    source: str
    tier: str
    steps: int = 0
    vars: int = 0
    shadows: tuple[str, ...] = ()
    error: str = ""

    def as_json(self) -> dict[str, object]:
        """As ``--json`` prints it; ``shadows`` and ``error`` only where there are any."""
        out: dict[str, object] = {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "source": self.source,
            "tier": self.tier,
            "steps": self.steps,
            "vars": self.vars,
        }
        if self.shadows:
            out["shadows"] = list(self.shadows)
        if self.error:
            out["error"] = self.error
        return out


def list_formulas(places: Places, *, kind: str = "", tier: str = "") -> list[Listed]:
    """All formulas by name; a file that is none of the wanted type or tier is left out, a broken one told."""
    rows = []
    for name, files in places.names().items():
        if tier:
            files = [pair for pair in files if pair[0] == tier]
        if files:
            row = _row(places, name, files)
            if not kind or row.type == kind:
                rows.append(row)
    return rows


def _row(places: Places, name: str, files: list[tuple[str, str]]) -> Listed:
    tier, path = files[0]
    shadows = tuple(shown_path(*pair) for pair in files[1:])
    try:
        formula = resolve_extends(places.load(path, tier))
    except FormulaError as error:
        why = f"{error.what} ({error.why.splitlines()[0].strip()})" if error.why else error.what
        return Listed(name, "", "", shown_path(tier, path), tier, shadows=shadows, error=why)
    about = first_line(formula.description)
    declared = len(formula.vars) + len(formula.inputs)
    return Listed(name, formula.type, about, formula.source.path, tier, _size(formula), declared, shadows)


def _size(formula: Formula) -> int:
    """How many steps are written; a loop's body counts once."""
    guards = sum(len(rule.before) + len(rule.after) for rule in formula.advice)
    legs = len(formula.legs) + (1 if formula.synthesis else 0)
    return len(formula.steps) + len(formula.template) + guards + legs


def first_line(description: str) -> str:
    """The first line, in at most 60 characters."""
    line = description.strip().split("\n", 1)[0].strip()
    return line if len(line) <= _ABOUT else line[: _ABOUT - 1].rstrip() + "…"
