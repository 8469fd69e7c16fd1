"""Protomolecules: formulas cooked into template beads with placeholders, from which molecules are poured.

A proto is self-contained: it is poured from the ledger with the variables it keeps, even if its formula is gone or
has changed.
"""

from __future__ import annotations

from gastown_core.clock import parse_duration
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.formulas.conditions import keeps
from gastown_core.formulas.formula import Formula, Variable
from gastown_core.formulas.recipe import COMPILE, Recipe, RecipeStep
from gastown_core.formulas.variables import require, settle
from gastown_core.formulas.weave import change_value, fill
from gastown_core.model.bead import usable_priority
from gastown_core.model.metadata import STEP, with_section
from gastown_core.model.record import Record
from gastown_core.molecules.pour import delete_all, make_molecule, members, set_state
from gastown_core.molecules.root_bead import Molecule, molecule_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.overlay import Overlay
    from gastown_core.model.bead import Bead


class Proto(Record):
    """A new proto; ``created`` holds all its ids, the root first."""

    id: str
    formula: str
    created: tuple[str, ...]
    variables: tuple[str, ...]
    bond_points: tuple[dict[str, object], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``bd cook --persist --json`` prints."""
        return {
            "proto_id": self.id,
            "formula": self.formula,
            "created": len(self.created),
            "ids": list(self.created),
            "variables": list(self.variables),
            "bond_points": list(self.bond_points),
        }


def is_proto(bead: Bead | None) -> bool:
    """Return whether the bead is the root of a proto."""
    return bead is not None and bead.raw.get("is_template") is True and molecule_of(bead) is not None


def proto_id(store: BeadStore, name: str, prefix: str = "") -> str:
    """Return the id of a formula's proto: ``prefix`` or the store's prefix, then the formula's name."""
    return f"{(prefix or store.prefix).rstrip('-')}-{name}"


def compiled(formula: Formula, overlay: Overlay | None = None) -> tuple[Recipe, dict[str, Variable]]:
    """Return the formula with all placeholders kept, and the variables that pouring fills in.

    A variable used in a loop count gets its default here, since the number of steps is fixed now.
    """
    from gastown_core.formulas.cook import cook
    from gastown_core.formulas.errors import MissingVariables
    from gastown_core.formulas.extend import resolve_extends

    whole = resolve_extends(formula)
    declared = dict(whole.vars)
    bare = {name: one._replace(default=None) for name, one in declared.items()}
    try:
        recipe = cook(whole._replace(vars=bare), {}, mode=COMPILE, overlay=overlay)
    except MissingVariables as error:
        fixed = {name: declared[name] for name in error.names if name in declared}
        if len(fixed) < len(error.names) or any(one.default is None for one in fixed.values()):
            raise
        recipe = cook(whole._replace(vars={**bare, **fixed}), {}, mode=COMPILE, overlay=overlay)
    return recipe, {name: one for name, one in declared.items() if name in recipe.missing or name not in recipe.vars}


def persist(
    store: BeadStore,
    recipe: Recipe,
    *,
    prefix: str = "",
    force: bool = False,
    actor: str,
    variables: Mapping[str, Variable] | None = None,
) -> Proto:
    """Store a compiled recipe as a proto, in one write. Raises ConflictError if it exists and ``force`` is not set."""
    with store.write(actor) as batch:
        return persist_in(batch, proto_id(store, recipe.name, prefix), recipe, variables or {}, force=force)


def persist_in(
    batch: RuleBatch, root_id: str, recipe: Recipe, variables: Mapping[str, Variable], *, force: bool = False
) -> Proto:
    """As ``persist``, in the given batch."""
    old = batch.get(root_id)
    if old is not None:
        if not force or not is_proto(old):
            what = "that proto" if is_proto(old) else "a bead that is not a proto"
            hint = "bd cook --help explains how to replace it" if is_proto(old) else "use --prefix for another id"
            raise ConflictError(f"{root_id} already exists", f"it is {what}", hint)
        delete_all(batch, [root_id, *members(batch, root_id)], "replaced")
    if "title" in variables:
        recipe = recipe._replace(description="{{desc}}" if "desc" in variables else recipe.description)
    title = "{{title}}" if "title" in variables else ""
    made = make_molecule(
        batch, recipe, actor=batch.actor, poured=True, ephemeral=False, bead_id=root_id, title=title, template=True
    )
    kept = {name: _kept(one) for name, one in variables.items()}
    undeclared: dict[str, dict[str, object]] = {name: {} for name in recipe.missing if name not in kept}
    set_state(batch, batch.need(made), variables={**kept, **undeclared}, pour=recipe.pour, wisp_type=recipe.wisp_type)
    return Proto(made, recipe.name, (made, *members(batch, made)), tuple({**kept, **undeclared}), recipe.bond_points)


def _kept(variable: Variable) -> dict[str, object]:
    """Return a variable as JSON, without default values."""
    usual = Variable._field_defaults
    found = {key: value for key, value in variable._asdict().items() if key != "name" and value != usual.get(key)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}


def variables_of(molecule: Molecule) -> dict[str, Variable]:
    """Return the variables stored in a proto."""
    return {name: _variable(name, kept) for name, kept in molecule.table("variables").items()}


def _variable(name: str, kept: object) -> Variable:
    known = {key: kept[key] for key in Variable._fields if key in kept} if isinstance(kept, dict) else {}
    for key in ("enum", "required_unless"):
        if key in known:
            known[key] = tuple(known[key])
    return Variable(**{**known, "name": name})


def recipe_of(store: BeadStore, root_id: str, given: Mapping[str, str], *, checked: bool = True) -> Recipe:
    """Return the recipe in a proto with its variables filled in; if not ``checked``, values are used unchecked.

    Raises NotFoundError, UsageError, MissingVariables.
    """
    root = store.get(root_id)
    if root is None:
        raise NotFoundError(f"no proto {root_id}", "", "bd mol list --protos lists them")
    molecule = molecule_of(root)
    if molecule is None or not is_proto(root):
        raise UsageError(
            f"{root_id} is not a proto", "molecules are poured from formulas and protos", "bd mol list --protos"
        )
    declared = variables_of(molecule)
    values, missing = settle(root_id, declared if checked else {}, given)
    require(root_id, declared, missing)
    beads = store.get_many(molecule.step_bead(step.id) for step in molecule.steps)
    steps = [_filled(_whole(step, beads.get(molecule.step_bead(step.id))), values) for step in molecule.steps]
    state = molecule.state
    return Recipe(
        name=molecule.formula or root_id,
        type="workflow",
        steps=tuple(_without_dropped(steps, values) if checked else steps),
        description=fill(root.description, values),
        vars=values,
        pour=state.flag("pour"),
        wisp_type=state.text("wisp_type"),
        phase=state.text("phase"),
        source=f"proto:{root_id}",
        tier=state.text("tier"),
        digest=state.text("digest"),
        bond_points=tuple(one.kept for one in state.sections("bond_points") or ()),
        hooks=tuple(one.kept for one in state.sections("hooks") or ()),
        squash=state.section("squash").kept,
        review_only=state.flag("review_only"),
    )


def _whole(step: RecipeStep, bead: Bead | None) -> RecipeStep:
    """Return the step with the texts of its bead."""
    if bead is None:
        return step
    own = with_section(bead, STEP, None)
    return step._replace(
        title=bead.title,
        description=bead.description,
        notes=bead.text("notes"),
        acceptance=bead.text("acceptance_criteria"),
        kind=bead.issue_type,
        priority=usable_priority(bead.priority),
        labels=tuple(label for label in bead.labels if label not in ("template", "gt:step")),
        assignee=bead.assignee,
        metadata=own,
    )


def _filled(step: RecipeStep, values: Mapping[str, str]) -> RecipeStep:
    """Return the step with all placeholders filled in."""

    def change(text: str) -> str:
        return fill(text, values)

    texts = {
        name: change_value(getattr(step, name), change) for name in ("title", "description", "notes", "acceptance")
    }
    step = step._replace(
        **texts,
        assignee=change(step.assignee),
        labels=tuple(label for label in map(change, step.labels) if label),
        metadata=change_value(step.metadata, change),
        only_if=change(step.only_if),
        until=change(step.until),
    )
    if step.gate is not None:
        span = parse_duration(change(step.gate.timeout)) if step.gate.timeout else None
        gate = step.gate._replace(await_id=change(step.gate.await_id), timeout_s=span or step.gate.timeout_s)
        step = step._replace(gate=gate)
    if step.on_complete is not None:
        kept = {name: change(text) for name, text in step.on_complete.vars.items()}
        step = step._replace(on_complete=step.on_complete._replace(formula=change(step.on_complete.formula), vars=kept))
    return step


def _without_dropped(steps: list[RecipeStep], values: Mapping[str, str]) -> list[RecipeStep]:
    """Drop steps whose conditions do not hold, with their children; dependents take over their needs."""
    gone: dict[str, tuple[str, ...]] = {}
    kept = []
    for step in steps:
        needs = tuple(dict.fromkeys(one for need in step.needs for one in gone.get(need, (need,))))
        stays = all(keeps(word, values) for word in step.condition.split(" && ") if word)
        if stays and step.parent not in gone:
            kept.append(step._replace(needs=needs, condition=""))
        else:
            gone[step.id] = needs
    return kept
