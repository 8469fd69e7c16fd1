"""Running a formula: its legs or steps become beads of the rig, tracked by a convoy, and ready ones are dispatched.

A dry run makes the same plan and writes nothing.  Making convoys and dispatching belong to a higher layer and come
in as callables.
"""

from __future__ import annotations

import os

from gastown_core.beads.ids import ALPHABET
from gastown_core.errors import GastownError, UsageError
from gastown_core.formulas.convoy_plan import ConvoyPlan, LegPlan, plan_convoy
from gastown_core.formulas.formula import CONVOY, WORKFLOW, Formula
from gastown_core.model.bead import BLOCKS
from gastown_core.model.record import Record
from gastown_core.molecules.pour import burn, make_molecule
from gastown_core.molecules.root_bead import molecule_of
from gastown_core.molecules.steps import progress_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.molecules.steps import MoleculeProgress

    Bundle = Callable[[str, Sequence[str]], str]
    """Makes a convoy from a title and members; returns its id."""
    Hand = Callable[[str, str, bool], str]
    """Dispatches (bead, runtime, review only) to a worker; returns empty text, or why it failed."""


class Part(Record):
    """One bead of a run; ``started`` means that a worker has it, ``error`` is why dispatch failed."""

    bead: str
    name: str
    title: str
    agent: str = ""
    output_path: str = ""
    started: bool = False
    error: str = ""


class Ran(Record):
    """What a run made, or with ``dry_run`` would make; ``directory`` is the folder for findings."""

    formula: str
    type: str
    run_id: str
    parts: tuple[Part, ...]
    convoy: str = ""
    root: str = ""
    directory: str = ""
    warnings: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def failed(self) -> tuple[Part, ...]:
        """Parts whose dispatch failed."""
        return tuple(part for part in self.parts if part.error)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``gt formula run --json`` prints."""
        return {**self._asdict(), "parts": [part._asdict() for part in self.parts], "warnings": list(self.warnings)}


def run_id() -> str:
    """Return a random id of five characters for one run."""
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in os.urandom(5))


def base_folder(root: str, formula: Formula, review_id: str) -> str:
    """Return the folder for a run's findings: in the town, since every worker has its own worktree."""
    reviews = os.path.join(root, ".runtime", "reviews")
    return reviews if "review_id" in formula.output.directory else os.path.join(reviews, review_id)


