"""How a molecule is kept in its root bead: ``metadata.molecule``, and which recipe each step came from.

Poured: every step is a bead ``<root>.<step>`` that holds its texts and status; the root keeps the order and what the
engine needs (loops, bonds).  Root-only: there are no such beads; the root keeps the texts too, and the marks
(``done``, ``current``).  Either way a step is spoken of as ``<root>.<step>``.
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
    """A molecule's root bead with what it keeps; ``steps`` in an order in which each follows what it needs."""

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
        """Name of the formula it was made from, empty if it was put together by hand."""
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
        """A table of the state (``done``, ``current``, ``outputs``, ``rounds``, ``spawned``), empty if there is none."""
        return self.state.section(name).kept

    def step(self, name: str) -> RecipeStep | None:
        """The step of this name, None if there is none."""
        return next((step for step in self.steps if step.id == name), None)

    def step_bead(self, name: str) -> str:
        """The id a step goes by."""
        return f"{self.root.id}.{name}"


def molecule_of(root: Bead) -> Molecule | None:
    """The molecule that a bead is the root of; None if it keeps none (another tool may have poured it)."""
    state = metadata_of(root).section(MOLECULE)
    if state.is_absent or state.is_junk:
        return None
    steps = [{**one.kept, "id": one.text("id")} for one in state.sections("steps") or () if one.text("id")]
    return Molecule(root, state, tuple(map(unpack, steps)))


def step_of(bead: Bead) -> tuple[str, str]:
    """(root id, step name) of a poured step's bead; two empty texts if it is none."""
    step = read_step(bead)
    return (step.molecule, step.name) if step is not None and step.molecule else ("", "")


def attached_to(bead: Bead) -> str:
    """Id of the molecule that a work bead carries, empty if none; also where older tools wrote it."""
    return metadata_of(bead).section(DISPATCH).text("molecule") or bead.fields.get("attached_molecule", "")


def state_of(recipe: Recipe, *, poured: bool, bead: str = "") -> dict[str, Any]:
    """What a new root keeps under ``metadata.molecule``."""
    state: dict[str, Any] = {
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
    """A step as JSON, what is as usual left out; without ``texts`` also what its own bead says."""
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
    """The step that ``pack`` made JSON of; unknown keys are left out, and so is junk where a list, a gate or a completion belongs."""
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
    """The gate or completion of a step; None for junk, which is anything without the fields that it must have."""
    if not isinstance(value, dict):
        return None
    known = {key: value[key] for key in kind._fields if key in value}
    return kind(**known) if all(key in known for key in kind._fields if key not in kind._field_defaults) else None
