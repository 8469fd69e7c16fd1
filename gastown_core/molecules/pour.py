"""Pouring: puts a recipe into the ledger, attaches it to work, finishes and deletes it.

Everything happens in the caller's batch.  A molecule never blocks its work bead: no edge connects the two, only
``metadata.dispatch.molecule`` and ``metadata.molecule.bead``.
"""

from __future__ import annotations

from gastown_core.beads.rules import new_edge, new_record, tombstone_of
from gastown_core.clock import parse_moment
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import BLOCKS, CLOSED, EPIC, PARENT_CHILD, TYPE_ALIASES, TYPES, WAITS_FOR, Bead, Edge
from gastown_core.model.metadata import DISPATCH, MOLECULE, STEP, metadata_of, with_section, with_words
from gastown_core.model.record import Record
from gastown_core.molecules.root_bead import STEP_LABEL, TEMPLATE_LABEL, attached_to, molecule_of, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.formulas.recipe import Gate, Recipe, RecipeStep
SPAWNED = '{"gate":"%s","after":"spawner"}'
"""Metadata of a waits-for edge that also holds until the spawner is closed, since it may still spawn molecules."""


def make_molecule(
    batch: RuleBatch,
    recipe: Recipe,
    *,
    actor: str,
    poured: bool,
    ephemeral: bool,
    assignee: str = "",
    title: str = "",
    bead: str = "",
    parent: str = "",
    bead_id: str = "",
    template: bool = False,
) -> str:
    """Create a molecule from the recipe; returns the root's id.

    ``poured`` makes a bead per step, otherwise the root keeps a checklist; ``ephemeral`` makes wisps.  ``bead`` is the
    work to attach it to, ``parent`` the parent bead of the root, ``bead_id`` the root's id.  A ``template`` (a
    protomolecule) is never worked on and may lack values.  Raises UsageError for a recipe without steps or with
    variables without a value, NotFoundError if the work is not in this store.
    """
    _check(recipe, template=template)
    fields: dict[str, object] = {
        "title": _one_line(title or recipe.name),
        "description": recipe.description,
        "issue_type": "molecule",
        "assignee": assignee,
        "ephemeral": ephemeral,
        "wisp_type": recipe.wisp_type if ephemeral else "",
        "source_formula": recipe.name,
        "metadata": {MOLECULE: state_of(recipe, poured=poured, bead=bead)},
        "dependencies": [Edge(parent, PARENT_CHILD, "", "", "")] if parent else [],
        "is_template": template,
        "labels": [TEMPLATE_LABEL] if template else [],
    }
    root = batch.create(fields, bead_id=bead_id, kind="wisp" if ephemeral else "mol")
    pouring = Pouring(batch, recipe, root, actor, parse_moment(root.raw.get("created_at")) or 0.0, fields)
    if poured:
        pouring.pour_steps()
    pouring.pour_gates()
    if bead:
        attach(batch, bead, root.id, recipe.name)
    _tell(batch, recipe, root.id, bead, ephemeral=ephemeral)
    return root.id


def _tell(batch: RuleBatch, recipe: Recipe, root_id: str, bead: str, *, ephemeral: bool) -> None:
    """Tell telemetry what was made."""
    batch.tell("mol.cook", formula_name=recipe.name)
    if ephemeral:
        batch.tell("mol.wisp", formula_name=recipe.name, wisp_root_id=root_id, bead_id=bead)
    for one in (root_id, *members(batch, root_id)):
        batch.tell("bead.create", bead_id=one, parent_id="" if one == root_id else root_id, mol_source=recipe.name)


def _check(recipe: Recipe, *, template: bool) -> None:
    if not recipe.steps:
        raise UsageError(f"{recipe.name} has no steps", f"it is of type {recipe.type}", "see bd formula show")
    if recipe.missing and not template:
        raise UsageError(
            f"{recipe.name} needs values for {', '.join(recipe.missing)}", "", "set each with --var NAME=VALUE"
        )