def run_convoy(
    root: str,
    store: BeadStore,
    formula: Formula,
    given: Mapping[str, str],
    *,
    actor: str,
    bundle: Bundle,
    hand: Hand,
    preset: str = "",
    agent: str = "",
    facts: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> Ran:
    """Run a convoy formula: a task per leg, then the synthesis, all in one convoy; dispatches each leg.

    Raises FormulaError (a required input is missing, an unknown preset), UsageError for another type of formula.
    """
    if formula.type != CONVOY:
        raise UsageError(f"{formula.name} is of type {formula.type}, not convoy")
    name = run_id()
    plan = plan_convoy(
        formula,
        given,
        directory=base_folder(root, formula, name),
        review_id=name,
        preset=preset,
        agent=agent,
        facts=facts,
    )
    told = Ran(formula.name, CONVOY, name, _foretold(plan), directory=plan.directory, warnings=plan.warnings)
    if dry_run:
        return told._replace(dry_run=True)
    os.makedirs(plan.directory, exist_ok=True)
    made = _make_legs(store, plan, actor)
    convoy = _bundled(store, bundle, f"{formula.name}: {_about(plan, facts)}", made, actor)
    legs = {leg.id for leg in plan.legs}
    parts = tuple(
        part._replace(error=error, started=not error)
        if part.name in legs and (error := hand(part.bead, part.agent, formula.review_only)) is not None
        else part
        for part in made
    )
    return told._replace(parts=parts, convoy=convoy)


def _foretold(plan: ConvoyPlan) -> tuple[Part, ...]:
    ends = (plan.synthesis,) if plan.synthesis is not None else ()
    return tuple(Part("", leg.id, leg.title, leg.agent, leg.output_path) for leg in (*plan.legs, *ends))


def _about(plan: ConvoyPlan, facts: Mapping[str, object] | None) -> str:
    known = facts or {}
    title = str(known.get("pr_title") or known.get("target_description") or known.get("files") or "")
    return " ".join((title or plan.review_id).split())[:120]


def _make_legs(store: BeadStore, plan: ConvoyPlan, actor: str) -> list[Part]:
    """Create the beads of the legs and of the synthesis, in one write."""
    made: list[Part] = []
    with store.write(actor) as batch:
        for leg in plan.legs:
            bead = batch.create(_leg_fields(plan, leg), kind="leg")
            made.append(Part(bead.id, leg.id, leg.title, leg.agent, leg.output_path))
        if plan.synthesis is not None:
            end = plan.synthesis
            bead = batch.create(_leg_fields(plan, end), kind="syn")
            for part in made:
                if part.name in plan.synthesis_needs:
                    batch.add_edge(bead.id, part.bead, BLOCKS)
            made.append(Part(bead.id, end.id, end.title, end.agent, end.output_path))
    return made


def _leg_fields(plan: ConvoyPlan, leg: LegPlan) -> dict[str, object]:
    return {
        "title": " ".join((leg.title or leg.id).split())[:500],
        "description": leg.text,
        "acceptance_criteria": f"{leg.output_path} exists",
        "source_formula": plan.formula,
        "metadata": {
            "run": {"formula": plan.formula, "id": plan.review_id, "leg": leg.id, "output_path": leg.output_path},
            **({"agent": leg.agent} if leg.agent else {}),
        },
    }


def _bundled(store: BeadStore, bundle: Bundle, title: str, parts: Sequence[Part], actor: str) -> str:
    """Make the convoy; if that fails, delete the beads and raise."""
    try:
        return bundle(title, [part.bead for part in parts])
    except GastownError:
        with store.write(actor) as batch:
            for part in parts:
                batch.delete(part.bead)
        raise


# -- workflows -----------------------------------------------------------------------------------------------


def run_workflow(
    store: BeadStore,
    recipe: Recipe,
    *,
    actor: str,
    bundle: Bundle,
    hand: Hand,
    agent: str = "",
    dry_run: bool = False,
) -> Ran:
    """Run a workflow: pour a molecule into a convoy and dispatch its ready steps; later steps follow as these close.

    Steps that need a person (``interactive``) are not dispatched.
    """
    if recipe.type != WORKFLOW:
        raise UsageError(
            f"{recipe.name} is of type {recipe.type}",
            "only workflows and convoys can be run",
            f"bd cook {recipe.name} --dry-run shows its steps, bd mol pour {recipe.name} creates them as beads",
        )
    if dry_run:
        parts = tuple(Part("", step.id, step.title, agent or recipe.agent) for step in recipe.steps)
        return Ran(recipe.name, WORKFLOW, "", parts, warnings=recipe.warnings, dry_run=True)
    with store.write(actor) as batch:
        root = make_molecule(batch, recipe, actor=actor, poured=True, ephemeral=False)
    seen = progress_of(store, root)
    try:
        convoy = bundle(f"{recipe.name}: {recipe.description or root}"[:200], [view.id for view in seen.steps])
    except GastownError:
        with store.write(actor) as batch:
            burn(batch, root)
        raise
    parts = _hand_out(seen, hand, agent or recipe.agent, review_only=recipe.review_only)
    return Ran(recipe.name, WORKFLOW, root, parts, convoy, root, warnings=recipe.warnings)


def _hand_out(seen: MoleculeProgress, hand: Hand, agent: str, *, review_only: bool) -> tuple[Part, ...]:
    """Dispatch the ready steps that need no person; returns every step as a part."""
    kept = molecule_of(seen.root)
    interactive = {step.id for step in kept.steps if step.interactive} if kept is not None else set()
    made: list[Part] = []
    for view in seen.steps:
        part = Part(view.id, view.name, view.title, agent)
        if view in seen.ready and view.name not in interactive:
            error = hand(view.id, agent, review_only)
            part = part._replace(error=error, started=not error)
        made.append(part)
    return tuple(made)
