"""Molecules: a recipe put into the ledger, attached to work, finished, and taken away again.

All of this happens in the caller's batch: all or nothing.  A molecule never holds back the work bead it belongs to:
no edge leads from the one to the other, only ``metadata.dispatch.molecule`` and ``metadata.molecule.bead``.
"""

from __future__ import annotations

from gastown_core.beads.graph import BLOCKS, PARENT_CHILD, WAITS_FOR
from gastown_core.beads.rules import new_edge, new_record, tombstone_of
from gastown_core.clock import parse_moment
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import CLOSED, TYPE_ALIASES, TYPES, Bead, Edge
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
"""Metadata of a waits-for edge: it holds until the spawner is closed too, for until then it may still spawn."""


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
    """Put the recipe into the ledger; returns the root's id.

    ``poured`` makes a bead per step, else the root keeps a checklist; ``ephemeral`` makes wisps.  ``bead`` is the work
    it is attached to, ``parent`` a bead it becomes a child of, ``bead_id`` an id of its own; a
    ``template`` (a protomolecule) is never worked on and may lack values.  Raises UsageError for a
    recipe without steps or with variables that have no value, NotFoundError if the work is not in this store.
    """
    _check(recipe, template=template)
    fields: dict[str, Any] = {
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
    return root.id


def _check(recipe: Recipe, *, template: bool) -> None:
    if not recipe.steps:
        raise UsageError(f"{recipe.name} has no steps", f"it is of type {recipe.type}", "bd formula show tells more")
    if recipe.missing and not template:
        raise UsageError(
            f"{recipe.name} needs values for {', '.join(recipe.missing)}", "", "give each as --var NAME=VALUE"
        )


class Pouring(Record):
    """A recipe on its way into the ledger.

    The records are written as they are: the recipe is known to be without cycles, and checking a thousand steps edge
    by edge would take seconds.
    """

    batch: RuleBatch
    recipe: Recipe
    root: Bead
    actor: str
    now: float
    fields: dict[str, Any]
    """Those of the root; its members are ephemeral, or templates, if it is."""

    @property
    def kind(self) -> dict[str, Any]:
        """What every member has in common with the root."""
        return {key: self.fields[key] for key in ("ephemeral", "is_template")}

    def pour_steps(self) -> None:
        """A bead for each step, under its parent step or the root, behind what it needs."""
        above = {step.parent for step in self.recipe.steps if step.parent}
        for index, step in enumerate(self.recipe.steps):
            self._put(self._id(step.id), self._step_fields(step, index, step.id in above), self._step_edges(step))

    def pour_gates(self) -> None:
        """A gate bead for each step that waits for something outside."""
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
            "issue_type": "epic" if has_children else kind if kind in TYPES else "task",
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

    def _put(self, bead_id: str, fields: dict[str, Any], edges: Iterable[tuple[str, str, str]]) -> None:
        if len(bead_id) > 200:
            raise UsageError(f"{bead_id} is too long for an id", "an id has at most 200 characters", "shorten the step")
        raw = new_record(bead_id, {**self.kind, **fields}, self.actor, self.now)
        made = [new_edge(bead_id, target, kind, extra, self.actor, self.now) for target, kind, extra in edges]
        self.batch.put(Bead({**raw, "dependencies": made}))


def gate_id(root_id: str, step: str) -> str:
    """Id of the gate bead of a step."""
    return f"{root_id}.gate-{step}"


def when_id(root_id: str, step: str) -> str:
    """Id of the gate bead that stands for a step's run-time condition."""
    return f"{root_id}.when-{step}"


def _gate_fields(gate: Gate, step: RecipeStep) -> dict[str, Any]:
    fields: dict[str, Any] = {"await_type": gate.type, "await_id": gate.await_id, "title": f"Gate: {step.title}"}
    if gate.timeout_s:
        # records hold spans in nanoseconds, as the Go tools write them
        fields["timeout"] = int(gate.timeout_s * 1e9)
    return _gate_record(fields)


def _gate_record(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "title": _one_line(fields["title"]), "issue_type": "gate"}


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


# -- attached to work ----------------------------------------------------------------------------------------


def attach(batch: RuleBatch, bead_id: str, root_id: str, formula: str = "") -> Bead:
    """Let a work bead carry the molecule, and the molecule know it. Raises NotFoundError."""
    bead, root = batch.get(bead_id), batch.get(root_id)
    if bead is None or root is None:
        raise NotFoundError(f"no bead {bead_id if bead is None else root_id}", "a molecule lives in its work's store")
    words = {"molecule": root_id, **({"formula": formula} if formula else {})}
    set_state(batch, root, bead=bead_id)
    return batch.update(bead_id, {"metadata": with_words(bead, DISPATCH, words)})


def detach(batch: RuleBatch, bead_id: str) -> str:
    """Take the molecule off its work bead; returns its id, empty if there was none. The molecule itself stays."""
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
    """Change what a root keeps about its molecule; an empty value removes a key. A root of another tool is left alone."""
    state = metadata_of(root).section(MOLECULE)
    if state.is_absent or state.is_junk:
        return root
    merged = {**state.kept, **changes}
    kept = {key: value for key, value in merged.items() if value or key in ("poured", "steps")}
    return batch.update(root.id, {"metadata": with_section(root, MOLECULE, kept)})


# -- the end -------------------------------------------------------------------------------------------------


def members(batch: RuleBatch, root_id: str) -> list[str]:
    """Ids of everything below the root: steps, gates and bonded molecules, the deepest last."""
    found: dict[str, None] = {}
    level = [root_id]
    while level:
        below = [source for one in level for source, kind in batch.dependents(one) if kind == PARENT_CHILD]
        level = [one for one in dict.fromkeys(below) if one not in found and one != root_id]
        found.update(dict.fromkeys(level))
    return list(found)


def finish(batch: RuleBatch, root_id: str, reason: str = "") -> list[str]:
    """Close the molecule with all that is open in it (the work was handed in); returns what was closed."""
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
    """Delete the molecule without a digest and take it off its work; returns the deleted ids, the root first.

    A root that is gone already is fine: nothing is deleted.
    """
    root = batch.get(root_id)
    if root is None:
        return []
    molecule = molecule_of(root)
    if molecule is not None and molecule.bead:
        carrier = batch.get(molecule.bead)
        if carrier is not None and attached_to(carrier) == root_id:
            detach(batch, molecule.bead)
    return delete_all(batch, [root_id, *members(batch, root_id)], reason)


def delete_all(batch: RuleBatch, ids: list[str], reason: str) -> list[str]:
    """Delete these beads, with the edges of others that point at them; returns the ids that stood."""
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
            # nobody outside points at it: no neighbour has to be looked at
            batch.put(Bead(tombstone_of(bead.raw, batch.actor, reason, now)))
        gone.append(bead_id)
    return gone