class Pouring(Record):
    """Writes the records of a recipe's steps and gates.

    They are written without edge checks: a recipe has no cycles, and checking a thousand steps would take seconds.
    """

    batch: RuleBatch
    recipe: Recipe
    root: Bead
    actor: str
    now: float
    fields: dict[str, Any]
    """The root's fields; members are ephemeral or templates if the root is."""

    @property
    def kind(self) -> dict[str, Any]:
        """The fields that all members share with the root."""
        return {key: self.fields[key] for key in ("ephemeral", "is_template")}

    def pour_steps(self) -> None:
        """Create a bead for each step, below its parent step or the root, with edges to what it needs."""
        above = {step.parent for step in self.recipe.steps if step.parent}
        for index, step in enumerate(self.recipe.steps):
            self._put(self._id(step.id), self._step_fields(step, index, step.id in above), self._step_edges(step))

    def pour_gates(self) -> None:
        """Create a gate bead for each gate and run-time condition of a step."""
        for step in self.recipe.steps:
            if step.gate is not None:
                self._put(gate_id(self.root.id, step.id), _gate_fields(step.gate, step), [self._child()])
            if step.only_if:
                title = f"Condition of {step.title}"
                fields = _gate_record({"await_type": "condition", "await_id": step.only_if, "title": title})
                self._put(when_id(self.root.id, step.id), fields, [self._child()])

    def _id(self, name: str) -> str:
        return f"{self.root.id}.{name}"

    def _child(self) -> tuple[str, str, str]:
        return (self.root.id, PARENT_CHILD, "")

    def _step_fields(self, step: RecipeStep, index: int, has_children: bool) -> dict[str, Any]:
        kind = TYPE_ALIASES.get(step.kind, step.kind)
        return {
            "title": _one_line(step.title or step.id),
            "description": step.description,
            "notes": step.notes,
            "acceptance_criteria": step.acceptance,
            "issue_type": EPIC if has_children else kind if kind in TYPES else "task",
            "priority": step.priority,
            "assignee": step.assignee,
            "labels": sorted({STEP_LABEL, *step.labels, *self.fields["labels"]}),
            "source_formula": self.recipe.name,
            "source_location": f"steps[{index}]",
            "metadata": {**step.metadata, STEP: {"id": step.id, "index": index, "molecule": self.root.id}},
        }

    def _step_edges(self, step: RecipeStep) -> list[tuple[str, str, str]]:
        edges = {self._id(step.parent) if step.parent else self.root.id: (PARENT_CHILD, "")}
        for name in step.needs:
            edges.setdefault(self._id(name), (BLOCKS, ""))
        if step.waits_for:
            spawner = step.spawner or (step.needs[0] if step.needs else "")
            if spawner:
                edges[self._id(spawner)] = (WAITS_FOR, SPAWNED % step.waits_for)
        if step.gate is not None:
            edges[gate_id(self.root.id, step.id)] = (BLOCKS, "")
        if step.only_if:
            edges[when_id(self.root.id, step.id)] = (BLOCKS, "")
        return [(target, kind, extra) for target, (kind, extra) in edges.items()]

    def _put(self, bead_id: str, fields: dict[str, object], edges: Iterable[tuple[str, str, str]]) -> None:
        if len(bead_id) > 200:
            raise UsageError(f"{bead_id} is too long for an id", "an id has at most 200 characters", "shorten the id")
        raw = new_record(bead_id, {**self.kind, **fields}, self.actor, self.now)
        made = [new_edge(bead_id, target, kind, extra, self.actor, self.now) for target, kind, extra in edges]
        self.batch.put(Bead({**raw, "dependencies": made}))


def gate_id(root_id: str, step: str) -> str:
    """Return the id of a step's gate bead."""
    return f"{root_id}.gate-{step}"


def when_id(root_id: str, step: str) -> str:
    """Return the id of the gate bead for a step's run-time condition."""
    return f"{root_id}.when-{step}"


def _gate_fields(gate: Gate, step: RecipeStep) -> dict[str, object]:
    fields: dict[str, object] = {"await_type": gate.type, "await_id": gate.await_id, "title": f"Gate: {step.title}"}
    if gate.timeout_s:
        # records store durations in nanoseconds, as the Go tools do
        fields["timeout"] = int(gate.timeout_s * 1e9)
    return _gate_record(fields)


def _gate_record(fields: dict[str, Any]) -> dict[str, object]:
    return {**fields, "title": _one_line(fields["title"]), "issue_type": "gate"}


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


# -- attached to work ----------------------------------------------------------------------------------------


