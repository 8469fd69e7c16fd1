"""How a molecule is stored in its root bead: ``metadata.molecule``, and which recipe each step came from.

Poured: every step is a bead ``<root>.<step>`` with its texts and status; the root keeps the order and what the
engine needs (loops, bonds).  Root-only: there are no step beads; the root also keeps the texts and the marks
(``done``, ``current``).  Either way a step's id is ``<root>.<step>``.
"""

from __future__ import annotations

from gastown_core.formulas.recipe import Gate, OnComplete, RecipeStep
from gastown_core.model.metadata import DISPATCH, MOLECULE, Section, metadata_of, read_step
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.formulas.recipe import Recipe
    from gastown_core.model.bead import Bead
STEP_LABEL, TEMPLATE_LABEL = "gt:step", "template"
_TEXTS = ("description", "notes", "acceptance", "metadata", "labels", "assignee", "priority", "kind")
_TUPLES = ("labels", "needs", "body")


class Molecule(Record):
    """A molecule's root bead and its state; each of ``steps`` comes after the steps it needs."""

    root: Bead
    state: Section
    steps: tuple[RecipeStep, ...]

    @property
    def id(self) -> str:
        """Id of the root."""
        return self.root.id

    @property
    def is_poured(self) -> bool:
        """Whether every step is a bead."""
        return self.state.flag("poured")

    @property
    def formula(self) -> str:
        """Name of its formula, empty if it has none."""
        return self.state.text("formula") or self.root.text("source_formula")

    @property
    def bead(self) -> str:
        """The work bead it is attached to, empty if none."""
        return self.state.text("bead")

    @property
    def vars(self) -> dict[str, str]:
        """The values it was cooked with."""
        return {str(name): str(value) for name, value in self.table("vars").items()}

    def table(self, name: str) -> dict[str, object]:
        """A table of the state (``done``, ``current``, ``outputs``, ``rounds``, ``spawned``), empty if absent."""
        return self.state.section(name).kept

    def step(self, name: str) -> RecipeStep | None:
        """Return the step with this name, None if there is none."""
        return next((step for step in self.steps if step.id == name), None)

    def step_bead(self, name: str) -> str:
        """Return the id of a step."""
        return f"{self.root.id}.{name}"


def molecule_of(root: Bead) -> Molecule | None:
    """The molecule whose root is this bead; None if it has no molecule state (another tool may have poured it)."""
    state = metadata_of(root).section(MOLECULE)
    if state.is_absent or state.is_junk:
        return None
    steps = [{**one.kept, "id": one.text("id")} for one in state.sections("steps") or () if one.text("id")]
    return Molecule(root, state, tuple(map(unpack, steps)))


def step_of(bead: Bead) -> tuple[str, str]:
    """(root id, step name) of a poured step's bead; two empty texts for other beads."""
    step = read_step(bead)
    return (step.molecule, step.name) if step is not None and step.molecule else ("", "")


def attached_to(bead: Bead) -> str:
    """Return the id of the molecule attached to a work bead, empty if none; also read from older tools' field lines."""
    return metadata_of(bead).section(DISPATCH).text("molecule") or bead.fields.get("attached_molecule", "")


def state_of(recipe: Recipe, *, poured: bool, bead: str = "") -> dict[str, object]:
    """Return the initial value of ``metadata.molecule``."""
    state: dict[str, object] = {
        "formula": recipe.name,
        "digest": recipe.digest,
        "source": recipe.source,
        "tier": recipe.tier,
        "vars": dict(recipe.vars),
        "phase": recipe.phase,
        "squash": dict(recipe.squash),
        "review_only": recipe.review_only,
        "bead": bead,
        "hooks": list(recipe.hooks),
        "bond_points": list(recipe.bond_points),
    }
    state = {key: value for key, value in state.items() if value}
    state["poured"] = poured
    state["steps"] = [pack(step, texts=not poured) for step in recipe.steps]
    return state


def pack(step: RecipeStep, *, texts: bool) -> dict[str, Any]:
    """Return a step as JSON without default values; without ``texts``, also without what its bead stores."""
    out: dict[str, Any] = {"id": step.id}
    if texts:
        out["title"] = step.title
    for name, usual in RecipeStep._field_defaults.items():
        value = getattr(step, name)
        if value == usual or (not texts and name in _TEXTS):
            continue
        if isinstance(value, Gate | OnComplete):
            value = value._asdict()
        out[name] = list(value) if isinstance(value, tuple) else value
    return out


def unpack(value: Mapping[str, Any]) -> RecipeStep:
    """Return the step from ``pack``'s JSON; unknown keys and malformed lists, gates and completions are dropped."""
    known: dict[str, Any] = {key: value[key] for key in RecipeStep._fields if key in value}
    known.setdefault("title", "")
    for name in _TUPLES:
        if name in known:
            known[name] = tuple(known[name]) if isinstance(known[name], list) else ()
    for name, part in (("gate", Gate), ("on_complete", OnComplete)):
        if name in known:
            known[name] = _part(part, known[name])
    return RecipeStep(**known)


def _part(kind: type[Gate | OnComplete], value: object) -> Gate | OnComplete | None:
    """Return the gate or completion of a step; None if the value is malformed or lacks a required field."""
    if not isinstance(value, dict):
        return None
    known = {key: value[key] for key in kind._fields if key in value}
    return kind(**known) if all(key in known for key in kind._fields if key not in kind._field_defaults) else None