def attach(batch: RuleBatch, bead_id: str, root_id: str, formula: str = "") -> Bead:
    """Attach the molecule to a work bead, recorded on both. Raises NotFoundError."""
    bead, root = batch.get(bead_id), batch.get(root_id)
    if bead is None or root is None:
        raise NotFoundError(
            f"no bead {bead_id if bead is None else root_id}", "a molecule must be in the store of its work"
        )
    words = {"molecule": root_id, **({"formula": formula} if formula else {})}
    set_state(batch, root, bead=bead_id)
    return batch.update(bead_id, {"metadata": with_words(bead, DISPATCH, words)})


def detach(batch: RuleBatch, bead_id: str) -> str:
    """Detach the molecule from its work bead and keep it; returns its id, empty if there was none."""
    bead = batch.get(bead_id)
    root_id = attached_to(bead) if bead is not None else ""
    if bead is None or not root_id:
        return ""
    if metadata_of(bead).section(DISPATCH).kept:
        batch.update(bead_id, {"metadata": with_words(bead, DISPATCH, dict.fromkeys(("molecule", "formula")))})
    if "attached_molecule" in bead.fields:
        batch.set_fields(bead_id, {"attached_molecule": None, "attached_formula": None})
    root = batch.get(root_id)
    if root is not None:
        set_state(batch, root, bead="")
    return root_id


def set_state(batch: RuleBatch, root: Bead, **changes: object) -> Bead:
    """Change the molecule state in a root; an empty value removes a key. Roots of other tools are left unchanged."""
    state = metadata_of(root).section(MOLECULE)
    if state.is_absent or state.is_junk:
        return root
    merged = {**state.kept, **changes}
    kept = {key: value for key, value in merged.items() if value or key in ("poured", "steps")}
    return batch.update(root.id, {"metadata": with_section(root, MOLECULE, kept)})


# -- the end -------------------------------------------------------------------------------------------------


def members(batch: RuleBatch, root_id: str) -> list[str]:
    """Return the ids of all descendants of the root: steps, gates and bonded molecules, deepest last."""
    found: dict[str, None] = {}
    level = [root_id]
    while level:
        below = [source for one in level for source, kind in batch.dependents(one) if kind == PARENT_CHILD]
        level = [one for one in dict.fromkeys(below) if one not in found and one != root_id]
        found.update(dict.fromkeys(level))
    return list(found)


def finish(batch: RuleBatch, root_id: str, reason: str = "") -> list[str]:
    """Close the molecule and everything open in it; returns the ids that were closed."""
    root = batch.get(root_id)
    if root is None:
        return []
    closed = []
    for bead_id in [*reversed(members(batch, root_id)), root_id]:
        bead = batch.get(bead_id)
        if bead is not None and not bead.is_closed and not bead.is_pinned:
            batch.update(bead_id, {"status": CLOSED, "close_reason": reason or "finished with its work"})
            closed.append(bead_id)
    return closed


def burn(batch: RuleBatch, root_id: str, *, reason: str = "burned") -> list[str]:
    """Delete the molecule without a digest and detach it from its work; returns the deleted ids, the root first.

    Returns an empty list if the root does not exist.
    """
    root = batch.get(root_id)
    if root is None:
        return []
    molecule = molecule_of(root)
    if molecule is not None and molecule.bead:
        carrier = batch.get(molecule.bead)
        if carrier is not None and attached_to(carrier) == root_id:
            detach(batch, molecule.bead)
    gone = delete_all(batch, [root_id, *members(batch, root_id)], reason)
    batch.tell("mol.burn", mol_id=root_id, children_closed=len(gone) - 1)
    return gone


def delete_all(batch: RuleBatch, ids: list[str], reason: str) -> list[str]:
    """Delete these beads and the edges that point to them; returns the ids that existed."""
    going = set(ids)
    held_outside = {one for one in ids if any(source not in going for source, _ in batch.dependents(one))}
    now = batch.graph().now
    gone = []
    for bead_id in ids:
        bead = batch.get(bead_id)
        if bead is None:
            continue
        if bead_id in held_outside:
            batch.delete(bead_id, reason)
        else:
            # no bead outside points to it, so no neighbour needs a change
            batch.put(Bead(tombstone_of(bead.raw, batch.actor, reason, now)))
        gone.append(bead_id)
    return gone
